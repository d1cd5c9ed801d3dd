package dhcp

import (
	"bytes"
	"fmt"
	"net"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// maxPacket is the largest packet that Parse reads. Firmware sends about 550
// bytes, and nothing on an Ethernet link needs more. A longer packet is an
// attempt to keep the parser busy.
const maxPacket = 1500

// MalformedError says why a packet on a DHCP port cannot be read.
type MalformedError struct {
	MAC net.HardwareAddr // of the client; nil if the packet ends before it
	Why string
}

func (e MalformedError) Error() string { return e.Why }

// Unlike the codec, Parse reads a packet as tolerantly as dnsmasq and ISC dhcpd
// do:
//   - The end option (RFC 2131 §4.1) may be missing. If the packet ends inside
//     an option, the options before it count.
//   - Options may continue in the file and sname fields (RFC 2132 §9.3).
//   - A packet without the magic cookie is BOOTP as RFC 951 defines it, with no
//     options. bare reports this. DHCP always has the cookie (RFC 2131 §3).
//
// The error is a MalformedError.
func Parse(b []byte) (m *dhcpv4.DHCPv4, bare bool, err error) {
	const atHlen, atChaddr, ethernet, atCookie = 2, 28, 6, atOptions - 4
	var mac net.HardwareAddr
	if len(b) >= atChaddr+ethernet {
		mac = bytes.Clone(b[atChaddr : atChaddr+ethernet])
	}
	malformed := func(why string) (*dhcpv4.DHCPv4, bool, error) { return nil, false, MalformedError{mac, why} }
	switch {
	case len(b) > maxPacket:
		return malformed(fmt.Sprintf("the packet is longer than %d bytes", maxPacket))
	case len(b) < atCookie:
		return malformed("the packet ends within the fixed fields")
	case b[atHlen] != ethernet: // the codec accepts any length
		return malformed("not an Ethernet client")
	}
	clean := append(make([]byte, 0, len(b)+len(cookie)+1), b[:atCookie]...)
	clean = append(clean, cookie...)
	vendor, hasCookie := bytes.CutPrefix(b[atCookie:], cookie)
	if hasCookie {
		options, overload := wellFormed(vendor)
		clean = append(clean, options...)
		// RFC 2131 §4.1: the file field comes first.
		for _, f := range []struct {
			flag     byte
			at, size int
		}{{overloadFile, atFile, lenFile}, {overloadSname, atSname, lenSname}} {
			if overload&f.flag != 0 {
				more, _ := wellFormed(b[f.at : f.at+f.size])
				clean = append(clean, more...)
				clear(clean[f.at : f.at+f.size])
			}
		}
	}
	m, err = dhcpv4.FromBytes(append(clean, optEnd))
	if err != nil {
		return malformed(err.Error())
	}
	// A packet with a repeated or overlong message type is not BOOTP.
	if t := m.Options[optMessageType]; len(t) > 1 {
		m.Options[optMessageType] = t[:1]
	}
	return m, !hasCookie, nil
}

// wellFormed returns the options of one field up to its end mark, or up to the
// first option that does not fit into the field, and the value of option 52.
func wellFormed(field []byte) (options []byte, overload byte) {
	at := 0
	for at < len(field) && field[at] != optEnd {
		if field[at] == optPad {
			at++
			continue
		}
		if at+1 >= len(field) || at+2+int(field[at+1]) > len(field) {
			break
		}
		if field[at] == optOverload && field[at+1] == 1 {
			overload = field[at+2]
		}
		at += 2 + int(field[at+1])
	}
	return field[:at], overload
}
