package otherdhcp

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Site is a DHCP server that leases addresses and tells machines what to boot.
// Many machines prefer it to the offer of a proxyDHCP server.
type Site struct {
	Server  netip.Addr
	MAC     string // where its packet came from: the server, or a relay agent; "" if that is not known
	Options string // what it sends, for example `60 = "PXEClient", 67 = "pxelinux.0"`
	Remove  string // the same, as the server's settings call it
}

// maxText is how much of an option's text is reported, in bytes.
const maxText = 64

// ReadSite reads what a lease tells a machine to boot; false if it tells
// nothing. siaddr alone does not count: ISC's server and dnsmasq put their own
// address there for each client.
func ReadSite(m *dhcpv4.DHCPv4) (Site, bool) {
	t := m.MessageType()
	leases := t == dhcpv4.MessageTypeOffer || t == dhcpv4.MessageTypeAck
	server, named := netip.AddrFromSlice(m.ServerIdentifier().To4())
	if m.OpCode != dhcpv4.OpcodeBootReply || !leases || !named || server.IsUnspecified() ||
		m.YourIPAddr.To4() == nil || m.YourIPAddr.IsUnspecified() || !m.Options.Has(dhcpv4.OptionIPAddressLeaseTime) {
		return Site{}, false
	}
	var sends, remove []string
	add := func(what, name, value string) {
		if value != "" {
			sends = append(sends, fmt.Sprintf("%s = %q", what, value[:min(len(value), maxText)]))
			remove = append(remove, name)
		}
	}
	// Other classes may be for machines that do not boot: RFC 2132 §9.13.
	class := text(m, dhcpv4.OptionClassIdentifier)
	if strings.HasPrefix(class, "PXEClient") || strings.HasPrefix(class, "HTTPClient") {
		add("60", "option 60", class)
	}
	add("66", "option 66 (boot server host name)", text(m, dhcpv4.OptionTFTPServerName))
	file := text(m, dhcpv4.OptionBootfileName)
	add("67", "option 67 (boot file name)", file)
	// If bit 1 of option 52 is set, the field holds options: RFC 2132 §9.3.
	if overload := m.Options.Get(dhcpv4.OptionOptionOverload); file == "" &&
		(len(overload) != 1 || overload[0]&1 == 0) {
		add("file", "the boot file name (option 67, filename, dhcp-boot)", m.BootFileName)
	}
	if len(sends) == 0 {
		return Site{}, false
	}
	if next, ok := netip.AddrFromSlice(m.ServerIPAddr.To4()); ok && !next.IsUnspecified() && next != server {
		add("siaddr", "the next server", next.String())
	}
	return Site{Server: server, Options: strings.Join(sends, ", "), Remove: strings.Join(remove, ", ")}, true
}

// text returns an option's text without the NUL that some servers append.
func text(m *dhcpv4.DHCPv4, code dhcpv4.OptionCode) string {
	return string(bytes.TrimRight(m.Options.Get(code), "\x00"))
}

// site reads another server's lease to any machine on the link.
func site(me self, r reply) (Site, bool) {
	if !r.onLink || bytes.Equal(r.sender, me.hw) {
		return Site{}, false
	}
	s, ok := ReadSite(r.msg)
	if !ok || me.own(s.Server) {
		return Site{}, false
	}
	s.MAC = r.sender.String()
	return s, true
}
