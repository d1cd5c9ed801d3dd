package pxed

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/base/filewatch"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/control/compile"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/serve/dhcpconn"
	"github.com/pxebox/pxebox/internal/serve/dhcpd"
	"github.com/pxebox/pxebox/internal/test/dhcptest"
)

// leadsToWDS is a site whose menu leads to WDS by a restart, on all firmware.
const leadsToWDS = `
[[subnet]]
network = "10.1.0.0/24"
[[wds]]
name = "wds"
server = "192.168.77.2"
bios_route = "reboot"
[[entry]]
name = "wds"
label = "Windows"
wds = "wds"
`

// leases are the DHCP settings of a box that leases addresses, and of one that
// runs alongside another server and leases none.
var leases = map[spec.Mode]string{
	spec.ModeServer: "[dhcp]\nmode = \"server\"\nforce = true\nprobe = false\n" +
		"range = [\"192.168.77.100-192.168.77.101\"]\n",
	spec.ModeProxy: "[dhcp]\nmode = \"proxy\"\n",
}

// reads makes the box use leadsToWDS, with menuwatch's view of the WDS server.
func (d *box) reads(mode spec.Mode, state bootmenu.Health) {
	d.Helper()
	c, err := parser.Parse("pxebox.toml", []byte("[network]\naddress = \"192.168.77.1/24\"\n"+leases[mode]+leadsToWDS))
	if err != nil {
		d.Fatal(err)
	}
	programs := map[firmware.Kind]bootmenu.Health{"bios": state, "uefi-x64": state}
	d.takes(compile.Generation(c, menu.Status{WDS: map[string]bootmenu.Server{"wds": {Programs: programs}}}))
}

// wire records what is sent.
type wire struct {
	*testing.T
	sent []*dhcpv4.DHCPv4
}

func (w *wire) Send(_ netip.Addr, replies []dhcpconn.Reply) error {
	for _, r := range replies {
		m, err := dhcpv4.FromBytes(r.Data)
		if err != nil {
			w.Fatal(err)
		}
		w.sent = append(w.sent, m)
	}
	return nil
}

func (w *wire) Probe(netip.Addr) error { return nil }

// rom is pc's firmware, at an address, either behind a relay agent or on the
// link.
type rom struct {
	arch iana.Arch
	addr netip.AddrPort
	via  netip.Addr
}

// asks sends one of its packets to the box. It returns the answer's server and
// the file to load, or nothing.
func (f rom) asks(d *box, now time.Time, xid byte, t dhcpv4.MessageType, change func(*dhcpv4.DHCPv4)) string {
	d.Helper()
	guid := dhcpv4.OptGeneric(dhcpv4.OptionClientMachineIdentifier, make([]byte, 17))
	m := dhcptest.PXE(net.HardwareAddr(pc[:]), f.arch, t, guid)
	m.TransactionID = [4]byte{xid}
	port, from := dhcp.ServerPort, netip.AddrPortFrom(netip.IPv4Unspecified(), dhcp.ClientPort)
	if f.via.IsValid() {
		m.GatewayIPAddr, from = f.via.AsSlice(), netip.AddrPortFrom(f.via, dhcp.ServerPort)
	}
	if change != nil {
		change(m)
	}
	if m.ClientIPAddr != nil { // it has an address: to the boot server
		m.GatewayIPAddr = nil
		port, from = dhcp.BootServerPort, netip.AddrPortFrom(f.addr.Addr(), dhcp.BootServerPort)
	}
	q := dhcp.NewQuestion(m, port, from)
	w := &wire{T: d.T}
	d.dhcp.Handle(now, dhcpd.Packets{Questions: []dhcp.Question{q}, Sender: w, Prober: w})
	if len(w.sent) == 0 {
		return ""
	}
	return strings.TrimSpace(w.sent[0].ServerIPAddr.String() + " " + w.sent[0].BootFileName)
}

// boots performs a boot by DHCP. It returns what the OFFER tells the machine to
// load and, if the box leases nothing, what the answer on port 4011 does.
func (f rom) boots(d *box, mode spec.Mode, now time.Time, xid byte) (offer, bootServer string) {
	d.Helper()
	offer = f.asks(d, now, xid, dhcpv4.MessageTypeDiscover, nil)
	server := self.Addr()
	if !mode.Leases() {
		server = netip.MustParseAddr("192.168.77.3") // the site's DHCP server
	}
	f.asks(d, now.Add(time.Second), xid, dhcpv4.MessageTypeRequest, func(m *dhcpv4.DHCPv4) {
		m.UpdateOption(dhcpv4.OptServerIdentifier(server.AsSlice()))
		m.UpdateOption(dhcpv4.OptRequestedIPAddress(f.addr.Addr().AsSlice()))
	})
	if !mode.Leases() {
		bootServer = f.asks(d, now.Add(2*time.Second), xid+100, dhcpv4.MessageTypeRequest, func(m *dhcpv4.DHCPv4) {
			m.ClientIPAddr = f.addr.Addr().AsSlice()
		})
	}
	return offer, bootServer
}

