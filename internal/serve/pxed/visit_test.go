package pxed

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/tftp"
)

// A second GRUB that a machine's firmware has started reads its own menu, until
// the machine's next boot. Its menu does not use up the machine's one boot, and
// other machines read the box's menu meanwhile.
func TestProgramFindsTheFilesOfItsFolder(t *testing.T) {
	rule := clients.Rule{Machine: spec.Machine{MAC: []string{pc.String()}, Boot: "debian", Once: true}, View: "m1"}
	d := newBox(t, spec.ModeProxy, rule)
	for name, text := range map[string]string{"shimx64.efi": "a shim", "grub/grub.cfg": "theirs"} {
		file := filepath.Join(d.BootDir, "ubuntu", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g := d.now.Generation
	g.Names.AnyCase = true
	g.Handoffs = map[string]handoff.Target{"ubuntu": {Self: true, Programs: map[firmware.Kind]string{
		"uefi-x64": "ubuntu/shimx64.efi",
	}}}
	d.takes(g)
	d.neighbours[first], d.neighbours[first.Next()] = pc, other
	d.desk.Clients.Learn(first, clients.Machine{MAC: pc, Firmware: "uefi-x64"}, false)
	reads := func(client netip.AddrPort, name string) string {
		t.Helper()
		f, err := d.files.openTFTP(client, name)
		if err != nil {
			t.Fatal(err)
		}
		text := content(t, f)
		d.files.transferred(tftp.Event{Client: client, File: name, Size: f.Size(), BlockSize: 512,
			Window: 1, Start: t0})
		return text
	}
	otherPort := netip.AddrPortFrom(first.Next(), 2000)
	for _, step := range []struct {
		situation string
		client    netip.AddrPort
		name      string
		want      string
	}{
		{situation: "another program", client: pcPort, name: "ubuntu/grub/grub.cfg", want: "theirs"},
		{situation: "the program", client: pcPort, name: `Ubuntu\shimx64.efi`, want: "a shim"},
		{situation: "its menu", client: pcPort, name: "/grub/grub.cfg", want: "theirs"},
		{situation: "its menu again", client: pcPort, name: `\GRUB\grub.cfg`, want: "theirs"},
		{situation: "another machine", client: otherPort, name: "/grub/grub.cfg", want: "for all"},
	} {
		if got := reads(step.client, step.name); got != step.want {
			t.Errorf("%s: %q, want %q", step.situation, got, step.want)
		}
	}
	const used = "one-time boot used"
	if said := d.said.String(); strings.Contains(said, used) {
		t.Errorf("another boot loader's menu uses up its one boot:\n%s", said)
	}
	d.now.rules.Leave(pc)
	if got := reads(pcPort, "/grub/grub.cfg"); got != "its own" {
		t.Errorf("after its next boot it reads %q", got)
	}
	if said := d.said.String(); !strings.Contains(said, used) {
		t.Errorf("its own menu does not use up its one boot:\n%s", said)
	}
}

// A second GRUB without a menu in its folder does not get the box's menu. Other
// names are still found elsewhere.
func TestSecondGRUBWithoutAMenu(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	g := d.now.Generation
	g.Handoffs = map[string]handoff.Target{"ubuntu": {Self: true, Programs: map[firmware.Kind]string{
		"uefi-x64": "ubuntu/shimx64.efi",
	}}}
	d.takes(g)
	d.neighbours[first] = pc
	d.desk.Clients.Learn(first, clients.Machine{MAC: pc, Firmware: "uefi-x64"}, false)
	found := func(name string) bool {
		f, err := d.files.openTFTP(pcPort, name)
		if err == nil {
			f.Close()
		}
		return err == nil
	}
	if !found("/grub/grub.cfg") {
		t.Error("the box's GRUB finds no menu")
	}
	found("ubuntu/shimx64.efi") // the file may be missing: the visit begins all the same
	for name, want := range map[string]bool{"/grub/grub.cfg": false, "/GRUB/grub.cfg": false, "shimx64.efi": true} {
		if got := found(name); got != want {
			t.Errorf("%s is found: %v", name, got)
		}
	}
	d.now.rules.Leave(pc)
	if !found("/grub/grub.cfg") {
		t.Error("after its next boot it finds no menu")
	}
}

// With DHCP off the box would not see the machine's next boot.
func TestNoVisitWithoutDHCP(t *testing.T) {
	d := newBox(t, spec.ModeOff)
	g := d.now.Generation
	g.Handoffs = map[string]handoff.Target{"win": {Self: true, Programs: map[firmware.Kind]string{
		"bios": "win/pxeboot.n12",
	}}}
	d.takes(g)
	d.neighbours[first] = pc
	d.files.openTFTP(pcPort, "win/pxeboot.n12")
	if got := d.desk.Runs(t0, first); got != "" {
		t.Errorf("it runs %q", got)
	}
}
