// Package dhcp decides what a DHCP packet is answered: RFC 2131 for the
// server that leases addresses, PXE 2.1 for the proxy beside somebody else's
// server. Decide is a pure function over the packet, the settings and the
// pool; sockets, clocks and the disk stand outside. What PXE firmware needs
// to read in an answer is package pxe's to know.
package dhcp

import (
	"bytes"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/lease"
	"github.com/pxebox/pxebox/internal/pxe"
)

// The ports that questions come in on.
const (
	ServerPort     = 67   // RFC 2131 §4.1
	ClientPort     = 68   // RFC 2131 §4.1
	BootServerPort = 4011 // PXE 2.1 §2.2.3
)

// declineFor is how long an address stays unused after a client found it
// taken (RFC 2131 §4.3.3 gives no time; dnsmasq uses ten minutes too).
const declineFor = 10 * time.Minute

// Settings are what decisions rest on. They stay as they are for the length
// of one decision.
type Settings struct {
	Mode config.Mode
	// Self is the box's address, with its subnet, on the link that heard the
	// question. The zero Prefix means that the box has none yet: it is
	// silent.
	Self netip.Prefix
	// Own is the hardware address of that link: the box's own DHCP client
	// asks the site's server, never this one.
	Own    net.HardwareAddr
	Lease  time.Duration
	Router netip.Addr   // zero: none
	DNS    []netip.Addr // option 6
}

// Question is one packet as it came in.
type Question struct {
	Msg  *dhcpv4.DHCPv4
	Port int            // ServerPort or BootServerPort: where it arrived
	From netip.AddrPort // its source
}

// Answer is what to send, and where. Msg is nil where the box is to stay
// silent; Why says why in either case, for the log.
type Answer struct {
	Msg *dhcpv4.DHCPv4
	To  netip.AddrPort
	// Link, where it is set, is the hardware address to send to: the client
	// has no address yet with which to answer ARP (RFC 2131 §4.1).
	Link net.HardwareAddr
	Why  string
	// Trouble marks a silence that somebody should mend.
	Trouble bool
}

func silent(why string) Answer  { return Answer{Why: why} }
func trouble(why string) Answer { return Answer{Why: why, Trouble: true} }

// Decide answers one question. It changes the pool where the answer promises
// an address.
func Decide(now time.Time, s Settings, pool *lease.Pool, q Question) Answer {
	m := q.Msg
	switch {
	case m.OpCode != dhcpv4.OpcodeBootRequest:
		return silent("not a request")
	case m.HWType != iana.HWTypeEthernet || len(m.ClientHWAddr) != 6:
		return silent("not an Ethernet client")
	case bytes.Equal(m.ClientHWAddr, s.Own):
		return silent("the box's own request")
	case !s.Self.IsValid():
		return silent("the box has no address yet")
	case !s.Mode.Answers():
		return silent("DHCP is off")
	case hasAddr(m.GatewayIPAddr):
		return silent("relayed from a subnet that is not configured")
	}
	client, boots := pxe.Classify(m)
	switch {
	case q.Port == BootServerPort:
		if !boots {
			return silent("not network-booting")
		}
		return bootServer(s, q, client)
	case s.Mode.Leases():
		return serve(now, s, pool, q, client, boots)
	case !boots:
		return silent("not network-booting")
	default:
		return proxy(s, q, client)
	}
}

// proxy answers on port 67 beside the site's own server (PXE 2.1 §2.2.3).
// Only the DISCOVER concerns it: the client's REQUEST is for the server whose
// address it takes.
func proxy(s Settings, q Question, client pxe.Client) Answer {
	if q.Msg.MessageType() != dhcpv4.MessageTypeDiscover {
		return silent("for the site's own DHCP server")
	}
	if pxe.BootFile(client.Arch) == "" {
		return silent("no boot file for " + client.Arch.String())
	}
	r := newReply(s, q.Msg, dhcpv4.MessageTypeOffer)
	pxe.ProxyOffer(r, client, s.Self.Addr())
	// yiaddr is zero, so there is no address to send to: broadcast, whatever
	// the client's flag says.
	return Answer{Msg: r, To: netip.AddrPortFrom(broadcast, ClientPort), Why: "proxy offer"}
}

// bootServer answers on port 4011 (PXE 2.1 §2.2.4).
func bootServer(s Settings, q Question, client pxe.Client) Answer {
	switch q.Msg.MessageType() {
	case dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeInform:
	default:
		return silent("not a boot server request")
	}
	if client.WDS {
		return trouble("a WDS boot program takes this box for its server: its cached packets name us")
	}
	file := pxe.BootFile(client.Arch)
	if file == "" {
		return silent("no boot file for " + client.Arch.String())
	}
	r := newReply(s, q.Msg, dhcpv4.MessageTypeAck)
	pxe.BootServerAck(r, q.Msg, client, pxe.Boot{NextServer: s.Self.Addr(), File: file})
	// To the port that it came from: iPXE asks from 68, EDK2 from 4011.
	to := q.From
	if to.Addr().IsUnspecified() {
		to = netip.AddrPortFrom(broadcast, to.Port())
	}
	return Answer{Msg: r, To: to, Why: "boot server ack"}
}

// newReply begins an answer with the fields that RFC 2131 table 3 has it
// repeat.
func newReply(s Settings, m *dhcpv4.DHCPv4, t dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	r := &dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootReply,
		HWType:        m.HWType,
		TransactionID: m.TransactionID,
		Flags:         m.Flags,
		GatewayIPAddr: m.GatewayIPAddr,
		ClientHWAddr:  m.ClientHWAddr,
		Options:       make(dhcpv4.Options, 12),
	}
	r.UpdateOption(dhcpv4.OptMessageType(t))
	r.UpdateOption(dhcpv4.OptServerIdentifier(s.Self.Addr().AsSlice()))
	// RFC 6842 §3: the client identifier comes back as it went.
	if id := m.Options.Get(dhcpv4.OptionClientIdentifier); id != nil {
		r.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientIdentifier, id))
	}
	return r
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// address turns the codec's form of an address into ours; the zero Addr
// stands for 0.0.0.0 and for what is no IPv4 address.
func address(ip net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(ip.To4())
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

func hasAddr(ip net.IP) bool { return address(ip).IsValid() }
