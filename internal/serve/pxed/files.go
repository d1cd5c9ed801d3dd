package pxed

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/serve/ladder"
	"github.com/pxebox/pxebox/internal/serve/pxe"
	"github.com/pxebox/pxebox/internal/serve/tftp"
	"github.com/pxebox/pxebox/internal/serve/wdshandoff"
)

// files holds what TFTP and HTTP serve, and to which client. Its methods are
// the callbacks of both servers.
type files struct {
	dir     string // the site's boot files
	stick   string // more boot files
	cache   string // files that were taken out of images of Windows PE
	bundled map[string][]byte
	copies  []string // of shim, as in dhcp.Settings
	desk    *wdshandoff.Service
	tell    *teller
	log     *slog.Logger
	self    func() netip.Addr // the box's address

	// These fields belong to the goroutine that calls use and look.
	gen   generation.Generation
	rules wdshandoff.Rules
	roles roles
	site  *os.Root

	codes    codes
	refusals refusals
	served   atomic.Pointer[served]
	limits   atomic.Pointer[spec.TFTP]
	// metrics says who may read the metrics. The box itself always may.
	metrics atomic.Pointer[spec.Metrics]
}

// served is the current catalog together with the rules that assign its menus.
// Both belong to one generation: the next one may have another menu under the
// same name.
type served struct {
	files *bootfiles.Catalog
	rules wdshandoff.Rules
	roles roles
	own   map[string]ownProgram // programs that firmware starts, by their name as Fold returns it
	chain handoff.Chain
	named map[string]bool // the files that [boot] names, as Fold returns them
}

// use starts serving a generation's menus.
func (f *files) use(g generation.Generation, rules wdshandoff.Rules) {
	f.gen, f.rules, f.roles = g, rules, newRoles(g, f.bundled, f.copies)
	f.limits.Store(&g.TFTP)
	f.metrics.Store(&g.Metrics)
	if !f.look() {
		f.publish()
	}
}

func (f *files) publish() {
	f.served.Store(&served{bootfiles.New(bootfiles.Contents{
		Menus: f.gen.Files, Views: f.gen.Views, Site: f.site, Stick: f.stick, Cache: f.cache, Bundled: f.bundled,
		Names: f.gen.Names,
	}), f.rules, f.roles, ownPrograms(f.rules.OwnPrograms()), f.gen.Chain, named(f.gen.DHCP.BootFiles)})
}

func named(files map[firmware.Kind]string) map[string]bool {
	out := map[string]bool{}
	for _, name := range files {
		out[bootfiles.Fold(name)] = true
	}
	delete(out, pxe.Shim) // as if it were not named
	return out
}

// bounds returns the largest TFTP block and window on a link with that MTU.
func (f *files) bounds(mtu int) (block, window int) { return tftpBounds(*f.limits.Load(), mtu) }

// mayReadMetrics returns a function that reports whether a host may read the
// metrics. machine reports whether an address is that of a machine.
func (f *files) mayReadMetrics(machine func(netip.Addr) bool) func(netip.Addr) bool {
	return func(a netip.Addr) bool { return a == f.self() || f.metrics.Load().Allows(a, machine) }
}

// open finds a file for the machine at an address.
func (f *files) open(client netip.Addr, name string) (bootfiles.File, error) {
	now := f.served.Load()
	var r bootfiles.Reader
	if now.files.IsMenu(name) {
		named, _ := bootfiles.Menu(name)
		who := f.desk.Reader(time.Now(), now.rules, client, named)
		r = bootfiles.Reader{View: who.View, MAC: who.MAC, Token: who.Token}
		if now.files.ShowsCodes() {
			r.Code = f.codes.show(time.Now(), client)
		}
	}
	f.runs(now, client, &r)
	if own, ok := now.own[bootfiles.Fold(name)]; ok && own.winpe != nil {
		r.WinPE = own.winpe // it may not be known yet who asks
	}
	file, err := now.files.Open(f.instead(name), r)
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
			if r.Menu {
				reader := bootfiles.Reader{MAC: r.MAC}
				if now.files.ShowsCodes() {
					reader.Code = f.codes.show(time.Now(), client.Addr())
				}
				if file, missing := now.files.Open(handoff.RefusedFile, reader); missing == nil {
					f.refusals.add(client, err)
					return file, nil
				}
			}
			return nil, fmt.Errorf("%w: %w", tftp.ErrRefused, err)
		}
		f.refusals.take(client)
		// The file behind the name in the menus is the same for all
		// machines.
		return now.files.Open(r.File(), bootfiles.Reader{MAC: r.MAC})
	}
	if named, ok := bootfiles.Menu(name); ok && f.desk.Undecided(now.rules, client.Addr(), named) {
		return nil, tftp.ErrLater
	}
	if own, ok := now.own[bootfiles.Fold(name)]; ok {
		f.desk.Enter(time.Now(), now.rules, client.Addr(), own.file)
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
		f.desk.Refuse(time.Now(), client, r, errByHTTP)
		return nil, fs.ErrNotExist
	}
	return f.open(client, name)
}

// errByHTTP is why openHTTP hands no machine over.
var errByHTTP = errors.New("requested over HTTP, which WDS does not support")

// chainModule is the module of PXELINUX that a generation's Chain is about.
const chainModule = "pxechn.c32"

