package pxed

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/assets"
	"github.com/pxebox/pxebox/assets/names"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/ladder"
	"github.com/pxebox/pxebox/internal/serve/pxe"
	"github.com/pxebox/pxebox/internal/serve/tftp"
)

// adapts makes the box adapt its answers, with WDS as the fallback.
func (d *box) adapts() {
	g := d.now.Generation
	g.DHCP.Adapt, g.DHCP.Fallback = true, "wds"
	g.Handoffs = map[string]handoff.Target{"wds": {Server: wds,
		Programs: map[firmware.Kind]string{"uefi-x64": `boot\x64\wdsmgfw.efi`}}}
	d.takes(g)
}

// loadsShim is a boot up to shim, which the machine at an address receives.
func (d *box) loadsShim(now time.Time, f rom) {
	d.Helper()
	f.asks(d, now, 1, dhcpv4.MessageTypeDiscover, nil)
	f.asks(d, now, 1, dhcpv4.MessageTypeRequest, func(m *dhcpv4.DHCPv4) {
		m.UpdateOption(dhcpv4.OptServerIdentifier([]byte{192, 168, 77, 3}))
		m.UpdateOption(dhcpv4.OptRequestedIPAddress(f.addr.Addr().AsSlice()))
	})
	d.files.transferred(tftp.Event{Client: f.addr, File: "shimx64.efi", Start: now, Size: 9, Sent: 9})
}

// Only what was sent to the machine's own address counts: that is known from ARP
// or from a relay agent, not from what any host says by DHCP.
func TestWhoseShimWasSent(t *testing.T) {
	for _, tc := range []struct {
		situation  string
		neighbours map[netip.Addr]ether.MAC
		rom        rom
		also       string // a file that is requested from the address
		want       int
	}{
		{situation: "ARP names it", neighbours: map[netip.Addr]ether.MAC{first: pc}, rom: rom{addr: pcPort}, want: 1},
		{situation: "a relay agent vouches for it", rom: rom{addr: behindPC,
			via: netip.MustParseAddr("10.1.0.1")}, want: 1},
		{situation: "ARP names another machine", neighbours: map[netip.Addr]ether.MAC{first: other},
			rom: rom{addr: pcPort}},
		{situation: "only a packet on the link says that it has the address", rom: rom{addr: pcPort}},
		{situation: "it asks for GRUB", neighbours: map[netip.Addr]ether.MAC{first: pc}, rom: rom{addr: pcPort},
			also: "grubx64.efi"},
		{situation: "it asks for a file that is not there", neighbours: map[netip.Addr]ether.MAC{first: pc},
			rom: rom{addr: pcPort}, also: "revocations.efi"},
		{situation: "it asks for shim once more", neighbours: map[netip.Addr]ether.MAC{first: pc},
			rom: rom{addr: pcPort}, also: "shimx64.efi", want: 1},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			d := newBox(t, spec.ModeProxy)
			d.adapts()
			d.neighbours = tc.neighbours
			tc.rom.arch = iana.EFI_X86_64
			d.loadsShim(time.Now(), tc.rom)
			switch tc.also {
			case "":
			case "revocations.efi":
				d.files.transferred(tftp.Event{Client: tc.rom.addr, File: tc.also, Err: os.ErrNotExist})
			default:
				d.files.began(tftp.Event{Client: tc.rom.addr, File: tc.also, Start: time.Now()})
			}
			loads := 0
			for _, r := range d.desk.Ladder().All(time.Now()) {
				if r.MAC == pc {
					loads += r.Shim.Loads
				}
			}
			if loads != tc.want {
				t.Errorf("%d boots that loaded shim and nothing more, want %d", loads, tc.want)
			}
		})
	}
}

