package wdsprobe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"
)

// wire is a socket whose reads return these errors in turn. nil is a datagram.
type wire struct{ reads []error }

func (w *wire) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) {
	err := w.reads[0]
	w.reads = w.reads[1:]
	return 0, netip.AddrPort{}, err
}
func (w *wire) SetReadDeadline(time.Time) error { return nil }
func (w *wire) Close() error                    { return nil }

// An error means that the box could not send. Any other failure says something
// about the path to the server.
func TestWhoseErrorItIs(t *testing.T) {
	failed := func(op string, errno syscall.Errno) error {
		return &net.OpError{Op: op, Net: "udp4", Err: os.NewSyscallError(op, errno)}
	}
	noRoute := failed("write", syscall.ENETUNREACH)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		situation    string
		ctx          context.Context
		sends, reads []error
		answered     bool
		err          error
	}{
		{"an answer", t.Context(), nil, []error{nil}, true, nil},
		{"an answer to the second question", t.Context(), nil, []error{os.ErrDeadlineExceeded, nil}, true, nil},
		{"silence", t.Context(), nil, []error{os.ErrDeadlineExceeded, os.ErrDeadlineExceeded}, false, nil},
		{"no one listens", t.Context(), nil, []error{failed("read", syscall.ECONNREFUSED)}, false, nil},
		{"a firewall on the way says so", t.Context(), nil, []error{failed("read", syscall.EHOSTUNREACH)}, false, nil},
		{"a router knows no way", t.Context(), nil, []error{failed("read", syscall.ENETUNREACH)}, false, nil},
		{"a host that knows no UDP", t.Context(), nil, []error{failed("read", syscall.ENOPROTOOPT)}, false, nil},
		{"the box has no way to it", t.Context(), []error{noRoute, noRoute}, nil, false, noRoute},
		{"a router's word of the first question comes with the second", t.Context(), []error{nil, failed("write", syscall.EHOSTUNREACH)}, []error{os.ErrDeadlineExceeded, nil}, true, nil},
		{"ended from outside, while reading", cancelled, nil, []error{net.ErrClosed}, false, context.Canceled},
		{"ended from outside, while sending", cancelled, []error{net.ErrClosed, net.ErrClosed}, nil, false, context.Canceled},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			p := &Prober{Waits: []time.Duration{time.Hour, time.Hour}}
			answered, err := p.exchange(tt.ctx, &wire{tt.reads}, func() (err error) {
				if len(tt.sends) > 0 {
					err, tt.sends = tt.sends[0], tt.sends[1:]
				}
				return err
			}, func([]byte, netip.AddrPort) bool { return true })
			if answered != tt.answered || !errors.Is(err, tt.err) || len(tt.sends) > 0 {
				t.Errorf("answered %v, error %v, want %v, %v", answered, err, tt.answered, tt.err)
			}
		})
	}
}