// about completes an event of a transfer.
func (f *files) about(e trace.Event) trace.Event {
	now := f.served.Load()
	e.Role, e.Entry = now.roles.of(e.What)
	if role, entry, ok := f.winpePart(now, e); ok {
		e.Role, e.Entry = role, entry
	}
	if path.Base(bootfiles.Fold(e.What)) == chainModule {
		e.Entry, e.Server = now.chain.Entry, now.chain.Server
	}
	if e.Outcome != trace.Begun && (e.Role == trace.Menu && e.Outcome != trace.NotFound ||
		e.Role == trace.HandOver && e.Outcome == trace.Refused) {
		e.Code = f.codes.shown(e.Addr)
	}
	return e
}

// packet is called with the packets that show how TFTP transfers begin and end.
func (f *files) packet(from, to netip.AddrPort, payload []byte) {
	if from.Addr() != to.Addr() { // not a self-test
		f.tell.tap.Packet(from, to, ether.MAC{}, payload)
	}
}

// began is called when a TFTP transfer begins.
func (f *files) began(e tftp.Event) {
	if x := begins(e); x.Addr != f.self() { // a self-test is not logged
		f.requested(x)
		f.tell.bus.Publish(f.about(x))
	}
}

// sends is called when the answer to an HTTP request begins, with a file of size
// bytes. A brief one fits the socket's buffer, or nearly; if its client reads
// nothing, the event of its end says so a minute later.
func (f *files) sends(e trace.Event, size int64) {
	f.requested(e)
	if size > trace.Brief {
		f.tell.bus.Publish(f.about(e))
	}
}

// requested notes a request for a file: the machine has found the box.
func (f *files) requested(e trace.Event) {
	now := f.served.Load()
	_, own := now.own[bootfiles.Fold(e.What)]
	role, _ := now.roles.of(e.What)
	f.desk.Requested(time.Now(), e.Addr, own || role == trace.FirstStage)
}

// transferred is called when a TFTP transfer has ended.
func (f *files) transferred(e tftp.Event) {
	client := e.Client.Addr().Unmap()
	if client == f.self() {
		return // a self-test is not logged
	}
	about := f.about
	r, ok := handoff.Parse(e.File)
	var shown error // the screen says that the hand-over is refused
	if ok {
		shown = f.refusals.take(e.Client)
	}
	switch {
	case shown != nil:
		about = func(x trace.Event) trace.Event {
			x.Outcome, x.Why = trace.Refused, why(shown)
			return f.about(x)
		}
	case ok && e.Err == nil:
		if err := f.desk.Arm(time.Now(), f.served.Load().rules, client, r); err != nil {
			about = func(x trace.Event) trace.Event {
				x.Outcome, x.Why = trace.Refused, why(err)
				return f.about(x)
			}
		}
	case ok:
	case e.Err == nil, errors.Is(e.Err, tftp.ErrGaveUp) && lastWasSent(e):
		f.read(client, e.File)
	}
	x := about(ends(e))
	if !e.Begun {
		f.requested(x)
	}
	if x.Outcome == trace.Sent {
		f.sent(x)
	}
	f.tell.bus.Publish(x)
}

// sent notes that the whole of a file was sent that a machine's firmware starts.
func (f *files) sent(e trace.Event) {
	name := bootfiles.Fold(e.What)
	if _, own := f.served.Load().own[name]; own {
		f.desk.LoadedProgram(time.Now(), e.Addr)
	} else if e.Role == trace.FirstStage && pxe.IsShim(name) {
		f.desk.Loaded(time.Now(), e.Addr, f.copyOf(name))
	}
}

// copyOf returns which copy of the box's shim a file is. Of a shim that the site
// has, or names in [boot], there are no copies.
func (f *files) copyOf(name string) ladder.Copy {
	now := f.served.Load()
	number := slices.Index(f.copies, name) + 1
	switch {
	case now.named[name]:
		return ladder.Copy{}
	case number > 0, name == pxe.Shim && now.files.IsBundled(name):
		return ladder.Copy{Number: number, Of: len(f.copies)}
	}
	return ladder.Copy{}
}

// instead returns the name of the site's shim, if the site has one and a machine
// asks for a copy of the box's: GRUB next to it may be the site's as well.
func (f *files) instead(name string) string {
	now, folded := f.served.Load().files, bootfiles.Fold(name)
	if slices.Contains(f.copies, folded) && now.IsBundled(folded) && !now.IsBundled(pxe.Shim) {
		return pxe.Shim
	}
	return name
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
	if _, ok := handoff.Parse(e.What); ok && e.Outcome == trace.NotFound {
		e.Outcome, e.Why = trace.Refused, errByHTTP.Error()
	}
	f.tell.bus.Publish(f.about(e))
	if e.Outcome == trace.Sent {
		f.read(e.Addr, e.What)
	}
}

// read records that a file was read to its end: it may be a menu for one boot.
func (f *files) read(client netip.Addr, name string) {
	now := f.served.Load()
	var r bootfiles.Reader
	if f.runs(now, client, &r); now.files.InFolder(name, r) {
		return // the menu of another boot loader
	}
	if named, ok := bootfiles.Menu(name); ok {
		f.desk.Read(time.Now(), now.rules, client, named)
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
