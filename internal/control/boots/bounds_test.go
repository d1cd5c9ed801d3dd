package boots

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

// bounded returns an error if a limit is exceeded, or if the parts of a history
// do not agree.
func (h *history) bounded() error {
	var boots, bytes int
	for id, m := range h.machines {
		if len(m.boots) == 0 || m.id != id {
			return fmt.Errorf("machine %s has %d boots", id, len(m.boots))
		}
		for i, r := range m.boots {
			if h.boots[r.ID] != r || i > 0 && r.Began.Before(m.boots[i-1].Began) {
				return fmt.Errorf("boot %s of machine %s", r.ID, id)
			}
			bytes += r.bytes
		}
		boots += len(m.boots)
	}
	for mac, id := range h.byMAC {
		if h.machines[id] == nil {
			return fmt.Errorf("%v leads to machine %s, which is gone", mac, id)
		}
	}
	switch {
	case boots != len(h.boots), boots != h.changed.Len(), boots != h.served.list.Len()+h.claimed.list.Len():
		return fmt.Errorf("%d boots, %d by ID, %d by change, %d+%d by age",
			boots, len(h.boots), h.changed.Len(), h.served.list.Len(), h.claimed.list.Len())
	case bytes != h.served.bytes+h.claimed.bytes:
		return fmt.Errorf("%d bytes, %d+%d by age", bytes, h.served.bytes, h.claimed.bytes)
	case len(h.machines) > h.maxMachines || h.size() > h.maxBytes:
		return fmt.Errorf("%d machines, %d bytes", len(h.machines), h.size())
	}
	return nil
}

// When a bound is reached, the oldest boots go, and the Store says so.
func TestOldestGo(t *testing.T) {
	boot := func(n int, machine string, served bool) Boot {
		return Boot{ID: fmt.Sprint("boot", n), Machine: machine, Began: at(float64(n)), Served: served}
	}
	for _, tc := range []struct {
		situation string
		machines  int
		bytes     int
		boots     []Boot
		want      string // the IDs that stay, in order
		gone      Gone
	}{
		{
			situation: "room for all", machines: 3, bytes: 1 << 20,
			boots: []Boot{boot(1, "a", true), boot(2, "b", true), boot(3, "c", true)},
			want:  "boot1 boot2 boot3",
		},
		{
			situation: "too many machines", machines: 2, bytes: 1 << 20,
			boots: []Boot{boot(1, "a", true), boot(2, "b", true), boot(3, "c", true)},
			want:  "boot2 boot3", gone: Gone{1, 1, at(1)},
		},
		{
			situation: "the machine with the oldest boot has a later one", machines: 2, bytes: 1 << 20,
			boots: []Boot{boot(1, "a", true), boot(2, "b", true), boot(3, "a", true), boot(4, "c", true)},
			want:  "boot3 boot4", gone: Gone{1, 2, at(2)},
		},
		{
			situation: "too many bytes", machines: 100, bytes: 3*recordSize + 2*machineSize,
			boots: []Boot{boot(1, "a", true), boot(2, "a", true), boot(3, "b", true), boot(4, "b", true)},
			want:  "boot3 boot4", gone: Gone{1, 2, at(2)},
		},
		{
			situation: "boots that come out of order", machines: 2, bytes: 1 << 20,
			boots: []Boot{boot(3, "c", true), boot(1, "a", true), boot(2, "b", true)},
			want:  "boot2 boot3", gone: Gone{1, 1, at(1)},
		},
		{
			situation: "a flood of machines that were sent nothing", machines: 4, bytes: 1 << 20,
			boots: []Boot{
				boot(1, "a", true), boot(2, "b", true),
				boot(3, "x", false), boot(4, "y", false), boot(5, "z", false), boot(6, "u", false),
			},
			want: "boot1 boot2 boot5 boot6", gone: Gone{2, 2, at(4)},
		},
		{
			situation: "machines that were sent nothing, as long as there is room", machines: 4, bytes: 1 << 20,
			boots: []Boot{boot(1, "x", false), boot(2, "a", true), boot(3, "b", true), boot(4, "c", true),
				boot(5, "d", true)},
			want: "boot1 boot3 boot4 boot5", gone: Gone{1, 1, at(2)},
		},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			h := newHistory(tc.machines, tc.bytes)
			for _, b := range tc.boots {
				h.put(b, nil)
				if err := h.bounded(); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for i := range 10 {
				if id := fmt.Sprint("boot", i); h.boots[id] != nil {
					got = append(got, id)
				}
			}
			if got := strings.Join(got, " "); got != tc.want || h.gone != tc.gone {
				t.Errorf("%s stay, %+v; want %s, %+v", got, h.gone, tc.want, tc.gone)
			}
		})
	}
}

