package pxed

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/control/compile"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/net/netif"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/test/dhcptest"
)

// FuzzGeneration: a file that Decode accepts never crashes the daemon, neither
// when it is put to use nor when machines are served from it.
func FuzzGeneration(f *testing.F) {
	c, err := parser.Parse("f", []byte(`
[network]
address = "192.168.77.1/24"
[dhcp]
mode = "server"
range = ["192.168.77.100-192.168.77.150"]
routes = ["10.0.0.0/8 via 192.168.77.253"]
search = ["lab.example.org"]
[boot]
uefi-x64 = "efi/bootx64.efi"
[[subnet]]
network = "10.1.0.0/24"
range = ["10.1.0.9"]
[[reservation]]
mac = "02:00:00:00:01:01"
address = "192.168.77.20"
[[wds]]
name = "wds"
server = "192.168.77.2"
[[entry]]
name = "wds"
wds = "wds"
[[machine]]
mac = ["02"]
boot = "wds"
once = true
`))
	if err != nil {
		f.Fatal(err)
	}
	for _, g := range []generation.Generation{generation.Default(), compile.Generation(c, menu.Status{})} {
		b, err := generation.Encode(g)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, key := range []string{
		`"subnet":[{}]`, `"subnet":[{"network":"0.0.0.0/0"}]`, `"range":["0.0.0.0-255.255.255.255"]`, `"range":[null]`,
		`"subnet":null`,
		`"routes":[{"to":"fd00::/8","via":"fd00::1"}]`, `"router":"::1"`, `"dns":[null]`, `"reservation":[{}]`,
		`"lease":"-1h"`,
		`"option":[{"code":255,"value":null}]`,
	} {
		f.Add([]byte(`{"format":2,"dhcp":{"mode":"server",` + key +
			`},"machines":[{}],"handoffs":{"":{}},"views":{"":null}}`))
		f.Add([]byte(`{"format":2,"dhcp":{"mode":"server","lease":"1h",` + key + `},"files":null}`))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := generation.Decode(b); err == nil {
			serveBy(t, g)
		}
	})
}

// serveBy puts a generation to use and lets machines request files from it.
func serveBy(t *testing.T, g generation.Generation) {
	log := slog.New(slog.DiscardHandler)
	d := newDaemon(Options{Log: log, RunDir: filepath.Join(t.TempDir(), "none")})
	d.desk.Neighbor = func(int, netip.Addr) (ether.MAC, error) { return ether.MAC{}, errors.New("none") }
	d.use(g)
	for _, self := range []netip.Prefix{{}, self, g.Network.Address, netip.MustParsePrefix("10.0.0.1/8")} {
		d.link.Store(&netif.Link{Addr: self})
		d.dhcp.Configure(time.Now(), d.dhcpConfig())
		for _, relay := range []net.IP{nil, {10, 1, 0, 1}} {
			for _, kind := range []dhcpv4.MessageType{
				dhcpv4.MessageTypeNone, dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeInform,
			} {
				m := dhcptest.PXE(net.HardwareAddr{2, 0, 0, 0, 1, 1}, iana.EFI_X86_64, kind)
				m.GatewayIPAddr = relay
				if kind == dhcpv4.MessageTypeRequest && self.IsValid() {
					m.UpdateOption(dhcpv4.OptServerIdentifier(self.Addr().AsSlice()))
					m.UpdateOption(dhcpv4.OptRequestedIPAddress(self.Addr().Next().AsSlice()))
				}
				for _, port := range []int{dhcp.ServerPort, dhcp.BootServerPort} {
					if a := dhcp.Decide(time.Now(), d.dhcp.Settings(),
						dhcp.NewQuestion(m, port, netip.AddrPort{})); a.Msg != nil {
						dhcp.Encode(a.Msg, m)
					}
				}
			}
		}
		client := netip.AddrPortFrom(first, 1234)
		for _, name := range []string{pxelinux.ConfigFile, grub.ConfigFile, "pxelinux.cfg/01-02-00-00-00-01-01", ""} {
			if f, err := d.files.openTFTP(client, name); err == nil {
				f.Close()
			}
		}
	}
	if block, window := d.files.bounds(1500); block < 1 || window < 1 {
		t.Errorf("blocks of %d bytes in windows of %d", block, window)
	}
}
