package pxed

import (
	"context"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/serve/dhcpconn"
	"github.com/pxebox/pxebox/internal/serve/dhcpd"
	"github.com/pxebox/pxebox/internal/serve/event"
	"github.com/pxebox/pxebox/internal/serve/otherdhcp"
	"github.com/pxebox/pxebox/internal/serve/tftp"
	"github.com/pxebox/pxebox/internal/test/dhcptest"
)

// hundred is how many log lines gokrazy keeps per program.
const hundred = 100

// flood makes the box log everything that strangers can trigger, n times.
func (d *box) flood(n int, network *slog.Logger) {
	now := time.Now()
	invented := net.HardwareAddr{2, 0xf1, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	ask := func(m *dhcpv4.DHCPv4) {
		d.dhcp.Handle(now, dhcpd.Packets{
			Questions: []dhcp.Question{dhcp.NewQuestion(m, dhcp.ServerPort, netip.AddrPort{})}, Sender: quietWire{},
			Prober: quietWire{},
		})
	}
	for _, arch := range []iana.Arch{iana.INTEL_X86PC, iana.EFI_ARM64, iana.EFI_IA32} {
		ask(dhcptest.PXE(invented, arch, dhcpv4.MessageTypeDiscover))
	}
	offered := dhcpv4.OptRequestedIPAddress(netip.AddrFrom4([4]byte{192, 168, 77, byte(100 + n%50)}).AsSlice())
	us := dhcpv4.OptServerIdentifier(self.Addr().AsSlice())
	ask(dhcptest.PXE(invented, iana.INTEL_X86PC, dhcpv4.MessageTypeRequest, offered, us))
	ask(dhcptest.PXE(invented, iana.INTEL_X86PC, dhcpv4.MessageTypeDecline, offered, us))
	relayed := dhcptest.PXE(invented, iana.INTEL_X86PC, dhcpv4.MessageTypeDiscover)
	relayed.GatewayIPAddr = net.IPv4(10, 9, 9, 9)
	ask(relayed)

	from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 77, byte(150 + n%100)}), 2070)
	for _, name := range []string{"missing", "../../etc/shadow", "link", asks(pcPort, "wds", "")} {
		f, err := d.files.openTFTP(from, name)
		if err == nil {
			f.Close()
		}
	}
	d.files.transferred(tftp.Event{Client: from, File: "linux", Start: now, Err: tftp.ErrGaveUp})
	// What package tftp logs.
	log := d.tftpServer(1500).Log
	log.Warn("tftp: transfer failed", "client", from.Addr())
	log.Warn("tftp: refused", "client", from.Addr())
	log.Info("tftp: sent", "client", from.Addr())
	for _, name := range []string{"/missing", "/../secret", "/grub/grub.cfg"} {
		r := httptest.NewRequest("GET", name, nil)
		r.RemoteAddr = from.String()
		d.httpServer().ServeHTTP(httptest.NewRecorder(), r)
	}
	if n%30 == 0 {
		d.dhcp.Verdict(now, otherdhcp.Verdict{Foreign: from.Addr(), Why: "another DHCP server answers on this link"})
		d.dhcp.Verdict(now, otherdhcp.Verdict{Allowed: true, Why: "no other DHCP server answers"})
		network.Warn("network: an offered address was not leased", "err", "refused")
		network.Warn("network: lease lost")
		network.Info("network: address leased")
	}
}

// quietWire is a network that accepts all packets.
type quietWire struct{}

func (quietWire) Send(netip.Addr, []dhcpconn.Reply) error { return nil }
func (quietWire) Probe(netip.Addr) error                  { return nil }

// TestFloodOfTheLog floods the box for ten minutes with everything that makes
// it log. Strangers must get so few of gokrazy's hundred lines that the lines
// that a technician looks for are still there.
func TestFloodOfTheLog(t *testing.T) {
	always := []string{
		"msg=generation", `msg="boot folder found"`, `msg="log: lines left out"`,
		"msg=boot part=boot mac=" + pc.String(),
		// From the README's table.
		"from a subnet that is not configured", `msg="hand-over refused"`, `msg="file not served"`,
		`msg="network: `,
	}
	for mode, more := range map[spec.Mode][]string{
		spec.ModeServer: {`msg="dhcp: leasing addresses"`, "another DHCP server answers on this link",
			"no address left for"},
		spec.ModeProxy: {"no boot file for uefi-arm64"},
	} {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := tenMinutesOfFlood(t, mode)
				last := strings.Join(all[max(0, len(all)-hundred):], "")
				t.Logf("%d lines in ten minutes of a flood", len(all))
				if len(all) > 3*hundred/2 {
					t.Errorf("%d lines in ten minutes", len(all))
				}
				for _, line := range all {
					if !strings.Contains(line, " part=") && !strings.Contains(line, `msg="log: lines left out"`) {
						t.Errorf("the line does not say of which part it is: %s", line)
					}
				}
				for _, line := range append(more, always...) {
					if !strings.Contains(last, line) {
						t.Errorf("%s is not in the last %d lines", line, hundred)
					}
				}
				if t.Failed() {
					t.Log(last)
				}
			})
		})
	}
}

// tenMinutesOfFlood returns the lines of a log. A machine boots halfway
// through.
func tenMinutesOfFlood(t *testing.T, mode spec.Mode) []string {
	said := &lines{}
	limited := loglimit.New(slog.NewTextHandler(said, nil))
	d := newBoxWith(t, runDir(t), said, limited, mode)
	if err := os.Mkdir(d.BootDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(d.BootDir, "link")); err != nil {
		t.Fatal(err)
	}
	d.files.look()
	network := slog.New(limited.Part(slog.NewTextHandler(said, nil))).With("part", "network")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	events := d.tell.bus.Subscribe()
	go func() { done <- event.LogBoots(ctx, events, d.whose, d.tell.metrics.Boot, d.part("boot")) }()

	const lasts, eachSecond = 600, 5
	for second := range lasts {
		if second == lasts/2 {
			d.neighbours[pcPort.Addr()] = pc
			d.files.transferred(tftp.Event{Client: pcPort, File: "pxelinux.0", Size: 1000, Sent: 1000,
				Start: time.Now()})
		}
		for i := range eachSecond {
			d.flood(second*eachSecond+i, network)
			synctest.Wait() // the bus drops events that have no reader
		}
		time.Sleep(time.Second) // the bubble's clock
	}
	cancel()
	<-done
	return slices.Collect(strings.Lines(said.String()))
}
