package otherdhcp

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var (
	start  = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	rogue  = netip.MustParseAddr("192.168.77.9")
	second = netip.MustParseAddr("192.168.77.10")
)

// link simulates a state and the other hosts on the link, second by second.
type link struct {
	*state
	now      time.Time
	sent     []time.Duration // DISCOVERs since the start
	verdicts []string        // each change, with its time
	answers  map[time.Duration][]finding
}

func newLink() *link {
	l := &link{
		state:   newState(start, func(d time.Duration) time.Duration { return d }),
		now:     start,
		answers: map[time.Duration][]finding{},
	}
	return l
}

func (l *link) note(was Verdict) {
	if v := l.verdict(); v != was {
		said := "looking"
		switch {
		case v.Allowed:
			said = "alone"
		case v.Foreign.IsValid():
			said = v.Foreign.String()
		}
		l.verdicts = append(l.verdicts, fmt.Sprint(l.now.Sub(start), " ", said))
	}
}

// run simulates up to a time after the start. answer returns the reply to a
// DISCOVER at a given time, and its delay; nil: no reply.
func (l *link) run(to time.Duration, answer func(at time.Duration) (time.Duration, finding)) {
	for ; !l.now.After(start.Add(to)); l.now = l.now.Add(500 * time.Millisecond) {
		at := l.now.Sub(start)
		was := l.verdict()
		for _, f := range l.answers[at] {
			l.heard(l.now, f)
		}
		l.note(was)
		was = l.verdict()
		if l.step(l.now) {
			l.sent = append(l.sent, at)
			if answer != nil {
				if after, f := answer(at); f.kind != nothing {
					l.answers[at+after] = append(l.answers[at+after], f)
				}
			}
		}
		l.note(was)
	}
}

func from(a netip.Addr) finding {
	return finding{kind: foreign, server: a, sender: "52:54:00:00:00:99"}
}

func TestVerdicts(t *testing.T) {
	forever := 24 * time.Hour
	between := func(a netip.Addr, first, last, after time.Duration) func(time.Duration) (time.Duration, finding) {
		return func(at time.Duration) (time.Duration, finding) {
			if at < first || at > last {
				return 0, finding{}
			}
			return after, from(a)
		}
	}
	for _, tt := range []struct {
		situation string
		answer    func(time.Duration) (time.Duration, finding)
		want      []string
	}{
		{situation: "no one else: may lease after one probe", want: []string{"5.5s alone"}},
		{situation: "a server that answers at once", answer: between(rogue, 0, forever, 500*time.Millisecond),
			want: []string{"500ms 192.168.77.9"}},
		{situation: "dnsmasq, which pings for 3 s first", answer: between(rogue, 0, forever, 3*time.Second),
			want: []string{"3s 192.168.77.9"}},
		{situation: "a server behind a port that is blocked for 30 s",
			answer: between(rogue, 30*time.Second, forever, 500*time.Millisecond),
			want:   []string{"5.5s alone", "35.5s 192.168.77.9"}},
		{situation: "a server switched on later: heard at the next probe",
			answer: between(rogue, 5*time.Minute, forever, 500*time.Millisecond),
			want:   []string{"5.5s alone", "7m11.5s 192.168.77.9"}},
		{situation: "a server that goes: cleared by two clean probes",
			answer: between(rogue, 0, 10*time.Second, 500*time.Millisecond),
			want:   []string{"500ms 192.168.77.9", "1m22.5s alone"}},
		{situation: "a server that answers every other probe is never cleared",
			answer: func(at time.Duration) (time.Duration, finding) {
				if at/(37*time.Second)%2 != 0 {
					return 0, finding{}
				}
				return 500 * time.Millisecond, from(rogue)
			}, want: []string{"500ms 192.168.77.9"}},
		{situation: "one server goes, another stays: the verdict follows",
			answer: func(at time.Duration) (time.Duration, finding) {
				if at < 20*time.Second {
					return 500 * time.Millisecond, from(rogue)
				}
				return 500 * time.Millisecond, from(second)
			}, want: []string{"500ms 192.168.77.9", "1m17.5s 192.168.77.10"}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			l := newLink()
			l.run(10*time.Minute, tt.answer)
			if !slices.Equal(l.verdicts, tt.want) {
				t.Fatalf("verdicts\n%q, want\n%q\nasked at %v", l.verdicts, tt.want, l.sent)
			}
		})
	}
}

