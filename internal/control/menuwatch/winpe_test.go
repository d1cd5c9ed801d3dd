package menuwatch

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/generation"
)

const winpeEntry = "[[entry]]\nname = \"win\"\nwinpe = \"win11\"\n"

// putWIM copies a WIM of package wim's tests into the boot folder.
func (s *site) putWIM(name, as string) {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "wim", "testdata", name))
	if err != nil {
		s.t.Fatal(err)
	}
	s.put(as, 1)
	if err := os.WriteFile(filepath.Join(s.BootDir, filepath.FromSlash(as)), b, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// windows returns where the entry leads, and GRUB's menu.
func (s *site) windows() (handoff.Target, string) {
	s.t.Helper()
	g, err := generation.Read(s.RunDir)
	if err != nil {
		s.t.Fatal(err)
	}
	return g.Handoffs["win"], string(g.Files[grub.ConfigFile])
}

func simulateWindows(t *testing.T) *simulation {
	m := simulate(t, morning)
	m.CacheDir = filepath.Join(t.TempDir(), "cache")
	return m
}

// cached lists the folders of the cache.
func (m *simulation) cached() (names []string) {
	all, _ := os.ReadDir(m.CacheDir)
	for _, d := range all {
		names = append(names, d.Name())
	}
	return names
}

// A folder that has only boot.wim: all else is taken out of it, once.
func TestWindowsFromBootWIM(t *testing.T) {
	m := simulateWindows(t)
	m.putWIM("lzx.wim", "win11/sources/boot.wim")
	m.configure(winpeEntry)
	m.run(sweepAfter)
	target, _ := m.windows()
	cached := m.cached()
	if len(cached) != 1 {
		t.Fatalf("the cache has %q", cached)
	}
	want := handoff.Target{
		Self: true, WinPE: &handoff.WinPE{Folder: "win11", Cache: cached[0]},
		Programs: map[firmware.Kind]string{
			firmware.UEFIX64: "win11/bootmgfw.efi", firmware.BIOS: "win11/pxeboot.n12",
		},
		Alternatives: map[firmware.Kind][]string{firmware.UEFIX64: {"win11/bootmgfw_ex.efi"}},
	}
	if !reflect.DeepEqual(target, want) {
		t.Errorf("it leads to %+v, want %+v", target, want)
	}
	file := filepath.Join(m.CacheDir, cached[0], "efi", "microsoft", "boot", "bcd")
	if b, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(b), "a store for UEFI") {
		t.Errorf("the store is %.20q, %v", b, err)
	}
	log := m.log.String()
	for _, line := range []string{
		`msg="files taken out of boot.wim"`, `msg="image of Windows PE is complete" part=files entry=win firmware=bios`,
		`msg="boot program's signatures read"`,
	} {
		if !strings.Contains(log, line) {
			t.Errorf("the log lacks %s:\n%s", line, log)
		}
	}
	if got := m.box.signedFiles(); len(got) != 2 || got[0].File != "win11/bootmgfw.efi" {
		t.Errorf("signatures of %+v", got)
	}
	// Another run uses what is there.
	m.told("")
	again := &simulation{site: m.site, box: newState(m.Watcher, exactly), now: m.now}
	again.configure(winpeEntry + "label = \"Windows\"\n")
	again.run(time.Second)
	if n := again.told("files taken out"); n != 0 || !reflect.DeepEqual(again.cached(), cached) {
		t.Errorf("%d times more, the cache has %q", n, again.cached())
	}
	if again, _ := again.windows(); !reflect.DeepEqual(again, want) {
		t.Errorf("then it leads to %+v", again)
	}
	// The image is replaced, and then removed.
	m = again
	m.putWIM("first.wim", "win11/sources/boot.wim")
	m.box.bootChanged(m.now)
	m.run(3 * steady)
	if target, menu := m.windows(); target.Self || !strings.Contains(menu, "The box does not have: "+
		"win11/efi/boot/bootx64.efi, win11/efi/microsoft/boot/bcd, win11/boot/boot.sdi") {
		t.Errorf("with an image for ARM and without a store it leads to %+v; the menu:\n%s", target, menu)
	}
	m.run(2 * sweepAfter)
	if now := m.cached(); len(now) != 1 || now[0] == cached[0] {
		t.Errorf("the cache had %q and has %q", cached, now)
	}
	m.configure("[[entry]]\nname = \"disk\"\ndisk = true\n")
	m.run(2 * sweepAfter)
	if now := m.cached(); len(now) != 0 {
		t.Errorf("without an entry the cache has %q", now)
	}
}

