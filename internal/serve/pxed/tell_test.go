package pxed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/serve/tftp"
)

// What clients do at will must not count as a failure of the box: operators set
// alerts on those.
func TestOutcomesOfTransfers(t *testing.T) {
	for _, tc := range []struct {
		situation string
		e         tftp.Event
		want      trace.Outcome
		why       string
	}{
		{situation: "all is sent", e: tftp.Event{}, want: trace.Sent},
		{situation: "the client hangs up, or asks again", e: tftp.Event{Err: errors.New("bye"), Aborted: true},
			want: trace.Aborted},
		{situation: "no such name", e: tftp.Event{Err: fs.ErrNotExist}, want: trace.NotFound},
		{situation: "no such name, with its path",
			e: tftp.Event{Err: &fs.PathError{Op: "openat", Path: "x", Err: fs.ErrNotExist}}, want: trace.NotFound},
		{situation: "a link out of the folder", e: tftp.Event{Err: bootfiles.RefusedError{Path: "x", Why: "a link"}},
			want: trace.Refused, why: "a link"},
		{situation: "a hostile name", e: tftp.Event{Err: tftp.ErrRefused}, want: trace.Refused},
		{situation: "a handoff that is refused", e: tftp.Event{Err: fmt.Errorf("%w: DHCP is off", tftp.ErrRefused)},
			want: trace.Refused, why: "DHCP is off"},
		{situation: "the client stops answering", e: tftp.Event{Err: tftp.ErrGaveUp}, want: trace.TimedOut},
		{situation: "the client is too slow, or too lossy", e: tftp.Event{Err: fmt.Errorf("%w", tftp.ErrGaveUp)},
			want: trace.TimedOut},
		{situation: "the client never answers", e: tftp.Event{Err: tftp.ErrNoAnswer}, want: trace.TimedOut},
		{situation: "the disk fails", e: tftp.Event{Err: errors.New("read at 0: input/output error")},
			want: trace.Failed},
		{situation: "the box stops serving", e: tftp.Event{Err: context.Canceled}, want: trace.Failed},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			d := newBox(t, spec.ModeProxy)
			events := d.tell.bus.Subscribe()
			e := tc.e
			e.Client, e.File, e.Start, e.Duration = pcPort, "a", t0, time.Second
			d.files.began(e)
			d.files.transferred(e)
			want := trace.Event{Time: t0, Protocol: trace.TFTP, Addr: first, What: "a", Outcome: trace.Begun}
			if got := <-events; got != want {
				t.Errorf("it begins: %+v, want %+v", got, want)
			}
			want.Time, want.Took, want.Outcome, want.Why = t0.Add(time.Second), time.Second, tc.want, tc.why
			if got := <-events; got != want {
				t.Errorf("it ends: %+v, want %+v", got, want)
			}
		})
	}
}

// Both servers report when a long file starts to load, so that its machine does
// not count as silent, and how each load ends.
func TestBothServersTellOfTransfers(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	events := d.tell.bus.Subscribe()
	heard := func(p trace.Protocol, what string, all ...trace.Outcome) {
		t.Helper()
		for _, want := range all {
			select {
			case e := <-events:
				if e.Protocol != p || e.What != what || e.Outcome != want {
					t.Errorf("told about %+v, want %s of %q by %s", e, want, what, p)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("not told about %s of %q by %s", want, what, p)
			}
		}
	}
	g := d.files.gen
	g.Files = maps.Clone(g.Files)
	g.Files["brief"], g.Files["long"] = make([]byte, trace.Brief), make([]byte, trace.Brief+1)
	d.takes(g)
	get := func(name string) {
		r := httptest.NewRequest("GET", "/"+name, nil)
		r.RemoteAddr = pcPort.String()
		d.httpServer().ServeHTTP(httptest.NewRecorder(), r)
	}
	get("brief")
	heard(trace.HTTP, "brief", trace.Sent)
	get("long")
	heard(trace.HTTP, "long", trace.Begun, trace.Sent)

	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	s := d.tftpServer(1500)
	s.Allow = func(netip.Addr) bool { return true }
	go func() { done <- s.Serve(ctx, conn) }()
	defer func() { cancel(); <-done }()
	reply := make([]byte, 600)
	ask := func(name string) net.Addr {
		if _, err := c.WriteTo([]byte("\x00\x01"+name+"\x00octet\x00"), conn.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		_, from, err := c.ReadFrom(reply)
		if err != nil {
			t.Fatal(err)
		}
		return from
	}
	// The Raspberry Pi always asks from the same port, even after the next
	// power-on.
	ask("long")
	heard(trace.TFTP, "long", trace.Begun)
	ask("grub/grub.cfg")
	heard(trace.TFTP, "long", trace.Aborted)
	from := ask(pxelinux.ConfigFile)
	heard(trace.TFTP, "grub/grub.cfg", trace.Aborted)
	if _, err := c.WriteTo([]byte{0, 4, 0, 1}, from); err != nil {
		t.Fatal(err)
	}
	heard(trace.TFTP, pxelinux.ConfigFile, trace.Sent)
}