func TestScheduleOfAQuietLink(t *testing.T) {
	l := newLink()
	l.run(8*time.Minute, nil)
	const half = time.Second / 2
	probes := []time.Duration{0, 15 * time.Second, 35 * time.Second, time.Minute,
		time.Minute + 5*time.Second + half + every, time.Minute + 11*time.Second + 2*every}
	var want []time.Duration
	for _, probe := range probes {
		want = append(want, probe, probe+time.Second, probe+2*time.Second)
	}
	if !slices.Equal(l.sent, want) {
		t.Fatalf("asked at\n%v, want\n%v", l.sent, want)
	}
}

func TestAnOfferToSomebodyElseIsEnough(t *testing.T) {
	l := newLink()
	l.answers[100*time.Second] = []finding{from(rogue)}
	l.run(101*time.Second, nil)
	if want := []string{"5.5s alone", "1m40s 192.168.77.9"}; !slices.Equal(l.verdicts, want) {
		t.Fatalf("verdicts %q, want %q", l.verdicts, want)
	}
}

func TestForgedOffersFromManyChangeTheVerdictOnce(t *testing.T) {
	l := newLink()
	for at := time.Minute; at < 11*time.Minute; at += 500 * time.Millisecond {
		l.answers[at] = append(l.answers[at], from(netip.AddrFrom4([4]byte{10, 0, byte(at >> 38), byte(at >> 30)})))
	}
	l.run(11*time.Minute,
		func(at time.Duration) (time.Duration, finding) { return 500 * time.Millisecond, from(rogue) })
	if want := []string{"500ms 192.168.77.9"}; !slices.Equal(l.verdicts, want) {
		t.Fatalf("verdicts %q, want %q", l.verdicts, want)
	}
}

func TestARequestThatNamesAnotherServer(t *testing.T) {
	named := finding{kind: suspect, server: rogue}
	for _, tt := range []struct {
		situation string
		answer    func(time.Duration) (time.Duration, finding)
		want      []string
	}{
		{situation: "which answers", answer: func(at time.Duration) (time.Duration, finding) {
			if at < 100*time.Second {
				return 0, finding{}
			}
			return 500 * time.Millisecond, from(rogue)
		}, want: []string{"5.5s alone", "1m40.5s 192.168.77.9"}},
		{situation: "which does not exist", want: []string{"5.5s alone"}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			l := newLink()
			l.answers[100*time.Second] = []finding{named}
			l.run(2*time.Minute, tt.answer)
			if !slices.Equal(l.verdicts, tt.want) {
				t.Fatalf("verdicts %q, want %q", l.verdicts, tt.want)
			}
			if !slices.Contains(l.sent, 100*time.Second) {
				t.Fatalf("no probe at once; asked at %v", l.sent)
			}
		})
	}
}

func TestForgedRequestsCauseFewProbes(t *testing.T) {
	l := newLink()
	for at := time.Minute; at < 11*time.Minute; at += 500 * time.Millisecond {
		l.answers[at] = []finding{{kind: suspect, server: rogue}}
	}
	l.run(11*time.Minute, nil)
	if n := len(l.sent); n > 5*discovers+60*discovers {
		t.Fatalf("%d DISCOVERs in ten minutes of forged requests", n)
	}
	if v := l.verdict(); !v.Allowed {
		t.Fatalf("forged requests alone stopped the leasing: %+v", v)
	}
}

func TestAProbeThatCannotBeSentProvesNothing(t *testing.T) {
	l := newLink()
	sends := 0
	for l.now = start; l.now.Before(start.Add(time.Minute)); l.now = l.now.Add(500 * time.Millisecond) {
		if l.step(l.now) {
			sends++
			l.unsent(l.now)
		}
		if v := l.verdict(); v.Allowed {
			t.Fatalf("allowed at %v", l.now.Sub(start))
		}
	}
	if sends < 50 {
		t.Fatalf("tried only %d times in a minute", sends)
	}
	l.run(2*time.Minute, nil)
	if v := l.verdict(); !v.Allowed {
		t.Fatalf("not allowed once it works: %+v", v)
	}
}
