package selftest

import (
	"slices"
	"testing"
	"time"
)

// A daemon whose machine stays up is killed at every third check, endlessly.
func TestJudgeThatNeverReboots(t *testing.T) {
	var j Judge
	for i := range 100 {
		want := Wait
		if i%strikes == strikes-1 {
			want = End
		}
		if got := j.Look(24*time.Hour+time.Duration(i)*Every, false); got != want {
			t.Errorf("look %d: %v, want %v", i+1, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	const day = 24 * time.Hour
	fails := func(n int) []bool { return make([]bool, n) }
	for _, tt := range []struct {
		situation string
		boot      time.Duration // of the first check
		looks     []bool
		want      Verdict // of the last check
		ends      int     // of all checks
	}{
		{"answers", day, []bool{true, true}, Fine, 0},
		{"one is lost", day, []bool{true, false}, Wait, 0},
		{"hangs", day, fails(3), End, 1},
		{"hangs now and then", day, []bool{false, false, true, false, false}, Wait, 0},
		{"hangs again after it was started again", day, fails(6), End, 2},
		{"comes back", day, append(fails(3), true), Fine, 1},
		{"just short of five minutes", day, fails(30), End, 10},
		{"five minutes", day, fails(31), Reboot, 10},
		{"five minutes, but the box was just restarted", time.Minute, fails(31), Wait, 10},
		{"an hour after the restart", time.Minute, fails(355), Reboot, 118},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			j := Judge{Reboots: true}
			var got []Verdict
			for i, ok := range tt.looks {
				got = append(got, j.Look(tt.boot+time.Duration(i)*Every, ok))
			}
			ends := 0
			for _, v := range got {
				if v == End {
					ends++
				}
			}
			if got[len(got)-1] != tt.want || ends != tt.ends {
				t.Errorf("got %v", got)
			}
			if slices.Contains(got[:len(got)-1], Reboot) {
				t.Errorf("the machine is restarted too early: %v", got)
			}
		})
	}
}
