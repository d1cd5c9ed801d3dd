//go:build peers

package peers

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/peers/box"
	"github.com/pxebox/pxebox/peers/capture"
)

// secondAddr is the address of a second box on the segment.
var secondAddr = netip.MustParseAddr("192.168.77.4")

// startSecond starts a second box with the first box's configuration, under its
// own address.
func (s *site) startSecond(configuration string) *box.Box {
	s.t.Helper()
	host := s.plug("02:70:78:65:00:04")
	configuration = strings.Replace(configuration, boxAddr.String()+"/24", secondAddr.String()+"/24", 1)
	b, err := box.Start(s.within(patience), host, link, filepath.Join(buildDir, "bin"), s.t.TempDir(), configuration)
	s.must(err)
	s.t.Cleanup(func() {
		s.must(b.Stop())
		if s.t.Failed() {
			tell(s.t, "the second box", b.Log.From(0))
		}
	})
	return b
}

// saysSoon waits for a line in a box's log.
func (s *site) saysSoon(b *box.Box, text string) {
	s.t.Helper()
	if _, _, err := b.Log.Await(s.within(patience), 0,
		func(line string) bool { return strings.Contains(line, text) }); err != nil {
		s.t.Errorf("the log does not say %q: %v", text, err)
	}
}

// TestTwoProxies lets two boxes answer one machine that goes to WDS. Each finds
// the other, and then puts everything into its offer to the machine.
func TestTwoProxies(t *testing.T) {
	t.Parallel()
	const machine = "02:70:78:65:00:10"
	both := proxy + `
[[wds]]
name = "wds"
server = "192.168.77.2"
probe = "0s"

[[entry]]
name = "wds"
wds = "wds"

[[machine]]
mac = ["` + machine + `"]
boot = "wds"
`
	s := newSite(t, nil)
	s.startBox(both)
	second := s.startSecond(both)
	k := s.talker(machine)
	discover := func() *dhcpv4.DHCPv4 {
		return k.message(dhcpv4.MessageTypeDiscover, biosROM, func(m *dhcpv4.DHCPv4) {
			m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientSystemArchitectureType, []byte{0, 7}))
		})
	}
	m := discover()
	k.send(m)
	for _, a := range []netip.Addr{boxAddr, secondAddr} {
		s.await("offer of "+a.String(), 0, func(p capture.Packet) bool { return answers(m)(p) && p.Src.Addr() == a })
	}
	s.saysSoon(s.box, "another PXE server answers on this link")
	s.saysSoon(second, "another PXE server answers on this link")
	m = discover()
	k.send(m)
	for _, a := range []netip.Addr{boxAddr, secondAddr} {
		p, _ := s.await("offer of "+a.String(), 0,
			func(p capture.Packet) bool { return answers(m)(p) && p.Src.Addr() == a })
		vendor := string(p.DHCP.Options.Get(dhcpv4.OptionVendorSpecificInformation))
		if p.DHCP.BootFileName != `boot\x64\wdsmgfw.efi` || vendor != "\x06\x01\x08\xff" ||
			address(p.DHCP.ServerIPAddr) != netip.MustParseAddr("192.168.77.2") {
			t.Errorf("%v offers %q at %v, option 43 % x", a, p.DHCP.BootFileName, p.DHCP.ServerIPAddr, vendor)
		}
	}
}
