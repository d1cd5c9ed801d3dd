package capture

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/test/frame"
)

// Packet is one frame as it crossed the segment.
type Packet struct {
	Time     time.Time
	Frame    []byte
	From, To net.HardwareAddr
	Src, Dst netip.AddrPort // of a UDP datagram
	DHCP     *dhcpv4.DHCPv4 // nil if the packet is not DHCP
	other    string         // describes any other packet
}

// decode reads as much of a frame as DHCP tests need.
func decode(t time.Time, raw []byte) Packet {
	p := Packet{Time: t, Frame: raw}
	if len(raw) < frame.EthernetHeader {
		p.other = "a runt"
		return p
	}
	p.To, p.From = raw[0:6], raw[6:12]
	payload := raw[frame.EthernetHeader:]
	kind := binary.BigEndian.Uint16(raw[12:])
	udp, isUDP := frame.UDP(raw)
	switch {
	case kind == frame.EtherTypeARP && len(payload) >= 28:
		p.other = arp(payload)
	case isUDP:
		p.udp(udp)
	case kind == frame.EtherTypeIPv4 && len(payload) >= 20:
		src, dst := netip.AddrFrom4([4]byte(payload[12:16])), netip.AddrFrom4([4]byte(payload[16:20]))
		p.other = fmt.Sprintf("%v > %v, IP protocol %d", src, dst, payload[9])
	default:
		p.other = fmt.Sprintf("Ethernet type %#04x", kind)
	}
	return p
}

func (p *Packet) udp(d frame.Datagram) {
	p.Src, p.Dst, p.other = d.Src, d.Dst, d.String()
	switch p.Dst.Port() {
	case 67, 68, 4011:
		if m, err := dhcpv4.FromBytes(d.Payload); err == nil {
			p.DHCP = m
		}
	}
}

func arp(b []byte) string {
	sender, target := netip.AddrFrom4([4]byte(b[14:18])), netip.AddrFrom4([4]byte(b[24:28]))
	if binary.BigEndian.Uint16(b[6:]) == 1 {
		return fmt.Sprintf("ARP: who has %v? tell %v", target, sender)
	}
	return fmt.Sprintf("ARP: %v is at %v", sender, net.HardwareAddr(b[8:14]))
}

// ARPRequest reports whether the packet asks who has an address.
func (p Packet) ARPRequest(a netip.Addr) bool {
	return strings.HasPrefix(p.other, fmt.Sprintf("ARP: who has %v?", a))
}

// Is reports whether the packet is a DHCP message of a type.
func (p Packet) Is(t dhcpv4.MessageType) bool { return p.DHCP != nil && p.DHCP.MessageType() == t }

// String returns one line for a person who debugs a failure.
func (p Packet) String() string {
	at := p.Time.Format("15:04:05.000000")
	if p.DHCP == nil {
		return fmt.Sprintf("%s %v > %v %s", at, p.From, p.To, p.other)
	}
	m := p.DHCP
	var s strings.Builder
	fmt.Fprintf(&s, "%s %v > %v %v for %v xid %v", at, p.Src, p.Dst, m.MessageType(), m.ClientHWAddr, m.TransactionID)
	for _, field := range []struct {
		name string
		ip   net.IP
	}{
		{"ciaddr", m.ClientIPAddr}, {"yiaddr", m.YourIPAddr}, {"siaddr", m.ServerIPAddr}, {"giaddr", m.GatewayIPAddr},
		{"asks for", m.RequestedIPAddress()}, {"server", m.ServerIdentifier()},
	} {
		if field.ip != nil && !field.ip.IsUnspecified() {
			fmt.Fprintf(&s, " %s %v", field.name, field.ip)
		}
	}
	if l := m.Options.Get(dhcpv4.OptionIPAddressLeaseTime); len(l) == 4 {
		fmt.Fprintf(&s, " lease %ds", binary.BigEndian.Uint32(l))
	}
	if m.BootFileName != "" {
		fmt.Fprintf(&s, " file %q", m.BootFileName)
	}
	return s.String()
}
