package adopt

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/config"
	rules "github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// The names that PXELINUX requests below pxelinux.cfg (doc/pxelinux.txt): the
// machine's UUID, the type and address of its network card, and its IPv4 address,
// from which it drops the last digit until a file exists.
var (
	reUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	reMAC  = regexp.MustCompile(`^01(-[0-9a-f]{2}){6}$`) // 01 is Ethernet
	reHex  = regexp.MustCompile(`^[0-9A-F]{1,8}$`)
)

// whose returns the machines that a file is for. The order is PXELINUX's.
func whose(name string) (m config.Machine, order int, ok bool) {
	switch {
	case reUUID.MatchString(name):
		b, _ := hex.DecodeString(strings.ReplaceAll(name, "-", ""))
		// PXELINUX writes the bytes in packet order (sysappend.c,
		// sysappend_set_uuid), not as the firmware's setup shows them.
		return config.Machine{GUID: []string{rules.GUID([16]byte(b))}}, 0, true
	case reMAC.MatchString(name):
		return config.Machine{MAC: []string{strings.ReplaceAll(name[3:], "-", ":")}}, 1, true
	}
	return config.Machine{}, 0, false
}

// network returns the address, or the addresses, of the machines that request a
// file with a hexadecimal name.
func network(name string) string {
	digits, _ := hex.DecodeString(name + strings.Repeat("0", 8-len(name)))
	p := netip.PrefixFrom(netip.AddrFrom4([4]byte(digits)), 4*len(name))
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// machine converts the file of certain machines into a rule.
func (c *converter) machine(name string, m config.Machine, general, cfg *pxelinux.Config) {
	at := pxelinux.Line{File: cfgDir + "/" + name, Number: 1}
	if len(cfg.Lines) > 0 {
		at = cfg.Lines[0]
		at.Keyword, at.Args = "", ""
	}
	if why := conditions(m); why != "" {
		c.without(at, "is left out: %s", why)
		return
	}
	u := c.unattended(cfg)
	c.settings(cfg)
	if u.menu != cfg {
		c.settings(u.menu)
	}
	c.began(u)
	var names []string
	for _, r := range c.convert(u.menu, "", true) {
		for _, n := range r.all() {
			if !slices.Contains(names, n) { // the same LABEL may occur twice
				names = append(names, n)
			}
		}
	}
	cursor := u.cursor
	if u.entry != nil {
		cursor = u.entry
	}
	start := c.starts(cursor)
	switch {
	case u.atOnce && start == "":
		c.without(at, "is left out: it starts nothing that an entry can start, so its machines get the general menu")
		return
	case u.atOnce:
		m.Boot = start
		if c.isDisk(start) {
			m.Boot = config.BootDisk
		}
		for _, n := range names {
			if e := c.named(n); e.Unlisted && n != start {
				c.remark(at, "has another entry than the one that it starts: %q, which no menu shows", n)
			}
		}
	case len(names) == 0:
		c.without(at, "is left out: its menu has no entries, so its machines get the general menu")
		return
	default:
		m.Boot = config.BootMenu
		if start != "" && !slices.Contains(names, start) {
			names = append(names, start)
			c.remark(cursor.Line, hiddenDefault)
		}
		if names = c.brought(names); !slices.Equal(names, c.brought(c.listed())) {
			m.Entries = names
		}
		if start != c.preset {
			m.Default = start
			if len(m.Entries) > 0 && start != "" && !slices.Contains(m.Entries, start) {
				m.Entries = append(m.Entries, start) // the entry stays in its submenu
			}
		}
		if l, ok := u.menu.Last("MENU TITLE"); ok && (general == nil || line(general, "MENU TITLE").Args != l.Args) {
			c.lost(l, "all machines have the same title")
		}
		if d := spec.Duration(c.after(u, start)); time.Duration(d) != c.timeout {
			m.Timeout = &d
		}
	}
	c.rule(m, cfgDir+"/"+name)
}

// rule adds a rule. Machines that get the same menu share one.
func (c *converter) rule(m config.Machine, from string) {
	key := fmt.Sprint(len(m.GUID) > 0, m.Boot, m.Entries, m.Default, m.Timeout != nil)
	if m.Timeout != nil {
		key += m.Timeout.String()
	}
	if i, ok := c.rules[key]; ok {
		same := &c.machines[i]
		same.MAC, same.GUID = append(same.MAC, m.MAC...), append(same.GUID, m.GUID...)
		same.from = append(same.from, from)
		return
	}
	c.rules[key] = len(c.machines)
	c.machines = append(c.machines, machine{m, []string{from}})
}

// conditions returns why a configuration does not allow a rule for such machines,
// or "" if it does.
func conditions(m config.Machine) string {
	m.Boot = config.BootDisk
	s := site{machines: []machine{{Machine: m}}}
	return s.refused()
}

// listed returns the names of all entries that the menu shows to every machine.
func (c *converter) listed() []string {
	var out []string
	for _, e := range c.entries {
		if !e.Unlisted {
			out = append(out, e.Name)
		}
	}
	return out
}

// brought removes the entries that a submenu includes.
func (c *converter) brought(names []string) []string {
	var out []string
	for _, n := range names {
		if e := c.named(n); e.Unlisted || !slices.Contains(names, e.In) {
			out = append(out, n)
		}
	}
	return out
}

func (c *converter) named(name string) entry {
	return c.entries[slices.IndexFunc(c.entries, func(e entry) bool { return e.Name == name })]
}

func (c *converter) isDisk(name string) bool {
	e := c.named(name)
	return e.Disk && !e.Locked
}
