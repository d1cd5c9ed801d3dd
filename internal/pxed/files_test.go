package pxed

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/catalog"
	"github.com/pxebox/pxebox/internal/event"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/guard"
	"github.com/pxebox/pxebox/internal/handoff"
	"github.com/pxebox/pxebox/internal/machine"
	"github.com/pxebox/pxebox/internal/menu"
	"github.com/pxebox/pxebox/internal/netif"
	"github.com/pxebox/pxebox/internal/tftp"
)

const (
	pc    = config.MAC("52:54:00:77:00:10")
	other = config.MAC("02:00:00:00:00:01")
)

var (
	wds      = netip.MustParseAddr("192.168.77.2")
	behind   = netip.MustParseAddr("10.1.0.100") // a relay agent
	pcPort   = netip.AddrPortFrom(first, 2070)
	biosPC   = machine.Machine{MAC: pc, Firmware: "bios"}
	anyXID   = [4]byte{1}
	asksGRUB = "/handoff/wds/" + string(pc)
)

// desk is a daemon that has a generation, and neither sockets nor a disk.
type desk struct {
	*testing.T
	*daemon
	neighbours map[netip.Addr]config.MAC
	said       *lines
}

// lines is a log that a test reads.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.Write(b) }
func (l *lines) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

func newDesk(t *testing.T, mode config.Mode, rules ...machine.Rule) *desk {
	d := &desk{T: t, neighbours: map[netip.Addr]config.MAC{}, said: &lines{}}
	log := slog.New(slog.NewTextHandler(d.said, nil))
	d.daemon = &daemon{
		Options: Options{Log: log, DataDir: t.TempDir(), BootDir: filepath.Join(t.TempDir(), "none")},
		tell:    newTeller(log), guard: guard.New(log),
		machines: machine.NewTable(8), asked: handoff.NewTable(8), once: machine.NewOnce(8),
		neighbour: func(index int, a netip.Addr) (net.HardwareAddr, error) {
			if index != 7 {
				t.Errorf("asked for neighbours on interface %d", index)
			}
			return d.neighbours[a].Bytes(), nil
		},
	}
	d.daemon.dhcp = newServer(t0, filepath.Join(d.DataDir, "leases.db"), d.machines, log, d.tell)
	d.daemon.link.Store(&netif.Link{Index: 7, Addr: self})
	g := generation.Generation{DHCP: config.DHCP{Mode: mode}}
	g.DHCP.Lease = config.Duration(1 << 40)
	g.DHCP.Subnets = []config.Subnet{{Network: netip.MustParsePrefix("10.1.0.0/24"), Parameters: g.DHCP.Parameters}}
	g.Rendered = menu.Rendered{
		Files: map[string][]byte{
			menu.PXELINUXConfig: []byte("for all"), "grub/grub.cfg": []byte("for all"),
			"handoff/wds": []byte("to WDS, " + menu.MACMark), "handoff/wds.cfg": []byte("reboot.c32 " + menu.MACMark),
		},
		Views:    map[string]map[string][]byte{"m1": {menu.PXELINUXConfig: []byte("its own"), "grub/grub.cfg": []byte("its own")}},
		Machines: rules,
		Handoffs: map[string]handoff.Target{"wds": {Server: wds, Programs: map[string]string{"bios": `boot\x64\wdsnbp.com`}}},
	}
	d.use(g, newTask(t.Context()))
	return d
}

// fetch is a whole transfer by TFTP; its error is what the client hears.
func (d *desk) fetch(client netip.AddrPort, name string) (string, error) {
	d.Helper()
	f, err := d.openTFTP(client, name)
	if err != nil {
		return "", err
	}
	s := content(d.T, f)
	d.transferred(tftp.Event{Client: client, File: name, Size: int64(len(s)), Sent: int64(len(s)), Start: t0})
	return s, nil
}