// A machine that does not start shim is sent to the copies of it, which are served
// next to it. If the site has its own shim, the copies are that one.
func TestCopiesAreServed(t *testing.T) {
	single := assets.SingleSigned()
	if len(single) == 0 {
		t.Skip("shim has one signature")
	}
	d := newBox(t, spec.ModeProxy)
	d.adapts()
	d.neighbours[first] = pc
	f, now := rom{arch: iana.EFI_X86_64, addr: pcPort}, time.Now()
	told := func() string {
		t.Helper()
		f.asks(d, now, 1, dhcpv4.MessageTypeDiscover, nil)
		said := f.asks(d, now, 2, dhcpv4.MessageTypeRequest, func(m *dhcpv4.DHCPv4) {
			m.ClientIPAddr = f.addr.Addr().AsSlice()
		})
		_, name, _ := strings.Cut(said, " ")
		return name
	}
	for n, want := range append([]string{pxe.Shim}, names.SingleSigned()...) {
		boots := 2
		if n > 0 {
			boots = 1
		}
		for range boots {
			name := told()
			if name != want {
				t.Fatalf("it is told to load %q, want %q", name, want)
			}
			file, err := d.files.openTFTP(f.addr, name)
			if err != nil {
				t.Fatal(err)
			}
			if got := content(t, file); n > 0 && got != string(single[name]) {
				t.Errorf("%s has %d bytes, want %d", name, len(got), len(single[name]))
			}
			// The clock of transfers is the real one: the boot is of a while ago.
			d.desk.Ladder().Loaded(now, clients.Machine{MAC: pc, Firmware: "uefi-x64"}, first, d.files.copyOf(name))
			now = now.Add(20 * time.Second)
		}
	}
	if said := told(); said != `boot\x64\wdsmgfw.efi` {
		t.Errorf("after the last copy it is told to load %q", said)
	}

	os.MkdirAll(d.BootDir, 0o755)
	if err := os.WriteFile(filepath.Join(d.BootDir, pxe.Shim), []byte("the site's"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.files.look()
	file, err := d.files.openTFTP(f.addr, "/SHIMx64-2011.efi")
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, file); got != "the site's" {
		t.Errorf("next to a shim of the site, a copy of the box's is %d bytes", len(got))
	}
	if c := d.files.copyOf(pxe.Shim); c != (ladder.Copy{}) {
		t.Errorf("the site's shim is %+v", c)
	}
}

// Whether a program of the box starts is seen from transfers to the machine's own
// address, and not from DHCP packets, which any host can send.
func TestWhoseProgramWasSent(t *testing.T) {
	forger := other
	const usual, older = "win/bootmgfw_EX.efi", "win/bootmgfw.efi"
	for _, tc := range []struct {
		situation string
		holder    ether.MAC
		sent      []string // in each boot
		want      string
	}{
		{situation: "it is sent whole, and nothing after it", holder: pc, sent: []string{usual}, want: older},
		{situation: "it asks for more", holder: pc, sent: []string{usual, "win/boot/bcd"}, want: usual},
		{situation: "ARP names another machine", holder: forger, sent: []string{usual}, want: usual},
		{situation: "only DHCP packets", holder: pc, want: usual},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			d := newBox(t, spec.ModeProxy, clients.Rule{Machine: spec.Machine{Boot: "win"}, Handoff: "win"})
			g := d.now.Generation
			g.DHCP.Adapt = true
			g.Handoffs = map[string]handoff.Target{"win": {Self: true,
				Programs:     map[firmware.Kind]string{"uefi-x64": usual},
				Alternatives: map[firmware.Kind][]string{"uefi-x64": {older}}}}
			d.takes(g)
			d.neighbours[first] = tc.holder
			// The clock of transfers is the real one.
			f, now := rom{arch: iana.EFI_X86_64, addr: pcPort}, time.Now()
			told := func(xid byte) string {
				f.asks(d, now, xid, dhcpv4.MessageTypeDiscover, nil)
				f.asks(d, now, xid, dhcpv4.MessageTypeRequest, func(m *dhcpv4.DHCPv4) {
					m.UpdateOption(dhcpv4.OptServerIdentifier([]byte{192, 168, 77, 3}))
					m.UpdateOption(dhcpv4.OptRequestedIPAddress(f.addr.Addr().AsSlice()))
				})
				said := f.asks(d, now, xid+100, dhcpv4.MessageTypeRequest, func(m *dhcpv4.DHCPv4) {
					m.ClientIPAddr = f.addr.Addr().AsSlice()
				})
				_, name, _ := strings.Cut(said, " ")
				return name
			}
			for n := range byte(2) {
				told(n)
				for _, name := range tc.sent {
					d.files.began(tftp.Event{Client: f.addr, File: name, Start: now})
					d.files.transferred(tftp.Event{Client: f.addr, File: name, Start: now, Size: 9, Sent: 9})
				}
				now = time.Now().Add(time.Duration(20*(n+1)) * time.Second)
			}
			if got := told(5); got != tc.want {
				t.Errorf("it is told to load %q, want %q", got, tc.want)
			}
		})
	}
}

// The table is saved, and a program that starts again has it.
func TestLadderIsSaved(t *testing.T) {
	dir := runDir(t)
	d := newBoxIn(t, dir, spec.ModeProxy)
	d.adapts()
	d.neighbours[first] = pc
	d.loadsShim(time.Now(), rom{arch: iana.EFI_X86_64, addr: pcPort})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go d.desk.Serve(ctx)
	file := filepath.Join(dir, "ladder.json")
	for deadline := time.Now().Add(time.Minute); ; {
		if b, err := os.ReadFile(file); err == nil && strings.Contains(string(b), pc.String()) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it was not saved")
		}
		time.Sleep(50 * time.Millisecond)
	}
	again := newBoxIn(t, dir, spec.ModeProxy)
	all := again.desk.Ladder().All(time.Now())
	if len(all) != 1 || all[0].MAC != pc || all[0].Shim.Loads != 1 {
		t.Errorf("got %+v", all)
	}
	if err := os.WriteFile(file, []byte(`{"form`), 0o644); err != nil {
		t.Fatal(err)
	}
	damaged := newBoxIn(t, dir, spec.ModeProxy)
	if all := damaged.desk.Ladder().All(time.Now()); len(all) > 0 ||
		!strings.Contains(damaged.said.String(), "level=WARN") {
		t.Errorf("got %+v and the log %s", all, damaged.said)
	}
}
