package pxed

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/net/netif"
	"github.com/pxebox/pxebox/internal/serve/tftp"
)

var (
	pc    = ether.MustParseMAC("52:54:00:77:00:10")
	other = ether.MustParseMAC("02:00:00:00:00:01")
)

var (
	t0    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	self  = netip.MustParsePrefix("192.168.77.1/24")
	first = netip.MustParseAddr("192.168.77.100")

	wds      = netip.MustParseAddr("192.168.77.2")
	behind   = netip.MustParseAddr("10.1.0.100") // a relay agent
	pcPort   = netip.AddrPortFrom(first, 2070)
	behindPC = netip.AddrPortFrom(behind, 2070)
	biosPC   = clients.Machine{MAC: pc, Firmware: "bios"}
	anyXID   = [4]byte{1}
	boxKey   = handoff.Key{1}
	asksGRUB = asks(pcPort, "wds", "")
)

// asks returns the name in pc's menu as read at that address. GRUB sends it as
// it is, PXELINUX with the suffix ".cfg".
func asks(readAt netip.AddrPort, entry, suffix string) string {
	return "/" + handoff.Request{Entry: entry, MAC: pc, Token: boxKey.Token(readAt.Addr(), pc)}.Name() + suffix
}

// box is a daemon with a generation, but without sockets or a disk.
type box struct {
	*testing.T
	*daemon
	neighbours map[netip.Addr]ether.MAC
	resolved   []netip.Addr // addresses that the kernel was told to resolve
	said       *lines
}

// lines is a log that a test reads.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.Write(b) }
func (l *lines) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

func newBox(t *testing.T, mode spec.Mode, rules ...clients.Rule) *box {
	return newBoxIn(t, runDir(t), mode, rules...)
}

// newBoxIn is newBox with a run directory that an earlier box may have used.
func newBoxIn(t *testing.T, runDir string, mode spec.Mode, rules ...clients.Rule) *box {
	said := &lines{}
	return newBoxWith(t, runDir, said, slog.NewTextHandler(said, nil), mode, rules...)
}

// runDir returns the run directory of an earlier pxed whose tokens boxKey made.
func runDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	b, err := json.Marshal(map[string]any{"format": 1, "key": boxKey})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "handoffs.json"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// newBoxWith is newBoxIn with a log handler that writes to said.
func newBoxWith(t *testing.T, runDir string, said *lines, h slog.Handler, mode spec.Mode, rules ...clients.Rule) *box {
	d := &box{T: t, neighbours: map[netip.Addr]ether.MAC{}, said: said}
	dir := t.TempDir()
	d.daemon = newDaemon(Options{Log: slog.New(h), RunDir: runDir, DataDir: dir, BootDir: filepath.Join(dir, "none")})
	d.desk.Neighbor = func(index int, a netip.Addr) (ether.MAC, error) {
		if index != 7 {
			t.Errorf("asked for neighbours on interface %d", index)
		}
		return d.neighbours[a], nil
	}
	d.desk.Resolve = func(_ int, a netip.Addr) error { d.resolved = append(d.resolved, a); return nil }
	d.daemon.link.Store(&netif.Link{Index: 7, Addr: self})
	g := generation.Generation{DHCP: spec.DHCP{Mode: mode}}
	g.DHCP.Lease = spec.Duration(1 << 40)
	g.DHCP.Subnets = []spec.Subnet{{Network: netip.MustParsePrefix("10.1.0.0/24"), Parameters: g.DHCP.Parameters}}
	g.Files = map[string][]byte{
		pxelinux.ConfigFile: []byte("for all"), "grub/grub.cfg": []byte("for all"),
		"handoff/wds":     []byte("to WDS, " + bootmenu.MACMark),
		"handoff/wds.cfg": []byte("reboot.c32 " + bootmenu.MACMark),
	}
	g.Views = map[string]map[string][]byte{
		"m1":            {pxelinux.ConfigFile: []byte("its own"), "grub/grub.cfg": []byte("its own")},
		handoff.Waiting: {pxelinux.ConfigFile: []byte("waits"), "grub/grub.cfg": []byte("waits")},
	}
	g.Machines = rules
	g.Handoffs = map[string]handoff.Target{"wds": {Server: wds,
		Programs: map[firmware.Kind]string{"bios": `boot\x64\wdsnbp.com`}}}
	d.takes(g)
	return d
}

