// Package handoff has a machine's firmware start what no boot loader can start:
// the program of another boot server, or one of this box that only the firmware
// may load. Either a rule of the site says so, or the machine has read a file
// whose name asks for it and then restarted. In both cases the box answers the
// machine's firmware with that server and its program. The package is pure: file
// names and firmware requests in, answers for the firmware out. Package
// wdshandoff knows who reads and who boots.
package handoff

import (
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// Target is the boot server that machines are handed over to.
type Target struct {
	Server netip.Addr `json:"server"`
	// Self says that it is this box, whose address is not known before it
	// answers. Server is zero then.
	Self bool `json:"self,omitempty"`
	// Programs are the server's network boot programs, spelled as the
	// server requires, by the firmware that loads them.
	Programs map[firmware.Kind]string `json:"programs"`
	// Alternatives are programs that do the same and that another authority
	// has signed, for machines whose Secure Boot refuses the one of Programs.
	// The server has them.
	Alternatives map[firmware.Kind][]string `json:"alternatives,omitempty"`
	// WinPE is the image of Windows PE that the programs start; nil if they start
	// something else.
	WinPE *WinPE `json:"winpe,omitempty"`
}

// WinPE is where this box has the files of an image of Windows PE.
type WinPE struct {
	Folder string `json:"folder"`          // of the boot folder
	Cache  string `json:"cache,omitempty"` // folder of the cache; empty for none
}

// Validate reports values that are no names of folders. Names that lead out of the
// boot folder and the cache are refused there too.
func (w WinPE) Validate() error {
	if !fs.ValidPath(w.Folder) || w.Folder == "." {
		return fmt.Errorf("winpe: %q is not a folder of the boot folder", w.Folder)
	}
	if w.Cache != "" && (!fs.ValidPath(w.Cache) || strings.Contains(w.Cache, "/") || w.Cache == ".") {
		return fmt.Errorf("winpe: %q is not a folder of the cache", w.Cache)
	}
	return nil
}

// OwnProgram is a program of this box that firmware starts.
type OwnProgram struct {
	File  string
	Entry string // empty if several entries start it
	BIOS  bool   // a BIOS starts it
	WinPE *WinPE // as in Target
}

// Chain is where PXELINUX's module pxechn.c32 leads from a site's menus, as far as
// that is the same for all entries that load it. The module starts a server's
// program without asking the box, which only sees that it is loaded.
type Chain struct {
	Entry  string     `json:"entry,omitempty"`
	Server netip.Addr `json:"server,omitzero"`
}

// Boot is what a machine loads when it is handed over.
type Boot struct {
	Entry   string     // the menu entry that leads there
	Server  netip.Addr // zero if Self
	Self    bool       // the program is this box's own
	Program string

	// Before is what the machine's firmware loads usually, if it loads this one
	// instead because of what it did after earlier answers; Why is the reason.
	Before, Why string

	asked bool          // the machine asked for it, so that it applies once
	once  clients.Spent // the rule with once that leads there, and the machine; zero for none
}

// Plan says which machines are handed over, and which menus the others get: by
// the site's rules, and by what machines have asked for. The zero Plan hands
// over no machine.
type Plan struct {
	rules   []clients.Rule
	targets map[string]Target
	asked   *Table
	once    *clients.Once
	visits  *Visits // nil: no machine visits

	fallback string
}

// NewPlan makes a plan from one generation's rules and targets, and from the
// state that is kept across generations.
func NewPlan(rules []clients.Rule, targets map[string]Target, asked *Table, once *clients.Once) Plan {
	return Plan{rules: rules, targets: targets, asked: asked, once: once}
}

// WithVisits returns the plan with the machines that run a program of this box.
func (p Plan) WithVisits(v *Visits) Plan {
	p.visits = v
	return p
}

// OwnPrograms returns the programs of this box that firmware starts for entries.
func (p Plan) OwnPrograms() (programs []OwnProgram) {
	for _, entry := range slices.Sorted(maps.Keys(p.targets)) {
		t := p.targets[entry]
		if !t.Self {
			continue
		}
		for kind := range t.Programs {
			for _, file := range p.Programs(entry, kind) {
				programs = append(programs, OwnProgram{file, entry, kind == firmware.BIOS, t.WinPE})
			}
		}
	}
	return programs
}

// Visiting returns the program of this box that a machine runs; empty for none.
func (p Plan) Visiting(mac ether.MAC) string {
	if p.visits == nil {
		return ""
	}
	return p.visits.Program(mac)
}

// Leave records that a machine no longer runs such a program.
func (p Plan) Leave(mac ether.MAC) {
	if p.visits != nil {
		p.visits.Leave(mac)
	}
}

// WithFallback returns the plan with an entry for machines that do not start
// what the box tells them to.
func (p Plan) WithFallback(entry string) Plan { p.fallback = entry; return p }

// For returns what firmware that sends a request now, with that xid, must load
// from another server; false if it boots from the box. A target without a
// program for the firmware does not count.
//
// What the machine has asked for has priority over the site's rule.
func (p Plan) For(now time.Time, m clients.Machine, xid [4]byte) (Boot, bool) {
	// Evaluate the rules in any case: a request from firmware ends the
	// previous one-time boot.
	rule, ruled := clients.Match(p.rules, m, func(r clients.Rule) bool {
		return p.once.Asks(now, r.Spends(m), xid)
	})
	if p.asked != nil {
		if entry, ok := p.asked.Answer(now, m, xid); ok {
			if b, ok := p.Boot(entry, m.Firmware); ok {
				b.asked = true
				return b, true
			}
		}
	}
	if !ruled || rule.Handoff == "" {
		return Boot{}, false
	}
	b, ok := p.Boot(rule.Handoff, m.Firmware)
	if ok && rule.Once {
		b.once = rule.Spends(m)
	}
	return b, ok
}

// MarkUsed records that a machine is on its way to b, which For returned for the
// same packet. Whatever applied only to this boot is now used up, except for
// its retransmissions. The zero Boot uses up nothing.
func (p Plan) MarkUsed(now time.Time, m clients.Machine, xid [4]byte, b Boot) {
	switch {
	case b.asked:
		p.asked.Used(now, m, xid)
	case b.once != (clients.Spent{}):
		p.once.Boots(now, b.once, xid)
	}
}

// Fallback returns what a machine loads that does not start the box's own boot
// program, although it has loaded it; false for none. The settings must not name
// an entry that is locked or that erases a disk. For returns it for no machine.
//
// A rule of the site has priority: the machine must be one that gets a menu, and
// that menu must have the entry. And a machine that has had its one boot of the
// entry does not get another one in this way.
func (p Plan) Fallback(now time.Time, m clients.Machine) (Boot, bool) {
	if p.fallback == "" {
		return Boot{}, false
	}
	for _, r := range p.rules {
		if r.Once && r.Boot == p.fallback && r.Fits(m) && p.once.Used(r.Spends(m)) {
			return Boot{}, false
		}
	}
	if r, ok := p.reads(now, m); ok && !r.Offers(p.fallback) {
		return Boot{}, false
	}
	return p.Boot(p.fallback, m.Firmware)
}

// Boot returns what firmware loads from the server that an entry currently
// leads to; false if the server has no address, or nothing for this firmware.
func (p Plan) Boot(entry string, by firmware.Kind) (Boot, bool) {
	t := p.targets[entry]
	program := t.Programs[by]
	if program == "" || !t.reachable() {
		return Boot{}, false
	}
	return Boot{Entry: entry, Server: t.Server, Self: t.Self, Program: program}, true
}

// Programs returns the programs of an entry's server that firmware can load, the
// usual one first.
func (p Plan) Programs(entry string, by firmware.Kind) []string {
	t := p.targets[entry]
	return append([]string{t.Programs[by]}, t.Alternatives[by]...)
}

// Choose returns b with the program of that number, for that reason. If there is
// none of that number by now, it is the usual one.
func (p Plan) Choose(b Boot, by firmware.Kind, number int, why string) Boot {
	if all := p.Programs(b.Entry, by); number > 0 && number < len(all) {
		b.Before, b.Program, b.Why = b.Program, all[number], why
	}
	return b
}

// HasServer reports whether an entry leads to a server that has an address.
func (p Plan) HasServer(entry string) bool { return p.targets[entry].reachable() }

func (t Target) reachable() bool { return t.Self || t.Server.Is4() }

// Waiting names the view with the general menus in which nothing starts before
// a key is pressed. It is missing if the general menus already wait.
const Waiting = "waiting"

// View names the menus that a machine gets now; empty for the general ones.
// known says that the machine's identity is certain: it is known from the link,
// a relay agent or the machine's own request, not from a DHCP packet that any
// host can send. If it is not certain, and there are rules, it may be any
// machine that one of them applies to. It then gets no menu that starts
// something by itself: neither a rule's menu, nor the general one, from which a
// rule may protect it.
func (p Plan) View(now time.Time, m clients.Machine, known bool) string {
	rule, ok := p.reads(now, m)
	if known || len(p.rules) == 0 || ok && rule.Waits {
		return rule.View
	}
	return Waiting
}

// Rules reports whether a rule currently applies to a machine.
func (p Plan) Rules(now time.Time, m clients.Machine) bool {
	_, ok := p.reads(now, m)
	return ok
}

// HasRules reports whether it matters which machine reads a menu.
func (p Plan) HasRules() bool { return len(p.rules) > 0 }

// Spends returns what a machine has used up once it has read its menu to the
// end; false if that is not a menu for one boot.
func (p Plan) Spends(now time.Time, m clients.Machine) (clients.Spent, bool) {
	rule, ok := p.reads(now, m)
	if !ok || !rule.Once || rule.View == "" {
		return clients.Spent{}, false
	}
	return rule.Spends(m), true
}

func (p Plan) reads(now time.Time, m clients.Machine) (clients.Rule, bool) {
	return clients.Match(p.rules, m, func(r clients.Rule) bool {
		return p.once.Reads(now, r.Spends(m))
	})
}
