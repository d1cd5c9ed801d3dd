package upload

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pxebox/pxebox/internal/base/access"
)

// pipes is a listener for connections within the test.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (pipes) Addr() net.Addr { return nil }

// SSH programs ask a person to verify the box's key, and then for the password,
// while the connection waits. Comparing a fingerprint takes more than a minute.
func TestPersonHasTimeForFingerprint(t *testing.T) {
	b := newBox(t, t.TempDir())
	boot, staging := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Boot: boot, Staging: staging, Gate: access.NewGate(password), HostKey: b.HostKey, Log: b.Log}
		l := pipes{make(chan net.Conn), make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Serve(ctx, l) }()
		here, there := net.Pipe()
		begun := time.Now()
		l.conns <- there
		if _, err := io.Copy(io.Discard, here); err != nil { // until the server closes it
			t.Error(err)
		}
		if took := time.Since(begun); took < 90*time.Second || took > 5*time.Minute {
			t.Errorf("the connection is ended after %v", took)
		}
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the server ended with %v", err)
		}
	})
}
