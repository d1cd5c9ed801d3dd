package event

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

var (
	client = netip.MustParseAddrPort("192.0.2.10:68")
	unset  = netip.MustParseAddrPort("0.0.0.0:68")
	box    = netip.MustParseAddrPort("192.0.2.1:67")
	mac    = ether.MAC{2, 0, 0, 0, 0, 1}
)

func TestTapHandsPacketsOver(t *testing.T) {
	var tap Tap
	tap.Packet(client, box, mac, []byte("before it is open"))
	ready := tap.Open()
	if again := tap.Open(); again != ready {
		t.Error("opened twice, it has two channels")
	}
	tap.Packet(client, box, mac, []byte("one"))
	tap.Packet(netip.AddrPort{}, client, ether.MAC{}, nil)
	tap.Packet(client, box, mac, make([]byte, maxPayload+1))
	<-ready
	var got []tracestream.Packet
	lost := tap.Take(func(p tracestream.Packet) { got = append(got, p) })
	if lost != 0 || len(got) != 2 {
		t.Fatalf("%d lost, got %+v", lost, got)
	}
	p := got[0]
	if p.From != client || p.To != box || p.MAC != mac || string(p.Payload) != "one" || p.Time.IsZero() {
		t.Errorf("the first: %+v", p)
	}
	if p := got[1]; p.From != netip.AddrPortFrom(netip.IPv4Unspecified(), 0) || p.To != client || len(p.Payload) != 0 {
		t.Errorf("the second: %+v", p)
	}
	if (*Tap)(nil).On() {
		t.Error("no tap is on")
	}
	(*Tap)(nil).Packet(client, box, mac, nil)
}

// A flood of invented machines leaves room for machines that were sent a file.
func TestTapPrefersProvenMachines(t *testing.T) {
	var tap Tap
	tap.Open()
	tap.Proven(mac, client.Addr())
	var taken, proven int
	take := func() (lost uint64) {
		return tap.Take(func(p tracestream.Packet) {
			taken++
			if p.MAC == mac || p.From == client {
				proven++
			}
		})
	}
	second := time.Unix(60_000, 0)
	var lost uint64
	for i := range 10 * maxPackets {
		tap.packet(second, unset, box, ether.MAC{2, 1, 0, byte(i >> 16), byte(i >> 8), byte(i)}, nil)
		if i%100 == 0 {
			tap.packet(second, client, box, mac, nil)
			tap.packet(second, client, box, ether.MAC{}, nil) // by TFTP
			lost += take()
		}
	}
	lost += take()
	if proven != 2*10*maxPackets/100 {
		t.Errorf("%d of the machine's packets were taken, want all %d", proven, 2*10*maxPackets/100)
	}
	// The set may contain some of the invented ones.
	if n := taken - proven; n < maxUnproven || n > maxUnproven+100 {
		t.Errorf("%d of the invented machines' packets were taken, want some %d", n, maxUnproven)
	}
	if int(lost) != 10*maxPackets+proven-taken {
		t.Errorf("%d lost, %d taken", lost, taken)
	}
	tap.packet(second.Add(time.Second), client, box, ether.MAC{2, 2}, nil)
	if take() != 0 {
		t.Error("lost in the next second")
	}
}

func TestTapIsBounded(t *testing.T) {
	var tap Tap
	tap.Open()
	payload := make([]byte, maxPayload)
	for range 1000 {
		tap.packet(time.Unix(1, 0), client, box, mac, payload)
	}
	if len(tap.waiting) > maxWaiting || cap(tap.waiting) != maxWaiting {
		t.Errorf("%d bytes wait, of %d", len(tap.waiting), cap(tap.waiting))
	}
	n := 0
	if lost := tap.Take(func(tracestream.Packet) { n++ }); n+int(lost) != 1000 || n == 0 {
		t.Errorf("%d taken, %d lost", n, lost)
	}
	for i := range 2 * maxProven {
		tap.Proven(ether.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}, netip.Addr{})
	}
	if n := tap.proven.added.Load(); n > maxProven {
		t.Errorf("%d machines in the set", n)
	}
}

// What the servers do for each packet allocates nothing.
func TestTapAllocatesNothing(t *testing.T) {
	var off, on Tap
	on.Open()
	payload := bytes.Repeat([]byte{1}, 548)
	for situation, tap := range map[string]*Tap{"off": &off, "on": &on, "none": nil} {
		if n := testing.AllocsPerRun(100, func() { tap.Packet(client, box, mac, payload) }); n != 0 {
			t.Errorf("%s: %v allocations for a packet", situation, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { on.Proven(mac, client.Addr()) }); n != 0 {
		t.Errorf("%v allocations for a machine", n)
	}
}

func BenchmarkTap(b *testing.B) {
	payload := bytes.Repeat([]byte{1}, 548) // as large as firmware's packets
	for _, bc := range []struct {
		situation string
		open      bool
	}{{"Off", false}, {"On", true}} {
		b.Run(bc.situation, func(b *testing.B) {
			var tap Tap
			if bc.open {
				tap.Open()
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if tap.On() {
					tap.packet(time.Unix(int64(i/maxUnproven), 0), client, box, mac, payload)
				}
				if i%64 == 0 {
					b.StopTimer()
					tap.Take(func(tracestream.Packet) {})
					b.StartTimer()
				}
			}
		})
	}
}
