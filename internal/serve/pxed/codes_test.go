package pxed

import (
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/control/compile"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/serve/tftp"
)

// withPage makes the box use leadsToWDS, with a menu whose foot names a page.
func (d *box) withPage(page string) {
	d.Helper()
	text := "[network]\naddress = \"192.168.77.1/24\"\n" + leases[spec.ModeProxy] + leadsToWDS +
		"[[entry]]\nname = \"debian\"\nkernel = \"Debian/linux\"\ninitrd = [\"Debian/initrd.gz\"]\n"
	c, err := parser.Parse("pxebox.toml", []byte(text))
	if err != nil {
		d.Fatal(err)
	}
	programs := map[firmware.Kind]bootmenu.Health{"bios": {State: bootmenu.Up}, "uefi-x64": {State: bootmenu.Up}}
	d.takes(compile.Generation(c, menu.Status{WDS: map[string]bootmenu.Server{"wds": {Programs: programs}},
		Page: page}))
}

// reFoot matches the foot of a menu.
var reFoot = regexp.MustCompile(`Trouble\? https://192\.168\.77\.1 code ([` + codeLetters + `]{4})\b`)

// All parts of a menu, on each firmware, show one code, and the events say
// which one it is.
func TestMenusShowTheCodeOfTheirBoot(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	d.neighbours[first] = pc
	d.withPage("https://192.168.77.1")
	events := d.tell.bus.Subscribe()
	size := map[string]int{}
	read := func(name string) string {
		t.Helper()
		text, err := d.fetch(pcPort, name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, bootmenu.CodeMark) || size[name] != 0 && size[name] != len(text) {
			t.Errorf("%s: %d bytes after %d:\n%s", name, len(text), size[name], text)
		}
		size[name] = len(text)
		found := reFoot.FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("%s shows no code:\n%s", name, text)
		}
		e := <-events
		if want := map[bool]string{true: found[1]}[e.Role == trace.Menu]; e.What != name || e.Code != want {
			t.Errorf("%s: its event is %+v, want the code %q", name, e, want)
		}
		return found[1]
	}
	names := []string{"pxelinux.cfg/01-52-54-00-77-00-10", "/grub/grub.cfg", "/grub/theme.txt"}
	code := read(names[0])
	for _, name := range names {
		if got := read(name); got != code {
			t.Errorf("%s shows %s, and the menu of the same boot %s", name, got, code)
		}
	}

	refused := strings.Replace(asks(pcPort, "wds", ""), "wds", "gone", 1)
	_, err := d.files.openTFTP(pcPort, refused)
	if err == nil {
		t.Fatal("handed over to a server that is not there")
	}
	d.files.transferred(tftp.Event{Client: pcPort, File: refused, Start: t0, Err: err})
	if e := <-events; e.Role != trace.HandOver || e.Entry != "gone" || e.Code != code || e.Outcome != trace.Refused ||
		e.Why != "the entry has no server with a known address" {
		t.Errorf("a refused hand-over is %+v", e)
	}

	if other := d.files.codes.show(time.Now(), first.Next()); other == code {
		t.Error("another machine has the same code") // one in a million
	}
	d.files.codes.show(time.Now().Add(codeLasts), first)
	if next := read(names[1]); next == code {
		t.Error("the next boot has the same code") // one in a million
	}
}

func TestMenusWithoutAPageShowNoCode(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	d.neighbours[first] = pc
	d.withPage("")
	events := d.tell.bus.Subscribe()
	text, err := d.fetch(pcPort, "/grub/grub.cfg")
	if err != nil || strings.Contains(text, "Trouble?") {
		t.Errorf("%v:\n%s", err, text)
	}
	if e := <-events; e.Role != trace.Menu || e.Code != "" {
		t.Errorf("its event: %+v", e)
	}
}

func TestCodesAreBounded(t *testing.T) {
	var c codes
	a := netip.MustParseAddr("10.0.0.1")
	for range 10 * maxCodes {
		c.show(t0, a)
		a = a.Next()
	}
	if n := len(c.now) + len(c.before); n > 2*maxCodes {
		t.Errorf("%d codes are remembered", n)
	}
	if c.shown(a) != "" || len(c.shown(a.Prev())) != len(bootmenu.CodeMark) {
		t.Errorf("the last two: %q, %q", c.shown(a.Prev()), c.shown(a))
	}
}

