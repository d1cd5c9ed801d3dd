package pxed

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
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
	now := d.files.served.Load()
	var r catalog.Reader
	if now.files.IsMenu(name) {
		// An error leaves it uncertain who reads, and the menu waits for a key.
		holder, _ := d.holder(client)
		m, known := reader(holder, name)
		at := time.Now()
		if holder.claimed.MAC != "" && m == holder.Machine && !now.plan.Rules(at, m) && now.plan.Rules(at, holder.claimed) {
			known = false // as behind a bridge that puts its own address into frames
		}
		r = catalog.Reader{View: now.plan.View(at, m, known), MAC: m.MAC, Token: d.wds.key.Token(client, holder.MAC)}
	}
	f, err := now.files.Open(name, r)
	var refused catalog.RefusedError
	if errors.As(err, &refused) {
		d.tell.notServed(refused)
	}
	return f, err
}

// reader is who asks for a menu: the machine that its name tells, or the holder
// of the address; and whether that is certain. The name goes first, so that a
// person can look at a machine's menu from another. It is the machine's own
// word in its own request, which no other host can change; whoever reads with
// another's name reads another's menu, and no more.
func reader(h holder, name string) (m machine.Machine, known bool) {
	switch mac, _ := catalog.Menu(name); mac {
	case "":
		return h.Machine, h.by == byLink || h.by == byRelay
	case h.MAC:
		return h.Machine, true
	case h.claimed.MAC:
		return h.claimed, true
	default:
		return machine.Machine{MAC: mac, Firmware: "bios"}, true // PXELINUX's name
	}
}

// undecided reports whether a request for a menu has to wait, because a rule
// may be for the machine and the kernel does not know yet who is at the
// address. It has the kernel ask. No block reaches a machine on the link before
// the kernel has its answer, so that no machine misses anything: the client
// repeats its request.
func (d *daemon) undecided(client netip.Addr, name string) bool {
	now, l := d.files.served.Load(), d.link.Load()
	if !now.plan.Ruled() || !l.Addr.Contains(client) || client == l.Addr.Addr() {
		return false
	}
	if mac, ok := catalog.Menu(name); !ok || mac != "" {
		return false
	}
	h, err := d.holder(client)
	return err == nil && h.by != byLink && d.wds.resolve(l.Index, client) == nil
}

