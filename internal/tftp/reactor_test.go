package tftp

import (
	"testing"
	"time"
)

func TestHeardUntil(t *testing.T) {
	const ms = time.Millisecond
	for _, tc := range []struct {
		situation string
		last, now time.Duration // since t0
		more      bool
		want      time.Duration
	}{
		{"all has been read", 0, 5 * ms, false, 5 * ms},
		{"all has been read, after a pause", 0, time.Hour, false, time.Hour},
		{"more waits: nobody's time goes on", 3 * ms, 5 * ms, true, 3 * ms},
		{"more waits always: a flood puts it off, but not for ever", 0, time.Second, true, time.Second - maxBehind},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got := heardUntil(t0.Add(tc.last), t0.Add(tc.now), tc.more).Sub(t0); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
