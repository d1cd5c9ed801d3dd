package dhcp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/pxe"
)

// packet is one line of a capture in testdata/flows: a UDP datagram from
// firmware or from a server that it talked to.
type packet struct {
	T        float64
	Src, Dst netip.AddrPort
	Hex      string
	raw      []byte
	msg      *dhcpv4.DHCPv4
}

// flow reads a capture.
func flow(t testing.TB, file string) []packet {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []packet
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var p packet
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if p.raw, err = hex.DecodeString(p.Hex); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if p.msg, err = dhcpv4.FromBytes(p.raw); err != nil {
			t.Fatalf("%s: at %.2f s: %v", file, p.T, err)
		}
		out = append(out, p)
	}
	return out
}

func flows(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/flows/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	return files
}

// withUEFI are settings that have a program for every firmware in the flows.
func withUEFI(c *spec.DHCP) {
	c.BootFiles = map[firmware.Kind]string{"uefi-x64": "shimx64.efi",
		"uefi-x64-http": "http://192.168.77.1/shimx64.efi"}
}

// TestFlows answers each packet that real firmware sent, in each mode, and
// checks the answer for what that firmware must find.
func TestFlows(t *testing.T) {
	asked := map[string]int{} // by firmware and kind: shows that the flows cover what the test is for
	for _, file := range flows(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			for _, p := range flow(t, file) {
				if p.msg.OpCode != dhcpv4.OpcodeBootRequest {
					continue
				}
				client, boots := pxe.Classify(p.msg)
				kind := client.String()
				if !boots {
					kind = "a system"
				}
				asked[kind]++
				q := NewQuestion(p.msg, int(p.Dst.Port()), p.Src)
				checkProxy(t, q, client, boots)
				checkServer(t, q, client, boots)
				if q.Port == BootServerPort {
					asked["4011 from "+kind]++
				}
				if client.WDS {
					asked["wdsnbp or wdsmgfw"]++
				}
			}
		})
	}
	for _, kind := range []string{"bios", "uefi-x64", "uefi-x64-http", "a system", "4011 from bios",
		"4011 from uefi-x64", "wdsnbp or wdsmgfw"} {
		if asked[kind] == 0 {
			t.Errorf("no flow shows %s", kind)
		}
	}
	t.Logf("answered: %v", asked)
}

func checkProxy(t *testing.T, q Question, client pxe.Client, boots bool) {
	t.Helper()
	a := Decide(t0, settings(spec.ModeAuto, withUEFI), q)
	discover := q.Msg.MessageType() == dhcpv4.MessageTypeDiscover
	switch {
	case q.Port == BootServerPort && client.WDS, q.Port == ServerPort && (!boots || !discover):
		if a.Msg != nil {
			t.Errorf("proxy: answered %v to what is not for it (%s)", a.Msg.MessageType(), a.Why)
		}
	case q.Port == BootServerPort:
		check4011(t, q, a)
	default:
		checkReply(t, "proxy", a, q, dhcpv4.MessageTypeOffer)
		if hasAddr(a.Msg.YourIPAddr) {
			t.Errorf("proxy: gives the address %v", a.Msg.YourIPAddr)
		}
		vendor, hasVendor := a.Msg.Options[optVendor]
		switch {
		case client.HTTP && !strings.HasPrefix(a.Msg.BootFileName, "http://"):
			t.Errorf("proxy: HTTP boot is given %q", a.Msg.BootFileName)
		case !client.HTTP && (hasVendor || a.Msg.BootFileName != ""):
			t.Errorf("proxy: option 43 % x and file %q keep the client from asking on 4011", vendor, a.Msg.BootFileName)
		}
	}
}