// openTFTP is open by TFTP, which also takes the wish to be handed over.
func (d *daemon) openTFTP(client netip.AddrPort, name string) (tftp.File, error) {
	r, ok := handoff.Parse(name)
	if !ok {
		if d.undecided(client.Addr(), name) {
			return nil, tftp.ErrLater
		}
		f, err := d.open(client.Addr(), name)
		if errors.Is(err, catalog.ErrName) {
			return nil, tftp.ErrRefused
		}
		return f, err
	}
	if err := d.mayHandOver(client.Addr(), r, false); err != nil {
		d.refused(client.Addr(), r, err)
		return nil, fmt.Errorf("%w: %w", tftp.ErrRefused, err)
	}
	// The name in the menus is one for all machines.
	return d.files.served.Load().files.Open(r.File(), catalog.Reader{MAC: r.MAC})
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
//
// The token shows that the client receives what is sent to its address, and
// whose that was when its menu was read. Where nothing is known now, as behind a
// relay agent after a restart of this program, that is enough.
func (d *daemon) mayHandOver(client netip.Addr, r handoff.Request, sent bool) error {
	s := d.dhcp.Settings()
	switch {
	case !s.Mode.Answers():
		return errors.New("DHCP is off: the next boot would not be answered")
	case !s.Plan.Leads(r.Entry):
		return errors.New("no WDS server with a known address")
	}
	h, err := d.holder(client)
	switch {
	case err != nil:
		return err
	case h.by == byLink && h.MAC != r.MAC:
		return fmt.Errorf("the address belongs to %s", h.MAC)
	case h.by != unknown && h.MAC != r.MAC:
		return fmt.Errorf("the address was given to %s", h.MAC)
	case !d.wds.key.Gave(client, r):
		return errors.New("no menu with this name was sent to that address since the box was started")
	case sent && h.by != byLink && d.link.Load().Addr.Contains(client):
		return errors.New("nobody on the link answers for the address")
	}
	if m, ok := d.wds.machines.At(client); ok && m.MAC == r.MAC && m.Firmware != "" {
		if _, ok := s.Plan.Boot(r.Entry, m.Firmware); !ok {
			return fmt.Errorf("the WDS server has no program for %s", m.Firmware)
		}
	}
	return nil
}

// evidence is how it is known whose an address is.
type evidence int

const (
	unknown evidence = iota
	byDHCP           // by a packet that any host could have sent
	byRelay          // by one that a relay agent passed on, which answers for its subnet
	byLink           // by ARP: it is where the kernel sends to
)

// holder is whose an address is. The zero holder says that this is not known.
type holder struct {
	machine.Machine
	by evidence
	// claimed is the machine that has the address by DHCP, where the link says
	// otherwise.
	claimed machine.Machine
}

// holder finds out whose an address is. On the link the kernel knows, for that
// is where it sends what is read: nothing in a request, and no DHCP packet, can
// change that. What the same machine has said of itself by DHCP goes along.
// Behind a router, and where the kernel has sent nothing yet, it is as DHCP saw
// it.
func (d *daemon) holder(client netip.Addr) (holder, error) {
	tenant, ok := d.wds.machines.At(client)
	l := d.link.Load()
	if l.Addr.Contains(client) {
		hw, err := d.wds.neighbour(l.Index, client)
		if err != nil {
			return holder{}, err
		}
		if mac := config.MAC(config.NewHex(hw)); len(hw) > 0 && ok && tenant.MAC == mac {
			return holder{Machine: tenant.Machine, by: byLink}, nil
		} else if len(hw) > 0 {
			return holder{Machine: machine.Machine{MAC: mac}, by: byLink, claimed: tenant.Machine}, nil
		}
	}
	switch {
	case !ok:
		return holder{}, nil
	case tenant.Relayed && !l.Addr.Contains(client):
		return holder{Machine: tenant.Machine, by: byRelay}, nil
	}
	return holder{Machine: tenant.Machine, by: byDHCP}, nil
}

// whose is the MAC of the machine at an address, for the log; zero where it is not
// known.
func (d *daemon) whose(a netip.Addr) (mac event.MAC) {
	if h, err := d.holder(a); err == nil {
		if hw, err := net.ParseMAC(string(h.MAC)); err == nil {
			copy(mac[:], hw)
		}
	}
	return mac
}

// transferred hears of a TFTP transfer that has ended.
func (d *daemon) transferred(e tftp.Event) {
	client := e.Client.Addr().Unmap()
	if client == d.link.Load().Addr.Addr() {
		return // a self-test is no news
	}
	d.tell.transferred(e)
	r, ok := handoff.Parse(e.File)
	switch {
	case ok && e.Err == nil:
		d.arm(client, r)
	case ok:
	case e.Err == nil, errors.Is(e.Err, tftp.ErrGaveUp) && lastWasSent(e):
		d.read(client, e.File)
	}
}

// lastWasSent reports whether the last block of a file was sent: the window
// behind what was acknowledged was, and that block is not full. PXELINUX and
// GRUB do not stay to acknowledge it a second time, so that all may have
// arrived, and the menu does its work, where that acknowledgement is lost. Where
// the client has acknowledged nothing at all, it is tftp.ErrNoAnswer.
func lastWasSent(e tftp.Event) bool { return e.Sent+int64(e.Window)*int64(e.BlockSize) > e.Size }

// answered hears of an HTTP request that has ended.
func (d *daemon) answered(e event.Event) {
	d.tell.bus.Publish(e)
	if e.Outcome == event.Sent {
		d.read(e.Addr, e.What)
	}
}

// arm has the next boot of a machine handed over, once it has acknowledged
// the last block of what it read.
func (d *daemon) arm(client netip.Addr, r handoff.Request) {
	err := d.mayHandOver(client, r, true)
	if err == nil && !d.wds.asked.Arm(time.Now(), r.MAC, r.Entry) {
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
	if d.wds.refusals.tell(time.Now(), client) {
		d.Log.Warn("handoff: refused", "mac", r.MAC, "client", client, "entry", r.Entry, "err", err)
	}
}

// read notes that a file was read to its end: with the menu of a machine that
// has it for one boot, that boot is on its way. Others may look at it.
func (d *daemon) read(client netip.Addr, name string) {
	if _, ok := catalog.Menu(name); !ok {
		return
	}
	h, err := d.holder(client)
	if err != nil || h.MAC == "" {
		return
	}
	m, known := reader(h, name)
	if !known || m.MAC != h.MAC {
		return
	}
	now := time.Now()
	spent, ok := d.files.served.Load().plan.Spends(now, m)
	if !ok {
		return
	}
	if d.wds.once.Read(now, spent) {
		d.Log.Info("machine: its one boot", "mac", m.MAC, "client", client, "rule", spent.Rule)
	}
}

// plan makes a generation's rules ready.
func (d *daemon) plan() handoff.Plan {
	return handoff.NewPlan(d.gen.Machines, d.gen.Handoffs, d.wds.asked, d.wds.once)
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
