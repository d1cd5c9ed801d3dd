package menu

import (
	"net/netip"
	"testing"

	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/handoff"
)

// A BIOS goes to WDS by pxechn.c32, and the box sees only that it loads that
// module. Where it leads is certain if no menu leads elsewhere with it.
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
		program = `
[[entry]]
name = "program"
file = "bios/PXECHN.c32"
append = "192.168.77.9::pxelinux.0"
`
		own = `
[[entry]]
name = "own"
file = "win/pxeboot.n12"
start = "firmware"
`
		restarts = `
[[wds]]
name = "wds3"
server = "192.168.77.4"
bios_route = "reboot"
[[entry]]
name = "install3"
wds = "wds3"
`
		starts = `
[[machine]]
mac = ["02"]
entries = ["install2"]
`
		more = `
[[entry]]
name = "more"
submenu = true
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
		want                handoff.Chain
	}{
		{situation: "no WDS server", settings: ""},
		{situation: "one", settings: one, want: handoff.Chain{Entry: "install", Server: server}},
		{situation: "one, and the box leases addresses", settings: `
[network]
address = "192.168.77.1/24"
[dhcp]
mode = "server"
range = ["192.168.77.100-192.168.77.150"]
` + one, want: handoff.Chain{Entry: "install", Server: server}},
		{situation: "two entries of one server", settings: one + again, want: handoff.Chain{Server: server}},
		{situation: "two servers", settings: one + two},
		{situation: "an entry with directives of PXELINUX", settings: one + raw},
		{situation: "the site may have its own menus", settings: "[files]\nown_menus = true\n" + one},
		{situation: "an entry that starts the module as a program", settings: one + program},
		{situation: "an entry for the firmware of a BIOS", settings: one + own},
		{situation: "a server that needs a restart", settings: one + restarts,
			want: handoff.Chain{Entry: "install", Server: server}},
		{situation: "another server's entry that no menu has", settings: one + two + "listed = false\n",
			want: handoff.Chain{Entry: "install", Server: server}},
		{situation: "another server's entry that one machine's menu has",
			settings: one + two + "listed = false\n" + starts},
		{situation: "another server's entry in a submenu", settings: one + two + "in = \"more\"\n" + more},
		{situation: "a machine with a menu that waits less", settings: one + machine,
			want: handoff.Chain{Entry: "install", Server: server}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			c, err := parser.Parse("f", []byte(tc.settings))
			if err != nil {
				t.Fatal(err)
			}
			r := Render(c, Status{})
			if r.Chain != tc.want {
				t.Errorf("got %+v, want %+v\n%s", r.Chain, tc.want, r.Files["pxelinux.cfg/default"])
			}
		})
	}
}
