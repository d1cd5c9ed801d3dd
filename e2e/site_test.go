//go:build e2e

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/handoff"
	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/lan"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/e2e/wds"
)

// Paths relative to this directory, where the tests run.
const (
	buildDir     = "../build"
	kernelPinDir = "../gokrazy/builddir"
)

// site is a lab that reports, when its test fails, how far the client came.
type site struct {
	*lab.Lab
	t      *testing.T
	client *qemu.Machine
	mac    [6]byte    // the client's
	box    netip.Addr // as waitBox was told
	begin  int        // index of the first of the LAN's datagrams that concerns this test
	parts  bool       // the parts report for themselves
}

func newSite(t *testing.T, name string) *site {
	t.Helper()
	l, err := lab.New(buildDir, name, slog.New(slog.NewTextHandler(testLog{t}, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	s := &site{Lab: l, t: t, mac: lab.ClientMAC}
	t.Cleanup(s.report)
	return s
}

// part runs a part of a test with its own client, given by its number, on the
// same site, at the same time as the other parts. The client is off when the
// part ends.
func (s *site) part(situation string, client byte, f func(s *site)) {
	s.parts = true
	s.t.Run(situation, func(t *testing.T) {
		t.Parallel()
		p := &site{Lab: s.Lab, t: t, mac: lab.Client(client), box: s.box, begin: len(s.LAN.UDP())}
		t.Cleanup(func() {
			p.report()
			if p.client != nil {
				p.client.Stop()
			}
		})
		f(p)
	})
}

// seen returns the datagrams since the test began.
func (s *site) seen() []lan.Datagram { return s.LAN.UDP()[s.begin:] }

// report prints, if the test has failed, what a technician needs first.
func (s *site) report() {
	if !s.t.Failed() || s.parts {
		return
	}
	trail := handoff.Trail{MAC: s.mac, WDS: lab.WDSAddr}
	for _, d := range s.seen() {
		trail.See(d)
	}
	for _, e := range trail.Events {
		s.t.Logf("%s  %-12v %s", e.Time.Format("15:04:05.000"), e.Step, e.Detail)
	}
	s.t.Logf("the last step that was reached: %v", trail.Last())
	s.t.Logf("packets: %s; consoles: the .log files next to it", strings.TrimPrefix(s.Capture(), "../"))
	if n := s.LAN.Dropped(); n > 0 {
		s.t.Logf("the switch dropped %d frames", n)
	}
	if s.client != nil {
		text := s.client.Console.Text()
		s.t.Logf("the end of the client's console:\n%s", text[max(0, len(text)-1500):])
	}
}

// within bounds a wait, which also ends when a guest does. Software emulation
// on a busy machine is slow, so these bounds are far above typical times.
func (s *site) within(d time.Duration) context.Context {
	ctx, unwatch := s.Watch(s.t.Context())
	s.t.Cleanup(unwatch)
	ctx, cancel := context.WithTimeoutCause(ctx, d, fmt.Errorf("it did not come within %v", d))
	s.t.Cleanup(cancel)
	return ctx
}

// firmware returns the firmware of a release, unless the environment forces
// another one.
func (s *site) firmware(release string) qemu.Firmware {
	s.t.Helper()
	f, err := s.Firmware(release)
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

// startClient powers on a machine with a BIOS, whose network card has the ROM
// of a release. Each line of the tests names a release, so that make e2e covers
// both.
func (s *site) startClient(release string, c lab.ClientConfig) *qemu.Machine {
	s.t.Helper()
	c.MAC, c.Firmware = s.mac, s.firmware(release)
	s.t.Log("firmware:", c.Firmware.IPXE())
	m, err := s.StartClient(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.client = m
	return m
}

// verdict waits for the last line of a stand-in for one of Microsoft's programs.
func (s *site) verdict(ctx context.Context) string {
	s.t.Helper()
	e, err := lab.Verdict(ctx, s.client)
	if err != nil {
		s.t.Fatal(err)
	}
	return e.Detail
}

// checkHandoff checks every part of a BIOS machine's handoff to WDS, on the
// wire and on the console.
func (s *site) checkHandoff() {
	t := s.t
	t.Helper()
	s.checkHandoffPackets(lab.WDSAddr, wds.FileBIOSFirst)
	console := s.client.Console.Text()
	for _, packet := range []string{"2", "3"} {
		line := grep(console, nbp.Prefix+"packet "+packet)
		if !strings.Contains(line, fmt.Sprintf(" siaddr=%v ", lab.WDSAddr)) {
			t.Errorf("cached packet %s does not name the WDS server: %q", packet, line)
		}
	}
	checkFetched(t, grep(console, nbp.Prefix+"fetched"))
}

// checkFetched checks what a stand-in reports about the next program.
func checkFetched(t *testing.T, line string) {
	t.Helper()
	sum := 0
	for _, b := range lab.NextProgram {
		sum += int(b)
	}
	if want := fmt.Sprintf("bytes=%d sum=%d", len(lab.NextProgram), sum); !strings.HasSuffix(line, want) {
		t.Errorf("the client says %q, the WDS server sent %s", line, want)
	}
}

// checkHandoffPackets checks on the wire how the client reached a WDS server,
// and that first was the program that it fetched from there.
func (s *site) checkHandoffPackets(server netip.Addr, first string) {
	t := s.t
	t.Helper()
	var (
		leased        netip.Addr
		reads         []string
		request, next *dhcpv4.DHCPv4
		asker         netip.AddrPort
	)
	for _, d := range s.seen() {
		switch {
		case d.Dst.Port() == dhcpv4.ClientPort && d.Src.Port() == dhcpv4.ServerPort:
			if p := dhcp(d); p != nil && p.MessageType() == dhcpv4.MessageTypeAck && [6]byte(p.ClientHWAddr) == s.mac {
				leased, _ = netip.AddrFromSlice(p.YourIPAddr.To4())
			}
		case d.Dst == netip.AddrPortFrom(server, wds.PortTFTP) && d.SrcMAC == s.mac:
			if name, ok := handoff.ReadName(d.Payload); ok {
				reads = append(reads, name)
			}
		case d.Dst == netip.AddrPortFrom(server, wds.PortBINL) && d.SrcMAC == s.mac:
			if p := dhcp(d); p != nil && p.Options.Has(dhcpv4.GenericOptionCode(wds.OptionControl)) {
				request, asker = p, d.Src
			}
		case d.Src == netip.AddrPortFrom(server, wds.PortBINL) && leased.IsValid() && d.Dst.Addr() == leased:
			next = dhcp(d)
		}
	}

	// The WDS server's ReadFilter accepts only backslashes, so each byte
	// counts.
	if len(reads) == 0 || reads[0] != first {
		t.Errorf("read requests to the WDS server: %q; the first must be %q", reads, first)
	}
	if request == nil || next == nil {
		t.Fatal("no request with option 250, or no answer to it, on the WDS server's port 4011")
	}
	if !leased.IsValid() || asker.Addr() != leased || !request.ClientIPAddr.Equal(leased.AsSlice()) {
		t.Errorf("the WDS server was asked from %v with ciaddr %v; the lease is %v",
			asker, request.ClientIPAddr, leased)
	}
	control, err := wds.DecodeControl(request.Options.Get(dhcpv4.GenericOptionCode(wds.OptionControl)))
	if err != nil || !slices.ContainsFunc(control, func(s wds.Sub) bool { return s.Code == wds.SubArchitecture }) {
		t.Errorf("option 250 of the request: %v, %v; it must name the architecture", control, err)
	}
	if len(reads) == 0 || reads[len(reads)-1] != next.BootFileName {
		t.Errorf("read requests to the WDS server: %q; its answer named %q", reads, next.BootFileName)
	}
}

// checkOnlyLease checks that only the site's own DHCP server handed out an
// address.
func (s *site) checkOnlyLease(server netip.Addr) {
	s.t.Helper()
	for _, d := range s.seen() {
		if d.Src.Port() != dhcpv4.ServerPort || d.Src.Addr() == server {
			continue
		}
		if p := dhcp(d); p != nil && !p.YourIPAddr.IsUnspecified() {
			s.t.Errorf("%v hands out %v next to the site's DHCP server", d.Src, p.YourIPAddr)
		}
	}
}

// checkOthersHandoff checks that no other machine can choose for the client.
// The observer may read the file that its own menu names. With that name it
// must not be able to read the client's file, and it must not leave out or
// invent the name's token.
func (s *site) checkOthersHandoff() {
	s.t.Helper()
	menu, err := s.Read(lab.BoxAddr, "grub/grub.cfg")
	if err != nil {
		s.t.Fatal(err)
	}
	const grubsMAC = "$net_default_mac"
	name := regexp.MustCompile(`handoff/wds/[^"]+`).FindString(string(menu))
	if !strings.Contains(name, grubsMAC) {
		s.t.Fatalf("its menu has no way to WDS:\n%s", menu)
	}
	of := func(mac [6]byte) string { return strings.Replace(name, grubsMAC, macText(mac), 1) }
	if _, err := s.Read(lab.BoxAddr, of(lab.ObserverMAC)); err != nil {
		s.t.Errorf("a machine reads its own file: %v", err)
	}
	guess := path.Join(path.Dir(of(lab.ObserverMAC)), strings.Repeat("0", len(path.Base(name))))
	const accessViolation = 2 // RFC 1350, appendix
	// PXELINUX shows a menu that says so, where the site has a way by a restart.
	const says = "The box does not let this computer go there"
	for _, name := range []string{of(s.mac), of(s.mac) + ".cfg", guess} {
		got, err := s.Read(lab.BoxAddr, name)
		if err == nil && strings.HasSuffix(name, ".cfg") && strings.Contains(string(got), says) {
			continue
		}
		var refusal *lab.Refusal
		if !errors.As(err, &refusal) || refusal.Code != accessViolation {
			s.t.Errorf("a machine reads %s: %v", name, err)
		}
	}
	if _, err := s.Read(lab.BoxAddr, path.Dir(of(s.mac))); err == nil {
		s.t.Error("a machine reads another one's file without a token")
	}
}

func macText(mac [6]byte) string { return net.HardwareAddr(mac[:]).String() }

func dhcp(d lan.Datagram) *dhcpv4.DHCPv4 {
	p, err := dhcpv4.FromBytes(d.Payload)
	if err != nil {
		return nil
	}
	return p
}

// grep returns the first line of text that starts with prefix.
func grep(text, prefix string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
	return ""
}

// testLog writes the log of the WDS stand-in to the test's log.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

var _ io.Writer = testLog{}

// TestMain prints once how the guests run.
func TestMain(m *testing.M) {
	flag.Parse()
	choice, err := lab.Accelerator()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("guests run on", choice)
	os.Exit(m.Run())
}
