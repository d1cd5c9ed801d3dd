package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestAwaitFindsWhatIsThereAndWhatComes(t *testing.T) {
	var j Journal[int]
	j.Add(1)
	j.Add(2)
	even := func(n int) bool { return n%2 == 0 }
	if n, next, err := j.Await(t.Context(), 0, even); n != 2 || next != 2 || err != nil {
		t.Errorf("got %d, %d, %v; want 2, 2, nil", n, next, err)
	}
	go func() {
		j.Add(3)
		j.Add(4)
	}()
	if n, next, err := j.Await(t.Context(), 2, even); n != 4 || next != 4 || err != nil {
		t.Errorf("got %d, %d, %v; want 4, 4, nil", n, next, err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	var j Journal[int]
	j.Add(1)
	why := errors.New("no even number")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, _, err := j.Await(ctx, 0, func(n int) bool { return n%2 == 0 }); err != why {
		t.Errorf("got %v; want %v", err, why)
	}
}

func TestLinesAreWholeHoweverTheyAreWritten(t *testing.T) {
	var j Journal[string]
	w := Lines(&j)
	for _, part := range []string{"on", "e\ntwo\nthr", "ee\n", "cut off"} {
		fmt.Fprint(w, part)
	}
	if got, want := j.From(0), []string{"one", "two", "three"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}
