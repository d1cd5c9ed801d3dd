package httpd

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

const (
	// measureEvery is how often the progress of all connections is measured.
	measureEvery = time.Second
	// fresh is how old a measurement may be when a connection has to make room,
	// so that a flood of connections does not cause as many measurements.
	fresh = 100 * time.Millisecond
)

// conns holds the open connections, at most limit of them. When one more comes,
// the one that makes the least progress is closed.
type conns struct {
	limit int
	stall time.Duration // how far behind a client may be before it is cut off
	freed chan struct{} // a connection has ended

	mu       sync.Mutex
	open     map[net.Conn]*openConn
	ending   int // of them, those that are cut off but have not ended yet
	measured time.Time
}

type openConn struct {
	candidate
	answering bool // a request has come in, and is not answered yet
	cutOff    bool // closed by us, because its client accepted too little
}

func newConns(limits Limits) *conns {
	return &conns{
		limit: limits.Connections, stall: limits.Stall,
		freed: make(chan struct{}, 1), open: map[net.Conn]*openConn{},
	}
}

// run cuts off clients that have stalled for too long, until ctx ends.
func (t *conns) run(ctx context.Context) {
	tick := time.NewTicker(min(measureEvery, t.stall/2))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			t.cutOffStalled(now)
		}
	}
}

func (t *conns) cutOffStalled(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.measure(now)
	for c, o := range t.open {
		if o.behind >= t.stall {
			t.cutOff(c)
		}
	}
}

// changed implements ConnState of http.Server. For a new connection it returns
// when there is room, or when ctx has ended. Meanwhile the next connections
// wait in the kernel.
func (t *conns) changed(ctx context.Context, c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		for !t.admit(time.Now(), c) {
			select {
			case <-ctx.Done():
				return
			case <-t.freed:
			case <-time.After(fresh): // another one may have stalled
			}
		}
	case http.StateActive, http.StateIdle:
		t.answering(time.Now(), c, state == http.StateActive)
	case http.StateClosed, http.StateHijacked:
		t.remove(c)
	}
}

// admit adds a new connection, or closes it. It returns false if the new one
// has to wait, because each client has one connection and keeps up.
func (t *conns) admit(now time.Time, c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	newest := candidate{remote(c), progress{at: now}}
	switch {
	case len(t.open) >= 2*t.limit:
		return false // connections that were cut off hang, perhaps on the disk
	case len(t.open)-t.ending >= t.limit:
		if now.Sub(t.measured) >= fresh {
			t.measure(now)
		}
		all, whose := make([]candidate, 0, t.limit+1), make([]net.Conn, 0, t.limit)
		only := true // whether the new one is the only connection of its address
		for c, o := range t.open {
			if !o.cutOff {
				all, whose = append(all, o.candidate), append(whose, c)
				only = only && o.from != newest.from
			}
		}
		switch v := victim(append(all, newest)); {
		case v < len(whose):
			t.cutOff(whose[v])
		case only:
			return false
		default:
			reset(c)
			return true
		}
	}
	t.open[c] = &openConn{candidate: newest}
	return true
}

// answering notes that a request has come in, or has been answered. A client is
// not behind when an answer starts.
func (t *conns) answering(now time.Time, c net.Conn, is bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.open[c]; o != nil {
		o.answering, o.behind, o.at = is, 0, now
	}
}

func (t *conns) remove(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.open[c]
	if o == nil {
		return
	}
	if o.cutOff {
		t.ending--
	}
	delete(t.open, c)
	select {
	case t.freed <- struct{}{}:
	default:
	}
}

// isCutOff reports whether a connection ends because its client accepted too
// little.
func (t *conns) isCutOff(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.open[c]
	return o != nil && o.cutOff
}

// measure updates the progress of all connections.
func (t *conns) measure(now time.Time) {
	t.measured = now
	for c, o := range t.open {
		acked, waits, err := sent(c)
		switch {
		case err != nil: // it is closed already, or cannot be measured
		case o.answering && !waits:
			// The client has accepted everything so far, and waits for the
			// server to read from a disk.
			o.at, o.acked = now, acked
		default:
			o.progress = o.advance(now, acked)
		}
	}
}

func (t *conns) cutOff(c net.Conn) {
	if o := t.open[c]; !o.cutOff {
		o.cutOff = true
		t.ending++
		reset(c)
	}
}

// reset closes a connection at once. It discards the data that waits to be
// sent, because the client does not read it.
func reset(c net.Conn) {
	if l, ok := c.(interface{ SetLinger(int) error }); ok {
		_ = l.SetLinger(0) // best effort: without it the kernel keeps the data a while
	}
	c.Close()
}

// sent returns how many bytes a client has acknowledged, and whether more wait
// for it.
func sent(c net.Conn) (acked uint64, waits bool, err error) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return 0, false, errors.ErrUnsupported
	}
	return sentBytes(s)
}

func remote(c net.Conn) netip.Addr {
	a, _ := c.RemoteAddr().(*net.TCPAddr)
	return a.AddrPort().Addr().Unmap()
}
