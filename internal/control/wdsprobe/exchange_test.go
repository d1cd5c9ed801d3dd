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
		{situation: "an answer", ctx: t.Context(), reads: []error{nil}, answered: true},
		{situation: "an answer to the second question", ctx: t.Context(), reads: []error{os.ErrDeadlineExceeded, nil},
			answered: true},
		{situation: "silence", ctx: t.Context(), reads: []error{os.ErrDeadlineExceeded, os.ErrDeadlineExceeded}},
		{situation: "no one listens", ctx: t.Context(), reads: []error{failed("read", syscall.ECONNREFUSED)}},
		{situation: "a firewall on the way says so", ctx: t.Context(),
			reads: []error{failed("read", syscall.EHOSTUNREACH)}},
		{situation: "a router knows no way", ctx: t.Context(), reads: []error{failed("read", syscall.ENETUNREACH)}},
		{situation: "a host that knows no UDP", ctx: t.Context(), reads: []error{failed("read", syscall.ENOPROTOOPT)}},
		{situation: "the box has no way to it", ctx: t.Context(), sends: []error{noRoute, noRoute}, err: noRoute},
		{situation: "a router's word of the first question comes with the second", ctx: t.Context(),
			sends: []error{nil, failed("write", syscall.EHOSTUNREACH)}, reads: []error{os.ErrDeadlineExceeded, nil},
			answered: true},
		{situation: "ended from outside, while reading", ctx: cancelled, reads: []error{net.ErrClosed},
			err: context.Canceled},
		{situation: "ended from outside, while sending", ctx: cancelled, sends: []error{net.ErrClosed, net.ErrClosed},
			err: context.Canceled},
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
