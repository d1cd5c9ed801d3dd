// Package wdshandoff decides which client may have its next boot handed over, to
// a WDS server or to what else its firmware starts, and which machine's menu a client reads. Both depend on which
// machine holds an address. The package stores the decisions, on disk where a
// power cut must not lose them. Tokens, tickets and the plan are in package
// handoff.
package wdshandoff

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/ladder"
)

const (
	// maxHandoffs is how many machines may restart for a hand-over at a
	// time.
	maxHandoffs = 4096
	// maxSpent is how many boots are remembered for each rule with once.
	maxSpent = 16384
)

// Link is the network that the box is on.
type Link struct {
	Index int
	Addr  netip.Prefix // the box's address there
}

// Options are a Service's dependencies.
type Options struct {
	RunDir  string         // for machines that are on their way
	DataDir string         // for machines that have had their one boot
	Clients *clients.Table // which machine has which address, by DHCP
	Link    func() Link    // the current link
	// Neighbor returns the MAC that the kernel knows for an address on the
	// link; zero if it knows none yet.
	Neighbor func(ifindex int, a netip.Addr) (ether.MAC, error)
	Resolve  func(ifindex int, a netip.Addr) error // makes the kernel send an ARP request
	Log      *slog.Logger
}

// Service handles handoff requests from clients. All its methods except Keep may
// be called from any goroutine.
type Service struct {
	Options
	key      handoff.Key
	asked    *handoff.Table
	visits   *handoff.Visits
	once     *clients.Once
	ladder   *ladder.Table
	restored bool                      // once has what was on disk; belongs to the caller of Keep
	refused  loglimit.Once[netip.Addr] // clients that were refused a handoff
}

// Rules are what one generation says about machines.
type Rules struct {
	handoff.Plan
	Answers bool // DHCP is not off
}

// New makes a Service that restores the state of the last one in RunDir.
func New(now time.Time, o Options) *Service {
	d := &Service{
		Options: o, asked: handoff.NewTable(maxHandoffs), once: clients.NewOnce(maxSpent),
		refused: loglimit.Once[netip.Addr]{Most: maxRefused, Again: refusedAgain},
	}
	d.visits = handoff.NewVisits(maxHandoffs, d.asked)
	d.key = restoreArmed(now, o.RunDir, d.asked, d.visits, o.Log)
	d.ladder = restoreLadder(now, o.RunDir, o.Log)
	return d
}

// Serve saves the decisions, until ctx ends.
func (d *Service) Serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return saveSpent(ctx, d.DataDir, d.once, d.Log) })
	g.Go(func() error { return d.logWithheld(ctx) })
	g.Go(func() error { return saveArmed(ctx, d.RunDir, d.key, d.asked, d.visits, d.Log) })
	g.Go(func() error { return saveLadder(ctx, d.RunDir, d.ladder, d.Log) })
	return g.Wait()
}

// Rules prepares one generation's rules.
func (d *Service) Rules(mode spec.Mode, rules []clients.Rule, targets map[string]handoff.Target) Rules {
	return Rules{handoff.NewPlan(rules, targets, d.asked, d.once).WithVisits(d.visits), mode.Answers()}
}

// Enter records that the client at an address loads a program that firmware
// starts, so that it finds that program's other files. Nothing is recorded if it
// is not known which machine the client is, or with DHCP off: the box would not
// see when that machine boots again.
func (d *Service) Enter(now time.Time, r Rules, client netip.Addr, program string) {
	h, _ := d.holder(client)
	if r.Answers && h.MAC.IsValid() {
		d.visits.Enter(now, h.MAC, client, program)
	}
}

// Runs returns the program of this box that the client at an address runs, because
// its firmware has started it; empty for none. The client finds that program's
// files before all others.
func (d *Service) Runs(now time.Time, client netip.Addr) string {
	tenant, _ := d.Clients.At(client)
	return d.visits.At(now, client, tenant.MAC)
}

// Reader is the machine that a menu is for.
type Reader struct {
	View  string // the menus that it gets before the general ones
	MAC   ether.MAC
	Token string // as in handoff.Request
}

// Reader returns who reads a menu at an address. named is the machine in the
// menu's name; empty for none.
func (d *Service) Reader(now time.Time, r Rules, client netip.Addr, named ether.MAC) Reader {
	// After an error the reader is uncertain, and the menu waits for a key.
	h, _ := d.holder(client)
	m, known := h.reads(named)
	if h.claimed.MAC.IsValid() && m == h.Machine && !r.Plan.Rules(now, m) && r.Plan.Rules(now, h.claimed) {
		known = false // as behind a bridge that puts its own address into frames
	}
	return Reader{View: r.View(now, m, known), MAC: m.MAC, Token: d.key.Token(client, h.MAC)}
}

