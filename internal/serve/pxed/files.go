package pxed

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/serve/tftp"
	"github.com/pxebox/pxebox/internal/serve/wdshandoff"
)

// files holds what TFTP and HTTP serve, and to which client. Its methods are
// the callbacks of both servers.
type files struct {
	dir     string // the site's boot files
	stick   string // more boot files
	bundled map[string][]byte
	desk    *wdshandoff.Service
	tell    *teller
	log     *slog.Logger
	self    func() netip.Addr // the box's address

	// These fields belong to the goroutine that calls use and look.
	gen   generation.Generation
	rules wdshandoff.Rules
	site  *os.Root

	served atomic.Pointer[served]
	limits atomic.Pointer[spec.TFTP]
}

// served is the current catalog together with the rules that assign its menus.
// Both belong to one generation: the next one may have another menu under the
// same name.
type served struct {
	files *bootfiles.Catalog
	rules wdshandoff.Rules
}

// use starts serving a generation's menus.
func (f *files) use(g generation.Generation, rules wdshandoff.Rules) {
	f.gen, f.rules = g, rules
	f.limits.Store(&g.TFTP)
	if !f.look() {
		f.publish()
	}
}

func (f *files) publish() {
	f.served.Store(&served{bootfiles.New(bootfiles.Contents{
		Menus: f.gen.Files, Views: f.gen.Views, Site: f.site, Stick: f.stick, Bundled: f.bundled, Names: f.gen.Names,
	}), f.rules})
}

// bounds returns the largest TFTP block and window on a link with that MTU.
func (f *files) bounds(mtu int) (block, window int) { return tftpBounds(*f.limits.Load(), mtu) }

// open finds a file for the machine at an address.
func (f *files) open(client netip.Addr, name string) (bootfiles.File, error) {
	now := f.served.Load()
	var r bootfiles.Reader
	if now.files.IsMenu(name) {
		named, _ := bootfiles.Menu(name)
		r = bootfiles.Reader(f.desk.Reader(time.Now(), now.rules, client, named))
	}
	file, err := now.files.Open(name, r)
	var refused bootfiles.RefusedError
	if errors.As(err, &refused) {
		f.tell.notServed(refused)
	}
	return file, err
}

// openTFTP is open for TFTP. It also handles handoff requests.
func (f *files) openTFTP(client netip.AddrPort, name string) (tftp.File, error) {
	now := f.served.Load()
	if r, ok := handoff.Parse(name); ok {
		if err := f.desk.Check(time.Now(), now.rules, client.Addr(), r); err != nil {
			return nil, fmt.Errorf("%w: %w", tftp.ErrRefused, err)
		}
		// The file behind the name in the menus is the same for all
		// machines.
		return now.files.Open(r.File(), bootfiles.Reader{MAC: r.MAC})
	}
	if named, ok := bootfiles.Menu(name); ok && f.desk.Undecided(now.rules, client.Addr(), named) {
		return nil, tftp.ErrLater
	}
	file, err := f.open(client.Addr(), name)
	if errors.Is(err, bootfiles.ErrName) {
		return nil, tftp.ErrRefused
	}
	return file, err
}

// openHTTP is open for HTTP. It hands no machine over: a machine that booted by
// HTTP would boot by HTTP again, which WDS does not support.
func (f *files) openHTTP(client netip.Addr, name string) (bootfiles.File, error) {
	if r, ok := handoff.Parse(name); ok {
		f.desk.Refuse(time.Now(), client, r, errors.New("requested over HTTP, which WDS does not support"))
		return nil, fs.ErrNotExist
	}
	return f.open(client, name)
}

// transferred is called when a TFTP transfer has ended.
func (f *files) transferred(e tftp.Event) {
	client := e.Client.Addr().Unmap()
	if client == f.self() {
		return // a self-test is not logged
	}
	f.tell.transferred(e)
	r, ok := handoff.Parse(e.File)
	switch {
	case ok && e.Err == nil:
		f.desk.Arm(time.Now(), f.served.Load().rules, client, r)
	case ok:
	case e.Err == nil, errors.Is(e.Err, tftp.ErrGaveUp) && lastWasSent(e):
		f.read(client, e.File)
	}
}

// lastWasSent reports whether the last block of a file was sent: the window
// that follows the acknowledged bytes was sent, and that block is not full.
// PXELINUX and GRUB do not stay to acknowledge the last block a second time. So
// if that acknowledgement is lost, the whole file may still have arrived, and
// the menu works. If the client acknowledged nothing at all, the error is
// tftp.ErrNoAnswer.
func lastWasSent(e tftp.Event) bool { return e.Sent+int64(e.Window)*int64(e.BlockSize) > e.Size }

// answered is called when an HTTP request has ended.
func (f *files) answered(e trace.Event) {
	f.tell.bus.Publish(e)
	if e.Outcome == trace.Sent {
		f.read(e.Addr, e.What)
	}
}

// read records that a file was read to its end: it may be a menu for one boot.
func (f *files) read(client netip.Addr, name string) {
	if named, ok := bootfiles.Menu(name); ok {
		f.desk.Read(time.Now(), f.served.Load().rules, client, named)
	}
}

// tftpBounds returns the largest TFTP block, in bytes, and the largest window,
// in blocks. The settings give them; the defaults are a block that fits one
// packet and a window that fits the buffers of common network cards.
func tftpBounds(c spec.TFTP, mtu int) (block, window int) {
	block, window = c.MaxBlock, c.MaxWindow
	if block == 0 {
		block = mtu - blockOverhead
	}
	if window == 0 {
		window = 64
	}
	return block, window
}
