package trace

import (
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// sign is a kind of evidence in a boot.
type sign uint8

// The signs. A boot keeps the latest event of each, unless noted otherwise.
const (
	asks       sign = iota // a DISCOVER of its firmware
	again                  // a DISCOVER of a program that the boot has loaded
	silenced               // the box did not answer; why
	offered                // the box's offer
	otherOffer             // another server named something to boot
	taken                  // the machine took an address, the box's or another server's
	named                  // the box named the file to a machine that has an address
	nak                    // the box refused an address
	requested              // a file, whichever
	absent                 // a file that the box does not have
	first                  // the first stage, whole
	ran                    // a request for another file since: the first stage runs
	second                 // a part of the first stage, whole
	menu                   // a menu, whole
	chosen                 // a file of an entry was requested
	kernel                 // an entry's kernel, whole
	initrd                 // an entry's other file, whole
	extra                  // a file of neither, whole, after the kernel
	loose                  // a file that says nothing about the boot, whole
	whole                  // any of those
	wanted                 // the file that asks for a hand-over, whole
	handed                 // handed over, the first time
	system                 // a system asked for an address
	trouble                // a transfer failed that matters, and nothing has gone well since
)

// mark is what a verdict needs of an event.
type mark struct {
	sign    sign
	role    Role
	outcome Outcome
	leased  bool // an offer with an address
	at      time.Time
	what    string // the file
	entry   string
	why     string
	server  netip.Addr
	bytes   int64
}

// kept is a mark as a boot keeps it: in half the memory, which counts with ten
// thousand machines. Time is since the boot's start, by the same clock.
type kept struct {
	sign             sign
	role, outcome    uint8 // indices of roles and outcomes
	leased           bool
	server           [4]byte // DHCP is IPv4
	at               time.Duration
	what, entry, why string
	bytes            int64
}

var (
	roles    = []Role{"", FirstStage, SecondStage, Menu, Kernel, Initrd, HandOver}
	outcomes = []Outcome{"", Begun, Sent, NotFound, Refused, Aborted, TimedOut, Failed, Seen, Unanswered}
)

// has reports whether the boot shows a sign.
func (b *Boot) has(s sign) bool {
	return slices.ContainsFunc(b.marks, func(k kept) bool { return k.sign == s })
}

// get returns the latest mark of a kind.
func (b *Boot) get(s sign) (mark, bool) {
	i := slices.IndexFunc(b.marks, func(k kept) bool { return k.sign == s })
	if i < 0 {
		return mark{}, false
	}
	return b.expand(b.marks[i]), true
}

func (b *Boot) expand(k kept) mark {
	m := mark{
		sign: k.sign, role: roles[k.role], outcome: outcomes[k.outcome], leased: k.leased, at: b.base.Add(k.at),
		what: k.what, entry: k.entry, why: k.why, bytes: k.bytes,
	}
	if k.server != [4]byte{} {
		m.server = netip.AddrFrom4(k.server)
	}
	return m
}

// at returns when the boot showed a sign; the zero time if it did not.
func (b *Boot) at(s sign) time.Time { m, _ := b.get(s); return m.at }

// set keeps an event as the latest of a kind.
func (b *Boot) set(s sign, e Event) {
	k := kept{
		sign: s, role: uint8(max(slices.Index(roles, e.Role), 0)),
		outcome: uint8(max(slices.Index(outcomes, e.Outcome), 0)),
		at:      e.Time.Sub(b.base), what: e.What, entry: e.Entry, why: e.Why, bytes: e.Bytes,
	}
	if e.Protocol == DHCP {
		k.what, k.leased = e.File, e.What == "offer"
	}
	if e.Server.Is4() {
		k.server = e.Server.As4()
	}
	if i := slices.IndexFunc(b.marks, func(k kept) bool { return k.sign == s }); i >= 0 {
		b.marks[i] = k
		return
	}
	b.marks = append(b.marks, k)
}

// clear forgets a sign.
func (b *Boot) clear(s sign) {
	b.marks = slices.DeleteFunc(b.marks, func(k kept) bool { return k.sign == s })
}

func (b *Boot) reach(s Stage) { b.stage = max(b.stage, s) }

// note draws the conclusions from one event.
func (b *Boot) note(e Event) {
	if e.Code != "" {
		b.Code = e.Code
	}
	b.moved = b.moved || e.Firmware != "" || e.Protocol != DHCP && e.Outcome != Begun
	b.current().noteTry(e)
	b.prefer()
}

// noteTry is note for what belongs to one attempt.
func (b *Boot) noteTry(e Event) {
	if e.Firmware != "" {
		b.Firmware = e.Firmware
	}
	if e.Protocol == DHCP {
		b.noteDHCP(e)
		return
	}
	if e.began().Before(b.base) && e.Outcome != Sent {
		return // a transfer of an earlier boot, which the restart has cut off
	}
	e.Role = b.role(e)
	if b.wentOn(e) {
		e.Outcome = Sent
	}
	b.noteTransfer(e)
}

// wentOn reports whether a transfer that timed out gave the machine the whole
// file: it has asked for another one since. PXELINUX and GRUB do not stay to
// acknowledge the last block a second time, so that an acknowledgement that is
// lost looks like a machine that is gone.
func (b *Boot) wentOn(e Event) bool {
	m, ok := b.get(requested)
	return ok && e.Protocol == TFTP && e.Outcome == TimedOut && e.Bytes > 0 &&
		m.at.After(e.began()) && fileName(m.what) != fileName(e.What)
}

// discovers reports whether an event is about a DISCOVER of boot firmware.
func (e Event) discovers() bool {
	if e.Protocol != DHCP || e.Firmware == "" {
		return false
	}
	switch e.What {
	case "offer", "proxy offer", "proxy offer, complete", "bootp":
		return e.Outcome == Sent
	}
	return e.Outcome == Unanswered && e.What == Discover
}

func (b *Boot) noteDHCP(e Event) {
	if e.What == OtherOffer {
		b.reach(Elsewhere)
		b.set(otherOffer, e)
		return
	}
	if e.What == Adapted {
		return // the answer's own event has the rest
	}
	if e.What == HandedOver {
		if !b.has(handed) {
			b.set(handed, e)
		}
		b.reach(Transferred)
		return
	}
	if e.Firmware == "" { // not firmware, so a system
		if e.Outcome != Unanswered {
			b.noteSystem(e)
		}
		return
	}
	b.reach(Heard)
	if e.discovers() {
		b.set(asks, e)
		b.clear(system) // the one that ran before
		b.ipxe = b.ipxe || e.IPXE
		if b.stage >= Loaded {
			b.set(again, e)
		}
	}
	switch {
	case e.Outcome == Unanswered:
		b.set(silenced, e)
		if e.What == BootServer {
			b.reach(Asked)
		}
	case e.What == OtherRequest:
		b.set(taken, e)
		b.reach(Asked)
	case e.Outcome == Refused:
		b.set(nak, e)
	case e.discovers():
		b.set(offered, e)
		b.reach(Offered)
		b.lacks(e)
	default:
		b.set(taken, e)
		b.reach(Asked)
		if e.File != "" {
			b.set(named, e)
		}
		b.lacks(e)
	}
}

// lacks notes that an answer names nothing to boot.
func (b *Boot) lacks(e Event) {
	if e.File == "" && e.Why != "" {
		b.set(silenced, e)
	}
}

// noteSystem notes a DHCP packet that is not firmware's. It belongs to what the
// box has started, if it has got that far.
func (b *Boot) noteSystem(e Event) {
	b.set(system, e)
	if b.stage >= InMenu || b.has(first) && b.has(loose) {
		b.reach(Transferred)
	}
}

// role returns what a transferred file is to the boot, if need be by its name.
func (b *Boot) role(e Event) Role {
	if e.Role != "" {
		return e.Role
	}
	name := fileName(e.What)
	for _, s := range []sign{named, offered} {
		if m, ok := b.get(s); ok && m.what != "" && fileName(m.what) == name {
			return FirstStage
		}
	}
	switch {
	case strings.Contains(name, "pxelinux.cfg/"), strings.HasPrefix(name, "grub/grub.cfg"):
		return Menu
	}
	return ""
}

// fileName returns a file's name in one form: clients write the same name with
// backslashes, with a slash at the beginning, in capitals or as a URL.
func fileName(raw string) string {
	s := strings.ToLower(strings.ReplaceAll(raw, `\`, "/"))
	if i := strings.Index(s, "://"); i >= 0 {
		_, s, _ = strings.Cut(s[i+3:], "/")
	}
	return strings.TrimLeft(s, "/")
}

// chainFile is the module of PXELINUX that starts a WDS server's program on a
// BIOS. It is loaded for nothing else.
const chainFile = "pxechn.c32"

func (b *Boot) noteTransfer(e Event) {
	b.reach(Loading)
	name := fileName(e.What)
	if m, ok := b.get(first); ok && fileName(m.what) != name {
		b.set(ran, e)
	}
	if e.Role == Kernel || e.Role == Initrd {
		b.set(chosen, e)
		b.reach(InMenu)
	}
	b.set(requested, e)
	switch {
	case e.Outcome == Begun, e.isProbe():
	case e.Outcome == Sent:
		b.noteWhole(e)
	default:
		b.noteFailure(e)
	}
}

func (b *Boot) noteWhole(e Event) {
	b.clear(trouble)
	b.set(whole, e)
	switch e.Role {
	case FirstStage:
		b.set(first, e)
		b.reach(Loaded)
	case SecondStage:
		b.set(second, e)
		b.reach(Loaded)
	case Menu:
		b.set(menu, e)
		b.reach(InMenu)
	case Kernel:
		b.set(kernel, e)
		b.reach(Started)
	case Initrd:
		b.set(initrd, e)
	case HandOver:
		b.set(wanted, e)
		b.reach(Started)
	default:
		sign := loose
		if b.has(kernel) {
			sign = extra
		}
		b.set(sign, e)
	}
	if path.Base(fileName(e.What)) == chainFile {
		b.set(handed, e)
		b.reach(Transferred)
	}
}

func (b *Boot) noteFailure(e Event) {
	matters := e.Role != ""
	switch e.Outcome {
	case NotFound:
		b.set(absent, e)
		matters = matters && e.Role != Menu && e.Note() == ""
	case Aborted:
		// PXELINUX closes a module as soon as it has seen enough of it.
		matters = e.Bytes > 0 && (e.Role == FirstStage || e.Role == Kernel || e.Role == Initrd)
	case TimedOut, Failed:
		matters = true
	}
	if matters {
		b.set(trouble, e)
	}
}

// handedOver returns the boot's hand-over. It is zero if there was none, or if
// what the machine was handed to has started a system.
func (b *Boot) handedOver() Prior {
	m, ok := b.get(handed)
	if !ok || b.has(system) {
		return Prior{}
	}
	return Prior{Boot: b.ID, At: m.at, Server: m.server, Entry: m.entry}
}

// before reports whether the hand-over was shortly before a boot.
func (p Prior) before(boot time.Time) bool {
	return !p.At.IsZero() && boot.After(p.At) && boot.Sub(p.At) < soon
}

// chains reports whether a DISCOVER is of a program that the boot has loaded.
func (b *Boot) chains(e Event) bool {
	if firmware.Kind(e.Firmware) == firmware.RaspberryPi {
		m, _ := b.get(whole)
		return path.Base(fileName(m.what)) == "bootcode.bin"
	}
	if !e.IPXE {
		return false
	}
	// iPXE, where the firmware is not; or iPXE that another iPXE has loaded.
	last, _ := b.get(whole)
	return !b.ipxe || last.at.After(b.at(asks)) && isIPXE(last.what)
}

// isIPXE reports whether a file's name is one of iPXE's.
func isIPXE(raw string) bool {
	base := path.Base(fileName(raw))
	return strings.Contains(base, "ipxe") || strings.HasPrefix(base, "undionly") || strings.HasPrefix(base, "snponly")
}
