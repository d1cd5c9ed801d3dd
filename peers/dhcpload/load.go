// Package dhcpload makes thousands of four-way exchanges as perfdhcp does, with
// a twentieth of its processor time: on a machine that runs both the load and
// the server, perfdhcp is the slower of the two. The package sends, counts and
// measures time. It judges nothing, and checks no more of an answer than it
// needs.
package dhcpload

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/net/sock"
	"github.com/pxebox/pxebox/peers/netns"
)

// Load is the load that one socket sends.
type Load struct {
	Rate    int           // exchanges to start per second
	Period  time.Duration // how long
	Clients int           // number of machines, chosen at random
	MAC     func(machine int) [6]byte
	From    netip.Addr // the host's own address, used as giaddr
	Server  netip.Addr
}

// Report is the result of a load.
type Report struct {
	Discovers, Offers, Acks int
	// Took is the server's part of each exchange that reached its ACK.
	Took []time.Duration
}

const (
	batch = 64 // packets per system call
	// late is the time after which an answer counts as lost, as with perfdhcp.
	late = time.Second
	// receiveBuffer holds a server's largest burst of answers.
	receiveBuffer = 8 << 20
)

// exchange is the state of one exchange. Times are since the start, in ns; 0
// means "not yet".
type exchange struct {
	discovered, offered, requested, acked atomic.Int64
}

// Run sends the load from a host. It returns one second after the last
// DISCOVER.
func (l Load) Run(ctx context.Context, host *netns.Namespace) (Report, error) {
	conn, err := listen(host, l.From)
	if err != nil {
		return Report{}, err
	}
	exchanges := make([]exchange, int(float64(l.Rate)*l.Period.Seconds()))
	begun := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	ended := make(chan struct{})
	g.Go(func() error {
		defer conn.Close() // also ends receive
		if err := l.send(ctx, conn, exchanges, begun); err != nil {
			return err
		}
		defer close(ended)
		select {
		case <-time.After(late):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	g.Go(func() error {
		err := l.receive(conn, exchanges, begun)
		select {
		case <-ended:
			return nil
		default:
			return err
		}
	})
	if err := g.Wait(); err != nil {
		return Report{}, fmt.Errorf("load from %v: %w", l.From, err)
	}
	return tally(exchanges), nil
}

func tally(exchanges []exchange) Report {
	var r Report
	for i := range exchanges {
		x := &exchanges[i]
		d, o, q, a := x.discovered.Load(), x.offered.Load(), x.requested.Load(), x.acked.Load()
		if d == 0 {
			continue
		}
		r.Discovers++
		if o == 0 || o-d > int64(late) {
			continue
		}
		r.Offers++
		if a == 0 || a-q > int64(late) {
			continue
		}
		r.Acks++
		r.Took = append(r.Took, time.Duration(o-d+a-q))
	}
	return r
}

// send starts exchanges at an even rate. It catches up if it is late.
func (l Load) send(ctx context.Context, conn *ipv4.PacketConn, exchanges []exchange, begun time.Time) error {
	to := &net.UDPAddr{IP: l.Server.AsSlice(), Port: 67}
	messages := make([]ipv4.Message, batch)
	for i := range messages {
		messages[i] = ipv4.Message{Buffers: [][]byte{question(l.From)}, Addr: to}
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 0; n < len(exchanges); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		due := min(len(exchanges), int(float64(l.Rate)*time.Since(begun).Seconds()))
		for n < due {
			out := messages[:min(batch, due-n)]
			now := int64(time.Since(begun))
			for i := range out {
				asks(out[i].Buffers[0], uint32(n+i), l.MAC(rand.IntN(l.Clients)))
				exchanges[n+i].discovered.Store(now)
			}
			if err := write(conn, out); err != nil {
				return err
			}
			n += len(out)
		}
	}
	return nil
}

// receive accepts each offer that arrives, and records each ACK.
func (l Load) receive(conn *ipv4.PacketConn, exchanges []exchange, begun time.Time) error {
	to := &net.UDPAddr{IP: l.Server.AsSlice(), Port: 67}
	in, out := make([]ipv4.Message, batch), make([]ipv4.Message, batch)
	for i := range in {
		in[i] = ipv4.Message{Buffers: [][]byte{make([]byte, 1500)}}
		out[i] = ipv4.Message{Buffers: [][]byte{question(l.From)}, Addr: to}
	}
	for {
		n, err := conn.ReadBatch(in, 0)
		if err != nil {
			return err
		}
		now := int64(time.Since(begun))
		requests := 0
		for _, m := range in[:n] {
			b := m.Buffers[0][:m.N]
			kind, server := answer(b)
			if kind == 0 {
				continue
			}
			xid := binary.BigEndian.Uint32(b[atXID:])
			if int(xid) >= len(exchanges) {
				continue
			}
			x := &exchanges[xid]
			switch {
			case kind == offer && server != nil && x.offered.CompareAndSwap(0, now):
				takes(out[requests].Buffers[0], b, server)
				x.requested.Store(now)
				requests++
			case kind == ack:
				x.acked.CompareAndSwap(0, now)
			}
		}
		if err := write(conn, out[:requests]); err != nil {
			return err
		}
	}
}

// write sends all messages.
func write(conn *ipv4.PacketConn, out []ipv4.Message) error {
	for len(out) > 0 {
		n, err := conn.WriteBatch(out, 0)
		if err != nil {
			return err
		}
		out = out[n:]
	}
	return nil
}

// listen opens a relay agent's socket.
func listen(host *netns.Namespace, from netip.Addr) (*ipv4.PacketConn, error) {
	var conn net.PacketConn
	err := host.Do(func() error {
		lc := net.ListenConfig{Control: sock.Control(func(fd int) error {
			return os.NewSyscallError("setsockopt",
				unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer))
		})}
		var err error
		conn, err = lc.ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(from, 67).String())
		return err
	})
	if err != nil {
		return nil, err
	}
	return ipv4.NewPacketConn(conn), nil
}
