package ratelimit

import (
	"encoding/binary"
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func mac(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n)[2:] }

// count calls Allow n times, spread evenly over d, and returns how often it
// allowed the packet.
func count(l *Limiter, from time.Time, d time.Duration, n int, hw func(i int) []byte) (yes int) {
	for i := range n {
		if l.Allow(from.Add(d*time.Duration(i)/time.Duration(n)), hw(i), true) {
			yes++
		}
	}
	return yes
}

func TestOneClient(t *testing.T) {
	same := func(int) []byte { return mac(1) }
	l := New(t0)
	if got := count(l, t0, 0, 1000, same); got != clientBurst {
		t.Errorf("of 1000 packets at once %d pass, want the burst of %d", got, clientBurst)
	}
	if got := count(l, t0.Add(time.Second), 10*time.Second, 1000, same); got < 50 || got > 56 {
		t.Errorf("of 1000 packets in the next 10 s %d pass, want some %d a second", got, clientRate)
	}
	if got := count(l, t0.Add(time.Hour), 0, 1000, same); got != clientBurst {
		t.Errorf("after an hour's rest %d pass, want the burst", got)
	}
}

// A client that boots normally is not held up by 10,000 invented addresses a
// second.
func TestRealClientInAFlood(t *testing.T) {
	l := New(t0)
	for s := range 60 {
		at := t0.Add(time.Duration(s) * time.Second)
		if got := count(l, at, time.Second, 10_000,
			func(i int) []byte { return mac(uint64(s)<<32 | uint64(i)) }); got < 9_000 {
			t.Fatalf("second %d: %d of the 10,000 pass; the limit is meant for worse", s, got)
		}
		if !l.Allow(at.Add(time.Second), mac(1<<47), true) {
			t.Fatalf("second %d: the real client was refused", s)
		}
	}
}

func TestFloodIsCut(t *testing.T) {
	l := New(t0)
	const n = 1_000_000
	got := count(l, t0, time.Second, n, func(i int) []byte { return mac(uint64(i)) })
	if got > discoverRate+discoverBurst {
		t.Errorf("of a million discovers in a second %d pass", got)
	}
	if !l.Allow(t0.Add(time.Second), mac(1<<47), false) {
		t.Error("a renewal was refused because of them")
	}
}

func BenchmarkAllow(b *testing.B) {
	l := New(t0)
	hw := mac(7)
	b.ReportAllocs()
	for i := range b.N {
		l.Allow(t0.Add(time.Duration(i)*time.Second), hw, true)
	}
}
