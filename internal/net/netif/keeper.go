package netif

import (
	"bytes"
	"cmp"
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
	// retryEvery is the pause after a failure that only time or a person
	// can fix, such as a missing interface.
	retryEvery = 2 * time.Second
	// negotiation is the longest time that an Ethernet interface takes to
	// find its link partner after it is switched on.
	negotiation = 5 * time.Second
)

// Keeper keeps one interface configured according to the settings.
type Keeper struct {
	// Interface overrides the settings' interface if it is not empty.
	Interface string
	// RunDir is where the Keeper records which address it set, so that
	// after a restart it can tell it from one that the system's network
	// setup made.
	RunDir string
	// Substitute keeps the box reachable while the interface that the settings
	// name cannot be used: another one gets an address by DHCP. Its link is not
	// reported, so that nothing is served there.
	Substitute bool
	// Problem, if set, is called with the reason why that interface cannot be
	// used, and with "" once it is used.
	Problem func(why string)
	// Leased, if set, is called with each answer by which the site's DHCP
	// server gives the box an address.
	Leased func(context.Context, *dhcpv4.DHCPv4)
	Log    *slog.Logger
}

// Run applies the settings until ctx ends, and reports each change of the link.
// It never runs two calls of report at the same time. The context that report
// gets ends when newer settings make the report obsolete.
//
// An address that is set stays when Run ends: the box must stay reachable while
// its program restarts.
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

// tenure is the period during which one version of the settings applies. Its
// fields belong to the goroutine of run.
type tenure struct {
	*Keeper
	settings spec.Network
	report   func(context.Context, Link)

	last Link   // as reported
	kept string // interface that was chosen and has had a carrier
	told string // interface in the last log line that advised naming one

	fitted netip.Prefix // network that the neighbor table was enlarged for
}

func (t *tenure) run(ctx context.Context) {
	said := ""
	var missing time.Time // since when the interface cannot be used
	for {
		err := t.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		var u unusable
		isUnusable := errors.As(err, &u)
		if isUnusable {
			t.noteProblem(u.Error())
		}
		if err.Error() != said { // log it once, not every two seconds
			said = err.Error()
			t.Log.Error("network: setup failed; retrying", "err", err)
		}
		switch {
		case !isUnusable:
			missing = time.Time{}
		case missing.IsZero():
			missing = time.Now()
		}
		if isUnusable && t.Substitute && u.substituteAfter(time.Since(missing), t.hasAddress()) {
			t.substitute(ctx, u)
			missing = time.Time{}
		}
		if !sleep(ctx, retryEvery) {
			return
		}
	}
}

// tell reports the link if it has changed.
func (t *tenure) tell(ctx context.Context, l Link) {
	if !l.Equal(t.last) {
		t.last = l
		if l.Addr.IsValid() && l.Addr.Masked() != t.fitted {
			t.fitted = l.Addr.Masked()
			t.fitTable(neighborDir, IsBox(), l.Addr)
		}
		t.report(ctx, l)
	}
}

var (
	errCarrierElsewhere = errors.New("another network interface has a carrier, and this one never had one")
	errAddressGone      = errors.New("the address was removed")
	errNewHardware      = errors.New("the interface's hardware address has changed")
)

// attempt brings the interface up and keeps it configured until it fails or ctx
// ends. It always returns an error.
func (t *tenure) attempt(ctx context.Context) error {
	l, err := t.find(ctx)
	if err != nil {
		return err
	}
	t.noteProblem("")
	// For an unprivileged run it is enough that the interface is already up
	// and configured.
	if err := netlink.LinkSetUp(l); err != nil && l.Attrs().Flags&net.FlagUp == 0 {
		return fmt.Errorf("bring up %s: %w", l.Attrs().Name, err)
	}

	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	// Subscribe before the first look, so that no change is missed in
	// between.
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

	// up receives true each time the link comes up, and false when it goes
	// down; only the newest value counts.
	up := make(chan bool, 1)
	up <- now.Up
	failed := make(chan error, 1)
	foreign := now.Addr.IsValid() && !t.isOwn(now.Name, now.Addr)
	switch {
	case t.settings.Address.IsValid():
		wg.Go(func() { failed <- t.fix(ctx, l, up) })
	case foreign && !now.Addr.Addr().IsLinkLocalUnicast():
		t.Log.Info("network: using the address that the system configured", "interface", now.Name, "address", now.Addr)
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
			// The interface has disappeared. Its users keep their
			// sockets until another one takes its place.
			was.Up, was.Addr = false, netip.Prefix{}
			t.tell(ctx, was)
			return err
		}
		t.tell(ctx, now)
		if now.Up != was.Up {
			newest(up, now.Up)
			t.Log.Info("network: carrier changed", "interface", now.Name, "carrier", now.Up)
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

// find chooses the interface, and logs the choice if there are several.
func (t *tenure) find(ctx context.Context) (netlink.Link, error) {
	name := t.named()
	all, err := candidates()
	if err != nil {
		return nil, err
	}
	created, err := t.prepareVLAN(all, name)
	if err != nil {
		return nil, err
	}
	if created {
		if all, err = candidates(); err != nil {
			return nil, err
		}
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

// named returns the name of the interface to use; "" if any will do.
func (t *tenure) named() string { return cmp.Or(t.Interface, t.settings.Interface) }

// negotiated chooses once the newly switched-on interfaces have had time to
// negotiate, or once no carrier can change the choice any more.
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

// awaken switches interfaces on, because one that is off shows no carrier. It
// reports whether it switched on any.
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

// elsewhere reports whether choose would now take another interface.
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
			// The system has set this address, so its routes are
			// left to the system too.
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
					t.Log.Error("network: cannot set the address; the previous one stays", "interface", now.Name,
						"err", err)
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

// subscribe sends nil for each change of a link or an address, and an error at
// the end. Changes that arrive faster than they are read are merged.
func subscribe(ctx context.Context) (<-chan error, error) {
	links, addrs := make(chan netlink.LinkUpdate), make(chan netlink.AddrUpdate)
	if err := netlink.LinkSubscribe(links, ctx.Done()); err != nil {
		return nil, fmt.Errorf("watch network interfaces: %w", err)
	}
	if err := netlink.AddrSubscribe(addrs, ctx.Done()); err != nil {
		return nil, fmt.Errorf("watch addresses: %w", err)
	}
	changes := make(chan error, 1)
	// Both channels must be drained until ctx closes them: a reader that
	// stopped early would leak their writers.
	go func() { drain(links, changes) }()
	go func() { drain(addrs, changes) }()
	return changes, nil
}

func drain[T any](from <-chan T, changes chan error) {
	for range from {
		select {
		case changes <- nil:
		default: // one is already pending
		}
	}
	select {
	case <-changes: // the error replaces a pending change
	default:
	}
	select {
	case changes <- errors.New("the kernel's stream of network changes ended"):
	default:
	}
}

// newest replaces the value in c with v. There is one writer.
func newest(c chan bool, v bool) {
	select {
	case <-c:
	default:
	}
	c <- v
}

// sleep waits for d; false means that ctx has ended.
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
