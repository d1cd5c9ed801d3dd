package pxed

import (
	"context"
	"sync"
)

// listeners is the set of sockets on the present link, to be closed and
// opened anew when the link becomes another one.
type listeners struct {
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
	failed chan error // the first failure that stop did not cause
}

func newListeners(ctx context.Context) *listeners {
	return &listeners{ctx: ctx, cancel: func() {}, failed: make(chan error, 1)}
}

// start runs serve until stop.
func (l *listeners) start(serve func(context.Context) error) {
	ctx, cancel := context.WithCancel(l.ctx)
	l.cancel = cancel
	l.done.Go(func() {
		if err := serve(ctx); ctx.Err() == nil {
			l.failed <- err
		}
	})
}

// stop ends what start began, and waits for it.
func (l *listeners) stop() {
	l.cancel()
	l.done.Wait()
}
