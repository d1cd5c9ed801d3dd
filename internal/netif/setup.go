package netif

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/vishvananda/netlink"
)

// setup is what an interface is to be given.
type setup struct {
	addr    netip.Prefix
	valid   time.Duration // how long the address is ours; 0: for ever
	gateway netip.Addr    // zero: none
	dns     []netip.Addr
	domain  string
}

// apply gives the interface its address, its default route and the box its
// name servers. It may be called again with the same or another setup.
func (k *Keeper) apply(l netlink.Link, s setup) error {
	if old := k.owned(); old.IsValid() && old != s.addr {
		k.remove(l, old)
	}
	// Written down first: an address that is not known to be ours would stay
	// for good after a crash.
	if err := renameio.WriteFile(k.ownedFile(), []byte(s.addr.String()), 0o644); err != nil {
		return fmt.Errorf("note own address: %w", err)
	}
	a := &netlink.Addr{IPNet: ipNet(s.addr)}
	if s.valid > 0 {
		a.ValidLft = int(s.valid / time.Second)
		a.PreferedLft = a.ValidLft
	}
	if err := netlink.AddrReplace(l, a); err != nil {
		return fmt.Errorf("set address %v on %s: %w", s.addr, l.Attrs().Name, err)
	}
	if s.gateway.IsValid() {
		// The interface's own default route: a machine with others keeps them.
		r := &netlink.Route{LinkIndex: l.Attrs().Index, Gw: s.gateway.AsSlice()}
		if err := netlink.RouteReplace(r); err != nil {
			return fmt.Errorf("set default route by %v: %w", s.gateway, err)
		}
	}
	return setResolver(s)
}

// remove takes away an address that this program set.
func (k *Keeper) remove(l netlink.Link, p netip.Prefix) {
	if err := netlink.AddrDel(l, &netlink.Addr{IPNet: ipNet(p)}); err != nil {
		k.Log.Debug("network: address was gone already", "address", p, "err", err)
	}
	os.Remove(k.ownedFile())
}

// owned is the address that this program set in this or an earlier run since
// the machine started, or the zero Prefix.
func (k *Keeper) owned() netip.Prefix {
	b, err := os.ReadFile(k.ownedFile())
	if err != nil {
		return netip.Prefix{}
	}
	p, _ := netip.ParsePrefix(string(b))
	return p
}

func (k *Keeper) ownedFile() string { return filepath.Join(k.RunDir, "own-address") }

// resolvConf is where gokrazy's /etc/resolv.conf points to. On any other
// system name servers are somebody else's care.
const resolvConf = "/tmp/resolv.conf"

func setResolver(s setup) error {
	if to, err := os.Readlink("/etc/resolv.conf"); err != nil || to != resolvConf {
		return nil
	}
	var b strings.Builder
	if s.domain != "" {
		fmt.Fprintf(&b, "search %s\n", s.domain)
	}
	for _, a := range s.dns {
		fmt.Fprintf(&b, "nameserver %v\n", a)
	}
	if err := renameio.WriteFile(resolvConf, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("set name servers: %w", err)
	}
	return nil
}