func TestPackets(t *testing.T) {
	mac, addr := ether.MAC{2, 5: 1}, netip.MustParseAddr("192.0.2.1")
	other := ether.MAC{2, 5: 2}
	packet := func(seconds float64, mac ether.MAC, from, to, payload string) tracestream.Packet {
		return tracestream.Packet{
			Time: at(seconds), MAC: mac, From: netip.MustParseAddrPort(from), To: netip.MustParseAddrPort(to),
			Payload: []byte(payload),
		}
	}
	p := packets{maxBytes: 1 << 20}
	for _, one := range []tracestream.Packet{
		packet(0, mac, "0.0.0.0:68", "255.255.255.255:67", "too early"),
		packet(10, mac, "0.0.0.0:68", "255.255.255.255:67", "by MAC"),
		packet(11, other, "0.0.0.0:68", "255.255.255.255:67", "another MAC"),
		packet(12, other, "192.0.2.1:68", "192.0.2.9:67", "another MAC at that address"),
		packet(14, ether.MAC{}, "192.0.2.9:4000", "192.0.2.1:2070", "to the address"),
		packet(13, ether.MAC{}, "192.0.2.1:2070", "192.0.2.9:69", "from the address"),
		packet(14, ether.MAC{}, "192.0.2.2:2070", "192.0.2.9:69", "another address"),
		packet(30, mac, "0.0.0.0:68", "255.255.255.255:67", "too late"),
	} {
		p.add(one)
	}
	var got []string
	for _, one := range p.of([]ether.MAC{mac}, []netip.Addr{addr}, at(9), at(20)) {
		got = append(got, string(one.Payload))
	}
	if got := strings.Join(got, ", "); got != "by MAC, from the address, to the address" {
		t.Errorf("got %s", got)
	}

	p = packets{maxBytes: 10 * (packetSize + 100)}
	for i := range 1000 {
		one := packet(float64(i), mac, "0.0.0.0:68", "255.255.255.255:67", "")
		one.Payload = make([]byte, 100)
		p.add(one)
		if kept := p.all[p.first:]; p.bytes > p.maxBytes || len(kept) > 10 || cap(p.all) > 100 {
			t.Fatalf("%d bytes, %d packets, room for %d", p.bytes, len(kept), cap(p.all))
		}
	}
	if oldest := p.oldest(); !oldest.Equal(at(990)) {
		t.Errorf("the oldest packet is of %v", oldest)
	}
}

// heap returns how many bytes are in use after a garbage collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// longBoot is a boot with as many events as a live system causes, with long
// names.
func longBoot(seconds float64, n int) []trace.Event {
	events := wholeBoot(seconds, n)
	for i := range 13 {
		name := fmt.Sprintf("live/filesystem-%d-%d.squashfs/%s", n, i, strings.Repeat("x", 60))
		events = append(events, file(seconds+5+float64(i)/10, n, name, ""))
	}
	return events
}

// The history of many machines, at the rate that the limits are for, stays
// within 64 MiB; and so does it in a flood of invented machines.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	const bound = 64 << 20
	packet := func(s *Store, seconds float64, n int) {
		mac, _, _ := machineNumber(n)
		s.Record(tracestream.Record{Packet: &tracestream.Packet{
			Time: at(seconds), From: netip.MustParseAddrPort("0.0.0.0:68"),
			To:  netip.MustParseAddrPort("255.255.255.255:67"),
			MAC: mac, Payload: make([]byte, 548),
		}}, at(seconds))
	}
	for _, tc := range []struct {
		situation string
		boots     int
		rate      float64 // a second
		machines  int
		events    func(seconds float64, n int) []trace.Event
		packets   int
		kept      int // machines, at least
	}{
		{situation: "1,000 boots a minute of 10,000 machines", boots: 10_500, rate: 1000.0 / 60, machines: 10_000,
			events: longBoot, packets: 6, kept: 10_000},
		{situation: "100,000 invented machines within a minute", boots: 100_000, rate: 100_000.0 / 60,
			machines: 100_000,
			events:   func(seconds float64, n int) []trace.Event { return wholeBoot(seconds, n)[:1] },
			packets:  1, kept: 1},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			before := heap()
			s := New(DefaultLimits)
			connect(s, -10)
			var most uint64
			var tick time.Duration
			for i := range tc.boots {
				seconds := float64(i) / tc.rate
				for now := time.Duration(seconds) * time.Second; tick < now; tick += 5 * time.Second {
					s.Tick(start.Add(tick))
				}
				n := i % tc.machines
				for _, e := range tc.events(seconds, n) {
					s.Record(tracestream.Record{Event: &e}, e.Time)
				}
				for range tc.packets {
					packet(s, seconds, n)
				}
				if i%(tc.boots/5) == tc.boots/5-1 {
					most = max(most, heap()-before)
				}
			}
			if err := s.history.bounded(); err != nil {
				t.Error(err)
			}
			st := s.State()
			t.Logf("%d MiB at most; %d machines, %d boots kept, %d gone, %d events left out",
				most>>20, st.Machines, len(s.history.boots), st.Gone.Boots, st.LeftOut)
			if most > bound {
				t.Errorf("%d MiB in use, the bound is %d", most>>20, bound>>20)
			}
			if st.Machines < tc.kept {
				t.Errorf("%d machines are kept, want %d", st.Machines, tc.kept)
			}
			if kept := len(s.history.boots); kept+st.Gone.Boots+st.LeftOut < tc.boots {
				t.Errorf("of %d boots, %d are kept, and the Store says of %d that they went",
					tc.boots, kept, st.Gone.Boots+st.LeftOut)
			}
			runtime.KeepAlive(s)
		})
	}
}