func content(t *testing.T, f io.ReaderAt) string {
	t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// handed reports whether a machine's next boot goes to WDS.
func (d *desk) handed(m machine.Machine) bool {
	b, ok := d.settings.Load().Plan.For(time.Now(), m, anyXID)
	return ok && b.Server == wds
}

func TestHandoffIsArmed(t *testing.T) {
	for situation, tc := range map[string]struct {
		client netip.AddrPort
		name   string
		before func(*desk)
		want   string
	}{
		"GRUB, as the kernel knows the neighbour": {pcPort, asksGRUB,
			func(d *desk) { d.neighbours[first] = pc }, "to WDS, 52:54:00:77:00:10"},
		"PXELINUX, where DHCP was heard": {pcPort, "handoff/wds/52:54:00:77:00:10.cfg",
			func(d *desk) { d.machines.Learn(first, biosPC) }, "reboot.c32 52:54:00:77:00:10"},
		"behind a router, whose neighbour is the router": {netip.AddrPortFrom(behind, 2070), asksGRUB,
			func(d *desk) { d.machines.Learn(behind, biosPC) }, "to WDS, 52:54:00:77:00:10"},
	} {
		t.Run(situation, func(t *testing.T) {
			d := newDesk(t, config.ModeProxy)
			tc.before(d)
			f, err := d.openTFTP(tc.client, tc.name)
			if err != nil {
				t.Fatal(err)
			}
			if got := content(t, f); got != tc.want {
				t.Errorf("it reads %q, want %q", got, tc.want)
			}
			e := tftp.Event{Client: tc.client, File: tc.name, Start: t0}
			for _, err := range []error{tftp.ErrNoAnswer, tftp.ErrGaveUp} {
				e.Err = err
				d.transferred(e)
			}
			if d.handed(biosPC) {
				t.Fatal("handed over though the file did not arrive")
			}
			e.Err = nil
			d.transferred(e)
			if !d.handed(biosPC) {
				t.Errorf("not handed over; the log:\n%v", d.said)
			}
			if d.handed(machine.Machine{MAC: other, Firmware: "bios"}) {
				t.Error("another machine is handed over")
			}
			if !strings.Contains(d.said.String(), `"handoff: armed" mac=52:54:00:77:00:10`) {
				t.Errorf("the log:\n%v", d.said)
			}
		})
	}
}

func TestHandoffIsRefused(t *testing.T) {
	for situation, tc := range map[string]struct {
		mode   config.Mode
		client netip.AddrPort
		name   string
		before func(*desk)
		why    string
	}{
		"another machine on the link": {config.ModeProxy, pcPort, asksGRUB,
			func(d *desk) { d.neighbours[first] = other }, "the address belongs to 02:00:00:00:00:01"},
		// DHCP packets can be forged, answers to ARP less so.
		"DHCP says one thing, the link another": {config.ModeProxy, pcPort, asksGRUB,
			func(d *desk) { d.neighbours[first] = other; d.machines.Learn(first, biosPC) }, "the address belongs to"},
		"another machine, by DHCP": {config.ModeProxy, pcPort, asksGRUB,
			func(d *desk) { d.machines.Learn(first, machine.Machine{MAC: other}) }, "the address was given to 02:00:00:00:00:01"},
		"nobody knows the address": {config.ModeProxy, netip.AddrPortFrom(behind, 2070), asksGRUB,
			func(d *desk) { d.neighbours[behind] = pc }, "nobody knows"},
		"an entry that leads to no server": {config.ModeProxy, pcPort, "handoff/debian/" + string(pc),
			func(d *desk) { d.neighbours[first] = pc }, "no WDS server"},
		"a server without a program for the firmware": {config.ModeProxy, pcPort, asksGRUB,
			func(d *desk) {
				d.machines.Learn(first, machine.Machine{MAC: pc, Firmware: "uefi-x64"})
			}, "no program for uefi-x64"},
		"DHCP is off": {config.ModeOff, pcPort, asksGRUB,
			func(d *desk) { d.neighbours[first] = pc }, "DHCP is off"},
	} {
		t.Run(situation, func(t *testing.T) {
			d := newDesk(t, tc.mode)
			tc.before(d)
			if s, err := d.fetch(tc.client, tc.name); !errors.Is(err, tftp.ErrRefused) {
				t.Errorf("reads %q, %v", s, err)
			}
			if said := d.said.String(); !strings.Contains(said, "handoff: refused") || !strings.Contains(said, tc.why) {
				t.Errorf("the log:\n%v", said)
			}
			// As where the link changed its mind while the file was sent.
			d.transferred(tftp.Event{Client: tc.client, File: tc.name, Start: t0})
			if d.handed(biosPC) {
				t.Error("armed all the same")
			}
		})
	}
	t.Run("by HTTP", func(t *testing.T) {
		d := newDesk(t, config.ModeProxy)
		d.neighbours[first] = pc
		if _, err := d.openHTTP(first, asksGRUB); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
		d.answered(event.Event{Protocol: event.HTTP, Addr: first, What: strings.TrimPrefix(asksGRUB, "/"), Outcome: event.Sent})
		if d.handed(biosPC) {
			t.Error("armed")
		}
	})
}

// its are the rules that give pc menus of its own.
func its(once bool) machine.Rule {
	return machine.Rule{Machine: config.Machine{MAC: []string{string(pc)}, Boot: "debian", Once: once}, View: "m1"}
}

func TestEachMachineReadsItsMenu(t *testing.T) {
	d := newDesk(t, config.ModeProxy, its(false))
	d.machines.Learn(first, biosPC)
	stranger := netip.AddrPortFrom(first.Next(), 2070)
	for _, tc := range []struct {
		situation string
		client    netip.AddrPort
		name      string
		want      string
	}{
		{"its address, by DHCP", pcPort, "/grub/grub.cfg", "its own"},
		{"its name", pcPort, "pxelinux.cfg/01-52-54-00-77-00-10", "its own"},
		{"its name, though DHCP was not heard", stranger, "pxelinux.cfg/01-52-54-00-77-00-10", "its own"},
		{"another's name from its address: a person looks", pcPort, "pxelinux.cfg/01-02-00-00-00-00-01", "for all"},
		{"another machine", stranger, "/grub/grub.cfg", "for all"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got, err := d.fetch(tc.client, tc.name); got != tc.want || err != nil {
				t.Errorf("by TFTP: %q, %v; want %q", got, err, tc.want)
			}
			f, err := d.openHTTP(tc.client.Addr(), "/"+tc.name)
			if err != nil {
				t.Fatal(err)
			}
			if got := content(t, f); got != tc.want {
				t.Errorf("by HTTP: %q, want %q", got, tc.want)
			}
		})
	}
	t.Run("a hostile name", func(t *testing.T) {
		if _, err := d.fetch(pcPort, "../etc/passwd"); !errors.Is(err, tftp.ErrRefused) {
			t.Errorf("by TFTP: %v", err)
		}
		if _, err := d.openHTTP(first, "/../etc/passwd"); !errors.Is(err, catalog.ErrName) {
			t.Errorf("by HTTP: %v", err)
		}
	})
}

