package netif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

const (
	// retryEvery is the pause after a failure that only time or a hand can
	// mend, such as an interface that is not there yet.
	retryEvery = 2 * time.Second
	// negotiation is what an Ethernet interface takes at most to find its
	// link partner once it is switched on.
	negotiation = 5 * time.Second
)

// Keeper keeps one interface configured as the settings say.
type Keeper struct {
	// Interface overrides the settings' interface where it is not empty.
	Interface string
	// RunDir is where the Keeper notes which address it set, so that after a
	// restart it knows it from one that the system's own network setup made.
	RunDir string
	// Leased, where it is set, is called with each answer by which the site's
	// DHCP server gives the box an address.
	Leased func(context.Context, *dhcpv4.DHCPv4)
	Log    *slog.Logger
}

// Run follows the settings until ctx ends, and reports the link whenever it
// has changed. It does not call report twice at a time. The context that
// report gets ends when newer settings make its news stale.
//
// An address that is set stays when Run ends: the box is to be reachable
// while its program restarts.
func (k *Keeper) Run(ctx context.Context, settings <-chan spec.Network, report func(context.Context, Link)) {
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-settings:
			stop()
			one, cancel := context.WithCancel(ctx)
			t := &tenure{Keeper: k, settings: s, report: report}
			var done sync.WaitGroup
			done.Go(func() { t.run(one) })
			stop = func() { cancel(); done.Wait() }
		}
	}
}

// tenure is the time for which one state of the settings holds. Its fields
// belong to the goroutine of run.
type tenure struct {
	*Keeper
	settings spec.Network
	report   func(context.Context, Link)

	last Link   // as reported
	kept string // interface that was chosen and has had a carrier
	told string // interface of the last advice to name one

	fitted netip.Prefix // network that the neighbor table was made large enough for
}

func (t *tenure) run(ctx context.Context) {
	said := ""
	for {
		err := t.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		if err.Error() != said { // once, not every two seconds
			said = err.Error()
			t.Log.Error("network: trying again", "err", err)
		}
		if !sleep(ctx, retryEvery) {
			return
		}
	}
}

// tell reports the link if that is news.
func (t *tenure) tell(ctx context.Context, l Link) {
	if !l.Equal(t.last) {
		t.last = l
		if l.Addr.IsValid() && l.Addr.Masked() != t.fitted {
			t.fitted = l.Addr.Masked()
			t.fitTable(neighborDir, isBox(), l.Addr)
		}
		t.report(ctx, l)
	}
}

var (
	errCarrierElsewhere = errors.New("another network interface has a carrier, this one has not had any")
	errAddressGone      = errors.New("the address was removed")
	errNewHardware      = errors.New("the interface has another hardware address now")
)

// attempt brings the interface up and stays with it until it fails or ctx
// ends. It always returns an error.
func (t *tenure) attempt(ctx context.Context) error {
	l, err := t.find(ctx)
	if err != nil {
		return err
	}
	// Up already, and set up by others, is all that an unprivileged run needs.
	if err := netlink.LinkSetUp(l); err != nil && l.Attrs().Flags&net.FlagUp == 0 {
		return fmt.Errorf("bring up %s: %w", l.Attrs().Name, err)
	}

	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	// Subscribed before the first look, so that no change falls between.
	changes, err := subscribe(ctx)
	if err != nil {
		return err
	}
	now, err := read(l.Attrs().Index, t.settings.Address)
	if err != nil {
		return err
	}
	hw := now.HW
	t.tell(ctx, now)
	t.Log.Debug("network", "interface", now.Name, "carrier", now.Up, "address", now.Addr)

	// up carries true each time that the link has come up, false when it has
	// gone down; only the newest counts.
	up := make(chan bool, 1)
	up <- now.Up
	failed := make(chan error, 1)
	foreign := now.Addr.IsValid() && !t.isOwn(now.Name, now.Addr)
	switch {
	case t.settings.Address.IsValid():
		wg.Go(func() { failed <- t.fix(ctx, l, up) })
	case foreign && !now.Addr.Addr().IsLinkLocalUnicast():
		t.Log.Info("network: using the address that the system has set", "interface", now.Name, "address", now.Addr)
	default:
		wg.Go(func() { failed <- t.lease(ctx, l, up) })
	}

	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case err := <-changes:
			if err != nil {
				return err
			}
		}
		was := now
		if now, err = read(l.Attrs().Index, t.settings.Address); err != nil {
			// The interface has gone. Its users keep their sockets until
			// another one takes its place.
			was.Up, was.Addr = false, netip.Prefix{}
			t.tell(ctx, was)
			return err
		}
		t.tell(ctx, now)
		if now.Up != was.Up {
			newest(up, now.Up)
			t.Log.Info("network: carrier", "interface", now.Name, "carrier", now.Up)
		}
		switch {
		case now.Up:
			t.kept = now.Name
		case t.elsewhere(now.Name):
			return errCarrierElsewhere
		}
		if !bytes.Equal(now.HW, hw) {
			return errNewHardware // a client's transactions are bound to it
		}
		if was.Addr.IsValid() && !now.Addr.IsValid() && (foreign || t.settings.Address.IsValid()) {
			return errAddressGone
		}
	}
}

