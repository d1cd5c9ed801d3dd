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
		{situation: "the first", thing: "a", want: true},
		{situation: "the same", after: time.Second, thing: "a"},
		{situation: "another", after: 2 * time.Second, thing: "b", want: true},
		{situation: "one more than fit", after: 3 * time.Second, thing: "c"},
		{situation: "still one more than fit", after: 4 * time.Second, thing: "c"},
		{situation: "the first is old, and makes room", after: time.Minute, thing: "c", want: true},
		{situation: "no room yet", after: time.Minute, thing: "a"},
		{situation: "news again", after: time.Minute + 2*time.Second, thing: "b", want: true},
	} {
		if got := o.First(t0.Add(step.after), step.thing); got != step.want {
			t.Errorf("%s: logged %v, want %v", step.situation, got, step.want)
		}
		if n := len(o.logged); n > o.Most {
			t.Errorf("%s: %d things are kept", step.situation, n)
		}
	}
}
