package pxed

import (
	"context"
	"sync"
)

// task is what runs for as long as something stays as it is, such as the
// sockets of one link, to be stopped and begun anew when that changes.
type task struct {
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
	failed chan error // the first failure that stop did not cause
}

func newTask(ctx context.Context) *task {
	return &task{ctx: ctx, cancel: func() {}, failed: make(chan error, 1)}
}

// start runs f until stop.
func (t *task) start(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(t.ctx)
	t.cancel = cancel
	t.done.Go(func() {
		if err := f(ctx); ctx.Err() == nil {
			t.failed <- err
		}
	})
}

// stop ends what start began, and waits for it.
func (t *task) stop() {
	t.cancel()
	t.done.Wait()
}
