package pxed

import (
	"net/netip"
	"testing"

	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/control/compile"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/serve/tftp"
)

// A BIOS goes to WDS by pxechn.c32, and the box sees only that it loads that
// module. The event says where it leads, if that is certain.
func TestWhereTheChainModuleLeads(t *testing.T) {
	const (
		one = `
[[wds]]
name = "wds"
server = "192.168.77.2"
[[entry]]
name = "install"
wds = "wds"
`
		again = `
[[entry]]
name = "install-again"
wds = "wds"
`
		two = `
[[wds]]
name = "wds2"
server = "192.168.77.3"
[[entry]]
name = "install2"
wds = "wds2"
`
		raw = `
[[entry]]
name = "raw"
pxelinux = """
COM32 pxechn.c32
APPEND 192.168.77.9::pxelinux.0"""
`
		machine = `
[[machine]]
mac = ["02"]
timeout = "3s"
`
	)
	server := netip.MustParseAddr("192.168.77.2")
	for _, tc := range []struct {
		situation, settings string
		want                chain
	}{
		{situation: "no WDS server", settings: ""},
		{situation: "one", settings: one, want: chain{"install", server}},
		{situation: "one, and the box leases addresses", settings: `
[network]
address = "192.168.77.1/24"
[dhcp]
mode = "server"
range = ["192.168.77.100-192.168.77.150"]
` + one, want: chain{"install", server}},
		{situation: "two entries of one server", settings: one + again, want: chain{"", server}},
		{situation: "two servers", settings: one + two},
		{situation: "an entry with directives of PXELINUX", settings: one + raw},
		{situation: "the site may have its own menus", settings: "[files]\nown_menus = true\n" + one},
		{situation: "a machine with a menu that waits less", settings: one + machine, want: chain{"install", server}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			c, err := parser.Parse("f", []byte(tc.settings))
			if err != nil {
				t.Fatal(err)
			}
			g := compile.Generation(c, menu.Status{})
			if got := newChain(g); got != tc.want {
				t.Errorf("got %+v, want %+v\n%s", got, tc.want, g.Files["pxelinux.cfg/default"])
			}
		})
	}
	c, err := parser.Parse("f", []byte(one))
	if err != nil {
		t.Fatal(err)
	}
	d := newBox(t, spec.ModeProxy)
	d.use(compile.Generation(c, menu.Status{}))
	events := d.tell.bus.Subscribe()
	for _, name := range []string{"libutil.c32", "/pxechn.c32"} {
		d.files.transferred(tftp.Event{Client: pcPort, File: name, Size: 9, Sent: 9, Start: t0})
		e := <-events
		if is := name == "/pxechn.c32"; (e.Entry == "install") != is || (e.Server == server) != is ||
			e.Role != trace.SecondStage {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
