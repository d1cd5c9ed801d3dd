// Package find looks for boxes on the networks of this computer by multicast
// DNS.
package find

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/pxebox/pxebox/internal/control/mdns"
)

const (
	// again is when the question is repeated: it or the answer may be lost.
	again = time.Second
	// most is how many boxes are listed. Anyone can invent some.
	most = 256
)

// Boxes asks on each network until ctx ends, and returns the boxes that
// answered, by name. The error says why no network could be asked.
func Boxes(ctx context.Context) ([]mdns.Box, error) {
	networks, err := networks()
	if err != nil {
		return nil, err
	}
	if len(networks) == 0 {
		return nil, errors.New("this computer is connected to no network with IPv4")
	}
	var mu sync.Mutex
	found := map[mdns.Box]bool{}
	errs := make([]error, len(networks))
	var all sync.WaitGroup
	for i, n := range networks {
		all.Go(func() {
			errs[i] = n.ask(ctx, func(b mdns.Box) {
				mu.Lock()
				defer mu.Unlock()
				if len(found) < most {
					found[b] = true
				}
			})
		})
	}
	all.Wait()
	var boxes []mdns.Box
	for b := range found {
		boxes = append(boxes, b)
	}
	slices.SortFunc(boxes, func(a, b mdns.Box) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), a.Addr.Compare(b.Addr))
	})
	if len(boxes) == 0 && !slices.Contains(errs, nil) {
		return nil, errors.Join(errs...)
	}
	return boxes, nil
}

// network is an address of this computer.
type network struct {
	through net.Interface
	addr    netip.Prefix
}

// networks returns those that a box can be on.
func networks() ([]network, error) {
	const up = net.FlagUp | net.FlagMulticast
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []network
	for _, i := range interfaces {
		if i.Flags&up != up || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it has just disappeared
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
				all = append(all, network{i, p})
			}
		}
	}
	return all, nil
}

// ask asks on one network until ctx ends.
func (n network) ask(ctx context.Context, found func(mdns.Box)) error {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(n.addr.Addr(), 0)))
	if err != nil {
		return fmt.Errorf("%s: %w", n.through.Name, err)
	}
	defer conn.Close()
	// Otherwise some systems send all multicast packets to one network.
	if err := ipv4.NewPacketConn(conn).SetMulticastInterface(&n.through); err != nil {
		return fmt.Errorf("%s: %w", n.through.Name, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	b := make([]byte, 9000)
	for ctx.Err() == nil {
		if _, err := conn.WriteToUDPAddrPort(mdns.Question(), mdns.Group); err != nil {
			return fmt.Errorf("%s: %w", n.through.Name, err)
		}
		n.listen(ctx, conn, b, found)
	}
	return nil
}

// listen reads answers until the question has to be repeated.
func (n network) listen(ctx context.Context, conn *net.UDPConn, b []byte, found func(mdns.Box)) {
	end := time.Now().Add(again)
	if ctx.Err() == nil {
		conn.SetReadDeadline(end)
	}
	for ctx.Err() == nil && time.Now().Before(end) {
		size, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		// A box's answer comes from the box.
		if box, ok := mdns.ReadBox(b[:size]); ok && box.Addr == from.Addr().Unmap() {
			found(box)
		}
	}
}
