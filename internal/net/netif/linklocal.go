package netif

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/pxebox/pxebox/internal/net/arp"
)

// The constants of RFC 3927 §9.
const (
	probeNum          = 3
	probeMin          = time.Second
	probeMax          = 2 * time.Second
	announceWait      = 2 * time.Second
	announceNum       = 2
	announceInterval  = 2 * time.Second
	maxConflicts      = 10
	rateLimitInterval = time.Minute
)

// linkLocalAddr returns the nth address to try. An interface gets the same
// sequence each time, so that it mostly returns to its previous address (RFC
// 3927 §2.1). The first and the last 256 addresses of 169.254/16 are reserved.
func linkLocalAddr(hw net.HardwareAddr, n int) netip.Addr {
	h := fnv.New32a()
	h.Write(hw)
	binary.Write(h, binary.BigEndian, uint32(n))
	i := 0x0100 + h.Sum32()%(0xfe00)
	return netip.AddrFrom4([4]byte{169, 254, byte(i >> 8), byte(i)})
}

// startLinkLocal looks for a link-local address in the background, unless the
// interface has an address of any other kind.
func (c *client) startLinkLocal(ctx context.Context) {
	l, err := read(c.link.Attrs().Index, netip.Prefix{})
	if err != nil || l.Addr.IsValid() && !l.Addr.Addr().IsLinkLocalUnicast() {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.linkLocal(ctx, c.link); err != nil && ctx.Err() == nil {
			c.Log.Error("network: cannot get a link-local address", "interface", c.link.Attrs().Name, "err", err)
		}
	}()
	c.stop = func() { cancel(); <-done }
}

// stopLinkLocal ends the search. An address that it has found stays until
// another one replaces it.
func (c *client) stopLinkLocal() {
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
}

// linkLocal finds an unused link-local address, sets it on the interface, and
// defends it until ctx ends (RFC 3927 §2).
func (k *Keeper) linkLocal(ctx context.Context, l netlink.Link) error {
	a := l.Attrs()
	p, err := arp.Open(a.Name, a.Index, a.HardwareAddr)
	if err != nil {
		return err
	}
	used := make(chan netip.Addr)
	failed := make(chan error, 1)
	defer func() { p.Close(); <-failed }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		failed <- p.Run(func(a netip.Addr, _ net.HardwareAddr) {
			select {
			case used <- a:
			case <-ctx.Done():
			}
		})
	}()
	for n := 0; ; n++ {
		if n >= maxConflicts && !sleep(ctx, rateLimitInterval) {
			return nil
		}
		addr := linkLocalAddr(a.HardwareAddr, n)
		if !k.claim(ctx, p, addr, used) {
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		own := netip.PrefixFrom(addr, 16)
		if err := k.apply(l, setup{addr: own}); err != nil {
			return err
		}
		k.Log.Warn("network: using a link-local address until a DHCP server answers", "interface", a.Name,
			"address", own)
		for i := range announceNum {
			if i > 0 && !sleep(ctx, announceInterval) {
				return nil
			}
			if err := p.Announce(addr); err != nil {
				return err
			}
		}
		if !await(ctx, addr, used) {
			return nil
		}
		// §2.5 (a): give up the address at once. There is no connection
		// over it that would be worth defending.
		k.Log.Warn("network: another machine uses this link-local address too", "interface", a.Name, "address", own)
		k.drop(l, own)
	}
}

// claim probes an address (§2.2.1), and reports whether it is free.
func (k *Keeper) claim(ctx context.Context, p *arp.Prober, a netip.Addr, used <-chan netip.Addr) bool {
	for i := range probeNum {
		if err := p.Probe(a); err != nil {
			k.Log.Debug("network: cannot send an ARP probe", "err", err)
			sleep(ctx, retryEvery)
			return false
		}
		wait := probeMin + rand.N(probeMax-probeMin)
		if i == probeNum-1 {
			wait = announceWait
		}
		quiet, cancel := context.WithTimeout(ctx, wait)
		conflict := await(quiet, a, used)
		cancel()
		if conflict || ctx.Err() != nil {
			return false
		}
	}
	return true
}

// await waits until another machine uses a; false means that ctx has ended.
func await(ctx context.Context, a netip.Addr, used <-chan netip.Addr) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case u := <-used:
			if u == a {
				return true
			}
		}
	}
}
