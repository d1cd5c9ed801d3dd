package dhcp

import (
	"encoding/binary"
	"net"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// The packet's layout (RFC 2131 §2, figure 1), in bytes.
const (
	atSname   = 44
	lenSname  = 64
	atFile    = 108
	lenFile   = 128
	atOptions = 240 // after the magic cookie

	// ipUDP is the part of a maximum message size (option 57) that is not the
	// message: the option counts the whole datagram (RFC 2131 §2, "576
	// octets").
	ipUDP = 28
	// smallest is the size that every client accepts (RFC 2131 §2). It is the
	// default if option 57 is missing.
	smallest = 576
	// largest keeps a reply in one Ethernet frame, whatever EDK2 announces.
	largest = 1500
	// bootpSize is the size of RFC 951's packet. Relay agents and old clients
	// drop anything shorter, and a BOOTP client has no room for more.
	bootpSize = 300

	// The values of option 52 (RFC 2132 §9.3).
	overloadFile, overloadSname = 1, 2
)

var cookie = []byte{99, 130, 83, 99}

// always are the options that are written first, so that nothing crowds them
// out: those that make the reply a DHCP reply, and those that firmware cannot
// boot without. The mask comes before the router (RFC 2132 §3.3).
var always = []uint8{optMessageType, optServerID, optLeaseTime, optSubnetMask, optT1, optT2, optClass, optVendor,
	optGUID, optRouter, optDNS}

// Encode writes a reply in a form that the sender of request accepts. The reply
// is not larger than the request's option 57 allows, and its options are in the
// order of the request's option 55 (RFC 2131 §4.3.1). Options that do not fit
// move into the file and sname fields by option 52 (RFC 2132 §9.3). The DHCP
// codec does none of this. Options for which there is no room at all are left
// out, from the end of that order.
func Encode(reply, request *dhcpv4.DHCPv4) []byte {
	// The capacity is for the longest reply: the fields that overload uses are
	// parts of the same array.
	b := make([]byte, atOptions, largest)
	header(b, reply)
	codes, tail := order(reply, request), relayAgent(reply)
	bootp := reply.MessageType() == dhcpv4.MessageTypeNone
	room := bootpSize
	if !bootp {
		room = min(max(maxMessage(request), smallest), largest) - ipUDP
	}
	w := writer{field: b, room: room - len(tail)}
	if left := w.all(reply, codes); len(left) > 0 && !bootp {
		w = overload(b, reply, codes, room-len(tail))
	}
	w.field = append(w.field, tail...)
	w.end()
	return pad(w.field)
}

// Encode writes the reply to q. A client that does not know the magic cookie
// cannot read what follows it, and gets a vendor area of zeros.
func (q Question) Encode(reply *dhcpv4.DHCPv4) []byte {
	b := Encode(reply, q.Msg)
	if q.Bare {
		clear(b[atOptions-len(cookie):])
	}
	return b
}

// overload spreads the options over the options field and over the file and
// sname fields if they are free (RFC 2131 §4.1).
func overload(b []byte, reply *dhcpv4.DHCPv4, codes []uint8, room int) writer {
	const length = 3 // of option 52 itself
	w := writer{field: b[:atOptions], room: room - length}
	left := w.all(reply, codes)
	var used byte
	spill := func(at, size int, flag byte) {
		f := writer{field: b[at : at : at+size], room: size}
		if rest := f.all(reply, left); len(rest) < len(left) {
			f.end()
			left, used = rest, used|flag
		}
	}
	if reply.BootFileName == "" {
		spill(atFile, lenFile, overloadFile)
	}
	if reply.ServerHostName == "" {
		spill(atSname, lenSname, overloadSname)
	}
	if used != 0 {
		w.field = append(w.field, optOverload, 1, used)
	}
	return w
}

// relayAgent returns option 82 for the reply: it goes after all others (RFC
// 3046 §2.1).
func relayAgent(reply *dhcpv4.DHCPv4) []byte {
	v, ok := reply.Options[optRelayAgent]
	if !ok || len(v) > 255 {
		return nil
	}
	return append([]byte{optRelayAgent, byte(len(v))}, v...)
}

// writer appends options to one field as long as there is room.
type writer struct {
	field []byte
	room  int // maximum length of the field, with its end mark
}

// all writes the options that fit, and returns the codes of those that do not.
func (w *writer) all(reply *dhcpv4.DHCPv4, codes []uint8) (left []uint8) {
	for _, code := range codes {
		v := reply.Options[code]
		pieces := max((len(v)+254)/255, 1)
		if len(w.field)+len(v)+2*pieces+1 > w.room {
			left = append(left, code)
			continue
		}
		for range pieces { // RFC 3396: a long value is split into several options of the same code
			n := min(len(v), 255)
			w.field = append(append(w.field, code, byte(n)), v[:n]...)
			v = v[n:]
		}
	}
	return left
}

func (w *writer) end() { w.field = append(w.field, optEnd) }

// order lists a reply's options in the order of writing, except the relay
// agent's.
func order(reply, request *dhcpv4.DHCPv4) []uint8 {
	codes := make([]uint8, 0, len(reply.Options))
	add := func(code uint8) {
		if _, ok := reply.Options[code]; ok && !slices.Contains(codes, code) && code != optRelayAgent {
			codes = append(codes, code)
		}
	}
	for _, code := range always {
		add(code)
	}
	for _, code := range request.Options[uint8(dhcpv4.OptionParameterRequestList)] {
		add(code)
	}
	rest := len(codes)
	for code := range reply.Options {
		add(code)
	}
	slices.Sort(codes[rest:])
	return codes
}

func maxMessage(request *dhcpv4.DHCPv4) int {
	if v := request.Options[uint8(dhcpv4.OptionMaximumDHCPMessageSize)]; len(v) == 2 {
		return int(binary.BigEndian.Uint16(v))
	}
	return smallest
}

func header(b []byte, r *dhcpv4.DHCPv4) {
	b[0], b[1], b[2], b[3] = byte(r.OpCode), byte(r.HWType), byte(len(r.ClientHWAddr)), r.HopCount
	copy(b[4:8], r.TransactionID[:])
	binary.BigEndian.PutUint16(b[8:], r.NumSeconds)
	binary.BigEndian.PutUint16(b[10:], r.Flags)
	for i, ip := range []net.IP{r.ClientIPAddr, r.YourIPAddr, r.ServerIPAddr, r.GatewayIPAddr} {
		copy(b[12+4*i:], ip.To4())
	}
	copy(b[28:44], r.ClientHWAddr)
	copy(b[atSname:atSname+lenSname-1], r.ServerHostName)
	copy(b[atFile:atFile+lenFile-1], r.BootFileName)
	copy(b[atOptions-len(cookie):], cookie)
}

func pad(b []byte) []byte {
	for len(b) < bootpSize {
		b = append(b, optPad)
	}
	return b
}