// reHandoff matches the name in a menu that asks for a handoff.
var reHandoff = regexp.MustCompile(`handoff/wds/[^" \n]+`)

// chosen returns the file that a boot loader requests when a user chooses WDS
// in the menu that it has read.
func chosen(t *testing.T, menu string) string {
	t.Helper()
	name := reHandoff.FindString(menu)
	if name == "" {
		t.Fatalf("no way to WDS in this menu:\n%s", menu)
	}
	return strings.Replace(name, "$net_default_mac", pc.String(), 1)
}

// ways are the combinations of firmware and location from which a machine gets
// to WDS by a restart.
var ways = map[string]struct {
	rom
	menu  string
	modes []spec.Mode
	// What the box and WDS tell the machine to load: in a server's OFFER,
	// and on port 4011.
	box, wds string
}{
	"BIOS": {rom: rom{iana.INTEL_X86PC, pcPort, netip.Addr{}}, menu: "pxelinux.cfg/01-52-54-00-77-00-10",
		modes: []spec.Mode{spec.ModeServer, spec.ModeProxy}, box: "192.168.77.1 pxelinux.0",
		wds: `192.168.77.2 boot\x64\wdsnbp.com`},
	"UEFI": {rom: rom{iana.EFI_X86_64, pcPort, netip.Addr{}}, menu: "/grub/grub.cfg",
		modes: []spec.Mode{spec.ModeServer, spec.ModeProxy}, box: "192.168.77.1 shimx64.efi",
		wds: `192.168.77.2 boot\x64\wdsmgfw.efi`},
	"BIOS behind a relay agent": {rom: rom{iana.INTEL_X86PC, behindPC, netip.MustParseAddr("10.1.0.1")},
		menu:  "pxelinux.cfg/01-52-54-00-77-00-10",
		modes: []spec.Mode{spec.ModeProxy}, box: "192.168.77.1 pxelinux.0", wds: `192.168.77.2 boot\x64\wdsnbp.com`},
	"UEFI behind a relay agent": {rom: rom{iana.EFI_X86_64, behindPC, netip.MustParseAddr("10.1.0.1")},
		menu:  "/grub/grub.cfg",
		modes: []spec.Mode{spec.ModeProxy}, box: "192.168.77.1 shimx64.efi", wds: `192.168.77.2 boot\x64\wdsmgfw.efi`},
}

// A machine asks for WDS and restarts. In between this program restarts too,
// and the server does not answer. The next boot shows the menu, with the
// reason.
func TestSilentWDSLeadsBackToTheMenu(t *testing.T) {
	for situation, way := range ways {
		for _, mode := range way.modes {
			t.Run(situation+", "+string(mode), func(t *testing.T) {
				leads := func(d *box, step string, at time.Time, xid byte, want string) {
					t.Helper()
					offer, bootServer := way.boots(d, mode, at, xid)
					if !mode.Leases() { // its OFFER names only the server
						server, _, _ := strings.Cut(want, " ")
						if offer != server || bootServer != want {
							t.Fatalf("%s: the offer is %q, port 4011 says %q; want %q\n%v",
								step, offer, bootServer, want, d.said)
						}
					} else if offer != want {
						t.Fatalf("%s: the offer is %q, want %q\n%v", step, offer, want, d.said)
					}
				}
				now, runDir := time.Now(), t.TempDir()
				start := func(state bootmenu.State) *box {
					d := newBoxIn(t, runDir, spec.ModeProxy)
					d.neighbours[first] = pc
					d.reads(mode, bootmenu.Health{State: state})
					return d
				}
				stop := func(d *box) {
					ctx, cancel := context.WithCancel(t.Context())
					done := make(chan error)
					os.Remove(filepath.Join(runDir, "handoffs.json"))
					go func() { done <- d.desk.Serve(ctx) }()
					for range filewatch.Dir(ctx, runDir, time.Second) {
						if _, err := os.Stat(filepath.Join(runDir, "handoffs.json")); err == nil {
							break
						}
					}
					cancel()
					<-done
				}

				d := start(bootmenu.Up)
				leads(d, "the first boot", now, 1, way.box)
				text, err := d.fetch(way.addr, way.menu)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(text, "(down") {
					t.Errorf("the menu says that the server is down:\n%s", text)
				}
				stop(d)
				d = start(bootmenu.Up) // the menu stays on the screen
				if notice, err := d.fetch(way.addr, chosen(t, text)); err != nil ||
					!strings.Contains(notice, "restarts now") {
					t.Fatalf("the choice: %q, %v\n%v", notice, err, d.said)
				}
				stop(d)
				d = start(bootmenu.Up)
				leads(d, "the boot that was chosen", now.Add(30*time.Second), 2, way.wds)
				stop(d)
				d = start(bootmenu.Up)

				d.reads(mode,
					bootmenu.Health{State: bootmenu.Down, Since: time.Date(2026, 1, 1, 14, 5, 0, 0, time.UTC)})
				leads(d, "the boot after that", now.Add(90*time.Second), 3, way.box)
				if text, err := d.fetch(way.addr, way.menu); err != nil ||
					!strings.Contains(text, "Windows (down since 14:05)") {
					t.Errorf("its menu, %v:\n%s", err, text)
				}
			})
		}
	}
}

