package trace

import (
	"container/list"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	macA  = ether.MAC{0x52, 0x54, 0, 0, 0, 0xa}
	macB  = ether.MAC{0x52, 0x54, 0, 0, 0, 0xb}
	addrA = netip.MustParseAddr("192.0.2.10")
	addrB = netip.MustParseAddr("192.0.2.11")
)

// at returns a time, in seconds since the start of the test.
func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func answer(t float64, mac ether.MAC, addr netip.Addr, firmware, what string) Event {
	return Event{Time: at(t), Protocol: DHCP, MAC: mac, Addr: addr, Firmware: firmware, What: what, Outcome: Sent}
}

func file(t float64, addr netip.Addr, name string) Event {
	return Event{Time: at(t), Protocol: TFTP, Addr: addr, What: name, Outcome: Sent, Bytes: 1000,
		Took: 100 * time.Millisecond}
}

// begins returns the event that reports the beginning of end's transfer.
func begins(end Event) Event {
	return Event{Time: end.Time.Add(-end.Took), Protocol: end.Protocol, Addr: end.Addr, What: end.What, Outcome: Begun}
}

func missing(t float64, addr netip.Addr, name string) Event {
	return Event{Time: at(t), Protocol: TFTP, Addr: addr, What: name, Outcome: NotFound}
}

