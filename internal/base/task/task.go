// Package task runs work that lasts as long as something stays unchanged, for
// example the sockets of one link.
package task

import (
	"context"
	"sync"
)

// Task is stopped and started again when what it depends on changes. Only one
// goroutine may call its methods.
type Task struct {
	// Failed gets the first failure that Stop did not cause.
	Failed chan error

	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// New returns a task that does nothing yet. It ends with ctx.
func New(ctx context.Context) *Task {
	return &Task{Failed: make(chan error, 1), ctx: ctx, cancel: func() {}}
}

// Start runs f until Stop is called.
func (t *Task) Start(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(t.ctx)
	t.cancel = cancel
	t.done.Go(func() {
		if err := f(ctx); ctx.Err() == nil {
			t.Failed <- err
		}
	})
}

// Stop ends what Start started, and waits for it.
func (t *Task) Stop() {
	t.cancel()
	t.done.Wait()
}

// Give sends v unless ctx ends first.
func Give[T any](ctx context.Context, c chan<- T, v T) {
	select {
	case c <- v:
	case <-ctx.Done():
	}
}
