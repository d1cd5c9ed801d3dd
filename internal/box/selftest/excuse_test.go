package selftest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/pulse"
)

// The verdicts of ten minutes, depending on what pxed does in them.
func TestVerdictsByProgress(t *testing.T) {
	silence := fmt.Errorf("port 69: %w", os.ErrDeadlineExceeded)
	busy := pulse.Work{Taken: 700_000, Answered: 90_000}
	for _, c := range []struct {
		situation string
		look      func(i int) (pulse.Work, error)
		ends      bool
		want      Verdict // of the last check
	}{
		{situation: "a flood for ten minutes",
			look: func(int) (pulse.Work, error) { return busy, silence }, want: Fine},
		{situation: "a flood, and the answer comes now and then", look: func(i int) (pulse.Work, error) {
			return busy, []error{nil, silence}[i%2]
		}, want: Fine},
		{situation: "it hangs amid a flood", look: func(i int) (pulse.Work, error) {
			if i < 10 {
				return busy, silence
			}
			return pulse.Work{}, silence
		}, ends: true, want: Reboot},
		{situation: "it hangs on a quiet network", look: func(int) (pulse.Work, error) { return pulse.Work{}, silence },
			ends: true, want: Reboot},
	} {
		t.Run(c.situation, func(t *testing.T) {
			j := Judge{Reboots: true}
			ends, last := false, Fine
			for i := range 60 {
				work, err := c.look(i)
				last = j.Look(24*time.Hour+time.Duration(i)*Every, work.Excuse(err) == nil)
				ends = ends || last == End
			}
			if ends != c.ends || last != c.want {
				t.Errorf("ended: %v, and at last %v; want %v and %v", ends, last, c.ends, c.want)
			}
		})
	}
}
