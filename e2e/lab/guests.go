package lab

import (
	"context"

	"github.com/pxebox/pxebox/e2e/qemu"
)

// Watch returns a context that also ends when a guest does which was to run on,
// with QEMU's own words as the cause: what a test waits for will not come.
func (l *Lab) Watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.guests, func() { cancel(context.Cause(l.guests)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// watch ends the contexts of Watch when a guest has failed.
func (l *Lab) watch(m *qemu.Machine) {
	<-m.Exited()
	if m.Failed() {
		l.guestFailed(m.Err())
	}
}