// What is wrong with an image shows in the menu and in the log.
func TestWindowsThatCannotStart(t *testing.T) {
	for _, tt := range []struct {
		situation string
		before    func(*simulation)
		menu      string
		log       string
	}{
		{situation: "no folder", before: func(*simulation) {},
			menu: "The box does not have: win11/efi/boot/bootx64.efi, win11/efi/microsoft/boot/bcd, win11/boot/boot.sdi",
			log:  "image of Windows PE lacks files"},
		{situation: "XPRESS", before: func(m *simulation) { m.putWIM("xpress.wim", "win11/boot.wim") },
			menu: "cannot take that out of boot.wim: it is compressed with XPRESS: convert it with wimlib-imagex",
			log:  "files cannot be taken out of boot.wim"},
		{situation: "no Windows", before: func(m *simulation) { m.putWIM("other.wim", "win11/boot.wim") },
			menu: `cannot take that out of boot.wim: it has no`, log: "files cannot be taken out of boot.wim"},
		{situation: "no room on the disk", before: func(m *simulation) {
			m.putWIM("lzx.wim", "win11/boot.wim")
			m.CacheDir = "/dev/full/cache"
		}, menu: "cannot take that out of boot.wim: mkdir /dev/full", log: "files cannot be taken out of boot.wim"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			m := simulateWindows(t)
			tt.before(m)
			m.configure(winpeEntry + debian)
			m.run(time.Second)
			target, menu := m.windows()
			if target.Self || !strings.Contains(menu, "win (file missing)") || !strings.Contains(menu, tt.menu) {
				t.Errorf("it leads to %+v; the menu:\n%s", target, menu)
			}
			if log := m.log.String(); strings.Count(log, tt.log) == 0 {
				t.Errorf("the log lacks %q:\n%s", tt.log, log)
			}
			m.told("")
			m.run(time.Hour)
			if n := m.told("taken out"); n != 0 {
				t.Errorf("%d more lines about it", n)
			}
		})
	}
}

// While boot.wim is being read, the menu says so, and all else is served.
func TestWindowsIsBeingRead(t *testing.T) {
	m := simulateWindows(t)
	m.putWIM("lzx.wim", "win11/sources/boot.wim")
	m.write(winpeEntry + debian)
	m.box.configChanged(m.now)
	held := func() (extract question) {
		for range 20 {
			m.hold = true
			m.run(100 * time.Millisecond)
			if m.box.images.reading {
				return m.held[len(m.held)-1]
			}
			for _, q := range m.held {
				q(t.Context())(m.now)
			}
			m.held = nil
		}
		t.Fatal("boot.wim is not read")
		return nil
	}()
	m.hold = false
	m.run(2 * time.Second)
	if target, menu := m.windows(); target.Self || !strings.Contains(menu, "win (reading boot.wim)") ||
		!strings.Contains(menu, "debian") {
		t.Errorf("it leads to %+v; the menu:\n%s", target, menu)
	}
	held(t.Context())(m.now)
	m.run(2 * time.Second)
	if target, menu := m.windows(); !target.Self || strings.Contains(menu, "win (reading") {
		t.Errorf("then it leads to %+v; the menu:\n%s", target, fmt.Sprint(menu))
	}
}
