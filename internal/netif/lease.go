package netif

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/vishvananda/netlink"
)

// attemptTimeout bounds one exchange with the site's server.
const attemptTimeout = 10 * time.Second

// domainName is what may stand in resolv.conf: the server's text is not ours,
// and a line break in it would add a line of its own.
var domainName = regexp.MustCompile(`^[A-Za-z0-9.-]{1,253}$`)

// lease keeps an address from the site's DHCP server on the interface (RFC
// 2131 §4.4). It ends only with ctx, or when the interface fails.
func (k *Keeper) lease(ctx context.Context, l netlink.Link) error {
	c, err := nclient4.New(l.Attrs().Name, nclient4.WithTimeout(3*time.Second), nclient4.WithRetry(3))
	if err != nil {
		return fmt.Errorf("dhcp client on %s: %w", l.Attrs().Name, err)
	}
	defer c.Close()
	hostname, _ := os.Hostname()
	said := false
	for {
		got, err := exchange(ctx, func(ctx context.Context) (*nclient4.Lease, error) {
			return c.Request(ctx, dhcpv4.WithOption(dhcpv4.OptHostName(hostname)))
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if !said {
				k.Log.Warn("network: no answer from a DHCP server; asking on", "interface", l.Attrs().Name, "err", err)
				said = true
			}
			if !sleep(ctx, retryEvery) {
				return ctx.Err()
			}
			continue
		}
		said = false
		if err := k.hold(ctx, l, c, got); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// hold uses a lease and renews it until it is lost. Its error is the box's
// own; a lost lease is none.
func (k *Keeper) hold(ctx context.Context, l netlink.Link, c *nclient4.Client, got *nclient4.Lease) error {
	for {
		s, err := leased(got.ACK)
		if err != nil {
			k.Log.Warn("network: unusable lease", "err", err)
			sleep(ctx, retryEvery)
			return nil
		}
		if err := k.apply(l, s); err != nil {
			return err
		}
		k.Log.Info("network: address leased", "interface", l.Attrs().Name, "address", s.addr,
			"server", got.ACK.ServerIdentifier(), "for", s.valid)
		began := time.Now()
		next := s.valid / 2 // T1 (§4.4.5)
		for {
			if !sleep(ctx, next) {
				return nil
			}
			renewed, err := exchange(ctx, func(ctx context.Context) (*nclient4.Lease, error) { return c.Renew(ctx, got) })
			if err == nil {
				got = renewed
				break
			}
			left := s.valid - time.Since(began)
			if _, nak := err.(*nclient4.ErrNak); nak || left < 2*time.Second {
				k.Log.Warn("network: lease lost", "address", s.addr, "err", err)
				k.remove(l, s.addr)
				return nil
			}
			// "one-half of the remaining time [...] down to a minimum of 60
			// seconds" (§4.4.5)
			next = min(max(left/2, time.Minute), left-time.Second)
		}
	}
}

func exchange(ctx context.Context, do func(context.Context) (*nclient4.Lease, error)) (*nclient4.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return do(ctx)
}

// leased reads from the server's ACK what the interface is to be given.
func leased(ack *dhcpv4.DHCPv4) (setup, error) {
	a, ok := netip.AddrFromSlice(ack.YourIPAddr.To4())
	bits, _ := ack.SubnetMask().Size()
	if !ok || a.IsUnspecified() || bits == 0 {
		return setup{}, fmt.Errorf("address %v with mask %v", ack.YourIPAddr, ack.SubnetMask())
	}
	s := setup{
		addr:  netip.PrefixFrom(a, bits),
		valid: ack.IPAddressLeaseTime(time.Hour),
		dns:   addrs(ack.DNS()),
	}
	if d := ack.DomainName(); domainName.MatchString(d) {
		s.domain = d
	}
	if r := addrs(ack.Router()); len(r) > 0 {
		s.gateway = r[0]
	}
	return s, nil
}

func addrs(ips []net.IP) []netip.Addr {
	var out []netip.Addr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip.To4()); ok {
			out = append(out, a)
		}
	}
	return out
}
