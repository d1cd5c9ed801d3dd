package menu

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

const someEntries = twoServers + `
[[entry]]
name = "linux"
submenu = true
[[entry]]
name = "debian"
kernel = "debian/linux"
in = "linux"
[[entry]]
name = "rare"
kernel = "rare/linux"
in = "linux"
listed = false
[[entry]]
name = "setup"
grub = "fwsetup"
[[machine]]
mac = ["52:54:00"]
`

func TestMachines(t *testing.T) {
	up, down := health(bootmenu.Health{State: bootmenu.Up}), health(bootmenu.Health{State: bootmenu.Down})
	refused := health(bootmenu.Health{State: bootmenu.Refused})
	for _, tt := range []struct {
		situation, machine string
		onDown             string
		status             Status
		view, handoff      string
		firmwares          []firmware.Kind // that the view has files for
		entries            []string        // in the view, for PXELINUX
		preset             string
	}{
		{situation: "the general menu", machine: `boot = "menu"`},
		{situation: "straight to WDS", machine: `boot = "wds"`, status: up, handoff: "wds"},
		{situation: "straight to WDS, not asked yet", machine: `boot = "wds"`, handoff: "wds"},
		{situation: "straight to WDS, once", machine: "boot = \"wds\"\nonce = true", status: up, handoff: "wds"},
		{situation: "straight to WDS, which is down", machine: `boot = "wds"`, status: down},
		{situation: "straight to WDS, which is down, the next one is up", machine: `boot = "wds"`, onDown: "next",
			status: down, handoff: "wds"},
		// for firmware that the server does not refuse
		{situation: "straight to WDS, which refuses", machine: `boot = "wds"`, status: refused, handoff: "wds"},
		{situation: "straight to the disk", machine: `boot = "disk"`, view: "start-disk",
			firmwares: []firmware.Kind{bios, uefi}},
		{situation: "straight to an entry of a submenu", machine: `boot = "debian"`, view: "start-debian",
			firmwares: []firmware.Kind{bios, uefi}},
		{situation: "straight to an entry that is not listed", machine: `boot = "rare"`, view: "start-rare",
			firmwares: []firmware.Kind{bios, uefi}},
		{situation: "straight to what a BIOS cannot", machine: `boot = "setup"`, view: "start-setup",
			firmwares: []firmware.Kind{uefi}},
		{situation: "straight to an entry whose file is missing", machine: `boot = "debian"`,
			status: Status{Missing: map[string][]string{"debian": {"debian/linux"}}}},
		{situation: "a menu in its own order", machine: `entries = ["debian", "disk"]`, view: "menu-1",
			firmwares: []firmware.Kind{bios, uefi},
			entries:   []string{"debian", "disk"}, preset: "debian"},
		{situation: "a menu with a submenu", machine: `entries = ["disk", "linux"]`, view: "menu-1",
			firmwares: []firmware.Kind{bios, uefi},
			entries:   []string{"disk", "linux", "debian", "BACK-linux"}, preset: "disk"},
		{situation: "a menu with a submenu and what is not listed in it", machine: `entries = ["rare", "linux"]`,
			view: "menu-1", firmwares: []firmware.Kind{bios, uefi},
			entries: []string{"linux", "debian", "rare", "BACK-linux"}, preset: "linux"},
		{situation: "another default", machine: `default = "disk"`, view: "menu-1",
			firmwares: []firmware.Kind{bios, uefi},
			entries:   []string{"wds", "disk", "linux", "debian", "BACK-linux"}, preset: "disk"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			onDown := "mark"
			if tt.onDown != "" {
				onDown = tt.onDown
			}
			c := parse(t, replaceOnDown(someEntries, onDown)+tt.machine+"\n")
			r := Render(c, tt.status)
			got := r.Machines[0]
			if got.View != tt.view || got.Handoff != tt.handoff ||
				fmt.Sprint(got.Machine) != fmt.Sprint(c.Machines[0]) {
				t.Errorf("got view %q, handoff %q of %+v; want %q, %q",
					got.View, got.Handoff, got.Machine, tt.view, tt.handoff)
			}
			if _, ok := r.Handoffs[got.Handoff]; !ok && got.Handoff != "" {
				t.Errorf("there is no target for %q", got.Handoff)
			}
			view := r.Views[tt.view]
			for firmware, file := range map[firmware.Kind]string{bios: pxelinux.ConfigFile, uefi: grub.ConfigFile} {
				if _, ok := view[file]; ok != slices.Contains(tt.firmwares, firmware) {
					t.Errorf("%s has files in the view: %v", firmware, ok)
				}
			}
			checkGRUB(t, r)
			if tt.entries == nil {
				return
			}
			lines, _ := readPXELINUX(t, view[pxelinux.ConfigFile])
			var names []string
			for _, l := range lines {
				names = append(names, l.name)
				if l.isDefault && l.name != tt.preset {
					t.Errorf("the default is %s, want %s", l.name, tt.preset)
				}
			}
			if !slices.Equal(names, tt.entries) {
				t.Errorf("the menu has %q, want %q", names, tt.entries)
			}
		})
	}
}