// find chooses the interface, and says so where there was a choice.
func (t *tenure) find(ctx context.Context) (netlink.Link, error) {
	name := t.Interface
	if name == "" {
		name = t.settings.Interface
	}
	all, err := candidates()
	if err != nil {
		return nil, err
	}
	c, err := choose(all, name, t.kept)
	if err != nil {
		return nil, err
	}
	if awaken(c.among) {
		if c, err = t.negotiated(ctx, name); err != nil {
			return nil, err
		}
	}
	if len(c.among) > 0 && t.told != c.name {
		t.told = c.name
		t.Log.Warn("network: several wired interfaces; to use another one, write interface = \"NAME\" under [network] in pxebox.toml",
			"using", c.name, "carrier", c.carrier, "all", names(c.among))
	}
	if c.carrier {
		t.kept = c.name
	}
	l, err := netlink.LinkByName(c.name)
	if err != nil {
		return nil, fmt.Errorf("network interface %s: %w", c.name, err)
	}
	return l, nil
}

// negotiated chooses once the interfaces that were switched on have had their
// time, or no carrier can change the choice any more.
func (t *tenure) negotiated(ctx context.Context, name string) (choice, error) {
	wait, cancel := context.WithTimeout(ctx, negotiation)
	defer cancel()
	changes, err := subscribe(wait)
	if err != nil {
		return choice{}, err
	}
	for {
		all, err := candidates()
		if err != nil {
			return choice{}, err
		}
		c, err := choose(all, name, t.kept)
		if err != nil || c.settled() || wait.Err() != nil {
			return c, errors.Join(err, ctx.Err())
		}
		select {
		case <-wait.Done():
		case err := <-changes:
			if err != nil && wait.Err() == nil {
				return choice{}, err
			}
		}
	}
}

// awaken switches interfaces on, since one that is off shows no carrier, and
// reports whether there was one to switch on.
func awaken(all []candidate) bool {
	any := false
	for _, c := range all {
		if c.on {
			continue
		}
		l, err := netlink.LinkByName(c.name)
		if err == nil && netlink.LinkSetUp(l) == nil {
			any = true
		}
	}
	return any
}

// elsewhere reports whether choose would take another interface now.
func (t *tenure) elsewhere(name string) bool {
	if t.Interface != "" || t.settings.Interface != "" || t.kept == name {
		return false
	}
	all, err := candidates()
	if err != nil {
		return false
	}
	c, err := choose(all, "", t.kept)
	return err == nil && c.name != name && c.carrier
}

// fix keeps a fixed address on the interface. It ends only with ctx.
func (t *tenure) fix(ctx context.Context, l netlink.Link, up <-chan bool) error {
	s := setup{addr: t.settings.Address, gateway: t.settings.Gateway, dns: t.settings.DNS}
	said := ""
	for {
		var again <-chan time.Time
		switch now, err := read(l.Attrs().Index, s.addr); {
		case err != nil:
			return err
		case now.Addr == s.addr && !t.isOwn(now.Name, s.addr):
			// The system's own doing: its routes are left to it, too.
			t.disown(now.Name, s.addr)
		default:
			err := t.apply(l, s)
			if err == nil && said != "done" {
				said = "done"
				t.Log.Info("network: fixed address", "interface", now.Name, "address", s.addr)
			}
			if err != nil {
				again = time.After(retryEvery)
				if err.Error() != said {
					said = err.Error()
					t.Log.Error("network: the address stays as it was", "interface", now.Name, "err", err)
				}
			}
		}
		for set := false; !set; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-again:
				set = true
			case set = <-up:
				// The kernel drops routes while an interface is switched off.
			}
		}
	}
}

// subscribe sends a nil for each change of a link or an address, and at last
// an error. Changes that come faster than they are read are one.
func subscribe(ctx context.Context) (<-chan error, error) {
	links, addrs := make(chan netlink.LinkUpdate), make(chan netlink.AddrUpdate)
	if err := netlink.LinkSubscribe(links, ctx.Done()); err != nil {
		return nil, fmt.Errorf("watch network interfaces: %w", err)
	}
	if err := netlink.AddrSubscribe(addrs, ctx.Done()); err != nil {
		return nil, fmt.Errorf("watch addresses: %w", err)
	}
	changes := make(chan error, 1)
	// Both channels are read to their end, which ctx brings: a reader that
	// left early would leave their writers behind.
	go func() { drain(links, changes) }()
	go func() { drain(addrs, changes) }()
	return changes, nil
}

func drain[T any](from <-chan T, changes chan error) {
	for range from {
		select {
		case changes <- nil:
		default: // one is waiting, and has not been looked into yet
		}
	}
	select {
	case <-changes: // the error says more
	default:
	}
	select {
	case changes <- errors.New("the kernel's messages about the network ended"):
	default:
	}
}

// newest leaves v in c, whatever was there. There is one writer.
func newest(c chan bool, v bool) {
	select {
	case <-c:
	default:
	}
	c <- v
}

// sleep waits; false means that ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