func TestMenuForOneBoot(t *testing.T) {
	menus := func(d *desk, client netip.AddrPort, name string) string {
		s, err := d.fetch(client, name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const byName = "pxelinux.cfg/01-52-54-00-77-00-10"
	for situation, read := range map[string]func(*desk){
		"by TFTP": func(d *desk) { menus(d, pcPort, byName) },
		"by HTTP": func(d *desk) {
			d.answered(event.Event{Protocol: event.HTTP, Addr: first, What: "grub/grub.cfg", Outcome: event.Sent})
		},
	} {
		t.Run(situation, func(t *testing.T) {
			d := newDesk(t, config.ModeProxy, its(true))
			d.machines.Learn(first, biosPC)
			read(d)
			if got := menus(d, pcPort, "/grub/grub.cfg"); got != "its own" {
				t.Errorf("read again in the same boot: %q", got)
			}
			d.handed(biosPC) // its firmware asks
			if got := menus(d, pcPort, byName); got != "for all" {
				t.Errorf("in the next boot: %q", got)
			}
		})
	}
	for situation, read := range map[string]func(*desk){
		"a person has looked at it from elsewhere": func(d *desk) { menus(d, netip.AddrPortFrom(first.Next(), 2070), byName) },
		"it did not arrive": func(d *desk) {
			d.transferred(tftp.Event{Client: pcPort, File: byName, Err: tftp.ErrGaveUp})
		},
		"another file arrived": func(d *desk) { menus(d, pcPort, "handoff/wds") },
	} {
		t.Run(situation, func(t *testing.T) {
			d := newDesk(t, config.ModeProxy, its(true))
			d.machines.Learn(first, biosPC)
			read(d)
			d.handed(biosPC)
			if got := menus(d, pcPort, byName); got != "its own" {
				t.Errorf("its one boot has the menu %q", got)
			}
		})
	}
}

// Whoever is refused again and again is told of once in a while.
func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	d := newDesk(t, config.ModeProxy)
	d.neighbours[first] = other
	for range 100 {
		d.fetch(pcPort, asksGRUB)
	}
	if n := strings.Count(d.said.String(), "handoff: refused"); n != 1 {
		t.Errorf("%d lines", n)
	}
	var r refusals
	for n := range 2 * maxRefused {
		if !r.tell(t0, netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})) {
			t.Fatal("a new client is not told of")
		}
	}
	if len(r.last) > maxRefused {
		t.Errorf("%d are remembered", len(r.last))
	}
	if last := netip.AddrFrom4([4]byte{10, 0, 7, 255}); r.tell(t0.Add(refusedAgain-1), last) || !r.tell(t0.Add(refusedAgain), last) {
		t.Error("told of too soon, or never again")
	}
}

func TestTFTPBounds(t *testing.T) {
	for _, tc := range []struct {
		situation     string
		c             config.TFTP
		block, window int
	}{
		{"as the link has it", config.TFTP{}, 1468, 64},
		{"lower", config.TFTP{MaxBlock: 1024, MaxWindow: 4}, 1024, 4},
		{"lifted", config.TFTP{MaxBlock: 65464, MaxWindow: 256}, 65464, 256},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if block, window := tftpBounds(tc.c, 1500); block != tc.block || window != tc.window {
				t.Errorf("got %d and %d", block, window)
			}
		})
	}
}
