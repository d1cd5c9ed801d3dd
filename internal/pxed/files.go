package pxed

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/catalog"
	"github.com/pxebox/pxebox/internal/event"
	"github.com/pxebox/pxebox/internal/handoff"
	"github.com/pxebox/pxebox/internal/tftp"
)

// open finds a file for the machine at an address.
func (d *daemon) open(client netip.Addr, name string) (catalog.File, error) {
	now := d.files.served.Load()
	var r catalog.Reader
	if now.files.IsMenu(name) {
		named, _ := catalog.Menu(name)
		r = catalog.Reader(d.desk.Reader(time.Now(), now.rules, client, named))
	}
	f, err := now.files.Open(name, r)
	var refused catalog.RefusedError
	if errors.As(err, &refused) {
		d.tell.notServed(refused)
	}
	return f, err
}

// openTFTP is open by TFTP, which also takes the request to be handed over.
func (d *daemon) openTFTP(client netip.AddrPort, name string) (tftp.File, error) {
	now := d.files.served.Load()
	if r, ok := handoff.Parse(name); ok {
		if err := d.desk.Ask(time.Now(), now.rules, client.Addr(), r); err != nil {
			return nil, fmt.Errorf("%w: %w", tftp.ErrRefused, err)
		}
		// The name in the menus is one for all machines.
		return now.files.Open(r.File(), catalog.Reader{MAC: r.MAC})
	}
	if named, ok := catalog.Menu(name); ok && d.desk.Undecided(now.rules, client.Addr(), named) {
		return nil, tftp.ErrLater
	}
	f, err := d.open(client.Addr(), name)
	if errors.Is(err, catalog.ErrName) {
		return nil, tftp.ErrRefused
	}
	return f, err
}

// openHTTP is open by HTTP. No machine is handed over by it: one that booted by
// HTTP would boot by HTTP again, which WDS does not support.
func (d *daemon) openHTTP(client netip.Addr, name string) (catalog.File, error) {
	if r, ok := handoff.Parse(name); ok {
		d.desk.Refuse(time.Now(), client, r, errors.New("asked for by HTTP, which WDS has not"))
		return nil, fs.ErrNotExist
	}
	return d.open(client, name)
}

// whose is the MAC of the machine at an address, for the log; zero where it is not
// known.
func (d *daemon) whose(a netip.Addr) (mac event.MAC) {
	if hw, err := net.ParseMAC(string(d.desk.Holder(a))); err == nil {
		copy(mac[:], hw)
	}
	return mac
}

// transferred is called when a TFTP transfer has ended.
func (d *daemon) transferred(e tftp.Event) {
	client := e.Client.Addr().Unmap()
	if client == d.link.Load().Addr.Addr() {
		return // a self-test is no news
	}
	d.tell.transferred(e)
	r, ok := handoff.Parse(e.File)
	switch {
	case ok && e.Err == nil:
		d.desk.Arm(time.Now(), d.files.served.Load().rules, client, r)
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

// answered is called when an HTTP request has ended.
func (d *daemon) answered(e event.Event) {
	d.tell.bus.Publish(e)
	if e.Outcome == event.Sent {
		d.read(e.Addr, e.What)
	}
}

// read notes that a file was read to its end: a menu may be there for one boot.
func (d *daemon) read(client netip.Addr, name string) {
	if named, ok := catalog.Menu(name); ok {
		d.desk.Read(time.Now(), d.files.served.Load().rules, client, named)
	}
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
