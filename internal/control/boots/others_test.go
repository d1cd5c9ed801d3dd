package boots

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

func TestOthers(t *testing.T) {
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	a, b := netip.MustParseAddr("192.168.77.2"), netip.MustParseAddr("192.168.77.3")
	offer := func(second int, machine byte, server netip.Addr, file string) trace.Event {
		return trace.Event{
			Time: start.Add(time.Duration(second) * time.Second), Protocol: trace.DHCP,
			MAC:  ether.MAC{0x52, 5: machine},
			What: trace.OtherOffer, Outcome: trace.Seen, Server: server, File: file,
		}
	}
	takes := func(e trace.Event) trace.Event { e.What = trace.OtherRequest; return e }
	for situation, tt := range map[string]struct {
		events []trace.Event
		want   []string // address, seconds of the first and last answer, machines, taken, boots, files
	}{
		"nothing": {},
		"an answer of the box": {
			events: []trace.Event{{Protocol: trace.DHCP, What: "offer", Server: a, Outcome: trace.Sent}},
		},
		"an offer without a server": {
			events: []trace.Event{offer(0, 1, netip.Addr{}, "x")},
		},
		"a file whose name is the same words": {
			events: []trace.Event{{Protocol: trace.TFTP, What: trace.OtherOffer, Server: a}},
		},
		"a server that leases addresses": {
			events: []trace.Event{takes(offer(0, 1, a, "")), takes(offer(9, 2, a, ""))},
			want:   []string{"192.168.77.2 0 9 2 true false []"},
		},
		"a PXE server that names no file yet, and leases too": {
			events: []trace.Event{offer(0, 1, a, ""), takes(offer(1, 1, a, ""))},
			want:   []string{"192.168.77.2 0 1 1 true true []"},
		},
		"two that name boot files, the last one first": {
			events: []trace.Event{
				offer(0, 1, a, "one"), offer(1, 1, b, "b"), offer(2, 1, a, "two"),
				offer(3, 1, b, ""), offer(4, 1, a, "one"),
			},
			want: []string{"192.168.77.2 0 4 1 false true [one two]", "192.168.77.3 1 3 1 false true [b]"},
		},
	} {
		t.Run(situation, func(t *testing.T) {
			var o Others
			for _, e := range tt.events {
				o.Add(e)
			}
			var got []string
			for _, s := range o.List() {
				first, last := s.First.Sub(start).Seconds(), s.Last.Sub(start).Seconds()
				got = append(got, fmt.Sprintf("%v %v %v %d %v %v %v", s.Server, first, last, s.Machines, s.Taken,
					s.Boots, s.Files))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A flood of forged offers stays within the bounds, and what comes later is still
// seen.
func TestOthersAreBounded(t *testing.T) {
	var o Others
	for i := range 100_000 {
		o.Add(trace.Event{
			Time: time.Unix(int64(i), 0), Protocol: trace.DHCP, What: trace.OtherOffer, Outcome: trace.Seen,
			MAC:    ether.MAC{1, 2, byte(i >> 16), byte(i >> 8), byte(i), 1},
			Server: netip.AddrFrom4([4]byte{10, 0, byte(i / 1000), byte(i % 2)}),
			File:   fmt.Sprint(i, strings.Repeat("x", 300)),
		})
	}
	list := o.List()
	if len(list) != maxOthers || list[0].Last != time.Unix(99_999, 0) {
		t.Errorf("%d servers, the last answer at %v", len(list), list[0].Last)
	}
	for _, s := range list {
		if len(s.Files) != maxOtherFiles || len(s.Files[0]) > 128 || s.Machines != maxOtherMachines {
			t.Errorf("%v: %d files, the first one has %d bytes; %d machines",
				s.Server, len(s.Files), len(s.Files[0]), s.Machines)
		}
	}
	list[0].Files[0] = "changed"
	if o.List()[0].Files[0] == "changed" {
		t.Error("the list shares its files")
	}
}

// The store follows the other servers, and makes their files' names harmless.
func TestStoreFollowsOthers(t *testing.T) {
	s := New(DefaultLimits)
	s.Record(tracestream.Record{Event: &trace.Event{
		Time: time.Unix(1, 0), Protocol: trace.DHCP, What: trace.OtherOffer, Outcome: trace.Seen,
		Server: netip.MustParseAddr("192.168.77.2"), File: "a\u202egnp.exe\x00",
	}}, time.Unix(1, 0))
	list := s.Others()
	if len(list) != 1 || list[0].Files[0] != `a\u202egnp.exe\x00` {
		t.Errorf("got %+v", list)
	}
}
