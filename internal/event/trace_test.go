package event

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	macA  = MAC{0x52, 0x54, 0, 0, 0, 0xa}
	macB  = MAC{0x52, 0x54, 0, 0, 0, 0xb}
	addrA = netip.MustParseAddr("192.0.2.10")
	addrB = netip.MustParseAddr("192.0.2.11")
)

// at is a time of the test, in seconds since its start.
func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func answer(t float64, mac MAC, addr netip.Addr, firmware, what string) Event {
	return Event{Time: at(t), Protocol: DHCP, MAC: mac, Addr: addr, Firmware: firmware, What: what, Outcome: Sent}
}

func file(t float64, addr netip.Addr, name string) Event {
	return Event{Time: at(t), Protocol: TFTP, Addr: addr, What: name, Outcome: Sent, Bytes: 1000, Took: 100 * time.Millisecond}
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
		{"BIOS machine, by lease, to the menu", []Event{
			answer(0, macA, addrA, "bios", "offer"), answer(1.2, macA, addrA, "bios", "selecting"),
			file(2, addrA, "pxelinux.0"), file(2.2, addrA, "ldlinux.c32"),
			missing(2.3, addrA, "pxelinux.cfg/01-52"), missing(2.4, addrA, "pxelinux.cfg/C0"), file(2.5, addrA, "pxelinux.cfg/default"),
		}, []string{"52:54:00:00:00:0a 192.0.2.10 bios 2.5s: offer→selecting 1.2s, pxelinux.0 100ms, ldlinux.c32 100ms, 2 not found, pxelinux.cfg/default 100ms"}},
		{"proxy: the offer holds no address, the boot server's answer does", []Event{
			answer(0, macA, netip.Addr{}, "bios", "proxy offer"), answer(4, macA, addrA, "bios", "boot server ack"), file(5, addrA, "pxelinux.0"),
		}, []string{"52:54:00:00:00:0a 192.0.2.10 bios 5s: proxy offer→boot server ack 4s, pxelinux.0 100ms"}},
		{"an offer that is not taken", []Event{
			answer(0, macA, addrA, "uefi-x64", "offer"), answer(4, macA, addrA, "uefi-x64", "offer"), answer(12, macA, addrA, "uefi-x64", "offer"),
		}, []string{"52:54:00:00:00:0a 192.0.2.10 uefi-x64 12s: offer 12s"}},
		{"the boot file is missing", []Event{
			answer(0, macA, addrA, "uefi-x64", "selecting"), missing(1, addrA, "shimx64.efi"),
		}, []string{"52:54:00:00:00:0a 192.0.2.10 uefi-x64 1s: selecting, shimx64.efi not found"}},
		{"a lossy line, and a machine that is switched off", []Event{slow, gone},
			[]string{"00:00:00:00:00:00 192.0.2.10  8s: linux 8s 12 retransmits, linux 8s timed out"}},
		{"the installer's own lease belongs to the boot", []Event{
			answer(0, macA, addrA, "bios", "selecting"), answer(20, macA, addrA, "", "selecting"),
		}, []string{"52:54:00:00:00:0a 192.0.2.10 bios 20s: selecting 20s"}},
		{"a running system that renews", []Event{answer(0, macA, addrA, "", "renewal")}, nil},
		{"an address without DHCP", []Event{file(1, addrB, "memtest.efi")},
			[]string{"00:00:00:00:00:00 192.0.2.11  100ms: memtest.efi 100ms"}},
		{"an address goes from one machine to the other", []Event{
			answer(0, macA, addrA, "bios", "selecting"), file(1, addrA, "one"),
			answer(2, macB, addrA, "bios", "selecting"), file(3, addrA, "two"),
		}, []string{
			"52:54:00:00:00:0a 192.0.2.10 bios 1s: selecting, one 100ms",
			"52:54:00:00:00:0b 192.0.2.10 bios 1s: selecting, two 100ms",
		}},
		{"a machine that moves to another address", []Event{
			answer(0, macA, addrA, "bios", "selecting"), answer(1, macA, addrB, "bios", "selecting"),
			file(2, addrB, "one"), file(3, addrA, "another machine's"),
		}, []string{
			"52:54:00:00:00:0a 192.0.2.11 bios 2s: selecting 1s, one 100ms",
			"00:00:00:00:00:00 192.0.2.10  100ms: another machine's 100ms",
		}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			trace := NewTrace(8, 16)
			for _, e := range tc.events {
				trace.Add(e)
			}
			last := tc.events[len(tc.events)-1].Time
			var got []string
			for _, b := range trace.Quiet(last.Add(quiet)) {
				got = append(got, fmt.Sprintf("%v %v %s %v: %s", b.MAC, b.Addr, b.Firmware, b.Took(), b.Steps()))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

func TestTraceTellsABootOnce(t *testing.T) {
	trace := NewTrace(8, 16)
	trace.Add(answer(0, macA, addrA, "bios", "selecting"))
	trace.Add(file(1, addrA, "pxelinux.0"))
	trace.Add(file(20, addrB, "of another machine"))
	for _, tc := range []struct {
		now  float64
		want int
	}{{30, 0}, {30.9, 0}, {31, 1}, {32, 0}, {50, 1}, {90, 0}} {
		if got := trace.Quiet(at(tc.now)); len(got) != tc.want {
			t.Errorf("after %v s: %d boots, want %d", tc.now, len(got), tc.want)
		}
	}
	// Its address is known still when it comes back for more.
	trace.Add(file(600, addrA, "packages.iso"))
	again := trace.Quiet(at(630))
	if len(again) != 1 || again[0].MAC != macA || again[0].Steps() != "packages.iso 100ms" {
		t.Errorf("the second time: %+v", again)
	}
}

func TestTraceIsBounded(t *testing.T) {
	trace := NewTrace(2, 3)
	for i := range 5 {
		trace.Add(file(float64(i), addrA, fmt.Sprint("file", i)))
	}
	trace.Add(answer(5, macB, addrB, "bios", "offer"))
	for i := range 1000 { // a flood of invented machines
		trace.Add(answer(6, MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), "bios", "offer"))
		trace.Add(answer(6, macB, netip.Addr{}, "bios", "offer"))
	}
	if len(trace.byMAC) != 2 || len(trace.byAddr) != 2 || trace.order.Len() != 2 {
		t.Fatalf("%d machines by MAC, %d by address, %d in order; the bound is 2", len(trace.byMAC), len(trace.byAddr), trace.order.Len())
	}
	boots := trace.Quiet(at(100))
	b := boots[slices.IndexFunc(boots, func(b Boot) bool { return b.MAC == macB })]
	if len(b.Events) != 3 || b.Earlier != 998 || b.Steps() != "998 earlier, offer" || b.Took() != time.Second {
		t.Errorf("of 1001 events: %d, %q in %v", len(b.Events), b.Steps(), b.Took())
	}
}

// The names that clients invent are data in one line of the log.
func TestLogBoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var bus Bus
		ctx, cancel := context.WithCancel(t.Context())
		events := bus.Subscribe()
		done := make(chan error)
		go func() { done <- LogBoots(ctx, events, slog.New(slog.NewTextHandler(&out, nil))) }()
		offer, name := answer(0, macA, addrA, "bios", "offer"), missing(0, addrA, "x\ny")
		offer.Time, name.Time = time.Now(), time.Now()
		bus.Publish(offer)
		bus.Publish(name)
		time.Sleep(quiet + lookAgain) // the bubble's clock: no time passes outside
		cancel()
		<-done
		const want = `level=INFO msg=boot mac=52:54:00:00:00:0a address=192.0.2.10 arch=bios steps="offer, x\ny not found" bytes=0 time=0s` + "\n"
		if got := out.String(); strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, want) {
			t.Errorf("got %q, want one line that ends with %q", got, want)
		}
	})
}
