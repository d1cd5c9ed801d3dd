package task

import (
	"context"
	"errors"
	"testing"
)

func TestStopEndsWhatStartBegan(t *testing.T) {
	x := New(t.Context())
	x.Stop() // nothing was started
	for range 2 {
		ended := false
		x.Start(func(ctx context.Context) error { <-ctx.Done(); ended = true; return ctx.Err() })
		x.Stop()
		if !ended {
			t.Error("Stop did not wait")
		}
	}
	select {
	case err := <-x.Failed:
		t.Errorf("Stop counts as a failure: %v", err)
	default:
	}
	broken := errors.New("the socket")
	x.Start(func(context.Context) error { return broken })
	if err := <-x.Failed; !errors.Is(err, broken) {
		t.Errorf("failed with %v", err)
	}
	x.Stop()
}

func TestGive(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := make(chan int, 1)
	Give(ctx, c, 1)
	cancel()
	Give(ctx, c, 2) // the channel is full
	if got := <-c; got != 1 || len(c) > 0 {
		t.Errorf("got %d, and %d more", got, len(c))
	}
}