func TestTrace(t *testing.T) {
	slow := file(9, addrA, "linux")
	slow.Took, slow.Retransmits = 8*time.Second, 12
	gone := slow
	gone.Outcome, gone.Retransmits = TimedOut, 0
	for _, tc := range []struct {
		situation string
		events    []Event
		want      []string // mac address firmware time: steps
	}{
		{situation: "BIOS machine, by lease, to the menu", events: []Event{
			answer(0, macA, addrA, "bios", "offer"), answer(1.2, macA, addrA, "bios", "selecting"),
			file(2, addrA, "pxelinux.0"), file(2.2, addrA, "ldlinux.c32"),
			missing(2.3, addrA, "pxelinux.cfg/01-52"), missing(2.4, addrA, "pxelinux.cfg/C0"),
			file(2.5, addrA, "pxelinux.cfg/default"),
		},
			want: []string{"52:54:00:00:00:0a 192.0.2.10 bios 2.5s: offer→selecting 1.2s, pxelinux.0 100ms, " +
				"ldlinux.c32 100ms, 2 not found, pxelinux.cfg/default 100ms"}},
		{situation: "proxy: the offer holds no address, the boot server's answer does", events: []Event{
			answer(0, macA, netip.Addr{}, "bios", "proxy offer"), answer(4, macA, addrA, "bios", "boot server ack"),
			file(5, addrA, "pxelinux.0"),
		}, want: []string{"52:54:00:00:00:0a 192.0.2.10 bios 5s: proxy offer→boot server ack 4s, pxelinux.0 100ms"}},
		{situation: "an offer that is not taken", events: []Event{
			answer(0, macA, addrA, "uefi-x64", "offer"), answer(4, macA, addrA, "uefi-x64", "offer"),
			answer(12, macA, addrA, "uefi-x64", "offer"),
		}, want: []string{"52:54:00:00:00:0a 192.0.2.10 uefi-x64 12s: offer 12s"}},
		{situation: "the boot file is missing", events: []Event{
			answer(0, macA, addrA, "uefi-x64", "selecting"), missing(1, addrA, "shimx64.efi"),
		}, want: []string{"52:54:00:00:00:0a 192.0.2.10 uefi-x64 1s: selecting, shimx64.efi not found"}},
		{situation: "a lossy line, and a machine that is switched off", events: []Event{slow, gone},
			want: []string{" 192.0.2.10  8s: linux 8s 12 retransmits, linux 8s timed out"}},
		{situation: "the installer's own lease belongs to the boot", events: []Event{
			answer(0, macA, addrA, "bios", "selecting"), answer(20, macA, addrA, "", "selecting"),
		}, want: []string{"52:54:00:00:00:0a 192.0.2.10 bios 20s: selecting 20s"}},
		{situation: "a running system that renews", events: []Event{answer(0, macA, addrA, "", "renewal")}},
		{situation: "an address without DHCP", events: []Event{file(1, addrB, "memtest.efi")},
			want: []string{" 192.0.2.11  100ms: memtest.efi 100ms"}},
		{situation: "an address goes from one machine to the other", events: []Event{
			answer(0, macA, addrA, "bios", "selecting"), file(1, addrA, "one"),
			answer(2, macB, addrA, "bios", "selecting"), file(3, addrA, "two"),
		}, want: []string{
			"52:54:00:00:00:0a 192.0.2.10 bios 1s: selecting, one 100ms",
			"52:54:00:00:00:0b 192.0.2.10 bios 1s: selecting, two 100ms",
		}},
		{situation: "a machine that moves to another address", events: []Event{
			answer(0, macA, addrA, "bios", "selecting"), answer(1, macA, addrB, "bios", "selecting"),
			file(2, addrB, "one"), file(3, addrA, "another machine's"),
		}, want: []string{
			"52:54:00:00:00:0a 192.0.2.11 bios 2s: selecting 1s, one 100ms",
			" 192.0.2.10  100ms: another machine's 100ms",
		}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			trace := New(8, 16)
			for _, e := range tc.events {
				trace.Add(e)
			}
			last := tc.events[len(tc.events)-1].Time
			var got []string
			for _, b := range trace.Quiet(last.Add(QuietAfter), 8) {
				got = append(got, fmt.Sprintf("%v %v %s %v: %s", b.MAC, b.Addr, b.Firmware, b.Took(), b.Steps()))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

func TestTraceTellsABootOnce(t *testing.T) {
	trace := New(8, 16)
	trace.Add(answer(0, macA, addrA, "bios", "selecting"))
	trace.Add(file(1, addrA, "pxelinux.0"))
	trace.Add(file(20, addrB, "of another machine"))
	for _, tc := range []struct {
		now  float64
		want int
	}{{30, 0}, {30.9, 0}, {31, 1}, {32, 0}, {50, 1}, {90, 0}} {
		if got := trace.Quiet(at(tc.now), 8); len(got) != tc.want {
			t.Errorf("after %v s: %d boots, want %d", tc.now, len(got), tc.want)
		}
	}
	// The address is still known when the machine asks for more.
	trace.Add(file(600, addrA, "packages.iso"))
	again := trace.Quiet(at(630), 8)
	if len(again) != 1 || again[0].MAC != macA || again[0].Steps() != "packages.iso 100ms" {
		t.Errorf("the second time: %+v", again)
	}
}

// A transfer may take longer than quiet.
func TestLongTransferBelongsToItsBoot(t *testing.T) {
	long := func(end float64, addr netip.Addr, name string, took float64) Event {
		e := file(end, addr, name)
		e.Took = time.Duration(took * float64(time.Second))
		return e
	}
	selecting := answer(0, macA, addrA, "uefi-x64", "selecting")
	initrd := long(52, addrA, "initrd", 50)
	byHTTP := initrd
	byHTTP.Protocol = HTTP
	gone := initrd
	gone.Outcome, gone.Bytes = Aborted, 0
	packages := long(40, addrA, "packages", 30)
	for _, tc := range []struct {
		situation string
		events    []Event // in order
		want      []string
	}{
		{situation: "by TFTP", events: []Event{selecting, begins(initrd), initrd},
			want: []string{"82 uefi-x64: selecting, initrd 50s"}},
		{situation: "by HTTP", events: []Event{selecting, begins(byHTTP), byHTTP},
			want: []string{"82 uefi-x64: selecting, initrd 50s"}},
		{situation: "that is broken off", events: []Event{selecting, begins(gone), gone},
			want: []string{"82 uefi-x64: selecting, initrd 50s aborted"}},
		{situation: "two at one time", events: []Event{selecting, begins(initrd), begins(packages), packages, initrd},
			want: []string{"82 uefi-x64: selecting, packages 30s, initrd 50s"}},
		{situation: "two that began at the same moment",
			events: []Event{selecting, begins(initrd), begins(initrd), file(2, addrA, "refused meanwhile"), initrd,
				long(90, addrA, "initrd", 88)},
			want: []string{"120 uefi-x64: selecting, refused meanwhile 100ms, initrd 50s, initrd 1m28s"}},
		{situation: "that never ends", events: []Event{selecting, begins(initrd)},
			want: []string{"3602 uefi-x64: selecting"}},
		{situation: "that never ends, and nothing else", events: []Event{begins(initrd)}},
		{situation: "that ends after its boot was told",
			events: []Event{selecting, begins(long(5002, addrA, "initrd", 5000)), long(5002, addrA, "initrd", 5000)},
			want:   []string{"3602 uefi-x64: selecting", "5032 uefi-x64: initrd 1h23m20s"}},
		{situation: "whose beginning was not heard of", events: []Event{selecting, initrd},
			want: []string{"30 uefi-x64: selecting", "82 uefi-x64: initrd 50s"}},
		{situation: "of one whose address another machine has now",
			events: []Event{selecting, begins(initrd), answer(10, macB, addrA, "bios", "selecting"), initrd},
			want:   []string{"32 uefi-x64: selecting", "40 bios: selecting", "82 bios: initrd 50s"}},
		{situation: "of one that has another address now",
			events: []Event{selecting, begins(initrd), answer(10, macA, addrB, "", "selecting"), initrd},
			want:   []string{"40 uefi-x64: selecting 10s", "82 : initrd 50s"}},
		{situation: "of one that has its address again",
			events: []Event{selecting, begins(initrd), answer(10, macA, addrA, "", "selecting"), initrd},
			want:   []string{"82 uefi-x64: selecting 10s, initrd 50s"}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			trace := New(8, 16)
			var got []string
			for now := 0.0; now < 6000; now++ {
				for len(tc.events) > 0 && !tc.events[0].Time.After(at(now)) {
					trace.Add(tc.events[0])
					tc.events = tc.events[1:]
				}
				for _, b := range trace.Quiet(at(now), 8) {
					got = append(got, fmt.Sprintf("%v %s: %s", now, b.Firmware, b.Steps()))
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

// invented returns one of many machines.
func invented(i int) (ether.MAC, netip.Addr) {
	return ether.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
}

// bounded returns an error if a limit is exceeded.
func (t *Trace) bounded() error {
	if n := t.served.Len() + t.claimed.Len() + t.resting.Len(); n > t.maxMachines || len(t.byMAC) > maxPorts*n ||
		len(t.byGUID) > n || len(t.byAddr) > n {
		return fmt.Errorf("%d machines by MAC, %d by address, %d in all; the bound is %d",
			len(t.byMAC), len(t.byAddr), n, t.maxMachines)
	}
	all := 0
	for _, b := range t.ended {
		all += len(b.Events)
	}
	for _, l := range []*list.List{&t.served, &t.claimed, &t.resting} {
		for p := l.Front(); p != nil; p = p.Next() {
			all += len(p.Value.(*machine).boot.Events)
		}
	}
	if all != t.events || all > t.maxAll() || len(t.ended) > t.maxMachines {
		return fmt.Errorf("%d events are kept, %d counted, the bound is %d; %d boots have ended",
			all, t.events, t.maxAll(), len(t.ended))
	}
	for _, m := range t.byAddr {
		if len(m.boot.Events) > t.maxEvents || len(m.open) > t.maxEvents {
			return fmt.Errorf("%d events, %d transfers; the bound is %d", len(m.boot.Events), len(m.open), t.maxEvents)
		}
	}
	return nil
}

func TestTraceIsBounded(t *testing.T) {
	trace := New(2, 3)
	for i := range 5 {
		trace.Add(file(float64(i), addrA, fmt.Sprint("file", i)))
		trace.Add(begins(file(float64(i)+0.5, addrA, "and never the end")))
	}
	trace.Add(answer(5, macB, addrB, "bios", "offer"))
	for i := range 1000 { // a flood of invented machines
		mac, addr := invented(i)
		trace.Add(answer(6, mac, addr, "bios", "offer"))
		trace.Add(answer(6, macB, netip.Addr{}, "bios", "offer"))
	}
	if err := trace.bounded(); err != nil {
		t.Fatal(err)
	}
	if n := trace.LeftOut(); n != 1000 {
		t.Errorf("%d events were left out, want 1000", n)
	}
	if n := trace.LeftOut(); n != 0 {
		t.Errorf("%d events were left out since", n)
	}
	boots := trace.Quiet(at(100), 8)
	b := boots[slices.IndexFunc(boots, func(b Boot) bool { return b.MAC == macB })]
	if len(b.Events) != 3 || b.Earlier != 998 || b.Steps() != "998 earlier, offer" || b.Took() != time.Second {
		t.Errorf("of 1001 events: %d, %q in %v", len(b.Events), b.Steps(), b.Took())
	}
}

// Machines that boot keep their places, but one that was sent a whole file
// replaces one that was not. Resting machines are evicted, the one that has
// rested the longest first.
func TestTraceMakesRoom(t *testing.T) {
	trace := New(2, 16)
	trace.Add(answer(0, macA, addrA, "bios", "offer"))
	trace.Add(answer(1, macB, addrB, "bios", "offer"))
	third, addr := invented(3)
	trace.Add(answer(1, third, addrA, "bios", "selecting"))
	trace.Add(file(1, addrA, "of the third, which has the address now"))
	if n := trace.LeftOut(); n != 2 {
		t.Errorf("%d events are left out while two machines boot, want 2", n)
	}
	var told []string
	for _, b := range trace.Quiet(at(31), 8) {
		told = append(told, b.MAC.String()+" "+b.Steps())
	}
	want := []string{ether.MAC{}.String() + " of the third, which has the address now 100ms", macB.String() + " offer"}
	if !slices.Equal(told, want) {
		t.Errorf("told: %q, want %q", told, want)
	}
	trace.Add(answer(32, third, addr, "bios", "offer"))
	if trace.LeftOut() != 0 || trace.byMAC[third] == nil || trace.byMAC[macB] == nil || trace.byAddr[addrA] != nil {
		t.Errorf("the third has not the place of the one that rests the longest: %v", trace.byMAC)
	}
	if err := trace.bounded(); err != nil {
		t.Error(err)
	}
}

// That an answer has adapted is part of the boot, and changes nothing about how
// far it got.
func TestAdaptedAnswer(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	offer := Event{Time: now, Protocol: DHCP, MAC: ether.MAC{2, 1}, Firmware: "uefi-x64", What: "proxy offer, complete",
		File: "shimx64.efi", Outcome: Sent}
	adapted := offer
	adapted.What, adapted.Why = Adapted, "did not ask"
	usual, other := New(1, 8), New(1, 8)
	want, _ := usual.Add(offer)
	other.Add(offer)
	got, ok := other.Add(adapted)
	if !ok || len(got.Events) != 2 || got.Stage() != want.Stage() || got.Verdict(now) != want.Verdict(now) {
		t.Errorf("got  %+v\nwant %+v", got.Verdict(now), want.Verdict(now))
	}
}