// Undecided reports whether a request for a menu has to wait, because a rule
// may apply to the machine and the kernel does not know yet who is at the
// address. It makes the kernel send an ARP request. No block reaches a machine
// on the link before the kernel has the reply, so no machine loses anything:
// the client retransmits its request.
func (d *Service) Undecided(r Rules, client netip.Addr, named ether.MAC) bool {
	l := d.Link()
	if !r.HasRules() || !l.Addr.Contains(client) || client == l.Addr.Addr() || named.IsValid() {
		return false
	}
	h, err := d.holder(client)
	return err == nil && h.by != byLink && d.Resolve(l.Index, client) == nil
}

// Check checks a client's request for the file that hands it over. The error says
// why the request is refused.
func (d *Service) Check(now time.Time, rules Rules, client netip.Addr, r handoff.Request) error {
	err := d.mayHandOver(rules, client, r, false)
	if err != nil {
		d.Refuse(now, client, r, err)
	}
	return err
}

// Arm marks a machine's next boot for a handoff, once the machine has
// acknowledged the last block of what it read. The error says why it does not.
func (d *Service) Arm(now time.Time, rules Rules, client netip.Addr, r handoff.Request) error {
	err := d.mayHandOver(rules, client, r, true)
	if err == nil && !d.asked.Arm(now, d.machine(client, r.MAC), r.Entry) {
		err = errors.New("too many machines are being handed over")
	}
	if err != nil {
		d.Refuse(now, client, r, err)
		return err
	}
	d.Log.Info("next boot is handed over", "mac", r.MAC, "client", client, "entry", r.Entry, "for", handoff.Lifetime)
	return nil
}

// mayHandOver returns nil if a machine's next boot can be handed over, or the
// reason why not. It is called before the file is sent and again afterwards,
// when the kernel has had to resolve the address by ARP.
//
// The token shows that the client receives what is sent to its address, and
// which machine had that address when its menu was read. If nothing else is
// known now, for example behind a relay agent after a restart of this program,
// that is enough.
func (d *Service) mayHandOver(rules Rules, client netip.Addr, r handoff.Request, sent bool) error {
	switch {
	case !rules.Answers:
		return errors.New("DHCP is off, so the box would not answer the next boot")
	case !rules.HasServer(r.Entry):
		return errors.New("the entry has no server with a known address")
	}
	h, err := d.holder(client)
	switch {
	case err != nil:
		return err
	case h.by == byLink && h.MAC != r.MAC:
		return fmt.Errorf("the address belongs to %s", h.MAC)
	case h.by != unknown && h.MAC != r.MAC:
		return fmt.Errorf("the address was given to %s", h.MAC)
	case !d.key.Issued(client, r):
		return errors.New("no menu with this token was sent to that address since the box started; restart the machine")
	case sent && h.by != byLink && d.Link().Addr.Contains(client):
		return errors.New("no host on the link answers ARP for the address")
	}
	if m := d.machine(client, r.MAC); m.Firmware != "" {
		if _, ok := rules.Boot(r.Entry, m.Firmware); !ok {
			return fmt.Errorf("the entry has no program for %s", m.Firmware)
		}
	}
	return nil
}

// machine returns what DHCP has reported about the machine with that MAC and
// address.
func (d *Service) machine(client netip.Addr, mac ether.MAC) clients.Machine {
	if m, ok := d.Clients.At(client); ok && m.MAC == mac {
		return m.Machine
	}
	return clients.Machine{MAC: mac}
}

const (
	// refusedAgain is how long the log stays silent about a client after a
	// refused handoff. A machine that asks again later has been restarted.
	refusedAgain = 10 * time.Second
	maxRefused   = 1024
)

// Refuse logs that a client's handoff is refused.
func (d *Service) Refuse(now time.Time, client netip.Addr, r handoff.Request, err error) {
	if d.refused.First(now, client) {
		d.Log.Warn("hand-over refused", "mac", r.MAC, "client", client, "entry", r.Entry, "err", err)
	}
}

// Read records that a menu was read to its end. If it is the machine's menu for
// one boot, that boot has started. Other machines may look at it.
func (d *Service) Read(now time.Time, r Rules, client netip.Addr, named ether.MAC) {
	h, err := d.holder(client)
	if err != nil || !h.MAC.IsValid() {
		return
	}
	m, known := h.reads(named)
	if !known || m.MAC != h.MAC {
		return
	}
	spent, ok := r.Spends(now, m)
	if !ok {
		return
	}
	if d.once.Read(now, spent) {
		d.Log.Info("machine: one-time boot used", "mac", m.MAC, "client", client, "rule", spent.Rule)
	}
}