// A USB adapter moves from one tablet to the next. The boot that one tablet
// asked for does not go to the next one.
func TestChoiceIsNotTheNextMachinesBehindAnAdapter(t *testing.T) {
	for situation, guid := range map[string]string{
		"told by DHCP": "70786562-6f78-4c61-8000-000000000010", "not known": "",
	} {
		t.Run(situation, func(t *testing.T) {
			d := newBox(t, spec.ModeProxy)
			d.reads(spec.ModeProxy, bootmenu.Health{State: bootmenu.Up})
			d.neighbours[first] = pc
			one, two := biosPC, biosPC
			one.GUID, two.GUID = guid, "70786562-6f78-4c61-8000-000000000011"
			d.desk.Clients.Learn(first, one, false)
			text, err := d.fetch(pcPort, "/grub/grub.cfg")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.fetch(pcPort, chosen(t, text)); err != nil {
				t.Fatal(err)
			}
			if got := d.handed(two); got != (guid == "") {
				t.Errorf("the next one is handed over: %v", got)
			}
			if !d.handed(one) {
				t.Error("the one that asked is not")
			}
		})
	}
}

// Each reader of a menu gets its own name in it, and no other machine's.
func TestNobodyGetsAnothersName(t *testing.T) {
	forger := netip.AddrPortFrom(first.Next(), 2070)
	begin := func(t *testing.T) *box {
		d := newBox(t, spec.ModeProxy)
		d.reads(spec.ModeProxy, bootmenu.Health{State: bootmenu.Up})
		d.neighbours[first], d.neighbours[forger.Addr()] = pc, other
		return d
	}
	for situation, read := range map[string]func(d *box) (string, error){
		"its own menu": func(d *box) (string, error) { return d.fetch(forger, "/grub/grub.cfg") },
		"the machine's, by PXELINUX's name": func(d *box) (string, error) {
			return d.fetch(forger, "pxelinux.cfg/01-52-54-00-77-00-10")
		},
		"its own, after a REQUEST that says it were the machine": func(d *box) (string, error) {
			d.desk.Clients.Learn(forger.Addr(), biosPC, false)
			return d.fetch(forger, "/grub/grub.cfg")
		},
		"its own, by HTTP": func(d *box) (string, error) {
			f, err := d.files.openHTTP(forger.Addr(), "grub/grub.cfg")
			if err != nil {
				return "", err
			}
			return content(d.T, f), nil
		},
	} {
		t.Run(situation, func(t *testing.T) {
			d := begin(t)
			text, err := read(d)
			if err != nil {
				t.Fatal(err)
			}
			name := chosen(t, text)
			for from, client := range map[string]netip.AddrPort{"its own": forger, "the machine's": pcPort} {
				if s, err := d.fetch(client, name); err == nil && !strings.Contains(s, "LABEL REFUSED") {
					t.Errorf("from %s address it reads %q", from, s)
				}
			}
			if d.handed(biosPC) {
				t.Error("the machine is handed over")
			}
		})
	}
	t.Run("the machine itself, which has read the menu by HTTP", func(t *testing.T) {
		d := begin(t)
		f, err := d.files.openHTTP(first, "grub/grub.cfg")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.fetch(pcPort, chosen(t, content(t, f))); err != nil || !d.handed(biosPC) {
			t.Errorf("%v; the log:\n%v", err, d.said)
		}
	})
	t.Run("the machine's name, kept by one that had its address before", func(t *testing.T) {
		d := begin(t)
		d.neighbours[first] = other
		d.desk.Clients.Learn(first, biosPC, false) // by a REQUEST, which any host can send
		text, err := d.fetch(pcPort, "/grub/grub.cfg")
		if err != nil {
			t.Fatal(err)
		}
		d.neighbours[first] = pc
		if s, err := d.fetch(pcPort, chosen(t, text)); err == nil {
			t.Errorf("it reads %q", s)
		}
	})
}
