package netif

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/ownaddr"
)

// setup is the configuration to apply to an interface.
type setup struct {
	addr    netip.Prefix
	valid   time.Duration // how long the address is ours; 0: no limit
	gateway netip.Addr    // zero: none
	dns     []netip.Addr
	domain  string
}

// Our default route is recognized by its protocol number, which iproute2's
// rt_protos leaves unassigned. Its metric is higher than any in common use, so
// that a machine with another default route keeps it: the kernel replaces a
// route of the same metric even on another interface.
const (
	routeProtocol = 67
	routeMetric   = 1067
)

// apply sets the interface's address and default route, and the box's name
// servers. It may be called again with the same or another setup; what an
// earlier call set is removed only once the new address is set. It returns only
// errors of the address: without a route the box is still reachable.
func (k *Keeper) apply(l netlink.Link, s setup) error {
	name, index := l.Attrs().Name, l.Attrs().Index
	// Record it first: after a crash, an address that is not known to be
	// ours would stay for good.
	before := ownaddr.Read(k.RunDir)
	now := ownaddr.Own{Interface: name, Addr: s.addr}
	k.note(append(slices.Clone(before), now)...)
	a := &netlink.Addr{IPNet: ipNet(s.addr)}
	if s.valid > 0 {
		a.ValidLft = int(s.valid / time.Second)
		a.PreferedLft = a.ValidLft
	}
	if s.addr.Addr().IsLinkLocalUnicast() {
		a.Scope = unix.RT_SCOPE_LINK // not to be used beyond the link (RFC 3927 §2.6.2)
	}
	if err := netlink.AddrReplace(l, a); err != nil {
		k.note(before...)
		return fmt.Errorf("set address %v on %s: %w", s.addr, name, err)
	}
	if stale := slices.DeleteFunc(before, func(o ownaddr.Own) bool { return o == now }); len(stale) > 0 {
		for _, o := range stale {
			k.remove(o)
		}
		// In case it was removed along with another address of its
		// subnet.
		if err := netlink.AddrReplace(l, a); err != nil {
			return fmt.Errorf("set address %v on %s: %w", s.addr, name, err)
		}
		k.note(now)
	}
	if err := setGateway(index, s.gateway); err != nil {
		k.Log.Error("network: cannot set the default route", "interface", name, "err", err)
	}
	if err := setResolver(s); err != nil {
		k.Log.Error("network: cannot set the name servers", "err", err)
	}
	return nil
}

// drop removes an address, and the default route that came with it.
func (k *Keeper) drop(l netlink.Link, p netip.Prefix) {
	o := ownaddr.Own{Interface: l.Attrs().Name, Addr: p}
	k.remove(o)
	k.note(slices.DeleteFunc(ownaddr.Read(k.RunDir), func(x ownaddr.Own) bool { return x == o })...)
	if err := setGateway(l.Attrs().Index, netip.Addr{}); err != nil {
		k.Log.Error("network: cannot remove the default route", "interface", o.Interface, "err", err)
	}
}

// disown removes all addresses that this program set except keep on interface
// name.
func (k *Keeper) disown(name string, keep netip.Prefix) {
	for _, o := range ownaddr.Read(k.RunDir) {
		if o != (ownaddr.Own{Interface: name, Addr: keep}) {
			k.remove(o)
		}
	}
	k.note()
}

func (k *Keeper) remove(o ownaddr.Own) {
	l, err := netlink.LinkByName(o.Interface)
	if err != nil {
		return // the interface has disappeared, with its addresses
	}
	// By default Linux removes all addresses of a subnet along with the
	// first one; other programs may have set them. Best effort.
	_ = os.WriteFile("/proc/sys/net/ipv4/conf/"+o.Interface+"/promote_secondaries", []byte("1"), 0o644)
	if err := netlink.AddrDel(l, &netlink.Addr{IPNet: ipNet(o.Addr)}); err != nil {
		k.Log.Debug("network: address was already removed", "interface", o.Interface, "address", o.Addr, "err", err)
	}
}

// setGateway makes gw the interface's default router; the zero Addr removes it.
// Other programs' routes stay.
func setGateway(index int, gw netip.Addr) error {
	mine := netlink.Route{LinkIndex: index, Protocol: routeProtocol}
	old, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &mine, netlink.RT_FILTER_OIF|netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	for _, r := range old {
		if gw.IsValid() && r.Gw.Equal(gw.AsSlice()) {
			continue
		}
		if err := netlink.RouteDel(&r); err != nil {
			return fmt.Errorf("remove default route by %v: %w", r.Gw, err)
		}
	}
	if !gw.IsValid() {
		return nil
	}
	mine.Gw, mine.Priority = gw.AsSlice(), routeMetric
	if err := netlink.RouteReplace(&mine); err != nil {
		return fmt.Errorf("set default route by %v: %w", gw, err)
	}
	return nil
}

func (k *Keeper) isOwn(ifname string, p netip.Prefix) bool {
	return slices.Contains(ownaddr.Read(k.RunDir), ownaddr.Own{Interface: ifname, Addr: p})
}

// note records which addresses are ours. A failure is not a reason to go
// without an address.
func (k *Keeper) note(all ...ownaddr.Own) {
	var b strings.Builder
	for i, o := range all {
		if slices.Index(all, o) == i {
			fmt.Fprintf(&b, "%s %v\n", o.Interface, o.Addr)
		}
	}
	if err := renameio.WriteFile(ownaddr.File(k.RunDir), []byte(b.String()), 0o644); err != nil {
		k.Log.Error("network: cannot record the box's own address", "err", err)
	}
}

// resolvConf is the target of gokrazy's /etc/resolv.conf link. On any other
// system the name servers are not the box's concern.
const resolvConf = "/tmp/resolv.conf"

// IsBox reports whether this system is gokrazy, with no programs but the box's.
func IsBox() bool {
	to, err := os.Readlink("/etc/resolv.conf")
	return err == nil && to == resolvConf
}

func setResolver(s setup) error {
	if !IsBox() {
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
