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
		{situation: "answers", boot: day, looks: []bool{true, true}, want: Fine},
		{situation: "one is lost", boot: day, looks: []bool{true, false}, want: Wait},
		{situation: "hangs", boot: day, looks: fails(3), want: End, ends: 1},
		{situation: "hangs now and then", boot: day, looks: []bool{false, false, true, false, false}, want: Wait},
		{situation: "hangs again after it was started again", boot: day, looks: fails(6), want: End, ends: 2},
		{situation: "comes back", boot: day, looks: append(fails(3), true), want: Fine, ends: 1},
		{situation: "just short of five minutes", boot: day, looks: fails(30), want: End, ends: 10},
		{situation: "five minutes", boot: day, looks: fails(31), want: Reboot, ends: 10},
		{situation: "five minutes, but the box was just restarted", boot: time.Minute, looks: fails(31),
			want: Wait, ends: 10},
		{situation: "an hour after the restart", boot: time.Minute, looks: fails(355), want: Reboot, ends: 118},
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
