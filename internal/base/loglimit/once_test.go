package loglimit

import (
	"testing"
	"time"
)

func TestOnce(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := &Once[string]{Most: 2, Again: time.Minute}
	for _, step := range []struct {
		situation string
		after     time.Duration
		thing     string
		want      bool
	}{
		{"the first", 0, "a", true},
		{"the same", time.Second, "a", false},
		{"another", 2 * time.Second, "b", true},
		{"one more than fit", 3 * time.Second, "c", false},
		{"still one more than fit", 4 * time.Second, "c", false},
		{"the first is old, and makes room", time.Minute, "c", true},
		{"no room yet", time.Minute, "a", false},
		{"news again", time.Minute + 2*time.Second, "b", true},
	} {
		if got := o.First(t0.Add(step.after), step.thing); got != step.want {
			t.Errorf("%s: logged %v, want %v", step.situation, got, step.want)
		}
		if n := len(o.logged); n > o.Most {
			t.Errorf("%s: %d things are kept", step.situation, n)
		}
	}
}
