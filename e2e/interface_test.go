//go:build e2e

package e2e

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/e2e/lab"
)

// TestInterfaceOfSettings boots boxes whose settings name a network interface
// that they cannot use. Each says so on its console, serves no machine, and its
// owner reaches it to correct the settings. It refuses those that can never work.
func TestInterfaceOfSettings(t *testing.T) {
	for _, tt := range []struct {
		situation, name, is, shown string
		withoutVLANs               bool // only if the image's kernel has none
		wrong, refusal             string
	}{
		{situation: "an adapter that is missing", name: "adapter", is: "eth9",
			shown: `no network interface "eth9"; there are: eth0: plug it in, or write`, wrong: "enp3s0",
			refusal: `the box has no interface "enp3s0", and none that is plugged in later gets that name; ` +
				`write one that it has: eth0`},
		{situation: "a VLAN that the kernel does not support", name: "vlan", is: "eth0.10", withoutVLANs: true,
			shown: `create VLAN 10 on eth0: this kernel does not support VLANs`, wrong: "eth0.11",
			refusal: `"eth0.11" is a VLAN, which the kernel of this image does not support; ` +
				`let the switch deliver VLAN 11 untagged and write "eth0", or use the image of a release for PCs, ` +
				`whose kernel supports VLANs`},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "interface-"+tt.name)
			right := lab.ProxyMode + lab.Menu(0, "disk", true) + lab.DiskEntry
			named := func(name string) string {
				return strings.Replace(right, "[network]", "[network]\ninterface = \""+name+"\"", 1)
			}
			if err := s.StartDHCP(s.within(boxBoots), kernelPinDir); err != nil {
				t.Fatal(err)
			}
			box, err := s.StartBox(image(t), map[string]lab.File{lab.SettingsFile: {Content: []byte(named(tt.is))}})
			if err != nil {
				t.Fatal(err)
			}
			kernel, err := box.Console.WaitFor(s.within(boxBoots), `Linux version \S+ `)
			if err != nil {
				t.Fatal(err)
			}
			if tt.withoutVLANs && strings.HasSuffix(kernel.Text, "-pxebox ") {
				t.Skip("the kernel from make kernel supports VLANs")
			}
			addr, err := s.BoxAddress(s.within(boxBoots))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := box.Console.WaitFor(s.within(boxBoots), `pxebox: Network     `+tt.shown); err != nil {
				t.Fatal(err)
			}
			if b, err := s.Read(addr, "pxelinux.0"); err == nil {
				t.Errorf("it serves a file of %d bytes", len(b))
			}
			send := func(text string) (int, string) {
				t.Helper()
				code, answer, err := s.askSettings(s.within(boxBoots), netip.AddrPortFrom(addr, settingsPort),
					http.MethodPut, lab.BoxPassword, text)
				if err != nil {
					t.Fatal(err)
				}
				return code, answer
			}
			line := "pxebox.toml:3: network.interface: " + tt.refusal + "\n"
			if code, answer := send(named(tt.wrong)); code != http.StatusUnprocessableEntity || answer != line {
				t.Errorf("%d %q", code, answer)
			}
			if code, answer := send(right); code != http.StatusOK {
				t.Errorf("%d %q", code, answer)
			}
			s.waitBox(addr)
			// As before, until it restarts.
			if code, answer := send(named("usb0")); code != http.StatusOK ||
				!strings.Contains(answer, "warning: pxebox.toml:3: ") {
				t.Errorf("%d %q", code, answer)
			}
			s.waitBox(addr)
		})
	}
}
