package trace

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

const (
	guidB   = "70786562-6f78-4c61-8000-0000000000ff"
	amiGUID = "03000200-0400-0500-0006-000700080009" // of many boards
)

// offerTo is a proxy's offer to a machine with a MAC and a GUID.
func offerTo(t float64, mac ether.MAC, guid string) Event {
	e := proxyOffer(t, uefi)
	e.MAC, e.GUID = mac, guid
	return e
}

// Which events belong to one machine, by the rule of clients.Machine.Same.
func TestMachines(t *testing.T) {
	swapped := "62657870-786f-614c-8000-000000000010" // guidA with the first fields in the other byte order
	for _, tc := range []struct {
		situation string
		events    flow
		want      []string // MAC and number of events of each boot
	}{
		{situation: "two network ports of one machine",
			events: flow{offerTo(0, macA, guidA), offerTo(4, macB, guidA), offerTo(8, macB, guidA)},
			want:   []string{"52:54:00:00:00:0b 3"}},
		{situation: "its ROM swaps the bytes of the GUID",
			events: flow{offerTo(0, macA, guidA), offerTo(4, macB, swapped)},
			want:   []string{"52:54:00:00:00:0b 2"}},
		{situation: "two machines of a batch that share a GUID",
			events: flow{offerTo(0, macA, amiGUID), offerTo(4, macB, amiGUID)},
			want:   []string{"52:54:00:00:00:0a 1", "52:54:00:00:00:0b 1"}},
		{situation: "two machines without a GUID", events: flow{offerTo(0, macA, ""), offerTo(4, macB, "")},
			want: []string{"52:54:00:00:00:0a 1", "52:54:00:00:00:0b 1"}},
		{situation: "two machines that take turns with one USB adapter",
			events: flow{offerTo(0, macA, guidA), offerTo(4, macA, guidB)},
			want:   []string{"52:54:00:00:00:0a 1", "52:54:00:00:00:0a 1"}},
		{situation: "a boot program that leaves out the GUID",
			events: flow{offerTo(0, macA, guidA), offerTo(4, macA, "")},
			want:   []string{"52:54:00:00:00:0a 2"}},
		{situation: "a GUID that appears later",
			events: flow{offerTo(0, macA, ""), offerTo(4, macA, guidA), offerTo(8, macB, guidA)},
			want:   []string{"52:54:00:00:00:0b 3"}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			trace := New(8, 16)
			for _, e := range tc.events {
				trace.Add(e)
			}
			if err := trace.bounded(); err != nil {
				t.Error(err)
			}
			var got []string
			for _, b := range trace.Quiet(at(100), 8) {
				got = append(got, fmt.Sprint(b.MAC, " ", len(b.Events)))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// While a flood leaves no room, the DHCP answers to a machine are left out. The
// first file that it is sent makes room, and says which machine it is.
func TestMACOfTransfers(t *testing.T) {
	sent := get(1, FirstStage, "pxelinux.0")[1]
	sent.MAC = macA
	full := func() *Trace {
		trace := New(2, 16)
		for i := range 4 {
			trace.Add(offerTo(0, ether.MAC{2, 0, 0, 0, 0, byte(i)}, ""))
		}
		return trace
	}
	byDHCP := offerTo(0, macB, "")
	byDHCP.Addr = addrA
	for _, tc := range []struct {
		situation string
		trace     *Trace
		before    flow
		want      ether.MAC
	}{
		{situation: "in a flood", trace: full(), before: flow{offerTo(0.5, macA, guidA)}, want: macA},
		{situation: "its beginning is known without", trace: New(2, 16), before: flow{begins(sent)}, want: macA},
		{situation: "DHCP says whose address it is", trace: New(2, 16), before: flow{byDHCP}, want: macB},
		{situation: "DHCP has seen the machine without an address", trace: New(4, 16),
			before: flow{offerTo(0, macA, guidA)}, want: macA},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			for _, e := range tc.before {
				tc.trace.Add(e)
			}
			b, ok := tc.trace.Add(sent)
			if !ok || b.MAC != tc.want {
				t.Errorf("%v: the boot of %v, want %v", ok, b.MAC, tc.want)
			}
			if err := tc.trace.bounded(); err != nil {
				t.Error(err)
			}
		})
	}
	trace := full()
	before, _ := trace.Add(sent)
	system := dhcpEvent(20, "", "selecting", Sent)
	system.Addr = addrB
	if after, ok := trace.Add(system); !ok || after.ID != before.ID || after.Addr != addrB {
		t.Errorf("its system asks for an address: %v, boot %s at %v, want %s", ok, after.ID, after.Addr, before.ID)
	}
}

// What ends a boot and begins the next one, without a pause.
func TestWhatBeginsABoot(t *testing.T) {
	shim := flows(upTo4011(uefi, "shimx64.efi"), get(5, FirstStage, "shimx64.efi"))
	ipxe := flows(upTo4011(bios, "undionly.kpxe"), get(5, FirstStage, "undionly.kpxe"))
	asksAgain := func(n int, every float64) (f flow) {
		for i := range n {
			f = append(f, proxyOffer(float64(i)*every, uefi))
		}
		return f
	}
	for _, tc := range []struct {
		situation string
		flow      flow
		boots     int
	}{
		{situation: "EDK2 repeats its DISCOVER", flow: asksAgain(4, 8), boots: 1},
		{situation: "firmware that asks for ten minutes", flow: asksAgain(60, 10), boots: 2},
		{situation: "DISCOVER and REQUEST again before the first stage",
			flow: flows(upTo4011(uefi, "shimx64.efi"), shift(upTo4011(uefi, "shimx64.efi"), 9)), boots: 1},
		{situation: "the transfer timed out, and firmware tries once more",
			flow: flows(upTo4011(uefi, "shimx64.efi"), get(5, FirstStage, "shimx64.efi").ends(TimedOut, 10),
				flow{proxyOffer(9, uefi)}), boots: 1},
		{situation: "a restart after the first stage", flow: flows(shim, flow{proxyOffer(9, uefi)}), boots: 2},
		{situation: "a restart from the menu", flow: flows(grubMenu(), flow{proxyOffer(20, uefi)}), boots: 2},
		{situation: "a question that the box does not answer",
			flow: flows(grubMenu(), flow{dhcpEvent(20, uefi, Discover, Unanswered)}), boots: 2},
		{situation: "the other port after a first stage that did not start",
			flow: flows(shim, flow{offerTo(9, macB, guidA)}), boots: 2},
		{situation: "a REQUEST after the menu", flow: flows(grubMenu(), flow{takes(20, uefi)}), boots: 1},
		{situation: "the installer asks for an address",
			flow: flows(grubMenu(), flow{dhcpEvent(20, "", "selecting", Sent)}), boots: 1},
		{situation: "another server's offer before the box's",
			flow: flows(grubMenu(), otherOffer1(19.9, dhcpServer, "x"), flow{proxyOffer(20, uefi)}), boots: 2},
		{situation: "another server's offer to a running system",
			flow: flows(grubMenu(), otherOffer1(19.9, dhcpServer, "x")), boots: 1},
		{situation: "iPXE that the firmware has loaded",
			flow: flows(ipxe, flow{byIPXE(proxyOffer(9, bios))}), boots: 1},
		{situation: "iPXE under any name", flow: flows(upTo4011(bios, "custom.0"), get(5, FirstStage, "custom.0"),
			flow{byIPXE(proxyOffer(9, bios))}), boots: 1},
		{situation: "iPXE, and a restart", flow: flows(ipxe, flow{byIPXE(proxyOffer(9, bios)), proxyOffer(20, bios)}),
			boots: 2},
		{situation: "iPXE that an entry starts",
			flow: flows(grubMenu(), get(10, Kernel, "ipxe.efi"), flow{byIPXE(proxyOffer(14, uefi))}), boots: 1},
		{situation: "a ROM with iPXE loads iPXE",
			flow: flows(flow{byIPXE(proxyOffer(0, bios)), byIPXE(told(1, bios, "undionly.kpxe"))},
				get(5, FirstStage, "undionly.kpxe"), flow{byIPXE(proxyOffer(9, bios))}), boots: 1},
		{situation: "a ROM with iPXE, and a restart",
			flow: flows(pxelinuxMenu(), flow{byIPXE(proxyOffer(20, bios))}), boots: 2},
		{situation: "the loader of a Raspberry Pi 3 asks again",
			flow: flows(flow{told(0, pi, "bootcode.bin")}, get(1, FirstStage, "bootcode.bin"),
				flow{proxyOffer(3, pi)}),
			boots: 1},
		{situation: "a Raspberry Pi restarts",
			flow: flows(flow{told(0, pi, "bootcode.bin")}, get(1, FirstStage, "bootcode.bin"), get(2, "", "start.elf"),
				flow{proxyOffer(9, pi)}), boots: 2},
		{situation: "a system renews its address, and the machine restarts",
			flow: flows(flow{dhcpEvent(0, "", "renewal", Sent)}, shift(grubMenu(), 9)), boots: 1},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			trace, ids := New(8, 16), map[string]bool{}
			for _, e := range tc.flow {
				if b, ok := trace.Add(e); ok {
					ids[b.ID] = true
				}
			}
			last := tc.flow[len(tc.flow)-1].Time
			boots := trace.Quiet(last.Add(QuietAfter), 100)
			if len(boots) != tc.boots || len(ids) != tc.boots {
				t.Fatalf("%d boots with %d IDs, want %d", len(boots), len(ids), tc.boots)
			}
			for i, b := range boots {
				if ended := !b.Next.IsZero(); ended != (i < len(boots)-1) ||
					ended && !b.Next.Equal(boots[i+1].Began) && len(boots[i+1].Events) != 2 {
					t.Errorf("boot %d of %d ended by the next one: %v, at %v", i+1, len(boots), ended, b.Next)
				}
			}
			if err := trace.bounded(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Another server's offer that arrives before the box's own belongs to the boot
// that both begin.
func TestOfferOfTheNextBoot(t *testing.T) {
	trace := New(8, 64)
	for _, e := range flows(grubMenu(), otherOffer1(19.9, dhcpServer, "x"), flow{proxyOffer(20, uefi)}) {
		trace.Add(e)
	}
	boots := trace.Quiet(at(60), 8)
	if len(boots) != 2 || boots[1].Steps() != "offer of another server→proxy offer 100ms" ||
		strings.Contains(boots[0].Steps(), OtherOffer) {
		t.Errorf("%d boots, the second one: %s", len(boots), boots[len(boots)-1].Steps())
	}
}

// A machine that waits in its menu, and then goes on, is still in the same boot.
func TestBootThatGoesOn(t *testing.T) {
	trace := New(8, 64)
	var first, now Boot
	for _, e := range grubMenu() {
		first, _ = trace.Add(e)
	}
	reported := trace.Quiet(at(60), 8)
	then := reported[0].Verdict(at(60))
	for _, e := range flows(get(590, Menu, "/grub/grub.cfg"), get(600, Kernel, "linux").of("debian"),
		get(601, Initrd, "initrd").of("debian")) {
		now, _ = trace.Add(e)
	}
	if len(reported) != 1 || reported[0].Resumed || reported[0].Stage() != InMenu {
		t.Fatalf("first: %+v", reported)
	}
	if now.ID != first.ID || !now.Resumed || now.Stage() != Started || now.Verdict(at(602)).Finding != "started" ||
		now.Firmware != uefi {
		t.Errorf("it goes on as %+v", now)
	}
	if reported[0].Verdict(at(60)) != then {
		t.Error("what was reported has changed")
	}
	trace.Quiet(at(640), 8)
	system := dhcpEvent(700, "", OtherRequest, Seen)
	if b, ok := trace.Add(system); !ok || b.ID != first.ID || b.Verdict(at(701)).Finding != "system-runs" {
		t.Errorf("its system: %+v", b)
	}
	if n := len(trace.Quiet(at(740), 8)); n != 1 {
		t.Errorf("that the system runs is reported %d times", n)
	}
	system.Time = at(900)
	if b, ok := trace.Add(system); ok {
		t.Errorf("the system renews its address: %+v", b)
	}
	if n := len(trace.Quiet(at(940), 8)); n != 0 {
		t.Errorf("a renewal is reported %d times", n)
	}
}

// What a running system does before a restart is not part of the boot.
func TestRenewalBeforeABoot(t *testing.T) {
	trace := New(8, 64)
	trace.Add(dhcpEvent(-20, "", "renewal", Sent))
	var b Boot
	for _, e := range grubMenu() {
		b, _ = trace.Add(e)
	}
	if !b.Began.Equal(at(0)) || strings.Contains(b.Steps(), "renewal") {
		t.Errorf("it began at %v: %s", b.Began, b.Steps())
	}
}

// A clock that is set back does not keep boots from being reported.
func TestClockSetBack(t *testing.T) {
	trace := New(8, 64)
	trace.Add(proxyOffer(5000, uefi))
	if n := len(trace.Quiet(at(0), 8)); n != 1 {
		t.Errorf("%d boots are reported", n)
	}
}

// When all events together are too many, those of a machine that was not sent a
// file go first.
func TestEventsMakeRoom(t *testing.T) {
	trace := New(2, 64)
	for i := range 40 {
		trace.Add(answer(float64(i)/10, macB, addrB, bios, "offer"))
	}
	var b Boot
	for i := range 50 {
		b, _ = trace.Add(file(10+float64(i), addrA, "file"))
	}
	if len(b.Events) != 50 || b.Earlier != 0 || trace.byMAC[macB] != nil || trace.LeftOut() != 40 {
		t.Errorf("%d events, and %d before", len(b.Events), b.Earlier)
	}
	if err := trace.bounded(); err != nil {
		t.Error(err)
	}
}

// In a storm of machines that all read many files, each one keeps its share, and
// the last one too.
func TestEventsAreShared(t *testing.T) {
	trace := New(8, 64)
	boots := map[string]Boot{}
	for i := range 8 {
		mac, addr := invented(i)
		trace.Add(answer(0, mac, addr, bios, "selecting"))
		for n := range 100 {
			b, _ := trace.Add(file(1+float64(n)/100, addr, "file"))
			boots[b.ID] = b
		}
	}
	if err := trace.bounded(); err != nil {
		t.Error(err)
	}
	all := trace.Quiet(at(100), 100)
	for _, b := range all {
		if n := len(b.Events); n < trace.share()/2 || n+b.Earlier != 101 || b.Took() < 0 || b.Steps() == "" {
			t.Errorf("%v keeps %d events of %d", b.Addr, n, n+b.Earlier)
		}
	}
	if len(all) != 8 || len(boots) != 8 {
		t.Errorf("%d boots are reported", len(all))
	}
}

// A boot without any event that is kept is reported all the same.
func TestBootWithoutEvents(t *testing.T) {
	b, ok := New(1, 8).Add(begins(file(1, addrA, "file")))
	if ok || b.Took() != 0 || b.Steps() != "" || b.Bytes() != 0 {
		t.Errorf("%v: %+v", ok, b)
	}
}

// The ID of a boot does not depend on what else a Trace has seen: a page that is
// started later follows the same links.
func TestIDs(t *testing.T) {
	one, other := New(8, 64), New(100, 16)
	other.Add(answer(-5, macB, addrB, bios, "offer"))
	var a, b Boot
	for _, e := range grubMenu() {
		a, _ = one.Add(e)
		b, _ = other.Add(e)
	}
	if a.ID == "" || a.ID != b.ID || len(a.ID) > 16 {
		t.Errorf("%q and %q", a.ID, b.ID)
	}
}

// A copy of a boot does not change with the trace.
func TestClone(t *testing.T) {
	trace := New(8, 2)
	trace.Add(proxyOffer(0, uefi))
	b, _ := trace.Add(takes(4, uefi))
	kept := b.Clone()
	for _, e := range shift(grubMenu(), 5) {
		trace.Add(e)
	}
	if kept.Steps() != "proxy offer→request to another server 4s" ||
		kept.Verdict(at(30)).Finding != "boot-server-not-asked" {
		t.Errorf("%s: %s", kept.Steps(), kept.Verdict(at(30)).Sentence())
	}
}

// anyEvent returns an event with arbitrary values, of a few machines.
func anyEvent(r *rand.Rand, t time.Time) Event {
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	mac, addr := invented(r.IntN(6))
	e := Event{
		Time: t, Protocol: Protocol(pick("dhcp", "tftp", "http", "")),
		GUID: pick("", guidA, guidB, amiGUID, "x"), Addr: addr,
		Firmware: pick("", "", bios, uefi, "uefi-x64-http", pi, "arch-0x0a"), IPXE: r.IntN(4) == 0,
		What: pick("offer", "proxy offer", "proxy offer, complete", "bootp", "selecting", "boot server ack", "renewal",
			OtherOffer, OtherRequest, HandedOver, Discover, Request, BootServer,
			"shimx64.efi", "pxelinux.cfg/default", "pxechn.c32", "ipxe.efi", "bootcode.bin", "linux",
			strings.Repeat("\xff", 300)),
		Outcome: Outcome(pick("begun", "sent", "sent", "sent", "not found", "refused", "aborted", "timed out", "failed",
			"seen", "unanswered", "?")),
		Why:   pick("", "no boot file for x", WhyLimited, strings.Repeat("x", 1000)),
		File:  pick("", "shimx64.efi", "{file}", "]["),
		Role:  Role(pick("", "first stage", "second stage", "menu", "kernel", "initrd", "hand-over", "?")),
		Entry: pick("", "e"), Code: pick("", "ABCD"), Bytes: int64(r.IntN(3)-1) * 1000,
		Took:        time.Duration(r.IntN(5)-1) * time.Second,
		Retransmits: r.IntN(3),
	}
	if r.IntN(2) == 0 {
		e.MAC = mac
	}
	if r.IntN(3) == 0 {
		e.Addr = netip.Addr{}
	}
	if r.IntN(2) == 0 {
		e.Server = wdsServer
	}
	return e
}

// Whatever happens in whatever order, a trace stays in its bounds, no boot's
// stage decreases, and each boot has a verdict in clean text.
func TestAnyOrderOfEvents(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		trace, now, stages := New(4, 8), start, map[string]Stage{}
		check := func(b Boot) {
			if b.Stage() < stages[b.ID] {
				t.Fatalf("seed %d: boot %s goes back from %v to %v", seed, b.ID, stages[b.ID], b.Stage())
			}
			stages[b.ID] = b.Stage()
			v := b.Verdict(now)
			text := v.Sentence() + strings.Join(v.Advice(), "")
			if len(v.Sentence()) > 1000 || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) ||
				strings.Contains(text, "?") || v.Stage != b.Stage() {
				t.Fatalf("seed %d: %s: %q", seed, v.Finding, text)
			}
			if len(b.Events) > 0 {
				b.Steps()
				b.Took()
			}
		}
		for range 500 {
			now = now.Add(time.Duration(r.ExpFloat64() * float64(4*time.Second)))
			if r.IntN(50) == 0 {
				now = now.Add(-time.Hour) // the clock is set back
			}
			if b, ok := trace.Add(anyEvent(r, now)); ok {
				check(b)
			}
			if err := trace.bounded(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if r.IntN(10) == 0 {
				for _, b := range trace.Quiet(now, 3) {
					check(b)
				}
			}
		}
	}
}

// A machine that starts again and again leaves no more boots behind than there
// may be machines.
func TestEndedBootsAreBounded(t *testing.T) {
	trace := New(4, 64)
	for i := range 100 {
		for _, e := range shift(grubMenu(), float64(i)*20) {
			trace.Add(e)
		}
	}
	if err := trace.bounded(); err != nil {
		t.Error(err)
	}
	if n := len(trace.Quiet(at(5000), 100)); n != 5 || trace.LeftOut() == 0 {
		t.Errorf("%d boots are reported", n)
	}
}

// The memory that the page and the daemon may count on (see Trace): at most
// perMachine bytes for each machine and perEvent for each event that is kept.
func TestMemory(t *testing.T) {
	const (
		perMachine, perEvent = 2200, 450
		machines             = 2000
	)
	if all := 10_000*perMachine + New(10_000, 64).maxAll()*perEvent; all > 40<<20 {
		t.Errorf("10,000 machines take up to %d bytes", all)
	}
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	// Each event has separate texts, as if it had been read from a stream.
	add := func(trace *Trace, e Event) {
		for _, s := range append(e.words(), &e.What, &e.File, &e.Why) {
			*s = strings.Clone(*s)
		}
		trace.Add(e)
	}
	boots := func(trace *Trace, began float64) {
		for i := range machines {
			mac, addr := invented(i)
			for _, e := range shift(grubMenu(), began) {
				e.MAC, e.GUID, e.Addr = mac, fmt.Sprintf("70786562-6f78-4c61-8000-%012x", i), addr
				if e.Protocol != DHCP {
					e.MAC, e.GUID = ether.MAC{}, ""
				}
				add(trace, e)
			}
		}
	}
	for _, tc := range []struct {
		situation string
		fill      func(*Trace)
	}{
		{"machines that rest", func(trace *Trace) {
			boots(trace, 0)
			trace.Quiet(at(900), machines)
		}},
		{"machines that boot a second time", func(trace *Trace) {
			boots(trace, 0)
			trace.Quiet(at(900), machines)
			boots(trace, 1000)
		}},
		{"a flood of long names", func(trace *Trace) {
			long := strings.Repeat("x", 2*maxName)
			for i := range 3 * machines {
				mac, addr := invented(i)
				for range 4 {
					e := offerTo(0, mac, fmt.Sprint(i))
					e.Addr, e.File, e.Why = addr, long, long
					add(trace, e)
				}
			}
		}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			before := heap()
			trace := New(machines, 64)
			tc.fill(trace)
			used, most := heap()-before, machines*perMachine+trace.events*perEvent
			t.Logf("%d machines with %d events: %.1f MB", machines, trace.events, float64(used)/1e6)
			if used > most {
				t.Errorf("%d bytes, want at most %d", used, most)
			}
			runtime.KeepAlive(trace)
		})
	}
}
