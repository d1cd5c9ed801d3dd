package syslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// Target is a log server.
type Target struct {
	Server string // IPv4 address or host name; empty: none
	Port   uint16
	TCP    bool
}

const (
	// queue is how many reports may wait for the server.
	queue = 256
	// apart is the least time between two lines: a flood of invented machines is
	// not passed on to the log server.
	apart = 10 * time.Millisecond
	// patience is how long connecting or sending may take.
	patience = 5 * time.Second
	// rest is the pause after a failure. Reports wait, until the queue is full.
	rest = 10 * time.Second
	// lookAgain is how long an address counts that a name was resolved to.
	lookAgain = 5 * time.Minute
)

// Sender sends reports to the current Target. Any goroutine may call its
// methods.
type Sender struct {
	// Lookup returns the IPv4 addresses of a host.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Host is the box's name in each line.
	Host func() string
	Log  *slog.Logger

	reports chan Report
	target  chan Target
	dropped atomic.Uint64
	off     atomic.Bool // there is no target
}

// New returns a Sender without a Target.
func New(lookup func(context.Context, string) ([]netip.Addr, error), host func() string, log *slog.Logger) *Sender {
	s := &Sender{Lookup: lookup, Host: host, Log: log, reports: make(chan Report, queue), target: make(chan Target, 1)}
	s.off.Store(true)
	return s
}

// Use sends to another Target from now on. One goroutine may call it.
func (s *Sender) Use(t Target) {
	s.off.Store(t.Server == "")
	select {
	case <-s.target: // an older one that was not received yet
	default:
	}
	s.target <- t
}

// Send sends a report soon. It never blocks: a report that there is no room for
// is dropped.
func (s *Sender) Send(r Report) {
	if s.off.Load() {
		return
	}
	select {
	case s.reports <- r:
	default:
		s.dropped.Add(1)
	}
}

// Run sends until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	c := &connection{Sender: s}
	defer c.close()
	for {
		select {
		case <-ctx.Done():
			return
		case t := <-s.target:
			c.use(t)
		case r := <-s.reports:
			select {
			case t := <-s.target: // which was set before the report was sent
				c.use(t)
			default:
			}
			if c.target.Server == "" {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(c.report(ctx, r)):
			}
		}
	}
}

// discard empties the queue.
func (s *Sender) discard() {
	for {
		select {
		case <-s.reports:
		default:
			return
		}
	}
}

// connection is the socket to a target.
type connection struct {
	*Sender
	target  Target
	conn    net.Conn
	opened  time.Time
	failing bool // and that is logged
}

// use changes to another target.
func (c *connection) use(t Target) {
	if t != c.target {
		c.close()
		c.target, c.failing = t, false
	}
	if t.Server == "" {
		c.discard()
	}
}

// report sends a report, and returns how long to wait before the next one.
func (c *connection) report(ctx context.Context, r Report) time.Duration {
	err := c.send(ctx, Line(c.Host(), r))
	left := c.dropped.Swap(0)
	if err != nil {
		c.dropped.Add(left + 1)
		if !c.failing { // once, until it works again
			c.Log.Error("boots are not sent to the log server", "server", c.target.Server, "err", err)
		}
		c.failing = true
		return rest
	}
	if c.failing || left > 0 {
		c.Log.Warn("boots are sent to the log server; some were left out", "server", c.target.Server, "left_out", left)
	}
	c.failing = false
	return apart
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn = nil
}

// send sends a line, over a new connection if there is none or the old one
// broke: only sending shows that a server has been restarted.
func (c *connection) send(ctx context.Context, line []byte) error {
	if c.conn != nil && !c.target.TCP && time.Since(c.opened) > lookAgain {
		c.close() // the server's name may have another address
	}
	if c.conn != nil && c.write(line) == nil {
		return nil
	}
	c.close()
	if err := c.open(ctx); err != nil {
		return err
	}
	if err := c.write(line); err != nil {
		c.close()
		return err
	}
	return nil
}

func (c *connection) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	addr, err := netip.ParseAddr(c.target.Server)
	if err != nil {
		all, err := c.Lookup(ctx, c.target.Server)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return fmt.Errorf("%s has no IPv4 address", c.target.Server)
		}
		addr = all[0]
	}
	network := "udp4"
	if c.target.TCP {
		network = "tcp4"
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, netip.AddrPortFrom(addr, c.target.Port).String())
	if err != nil {
		return err
	}
	c.conn, c.opened = conn, time.Now()
	return nil
}

func (c *connection) write(line []byte) error {
	if c.target.TCP {
		// Octet counting (RFC 6587 §3.4.1).
		line = append(append(strconv.AppendInt(nil, int64(len(line)), 10), ' '), line...)
		if err := open(c.conn); err != nil {
			return err
		}
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := c.conn.Write(line)
	return err
}

// open returns an error if the server has closed a TCP connection: what is
// written then is lost, and the call succeeds.
func open(c net.Conn) error {
	if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1)) // a log server sends nothing
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}