func TestRoles(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	d.withPage("")
	for _, tc := range []struct {
		situation, name string
		role            trace.Role
		entry           string
	}{
		{situation: "the first program of a BIOS", name: "pxelinux.0", role: trace.FirstStage},
		{situation: "the first program of UEFI, padded by its ROM", name: "shimx64.efi\xff", role: trace.FirstStage},
		{situation: "what shim loads", name: "grubx64.efi", role: trace.SecondStage},
		{situation: "a module of PXELINUX", name: "/vesamenu.c32", role: trace.SecondStage},
		{situation: "PXELINUX's menu", name: "pxelinux.cfg/default", role: trace.Menu},
		{situation: "PXELINUX's menu for a machine", name: "pxelinux.cfg/01-52-54-00-77-00-10", role: trace.Menu},
		{situation: "PXELINUX's menu for an address", name: "pxelinux.cfg/C0A84D64", role: trace.Menu},
		{situation: "GRUB's menu", name: "/grub/grub.cfg", role: trace.Menu},
		{situation: "a part of GRUB's menu", name: "/grub/theme.txt"},
		{situation: "a kernel", name: "Debian/linux", role: trace.Kernel, entry: "debian"},
		{situation: "a kernel, in other letters", name: `\debian\LINUX`, role: trace.Kernel, entry: "debian"},
		{situation: "an initrd", name: "//Debian/initrd.gz", role: trace.Initrd, entry: "debian"},
		{situation: "another file", name: "debian/packages.iso"},
		{situation: "a hand-over", name: asks(pcPort, "wds", ""), role: trace.HandOver, entry: "wds"},
		{situation: "a hostile name", name: "../../etc/shadow"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if role, entry := d.files.served.Load().roles.of(tc.name); role != tc.role || entry != tc.entry {
				t.Errorf("%q is %q of %q, want %q of %q", tc.name, role, entry, tc.role, tc.entry)
			}
		})
	}
}

// A hand-over that is refused only after its file was read is an event that
// says why.
func TestEventOfAHandOverRefusedAtItsEnd(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	d.neighbours[first] = pc
	events := d.tell.bus.Subscribe()
	name := asks(pcPort, "wds", "")
	f, err := d.files.openTFTP(pcPort, name)
	if err != nil {
		t.Fatal(err)
	}
	d.neighbours[first] = other
	d.files.transferred(tftp.Event{Client: pcPort, File: name, Size: f.Size(), Sent: f.Size(), Start: t0})
	if e := <-events; e.Outcome != trace.Refused || e.Why != "the address belongs to "+other.String() ||
		e.Role != trace.HandOver {
		t.Errorf("%+v", e)
	}

	file, err := d.files.openHTTP(first, name)
	if err == nil {
		t.Fatalf("handed over by HTTP: %v", file)
	}
	d.files.answered(trace.Event{Protocol: trace.HTTP, Addr: first, What: strings.TrimPrefix(name, "/"),
		Outcome: trace.NotFound})
	if e := <-events; e.Outcome != trace.Refused || e.Why != errByHTTP.Error() || e.Role != trace.HandOver {
		t.Errorf("by HTTP: %+v", e)
	}
}

// PXELINUX shows nothing of an error: a hand-over that is refused is a menu that
// says so, with the page and the boot's code. Reading it hands nothing over.
func TestRefusedHandOverIsAMenu(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	d.neighbours[first] = other
	d.withPage("https://192.168.77.1")
	events := d.tell.bus.Subscribe()
	name := asks(pcPort, "wds", ".cfg")
	f, err := d.files.openTFTP(pcPort, name)
	if err != nil {
		t.Fatal(err)
	}
	d.neighbours[first] = pc // as if the kernel's neighbor entry changed meanwhile
	text := content(t, f)
	d.files.transferred(tftp.Event{Client: pcPort, File: name, Size: f.Size(), Sent: f.Size(), Start: t0})
	foot := reFoot.FindStringSubmatch(text)
	if foot == nil || !strings.Contains(text, "The box does not let this computer go there") ||
		!strings.Contains(text, "CONFIG pxelinux.cfg/default") || strings.Contains(text, "\nTIMEOUT") {
		t.Fatalf("the menu is\n%s", text)
	}
	if e := <-events; e.Outcome != trace.Refused || e.Why != "the address belongs to "+other.String() ||
		e.Role != trace.HandOver || e.Code != foot[1] {
		t.Errorf("its event: %+v, want the code %s", e, foot[1])
	}
	if d.handed(biosPC) {
		t.Error("handed over all the same")
	}

	// The next request of the same port stands for itself.
	if text, err := d.fetch(pcPort, name); err != nil || !strings.Contains(text, "reboot.c32") || !d.handed(biosPC) {
		t.Errorf("not handed over: %v\n%s", err, text)
	}

	// GRUB shows its own screen where the file is refused.
	d.neighbours[first] = other
	if _, err := d.files.openTFTP(pcPort, asks(pcPort, "wds", "")); !errors.Is(err, tftp.ErrRefused) {
		t.Errorf("GRUB gets %v", err)
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	var r refusals
	for i := range 3 * maxRefusals {
		r.add(netip.AddrPortFrom(first, uint16(i)), errByHTTP)
	}
	last := netip.AddrPortFrom(first, uint16(3*maxRefusals-1))
	if len(r.all) != maxRefusals || r.take(last) == nil || r.take(last) != nil {
		t.Errorf("%d refusals", len(r.all))
	}
}
