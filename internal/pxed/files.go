package pxed

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"sync"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/catalog"
	"github.com/pxebox/pxebox/internal/event"
	"github.com/pxebox/pxebox/internal/handoff"
	"github.com/pxebox/pxebox/internal/machine"
	"github.com/pxebox/pxebox/internal/tftp"
)

// open finds a file for the machine at an address.
func (d *daemon) open(client netip.Addr, name string) (catalog.File, error) {
	m := d.reader(client, name)
	return d.files.Load().Open(name, catalog.Reader{View: d.settings.Load().Plan.View(time.Now(), m), MAC: m.MAC})
}

// reader is who asks for a file: the machine that the name tells of, or the
// one that has the address by DHCP. The name goes first, so that a person can
// look at a machine's menu from another.
func (d *daemon) reader(client netip.Addr, name string) machine.Machine {
	m, _ := d.machines.At(client)
	if mac, _ := catalog.Menu(name); mac != "" && mac != m.MAC {
		return machine.Machine{MAC: mac, Firmware: "bios"} // PXELINUX's name
	}
	return m
}

// openTFTP is open by TFTP, which also takes the wish to be handed over.
func (d *daemon) openTFTP(client netip.AddrPort, name string) (tftp.File, error) {
	r, ok := handoff.Parse(name)
	if !ok {
		f, err := d.open(client.Addr(), name)
		if errors.Is(err, catalog.ErrName) {
			return nil, tftp.ErrRefused
		}
		return f, err
	}
	if err := d.mayHandOver(client.Addr(), r); err != nil {
		d.refused(client.Addr(), r, err)
		return nil, fmt.Errorf("%w: %w", tftp.ErrRefused, err)
	}
	// The name in the menus is one for all machines.
	return d.files.Load().Open(r.File(), catalog.Reader{MAC: r.MAC})
}

// openHTTP is open by HTTP. Nobody is handed over by it: a machine that booted
// by HTTP would boot by HTTP again, and WDS has none.
func (d *daemon) openHTTP(client netip.Addr, name string) (catalog.File, error) {
	if r, ok := handoff.Parse(name); ok {
		d.refused(client, r, errors.New("asked for by HTTP, which WDS has not"))
		return nil, fs.ErrNotExist
	}
	return d.open(client, name)
}

// mayHandOver reports why a machine's next boot cannot be handed over, or nil.
// It is asked before the file is sent and again after that, when the kernel
// has had to ask by ARP where the packets go.
func (d *daemon) mayHandOver(client netip.Addr, r handoff.Request) error {
	s := d.settings.Load()
	switch {
	case !s.Mode.Answers():
		return errors.New("DHCP is off: the next boot would not be answered")
	case !s.Plan.Leads(r.Entry):
		return errors.New("no WDS server with a known address")
	}
	if err := d.owns(client, r.MAC); err != nil {
		return err
	}
	if m, ok := d.machines.At(client); ok && m.MAC == r.MAC && m.Firmware != "" {
		if _, ok := s.Plan.Boot(r.Entry, m.Firmware); !ok {
			return fmt.Errorf("the WDS server has no program for %s", m.Firmware)
		}
	}
	return nil
}

// owns reports whether an address is that machine's, as an error where it is
// not. On the link the kernel knows, for that is where it sends what is read:
// nothing in a request can change that. Behind a router, and where nobody has
// been sent anything yet, it is as DHCP saw it.
func (d *daemon) owns(client netip.Addr, mac config.MAC) error {
	if l := d.link.Load(); l.Addr.Contains(client) {
		hw, err := d.neighbour(l.Index, client)
		if err != nil {
			return err
		}
		if len(hw) > 0 {
			if is := config.MAC(config.NewHex(hw)); is != mac {
				return fmt.Errorf("the address belongs to %s", is)
			}
			return nil
		}
	}
	m, ok := d.machines.At(client)
	switch {
	case !ok:
		return errors.New("nobody knows whose the address is")
	case m.MAC != mac:
		return fmt.Errorf("the address was given to %s", m.MAC)
	}
	return nil
}

// transferred hears of a TFTP transfer that has ended.
func (d *daemon) transferred(e tftp.Event) {
	client := e.Client.Addr().Unmap()
	if client == d.link.Load().Addr.Addr() {
		return // a self-test is no news
	}
	d.tell.transferred(e)
	if e.Err != nil {
		return
	}
	if r, ok := handoff.Parse(e.File); ok {
		d.arm(client, r)
		return
	}
	d.read(client, e.File)
}

// answered hears of an HTTP request that has ended.
func (d *daemon) answered(e event.Event) {
	d.tell.bus.Publish(e)
	if e.Outcome == event.Sent {
		d.read(e.Addr, e.What)
	}
}

// arm has the next boot of a machine handed over, once it has acknowledged
// the last block of what it read: whoever forged its address could not see
// from which port that came.
func (d *daemon) arm(client netip.Addr, r handoff.Request) {
	err := d.mayHandOver(client, r)
	if err == nil && !d.asked.Arm(time.Now(), r.MAC, r.Entry) {
		err = errors.New("too many machines are on their way already")
	}
	if err != nil {
		d.refused(client, r, err)
		return
	}
	d.Log.Info("handoff: armed", "mac", r.MAC, "client", client, "entry", r.Entry, "for", handoff.Lasts)
}

const (
	// refusedAgain is how long the log is silent about a client after it was
	// refused a handoff. A machine that comes again has been restarted.
	refusedAgain = 10 * time.Second
	maxRefused   = 1024
)

// refusals are the clients that were refused a handoff lately.
type refusals struct {
	mu   sync.Mutex
	last map[netip.Addr]time.Time
}

// tell reports whether the log is to tell of one more.
func (r *refusals) tell(now time.Time, client netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.last[client]; ok && now.Sub(last) < refusedAgain {
		return false
	}
	if r.last == nil || len(r.last) >= maxRefused {
		r.last = map[netip.Addr]time.Time{}
	}
	r.last[client] = now
	return true
}

func (d *daemon) refused(client netip.Addr, r handoff.Request, err error) {
	if d.refusals.tell(time.Now(), client) {
		d.Log.Warn("handoff: refused", "mac", r.MAC, "client", client, "entry", r.Entry, "err", err)
	}
}

// read notes that a file was read to its end: with the menu of a machine that
// has it for one boot, that boot is on its way. Others may look at it.
func (d *daemon) read(client netip.Addr, name string) {
	if _, ok := catalog.Menu(name); !ok {
		return
	}
	m, now := d.reader(client, name), time.Now()
	spent, ok := d.settings.Load().Plan.Spends(now, m)
	if !ok || d.owns(client, m.MAC) != nil {
		return
	}
	if d.once.Read(now, spent) {
		d.Log.Info("machine: its one boot", "mac", m.MAC, "client", client, "rule", spent.Rule)
	}
}

// plan makes a generation's rules ready.
func (d *daemon) plan() handoff.Plan {
	return handoff.NewPlan(d.gen.Machines, d.gen.Handoffs, d.asked, d.once)
}

// tftpBounds are the largest TFTP block, in bytes, and the largest window, in
// blocks: as the settings say, or a block that fits one packet, and a window
// that fits the buffers of common network cards.
func tftpBounds(c config.TFTP, mtu int) (block, window int) {
	block, window = c.MaxBlock, c.MaxWindow
	if block == 0 {
		block = mtu - blockOverhead
	}
	if window == 0 {
		window = 64
	}
	return block, window
}