// A machine's menu may have a different timeout from the general menu, or none.
func TestMachineTimeout(t *testing.T) {
	for _, tt := range []struct{ situation, machine, timeout, preset string }{
		{situation: "as for all machines", machine: `entries = ["disk", "debian"]`, timeout: "TIMEOUT 100",
			preset: "disk"},
		{situation: "another one", machine: "entries = [\"disk\", \"debian\"]\ntimeout = \"5s\"", timeout: "TIMEOUT 50",
			preset: "disk"},
		{situation: "none", machine: "entries = [\"disk\", \"debian\"]\ntimeout = \"0s\"", preset: "disk"},
		{situation: "none, in the menu of all", machine: `timeout = "0s"`, preset: "disk"},
		{situation: "another one, and another default", machine: "default = \"wds\"\ntimeout = \"1m\"",
			timeout: "TIMEOUT 600", preset: "wds"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			settings := replaceOnDown(someEntries, "mark") + tt.machine +
				"\n[menu]\ntimeout = \"10s\"\ndefault = \"disk\"\n"
			r := Render(parse(t, settings), Status{})
			rule := r.Machines[0]
			file := string(r.Views[rule.View][pxelinux.ConfigFile])
			timeout := ""
			for l := range strings.Lines(file) {
				if strings.HasPrefix(l, "TIMEOUT ") {
					timeout = strings.TrimSpace(l)
				}
			}
			if timeout != tt.timeout || rule.Waits != (tt.timeout == "") {
				t.Errorf("%q, waits %v\n%s", timeout, rule.Waits, file)
			}
			if grub := string(r.Views[rule.View][grub.ConfigFile]); strings.Contains(grub,
				"set timeout=") == rule.Waits {
				t.Errorf("on UEFI:\n%s", grub)
			}
			lines, _ := readPXELINUX(t, []byte(file))
			for _, l := range lines {
				if l.isDefault && l.name != tt.preset {
					t.Errorf("the default is %s, want %s", l.name, tt.preset)
				}
			}
		})
	}
}

func TestMachinesThatAreToldTheSameShareAView(t *testing.T) {
	r := Render(parse(t, replaceOnDown(someEntries, "mark")+`
entries = ["disk"]
[[machine]]
mac = ["52:54:01"]
boot = "debian"
[[machine]]
mac = ["52:54:02"]
entries = ["disk"]
[[machine]]
mac = ["52:54:03"]
boot = "debian"
`), Status{})
	var views []string
	for _, m := range r.Machines {
		views = append(views, m.View)
	}
	if want := []string{"menu-1", "start-debian", "menu-1", "start-debian"}; !slices.Equal(views, want) {
		t.Errorf("got views %q, want %q", views, want)
	}
}