// takes makes the daemon use a generation.
func (d *box) takes(g generation.Generation) {
	d.use(g)
	d.dhcp.Configure(time.Now(), d.dhcpConfig())
}

// fetch performs a whole TFTP transfer; its error is what the client receives.
func (d *box) fetch(client netip.AddrPort, name string) (string, error) {
	d.Helper()
	f, err := d.files.openTFTP(client, name)
	if err != nil {
		return "", err
	}
	s := content(d.T, f)
	d.files.transferred(tftp.Event{Client: client, File: name, Size: int64(len(s)), Sent: int64(len(s)), Start: t0})
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

// handed reports whether a machine's next boot is handed over.
func (d *box) handed(m clients.Machine) bool {
	b, ok := d.dhcp.Settings().Plan.For(time.Now(), m, anyXID)
	return ok && b.Server == wds
}

func TestHandoffIsArmed(t *testing.T) {
	for situation, tc := range map[string]struct {
		client netip.AddrPort
		name   string
		before func(*box)
		sent   func(*box) // what the kernel learns by sending the file; nil for nothing
		want   string
	}{
		"GRUB, as the kernel knows the neighbour": {client: pcPort, name: asksGRUB,
			before: func(d *box) { d.neighbours[first] = pc }, want: "to WDS, 52:54:00:77:00:10"},
		"PXELINUX, whom the kernel has to look for": {client: pcPort, name: asks(pcPort, "wds", ".cfg"),
			before: func(d *box) { d.desk.Clients.Learn(first, biosPC, false) },
			sent:   func(d *box) { d.neighbours[first] = pc }, want: "reboot.c32 52:54:00:77:00:10"},
		"behind a router, whose neighbour is the router": {client: behindPC, name: asks(behindPC, "wds", ""),
			before: func(d *box) { d.desk.Clients.Learn(behind, biosPC, true) }, want: "to WDS, 52:54:00:77:00:10"},
		"behind a router, after a restart of the program": {client: behindPC, name: asks(behindPC, "wds", ""),
			before: func(*box) {}, want: "to WDS, 52:54:00:77:00:10"},
	} {
		t.Run(situation, func(t *testing.T) {
			d := newBox(t, spec.ModeProxy)
			tc.before(d)
			f, err := d.files.openTFTP(tc.client, tc.name)
			if err != nil {
				t.Fatal(err)
			}
			if got := content(t, f); got != tc.want {
				t.Errorf("it reads %q, want %q", got, tc.want)
			}
			if tc.sent != nil {
				tc.sent(d)
			}
			e := tftp.Event{Client: tc.client, File: tc.name, Size: 10, BlockSize: 512, Window: 1, Start: t0}
			for _, err := range []error{tftp.ErrNoAnswer, tftp.ErrGaveUp} {
				e.Err = err
				d.files.transferred(e)
			}
			if d.handed(biosPC) {
				t.Fatal("handed over though the file did not arrive")
			}
			e.Err = nil
			d.files.transferred(e)
			if !d.handed(biosPC) {
				t.Errorf("not handed over; the log:\n%v", d.said)
			}
			if d.handed(clients.Machine{MAC: other, Firmware: "bios"}) {
				t.Error("another machine is handed over")
			}
			if !strings.Contains(d.said.String(), `"next boot is handed over" part=handoff mac=52:54:00:77:00:10`) {
				t.Errorf("the log:\n%v", d.said)
			}
		})
	}
}

func TestHandoffIsRefused(t *testing.T) {
	for situation, tc := range map[string]struct {
		mode   spec.Mode
		client netip.AddrPort
		name   string
		before func(*box)
		why    string
	}{
		"another machine on the link": {mode: spec.ModeProxy, client: pcPort, name: asksGRUB,
			before: func(d *box) { d.neighbours[first] = other }, why: "the address belongs to 02:00:00:00:00:01"},
		// DHCP packets are easily forged, ARP replies less so.
		"DHCP says one thing, the link another": {mode: spec.ModeProxy, client: pcPort, name: asksGRUB,
			before: func(d *box) { d.neighbours[first] = other; d.desk.Clients.Learn(first, biosPC, false) },
			why:    "the address belongs to"},
		"another machine, by DHCP": {mode: spec.ModeProxy, client: pcPort, name: asksGRUB,
			before: func(d *box) { d.desk.Clients.Learn(first, clients.Machine{MAC: other}, false) },
			why:    "the address was given to 02:00:00:00:00:01"},
		"a menu that was read at another address": {mode: spec.ModeProxy, client: pcPort,
			name:   asks(behindPC, "wds", ""),
			before: func(d *box) { d.neighbours[first] = pc }, why: "no menu with this token was sent to that address"},
		"no menu was read behind the router": {mode: spec.ModeProxy, client: behindPC, name: asksGRUB,
			before: func(d *box) { d.neighbours[behind] = pc; d.desk.Clients.Learn(behind, biosPC, true) },
			why:    "no menu with this token"},
		"another machine's menu, and its name in ours": {mode: spec.ModeProxy, client: pcPort,
			name:   strings.Replace(asksGRUB, pc.String(), other.String(), 1),
			before: func(d *box) { d.neighbours[first] = other }, why: "no menu with this token"},
		"an entry that leads to no server": {mode: spec.ModeProxy, client: pcPort, name: asks(pcPort, "debian", ""),
			before: func(d *box) { d.neighbours[first] = pc }, why: "no server with a known"},
		"a server without a program for the firmware": {mode: spec.ModeProxy, client: pcPort, name: asksGRUB,
			before: func(d *box) {
				d.desk.Clients.Learn(first, clients.Machine{MAC: pc, Firmware: "uefi-x64"}, false)
			}, why: "no program for uefi-x64"},
		"DHCP is off": {mode: spec.ModeOff, client: pcPort, name: asksGRUB,
			before: func(d *box) { d.neighbours[first] = pc }, why: "DHCP is off"},
	} {
		t.Run(situation, func(t *testing.T) {
			d := newBox(t, tc.mode)
			tc.before(d)
			if s, err := d.fetch(tc.client, tc.name); !errors.Is(err, tftp.ErrRefused) {
				t.Errorf("reads %q, %v", s, err)
			}
			if said := d.said.String(); !strings.Contains(said, "hand-over refused") ||
				!strings.Contains(said, tc.why) {
				t.Errorf("the log:\n%v", said)
			}
			// As if the kernel's neighbor entry changed while the
			// file was sent.
			d.files.transferred(tftp.Event{Client: tc.client, File: tc.name, Start: t0})
			if d.handed(biosPC) {
				t.Error("armed all the same")
			}
		})
	}
	t.Run("no one answers ARP for the address", func(t *testing.T) {
		d := newBox(t, spec.ModeProxy)
		d.desk.Clients.Learn(first, biosPC, false) // by a broadcast REQUEST, which any host can send
		if _, err := d.fetch(pcPort, asksGRUB); err != nil {
			t.Fatal(err)
		}
		if d.handed(biosPC) || !strings.Contains(d.said.String(), "no host on the link answers") {
			t.Errorf("handed over: %v; the log:\n%v", d.handed(biosPC), d.said)
		}
	})
	t.Run("by HTTP", func(t *testing.T) {
		d := newBox(t, spec.ModeProxy)
		d.neighbours[first] = pc
		if _, err := d.files.openHTTP(first, asksGRUB); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
		d.files.answered(trace.Event{Protocol: trace.HTTP, Addr: first, What: strings.TrimPrefix(asksGRUB, "/"),
			Outcome: trace.Sent})
		if d.handed(biosPC) {
			t.Error("armed")
		}
	})
}

// its returns the rules that give pc its menus.
func its(once bool) clients.Rule {
	return clients.Rule{Machine: spec.Machine{MAC: []string{pc.String()}, Boot: "debian", Once: once}, View: "m1"}
}

func TestEachMachineReadsItsMenu(t *testing.T) {
	d := newBox(t, spec.ModeProxy, its(false))
	stranger := netip.AddrPortFrom(first.Next(), 2070)
	d.neighbours[first], d.neighbours[stranger.Addr()] = pc, other
	for _, tc := range []struct {
		situation string
		client    netip.AddrPort
		name      string
		want      string
	}{
		{situation: "its address, by the link", client: pcPort, name: "/grub/grub.cfg", want: "its own"},
		{situation: "its name", client: pcPort, name: "pxelinux.cfg/01-52-54-00-77-00-10", want: "its own"},
		{situation: "its name, though DHCP was not heard", client: stranger, name: "pxelinux.cfg/01-52-54-00-77-00-10",
			want: "its own"},
		{situation: "another's name from its address: a person looks", client: pcPort,
			name: "pxelinux.cfg/01-02-00-00-00-00-01", want: "for all"},
		{situation: "another machine", client: stranger, name: "/grub/grub.cfg", want: "for all"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got, err := d.fetch(tc.client, tc.name); got != tc.want || err != nil {
				t.Errorf("by TFTP: %q, %v; want %q", got, err, tc.want)
			}
			f, err := d.files.openHTTP(tc.client.Addr(), "/"+tc.name)
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
		if _, err := d.files.openHTTP(first, "/../etc/passwd"); !errors.Is(err, bootfiles.ErrName) {
			t.Errorf("by HTTP: %v", err)
		}
	})
}

// The reader of a menu decides what a machine boots, not a claim in a DHCP
// packet.
func TestNobodyElsePicksTheMenu(t *testing.T) {
	const grub = "/grub/grub.cfg"
	waits := its(false)
	waits.Waits = true
	claims := func(a netip.Addr, relayed bool) func(*box) {
		return func(d *box) { d.desk.Clients.Learn(a, biosPC, relayed) }
	}
	at := func(a netip.Addr, mac ether.MAC) func(*box) { return func(d *box) { d.neighbours[a] = mac } }
	for situation, tc := range map[string]struct {
		rules  []clients.Rule
		client netip.AddrPort
		before []func(*box)
		want   string // "" for a request that is dropped
		http   string // by HTTP, where that differs
	}{
		"the link says that it is the machine": {rules: []clients.Rule{its(false)}, client: pcPort,
			before: []func(*box){at(first, pc)}, want: "its own"},
		"link and DHCP say so": {rules: []clients.Rule{its(false)}, client: pcPort,
			before: []func(*box){at(first, pc), claims(first, false)}, want: "its own"},
		"a packet in the machine's name": {rules: []clients.Rule{its(false)}, client: pcPort,
			before: []func(*box){at(first, other), claims(first, true)}, want: "waits"},
		"the link knows no one yet": {rules: []clients.Rule{its(false)}, client: pcPort,
			before: []func(*box){claims(first, false)}, http: "waits"},
		"neither link nor DHCP knows anybody yet": {rules: []clients.Rule{its(false)},
			client: pcPort, http: "waits"},
		"another machine on the link": {rules: []clients.Rule{its(false)}, client: pcPort,
			before: []func(*box){at(first, other)}, want: "for all"},
		"without rules all get the same": {rules: nil, client: pcPort,
			before: []func(*box){claims(first, false)}, want: "for all"},
		"behind a relay agent, which vouches": {rules: []clients.Rule{its(false)}, client: behindPC,
			before: []func(*box){claims(behind, true)}, want: "its own"},
		"behind a router, by its own word": {rules: []clients.Rule{its(false)}, client: behindPC,
			before: []func(*box){claims(behind, false)}, want: "waits"},
		"behind a router, a menu that waits anyway": {rules: []clients.Rule{waits}, client: behindPC,
			before: []func(*box){claims(behind, false)}, want: "its own"},
		"behind a router, no one known": {rules: []clients.Rule{its(false)},
			client: behindPC, want: "waits"},
		"behind a router, without rules": {rules: nil, client: behindPC, want: "for all"},
		"behind a relay agent, then its own word": {rules: []clients.Rule{its(false)}, client: behindPC,
			before: []func(*box){claims(behind, true), claims(behind, false)}, want: "its own"},
		"behind a relay agent, then another's word": {rules: []clients.Rule{its(false)}, client: behindPC,
			before: []func(*box){claims(behind, true),
				func(d *box) { d.desk.Clients.Learn(behind, clients.Machine{MAC: other}, false) }}, want: "waits"},
		"the router's MAC is no machine's behind it": {rules: []clients.Rule{its(false)}, client: behindPC,
			before: []func(*box){at(behind, pc)}, want: "waits"},
	} {
		t.Run(situation, func(t *testing.T) {
			d := newBox(t, spec.ModeProxy, tc.rules...)
			for _, f := range tc.before {
				f(d)
			}
			got, err := d.fetch(tc.client, grub)
			switch {
			case tc.want == "" &&
				(!errors.Is(err, tftp.ErrLater) || !slices.Equal(d.resolved, []netip.Addr{tc.client.Addr()})):
				t.Errorf("by TFTP: %q, %v; the kernel was to ask for %v", got, err, d.resolved)
			case tc.want != "" && (got != tc.want || err != nil):
				t.Errorf("by TFTP: %q, %v; want %q", got, err, tc.want)
			}
			f, err := d.files.openHTTP(tc.client.Addr(), grub)
			if err != nil {
				t.Fatal(err)
			}
			if got := content(t, f); got != tc.want && got != tc.http {
				t.Errorf("by HTTP: %q, want %q", got, tc.want+tc.http)
			}
		})
	}
	t.Run("the kernel cannot be asked", func(t *testing.T) {
		d := newBox(t, spec.ModeProxy, its(false))
		d.desk.Resolve = func(int, netip.Addr) error { return errors.New("not permitted") }
		if got, err := d.fetch(pcPort, grub); got != "waits" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("the box tests itself", func(t *testing.T) {
		d := newBox(t, spec.ModeProxy, its(false))
		if _, err := d.fetch(netip.AddrPortFrom(self.Addr(), 2070), grub); err != nil {
			t.Error(err)
		}
	})
}

// Machines keep reading while a generation is swapped in. Its menus have the
// names that other machines' menus had before.
func TestNobodyReadsAnothersMenuMeanwhile(t *testing.T) {
	d := newBox(t, spec.ModeProxy, its(false))
	d.neighbours[first] = pc
	next := d.now.Generation
	others := clients.Rule{Machine: spec.Machine{MAC: []string{other.String()}, Boot: "erase"}, View: "m1"}
	mine := its(false)
	mine.View = "m2"
	next.Machines = []clients.Rule{others, mine}
	next.Views = map[string]map[string][]byte{
		"m1": {"grub/grub.cfg": []byte("another's")}, "m2": {"grub/grub.cfg": []byte("its own, new")},
	}
	var read []string
	log := slog.New(slog.NewTextHandler(writer(func() {
		f, err := d.files.open(first, "grub/grub.cfg")
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, content(t, f))
	}), nil))
	d.Options.Log, d.dhcp.Log, d.files.log = log, log, log // use writes to these while it works
	d.takes(next)
	log.Info("done")
	if len(read) < 2 || slices.Contains(read, "another's") || read[len(read)-1] != "its own, new" {
		t.Errorf("meanwhile and then it reads %q", read)
	}
}

// writer is a log that calls a function for each line.
type writer func()

func (w writer) Write(b []byte) (int, error) { w(); return len(b), nil }

func TestMenuForOneBoot(t *testing.T) {
	menus := func(d *box, client netip.AddrPort, name string) string {
		s, err := d.fetch(client, name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const byName = "pxelinux.cfg/01-52-54-00-77-00-10"
	// gaveUp is a transfer of 1,000 bytes in blocks of 512 whose client has
	// gone silent.
	gaveUp := func(d *box, acknowledged int64, window int, err error) {
		d.files.transferred(tftp.Event{Client: pcPort, File: byName, Size: 1000, Sent: acknowledged, BlockSize: 512,
			Window: window, Err: err})
	}
	for situation, read := range map[string]func(*box){
		"by TFTP":                                func(d *box) { menus(d, pcPort, byName) },
		"by TFTP, its last acknowledgement lost": func(d *box) { gaveUp(d, 512, 1, tftp.ErrGaveUp) },
		"by TFTP, the acknowledgement of all of it lost": func(d *box) { gaveUp(d, 0, 2, tftp.ErrGaveUp) },
		"by HTTP": func(d *box) {
			d.files.answered(trace.Event{Protocol: trace.HTTP, Addr: first, What: "grub/grub.cfg", Outcome: trace.Sent})
		},
	} {
		t.Run(situation, func(t *testing.T) {
			d := newBox(t, spec.ModeProxy, its(true))
			d.neighbours[first] = pc
			read(d)
			again, err := d.files.open(first, "/grub/grub.cfg") // not read to its end, which would count
			if err != nil {
				t.Fatal(err)
			}
			if got := content(t, again); got != "its own" {
				t.Errorf("read again in the same boot: %q", got)
			}
			d.handed(biosPC) // its firmware sends a request
			if got := menus(d, pcPort, byName); got != "for all" {
				t.Errorf("in the next boot: %q", got)
			}
		})
	}
	for situation, read := range map[string]func(*box){
		"a person has looked at it from elsewhere": func(d *box) {
			menus(d,
				netip.AddrPortFrom(first.Next(), 2070), byName)
		},
		"its last block was not sent":  func(d *box) { gaveUp(d, 0, 1, tftp.ErrGaveUp) },
		"no one acknowledged anything": func(d *box) { gaveUp(d, 0, 2, tftp.ErrNoAnswer) },
		"it was broken off":            func(d *box) { gaveUp(d, 512, 1, errors.New("the disk")) },
		"another file arrived":         func(d *box) { menus(d, pcPort, "handoff/wds") },
	} {
		t.Run(situation, func(t *testing.T) {
			d := newBox(t, spec.ModeProxy, its(true))
			d.neighbours[first] = pc
			read(d)
			d.handed(biosPC)
			if got := menus(d, pcPort, byName); got != "its own" {
				t.Errorf("its one boot has the menu %q", got)
			}
		})
	}
}

// A client that is refused again and again is logged only now and then.
func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	d.neighbours[first] = other
	for range 100 {
		d.fetch(pcPort, asksGRUB)
	}
	if n := strings.Count(d.said.String(), "hand-over refused"); n != 1 {
		t.Errorf("%d lines", n)
	}
}

// A client cannot see a link that leaves the boot folder. The request counts as
// refused, and the log gives the reason once.
func TestLinkOutOfTheFolder(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	if err := errors.Join(os.MkdirAll(d.BootDir, 0o755),
		os.Symlink("/mnt/usb", filepath.Join(d.BootDir, "iso"))); err != nil {
		t.Fatal(err)
	}
	d.files.look()
	t.Cleanup(func() { d.files.site.Close() })
	events := d.tell.bus.Subscribe()
	for _, name := range []string{"iso/debian/linux", "iso", "/iso/other"} {
		_, err := d.files.openTFTP(pcPort, name)
		if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, tftp.ErrRefused) {
			t.Errorf("%s by TFTP: %v; the client is to hear that it is not there", name, err)
		}
		d.files.transferred(tftp.Event{Client: pcPort, File: name, Start: t0, Err: err})
		if e := <-events; e.Outcome != trace.Refused {
			t.Errorf("%s counts as %q", name, e.Outcome)
		}
		if _, err := d.files.openHTTP(first, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s by HTTP: %v", name, err)
		}
	}
	said := d.said.String()
	if n := strings.Count(said, "not served"); n != 1 ||
		!strings.Contains(said, `file=iso why="is a link that leads out`) {
		t.Errorf("told %d times; the log:\n%v", n, said)
	}
	_, err := d.files.openTFTP(pcPort, "missing")
	d.files.transferred(tftp.Event{Client: pcPort, File: "missing", Start: t0, Err: err})
	if e := <-events; e.Outcome != trace.NotFound || d.said.String() != said {
		t.Errorf("what is not there counts as %q; the log:\n%v", e.Outcome, d.said)
	}
}

func TestTFTPBounds(t *testing.T) {
	for _, tc := range []struct {
		situation     string
		c             spec.TFTP
		block, window int
	}{
		{situation: "as the link has it", block: 1468, window: 64},
		{situation: "lower", c: spec.TFTP{MaxBlock: 1024, MaxWindow: 4}, block: 1024, window: 4},
		{situation: "lifted", c: spec.TFTP{MaxBlock: 65464, MaxWindow: 256}, block: 65464, window: 256},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if block, window := tftpBounds(tc.c, 1500); block != tc.block || window != tc.window {
				t.Errorf("got %d and %d", block, window)
			}
		})
	}
}
