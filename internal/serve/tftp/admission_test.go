package tftp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func at(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}) }

func TestAdmission(t *testing.T) {
	// Each step is a request ("r"), the end of a transfer ("e") of client n,
	// or the passing of time ("t", n seconds).
	for _, tc := range []struct {
		situation string
		steps     string
		want      string
	}{
		{situation: "places enough", steps: "r1 r2 r3", want: "run run run"},
		{situation: "all taken: first come, first served", steps: "r1 r2 r3 r4 r5 e1 e2",
			want: "run run run queue queue begin4 begin5"},
		{situation: "queue full", steps: "r1 r2 r3 r4 r5 r6 r7 r8", want: "run run run queue queue queue drop drop"},
		{situation: "one address has its share only", steps: "r1 r1 r1 r1 r1 r2 e1 e2",
			want: "run run queue queue drop run begin1 none"},
		{situation: "who waits for its own share lets others pass", steps: "r1 r1 r1 r2 r3 e2",
			want: "run run queue run queue begin3"},
		{situation: "waited too long", steps: "r1 r2 r3 r4 t11 e1", want: "run run run queue expire4 none"},
		{situation: "not waited too long", steps: "r1 r2 r3 r4 t9 e1", want: "run run run queue none begin4"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			a := newAdmission(limits{running: 3, perAddress: 2, backlog: 3, patience: 10 * time.Second})
			now, got := t0, ""
			var kind rune
			var n int
			for s := tc.steps + " "; s != ""; {
				if _, err := fmt.Sscanf(s, "%c%d", &kind, &n); err != nil {
					t.Fatal(err)
				}
				for s[0] != ' ' {
					s = s[1:]
				}
				s = s[1:]
				word := "none"
				switch kind {
				case 'r':
					v := a.admit(at(n))
					word = map[verdict]string{run: "run", queue: "queue", drop: "drop"}[v]
					switch v {
					case run:
						a.begin(at(n))
					case queue:
						a.push(waiting{arrival{client: netip.AddrPortFrom(at(n), 1)}, nil, now})
					}
				case 'e':
					a.end(at(n))
					if w, ok := a.next(); ok {
						a.begin(w.client.Addr())
						word = fmt.Sprintf("begin%d", w.client.Addr().As4()[3])
					}
				case 't':
					now = now.Add(time.Duration(n) * time.Second)
					if w, ok := a.expired(now); ok {
						word = fmt.Sprintf("expire%d", w.client.Addr().As4()[3])
					}
				}
				got += " " + word
			}
			if got[1:] != tc.want {
				t.Errorf("got  %s\nwant %s", got[1:], tc.want)
			}
		})
	}
	t.Run("nothing is left of who has gone", func(t *testing.T) {
		a := newAdmission(defaultLimits())
		a.begin(at(1))
		a.end(at(1))
		if len(a.share) != 0 || a.total != 0 {
			t.Errorf("%+v", a)
		}
	})
}