func checkServer(t *testing.T, q Question, client pxe.Client, boots bool) {
	t.Helper()
	if q.Port != ServerPort {
		return
	}
	s := settings(spec.ModeServer, withUEFI)
	offer := Decide(t0, s,
		NewQuestion(message(dhcpv4.MessageTypeDiscover, from(q.Msg.ClientHWAddr...), func(m *dhcpv4.DHCPv4) {
			if id, ok := q.Msg.Options[optClientID]; ok {
				set(m, optClientID, id)
			}
		}), ServerPort, unset))
	want := dhcpv4.MessageTypeOffer
	if q.Msg.MessageType() == dhcpv4.MessageTypeRequest {
		// The flow has another server: let the client choose ours.
		m := *q.Msg
		m.Options = dhcpv4.Options{}
		for code, v := range q.Msg.Options {
			m.Options[code] = v
		}
		set(&m, optServerID, self.Addr().AsSlice())
		set(&m, 50, offer.Msg.YourIPAddr)
		q, want = NewQuestion(&m, q.Port, q.From), dhcpv4.MessageTypeAck
	}
	a := Decide(t0, s, q)
	checkReply(t, "server", a, q, want)
	if !hasAddr(a.Msg.YourIPAddr) {
		t.Error("server: no address")
	}
	if !boots {
		return
	}
	if a.Msg.BootFileName == "" {
		t.Errorf("server: no file for %v", client)
	}
	if vendor := a.Msg.Options[optVendor]; !client.HTTP && !bytes.Equal(vendor, []byte{6, 1, 8, 255}) {
		t.Errorf("server: option 43 is % x; the client will look for a proxy", vendor)
	}
}

// check4011 checks an answer against what both ways of asking need.
func check4011(t *testing.T, q Question, a Answer) {
	t.Helper()
	checkReply(t, "4011", a, q, dhcpv4.MessageTypeAck)
	if a.To != q.From {
		t.Errorf("4011: asked from %v, answered to %v", q.From, a.To)
	}
	if a.Msg.BootFileName == "" || !a.Msg.YourIPAddr.Equal(q.Msg.ClientIPAddr) {
		t.Errorf("4011: file %q, yiaddr %v for the client at %v",
			a.Msg.BootFileName, a.Msg.YourIPAddr, q.Msg.ClientIPAddr)
	}
	if vendor, ok := q.Msg.Options[optVendor]; ok && !bytes.Equal(a.Msg.Options[optVendor], vendor) {
		t.Errorf("4011: asked for the boot item % x, answered % x", vendor, a.Msg.Options[optVendor])
	}
}

// checkReply checks what every reply to firmware must have.
func checkReply(t *testing.T, what string, a Answer, q Question, want dhcpv4.MessageType) {
	t.Helper()
	if a.Msg == nil || a.Msg.MessageType() != want {
		t.Fatalf("%s: want %v, got %+v", what, want, a)
	}
	if address(a.Msg.ServerIdentifier()) != self.Addr() {
		t.Errorf("%s: option 54 is %v", what, a.Msg.ServerIdentifier())
	}
	if client, boots := pxe.Classify(q.Msg); boots {
		class := string(a.Msg.Options[optClass])
		if !strings.HasPrefix(string(q.Msg.Options[optClass]), class) || class == "" {
			t.Errorf("%s: option 60 is %q", what, class)
		}
		if address(a.Msg.ServerIPAddr) != self.Addr() {
			t.Errorf("%s: siaddr is %v", what, a.Msg.ServerIPAddr)
		}
		if !bytes.Equal(a.Msg.Options[optGUID], client.GUID) {
			t.Errorf("%s: the GUID came back as % x", what, a.Msg.Options[optGUID])
		}
	}
	// The encoded packet is what was decided.
	b := Encode(a.Msg, q.Msg)
	back, err := dhcpv4.FromBytes(b)
	if err != nil || len(b) > 1472 || back.BootFileName != a.Msg.BootFileName ||
		len(back.Options) != len(a.Msg.Options) {
		t.Errorf("%s: encoded as % x (%v)", what, b, err)
	}
}

