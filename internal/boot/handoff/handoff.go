// Package handoff is how a machine gets to a WDS server without a boot loader
// that could take it there: by a rule of the site, or because it has read a
// file whose name says so and then restarted; either way its firmware is
// answered with the server itself. It is pure: names of files and the
// questions of firmware in, what the firmware is told out. Package wdshandoff
// knows who reads and who boots.
package handoff

import (
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// Target is a boot server of others that machines are handed over to.
type Target struct {
	Server netip.Addr `json:"server"`
	// Programs are the server's network boot programs, as it wants to be
	// asked for them, by the firmware that loads them.
	Programs map[firmware.Kind]string `json:"programs"`
}

// Boot is what a machine that is handed over loads.
type Boot struct {
	Entry   string // of the menu, that leads there
	Server  netip.Addr
	Program string

	asked bool          // the machine asked for it, so that it counts once
	once  clients.Spent // the rule with once that leads there, and the machine; zero for none
}

// Plan says which machines are handed over, and which menus the others get:
// by the site's rules, and by what machines have asked for. The zero Plan
// hands over nobody.
type Plan struct {
	rules   []clients.Rule
	targets map[string]Target
	asked   *Table
	once    *clients.Once
}

// NewPlan makes a plan of one generation's rules and targets, and of what is
// remembered from one generation to the next.
func NewPlan(rules []clients.Rule, targets map[string]Target, asked *Table, once *clients.Once) Plan {
	return Plan{rules, targets, asked, once}
}

// For is what firmware that asks now, with that xid, is to load from
// elsewhere; false where it boots from the box. A target that has no program
// for the firmware does not count.
//
// What the machine has asked for goes before the site's rule.
func (p Plan) For(now time.Time, m clients.Machine, xid [4]byte) (Boot, bool) {
	// The rules in any case: a question of firmware is what ends the one boot
	// before.
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

// Takes notes that a machine is on its way to b, which For found for the same
// packet: what counted for this boot only is used up, but for its retries. The
// zero Boot uses up nothing.
func (p Plan) Takes(now time.Time, m clients.Machine, xid [4]byte, b Boot) {
	switch {
	case b.asked:
		p.asked.Used(now, m, xid)
	case b.once != (clients.Spent{}):
		p.once.Boots(now, b.once, xid)
	}
}

// Boot is what a firmware loads from the server that an entry leads to now;
// false where the server has no address, or nothing for this firmware.
func (p Plan) Boot(entry string, by firmware.Kind) (Boot, bool) {
	t := p.targets[entry]
	program := t.Programs[by]
	if program == "" || !t.Server.Is4() {
		return Boot{}, false
	}
	return Boot{Entry: entry, Server: t.Server, Program: program}, true
}

// Leads reports whether an entry leads to a server that has an address.
func (p Plan) Leads(entry string) bool { return p.targets[entry].Server.Is4() }

// Waiting names the view with the general menus in which nothing starts before
// a key is pressed. It is missing where the general menus are so by themselves.
const Waiting = "waiting"

// View names the menus that a machine gets now; empty for the general ones.
// known says that it is certain which machine reads: the link, a relay agent or
// the machine's own request says so, not a DHCP packet that any host can send.
// Where that is not certain, and there are rules, it may be any machine that
// one of them is for. It then gets no menu that starts something by itself,
// neither by a rule nor the general one, from which a rule may protect it.
func (p Plan) View(now time.Time, m clients.Machine, known bool) string {
	rule, ok := p.reads(now, m)
	if known || len(p.rules) == 0 || ok && rule.Waits {
		return rule.View
	}
	return Waiting
}

// Rules reports whether a rule is for a machine now.
func (p Plan) Rules(now time.Time, m clients.Machine) bool {
	_, ok := p.reads(now, m)
	return ok
}

// Ruled reports whether it matters which machine reads a menu.
func (p Plan) Ruled() bool { return len(p.rules) > 0 }

// Spends is what a machine has used up that has read its menu to the end;
// false where that is no menu for one boot.
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