// Each of these machines has a menu with all entries; together they would take
// hundreds of megabytes.
func TestRenderStopsAtTheBound(t *testing.T) {
	var f strings.Builder
	f.WriteString("[[wds]]\nname = \"wds\"\nserver = \"192.168.77.2\"\n[[entry]]\nname = \"wds\"\nwds = \"wds\"\n")
	for i := range 1999 {
		fmt.Fprintf(&f, "[[entry]]\nname = \"e%d\"\nkernel = \"linux\"\nappend = %q\n", i, strings.Repeat("x", 100))
	}
	for i := range 300 {
		fmt.Fprintf(&f, "[[machine]]\nmac = [\"52:54:00:00:%02x:%02x\"]\ndefault = \"e%d\"\n", i>>8, i&0xff, i)
	}
	f.WriteString("[[machine]]\nmac = [\"52:54:01\"]\nboot = \"wds\"\n")
	c, err := parser.Parse("f", []byte(f.String()))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := Render(c, Status{})
	runtime.ReadMemStats(&after)
	if made := after.TotalAlloc - before.TotalAlloc; made > 50*bootmenu.MaxSize {
		t.Errorf("rendering took %d MiB of memory in all", made>>20)
	}
	if !r.TooLarge || r.Views != nil || len(r.Machines) != 301 || len(r.Files[pxelinux.ConfigFile]) == 0 {
		t.Errorf("too large: %v, with %d views, %d rules", r.TooLarge, len(r.Views), len(r.Machines))
	}
	for _, m := range r.Machines[:300] {
		if m.View != "" {
			t.Fatalf("a rule has the view %q, which is not there", m.View)
		}
	}
	if got := r.Machines[300].Handoff; got != "wds" {
		t.Errorf("the machine for WDS is led to %q", got)
	}
}

// The general menu without its countdown is rendered where it can matter which
// machine reads the menu.
func TestWaitingMenu(t *testing.T) {
	const counts = "timeout = \"10s\"\n"
	for situation, tc := range map[string]struct {
		menu, machine  string
		waiting, waits bool
	}{
		"no rules": {menu: counts},
		"a rule, and a countdown": {menu: counts,
			machine: "[[machine]]\nmac = [\"52:54:00\"]\nboot = \"debian\"\n", waiting: true},
		"a rule, and no countdown": {menu: "timeout = \"0s\"\n",
			machine: "[[machine]]\nmac = [\"52:54:00\"]\nboot = \"debian\"\n"},
		"its own menu that counts down": {menu: counts,
			machine: "[[machine]]\nmac = [\"52:54:00\"]\nentries = [\"debian\"]\n", waiting: true},
		"its own menu that cannot": {menu: counts,
			machine: "[[machine]]\nmac = [\"52:54:00\"]\nentries = [\"wipe\"]\n", waiting: true, waits: true},
		"its own menu, with no countdown": {menu: "timeout = \"0s\"\n",
			machine: "[[machine]]\nmac = [\"52:54:00\"]\nentries = [\"debian\"]\n", waits: true},
	} {
		t.Run(situation, func(t *testing.T) {
			r := Render(parse(t, "[menu]\n"+tc.menu+`
[[entry]]
name = "debian"
kernel = "debian/linux"
[[entry]]
name = "wipe"
kernel = "wipe/linux"
erases = true
`+tc.machine), Status{})
			view, ok := r.Views[handoff.Waiting]
			if ok != tc.waiting {
				t.Fatalf("there is a waiting menu: %v", ok)
			}
			for _, m := range r.Machines {
				if m.Waits != tc.waits {
					t.Errorf("its menu waits: %v", m.Waits)
				}
			}
			for name, content := range view {
				if bytes.Contains(content, []byte("\nTIMEOUT 100")) ||
					bytes.Contains(content, []byte("\nset timeout=10")) {
					t.Errorf("%s counts down:\n%s", name, content)
				}
				if general := r.Files[name]; len(general) == 0 || bytes.Equal(general, content) {
					t.Errorf("%s is as the general one", name)
				}
			}
		})
	}
}