// fuzzSources are a machine of the link with and without an address, a machine
// behind a router, and a stranger.
var fuzzSources = []netip.AddrPort{
	netip.MustParseAddrPort("192.168.77.9:68"), unset, netip.MustParseAddrPort("10.1.0.100:68"),
	netip.MustParseAddrPort("10.9.0.66:68"),
}

// FuzzDecide parses, classifies, decides and encodes any packet. Nothing in it
// may panic, and every answer must keep the rules for all answers.
func FuzzDecide(f *testing.F) {
	for _, file := range flows(f) {
		for _, p := range flow(f, file) {
			f.Add(p.raw, p.Dst.Port() == BootServerPort, uint8(0))
		}
	}
	for _, m := range []*dhcpv4.DHCPv4{
		message(dhcpv4.MessageTypeRequest, ciaddr(first)),
		message(dhcpv4.MessageTypeDecline, server(self.Addr()), wish(first)),
		message(dhcpv4.MessageTypeRelease, server(self.Addr()), ciaddr(first)),
		message(dhcpv4.MessageTypeInform, ciaddr(first), option(55, 1, 3, 6)),
		message(dhcpv4.MessageTypeDiscover, giaddr("10.1.0.1"), option(82, 5, 4, 10, 2, 0, 0)),
		message(dhcpv4.MessageTypeDiscover, option(57, 2, 64), option(51, 0, 0, 0, 60)),
		message(dhcpv4.MessageTypeDiscover, bios, ipxe, option(93, 0, 14, 0, 7, 0, 0)),
		message(dhcpv4.MessageTypeDiscover, uboot, arch(0x16), option(52, 3)),
	} {
		for source := range uint8(len(fuzzSources)) {
			f.Add(m.ToBytes(), false, source<<2)
			f.Add(m.ToBytes(), false, 128+source<<2)
		}
	}
	modes := []spec.Mode{spec.ModeServer, spec.ModeAuto, spec.ModeProxy, spec.ModeOff}
	f.Fuzz(func(t *testing.T, raw []byte, bootPort bool, mode uint8) {
		m, bare, err := Parse(raw)
		if err != nil {
			return
		}
		port := ServerPort
		if bootPort {
			port = BootServerPort
		}
		s := untidy(modes[int(mode)%len(modes)], withUEFI, behindRelays, boots("ipxe", "boot.ipxe"),
			siteOption(67, "lab.0"))
		if mode >= 128 {
			s.Plan = handoff.NewPlan([]clients.Rule{toWDS}, targets, handoff.NewTable(4), clients.NewOnce(4))
		}
		q := NewQuestion(m, port, fuzzSources[int(mode>>2)%len(fuzzSources)])
		q.Bare = bare
		for range 2 { // again: the first may have changed the pool
			a := Decide(t0, s, q)
			if a.Why == "" {
				t.Fatal("no reason given")
			}
			if a.Msg == nil {
				continue
			}
			if m.OpCode != dhcpv4.OpcodeBootRequest || a.Msg.OpCode != dhcpv4.OpcodeBootReply ||
				a.Msg.TransactionID != m.TransactionID {
				t.Fatalf("answered %v with %v", m.OpCode, a.Msg.OpCode)
			}
			if y := address(a.Msg.YourIPAddr); y.IsValid() && s.Mode != spec.ModeServer && port == ServerPort {
				t.Fatalf("%s gave the address %v", s.Mode, y)
			}
			if y := address(a.Msg.YourIPAddr); y.IsValid() && port == ServerPort && !s.Serves(y) {
				t.Fatalf("gave %v, which is in no subnet", y)
			}
			if to := a.To.Addr().Unmap(); !a.To.IsValid() || a.To.Port() == 0 || to != broadcast && !s.Serves(to) {
				t.Fatalf("to %v", a.To)
			}
			b := q.Encode(a.Msg)
			if len(b) < 300 || len(b) > 1472 {
				t.Fatalf("%d bytes", len(b))
			}
			if _, err := dhcpv4.FromBytes(b); err != nil && !bare {
				t.Fatalf("the answer cannot be parsed: %v", err)
			}
		}
	})
}
