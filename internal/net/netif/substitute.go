package netif

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/pxebox/pxebox/internal/base/ownaddr"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// unusable is the reason why the interface that the settings name cannot be used.
type unusable struct {
	error
	final   bool   // the interface will not appear
	instead string // the interface to use as a substitute; "" for a wired one
}

// missing returns the error of a name that no interface has.
func missing(all []candidate, what string) unusable {
	// A kernel may have tunnels that no settings are meant to name.
	all = slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !c.ethernet })
	if len(all) == 0 {
		return unusable{error: fmt.Errorf("%s; there are: none: plug it in", what)}
	}
	return unusable{error: fmt.Errorf("%s; there are: %s: plug it in, or write one of these as interface under "+
		"[network] in pxebox.toml", what, names(all))}
}

// appears is the longest time that a USB adapter takes to appear after the
// start.
const appears = 10 * time.Second

// substituteAfter decides whether to use another interface once this one could
// not be used for a while. hasAddress says that the box is reachable: it still has
// the address of earlier settings.
func (u unusable) substituteAfter(missing time.Duration, hasAddress bool) bool {
	return !hasAddress && (u.final || missing >= appears)
}

// substitute gets the box onto the network by another interface until the
// settings' one appears, or until ctx ends.
func (t *tenure) substitute(ctx context.Context, u unusable) {
	t.last = Link{}
	t.report(ctx, Link{})
	t.Log.Warn("network: another interface is used so that the box can be reached; no machine is served there",
		"unusable", t.named())
	ctx, cancel := context.WithCancel(ctx)
	other := &tenure{
		Keeper:   &Keeper{RunDir: t.RunDir, Log: t.Log},
		settings: spec.Network{Interface: u.instead},
		report:   func(context.Context, Link) {},
	}
	var done sync.WaitGroup
	done.Go(func() { other.run(ctx) })
	for sleep(ctx, retryEvery) && !t.appeared(u) {
	}
	cancel()
	done.Wait()
}

// appeared reports whether the interface can be used now.
func (t *tenure) appeared(u unusable) bool {
	if u.final {
		return false
	}
	all, err := candidates()
	if err != nil {
		return false
	}
	if _, err = vlanNamed(all, t.named()); err != nil {
		return false
	}
	_, _, isVLAN := spec.ParseVLAN(t.named())
	return isVLAN || slices.ContainsFunc(all, func(c candidate) bool { return c.name == t.named() })
}

// hasAddress reports whether an interface has an address that this program set.
func (t *tenure) hasAddress() bool {
	return slices.ContainsFunc(ownaddr.Read(t.RunDir), func(o ownaddr.Own) bool {
		l, err := netlink.LinkByName(o.Interface)
		if err != nil {
			return false
		}
		addrs, err := netlink.AddrList(l, netlink.FAMILY_V4)
		return err == nil && slices.ContainsFunc(addrs, func(a netlink.Addr) bool { return prefix(a.IPNet) == o.Addr })
	})
}

func (t *tenure) noteProblem(why string) {
	if t.Problem != nil {
		t.Problem(why)
	}
}
