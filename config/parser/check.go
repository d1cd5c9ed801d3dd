package parser

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// ownName is the fix for a name that is taken.
const ownName = "give each one a unique name"

// checkSyslog refuses a protocol without a server.
func (r *reader) checkSyslog() {
	b := r.root.table("syslog")
	if b.has("protocol") && !b.has("server") && b.ok("server", "protocol") {
		b.fail("protocol", "has no effect without a server", `write server = "192.168.77.9" as well, or leave it out`)
	}
}

// checkWDS looks at each [[wds]] as a whole.
func (r *reader) checkWDS() {
	blocks := r.root.items("wds")
	if len(blocks) > maxWDS {
		blocks[maxWDS].fail("", "is one too many", fmt.Sprintf("keep it to %d servers", maxWDS))
		return
	}
	seen := map[string]int{}
	for i, b := range blocks {
		if !b.ok("") {
			continue
		}
		fill2023(&r.cfg.WDS[i])
		b.require("name", `write name = "wds"`)
		b.require("server", `write server = "192.168.77.2"`)
		b.unique("name", r.cfg.WDS[i].Name, seen, ownName)
		r.checkServer(b, r.cfg.WDS[i])
		if w := r.cfg.WDS[i]; w.Probe == 0 && b.ok("probe", "on_down") {
			if w.Probe4011 {
				b.fail("probe_4011", `has no effect: with probe = "0s" the server is never asked`,
					"leave one of them out")
			}
			if w.OnDown != config.OnDownMark {
				b.fail("on_down", `has no effect: with probe = "0s" the box does not know whether the server is there`,
					"leave one of them out")
			}
		}
	}
}

// checkServer refuses an address that leads a machine to this box, or to all of
// a network.
func (r *reader) checkServer(b block, w config.WDS) {
	a, ok := w.Addr()
	if !ok || !b.ok("server") {
		return
	}
	networks := []netip.Prefix{r.cfg.Network.Address}
	for _, s := range r.cfg.DHCP.Subnets {
		networks = append(networks, s.Network)
	}
	for i, p := range networks {
		switch {
		case !p.IsValid():
		case i == 0 && a == p.Addr():
			b.fail("server", fmt.Sprintf("%v is the box's own address", a), "write the address of the WDS server")
		case a == p.Masked().Addr() || a == spec.Broadcast(p):
			b.fail("server", fmt.Sprintf("%v is the network or broadcast address of %v", a, p.Masked()),
				"write the address of the WDS server")
		}
	}
}

// indexEntries makes entries known by their names.
func (r *reader) indexEntries() {
	r.entryAt = map[string]int{}
	for i, e := range r.cfg.Entries {
		if _, ok := r.entryAt[e.Name]; !ok && e.Name != "" {
			r.entryAt[e.Name] = i
		}
	}
}

// entry returns the entry of that name, or nil.
func (r *reader) entry(name string) *config.Entry {
	if i, ok := r.entryAt[name]; ok {
		return &r.cfg.Entries[i]
	}
	return nil
}

// noEntry reports the name of an entry that is not there; others are words
// that the key takes besides.
func (r *reader) noEntry(b block, key, name string, others ...string) {
	var names []string
	for _, e := range r.cfg.Entries {
		if e.Name != "" {
			names = append(names, e.Name)
		}
	}
	meant := ""
	if r.errs.more == 0 {
		meant = labelled(r.cfg.Entries, name)
	}
	refers(b, key, name, meant, "[[entry]]", append(names, others...))
}

// checkEntries looks at each [[entry]] as a whole, and at what it refers to.
func (r *reader) checkEntries() {
	blocks, menu := r.root.items("entry"), r.root.table("menu")
	if r.root.has("entry") && len(blocks) == 0 && r.root.ok("entry") {
		// The menu program ends with "Initial menu has no LABEL entries!".
		r.root.fail("entry", "is an empty list",
			"write at least one [[entry]], or leave it out for the machine's own disk")
	}
	if len(blocks) > config.MaxEntries {
		blocks[config.MaxEntries].fail("", "is one too many", fmt.Sprintf("keep it to %d entries", config.MaxEntries))
		return
	}
	var wds []string
	for _, w := range r.cfg.WDS {
		wds = append(wds, w.Name)
	}
	seen := map[string]int{}
	for i, b := range blocks {
		e := &r.cfg.Entries[i]
		if !b.has("label") {
			e.Label = e.Name
		}
		if !b.ok("") {
			continue
		}
		b.require("name", `write name = "debian"`)
		b.unique("name", e.Name, seen, ownName)
		if e.Name == config.BootMenu {
			b.fail("name", fmt.Sprintf("%q is reserved: below [[machine]] it means the menu", e.Name),
				"write another name")
		}
		checkKind(b, *e)
		r.checkMarks(b, *e)
		if e.WDS != "" && b.ok("wds") {
			refers(b, "wds", e.WDS, r.serverNamed(e.WDS), "[[wds]]", wds)
		}
	}
	r.checkSubmenus(blocks)
	if d := r.cfg.Menu.Default; d != "" && menu.ok("default") {
		r.checkDefault(menu, d, nil)
	}
}

// checkMarks looks at what an entry asks for before it starts.
func (r *reader) checkMarks(b block, e config.Entry) {
	if e.Unsigned && b.ok("signed") && e.Kernel == "" && e.EFI == "" {
		b.fail("signed", "is only valid with a kernel or an efi program", "leave it out")
	}
	if e.Locked && b.ok("locked") && !r.root.table("menu").has("password") {
		b.fail("locked", "needs a password, but there is none",
			"run pxebox hash-password, and write the line that it prints below [menu]")
	}
	if e.Erases && b.ok("erases") && (e.Disk || e.Submenu) {
		b.fail("erases", "has no effect: this entry changes nothing on the machine", "leave it out")
	}
}

// checkDefault looks at the entry that a menu starts by itself. listed are the
// entries of that menu; none means all that are not Unlisted.
func (r *reader) checkDefault(b block, name string, listed []string) {
	e := r.entry(name)
	switch {
	case e == nil:
		r.noEntry(b, "default", name)
	case e.Submenu:
		b.fail("default", fmt.Sprintf("%q is a submenu, which starts nothing", name), "write the name of another entry")
	case len(listed) > 0 && !slices.Contains(listed, name):
		b.fail("default", fmt.Sprintf("%q is not among the machine's entries", name), "write it in entries as well")
	case len(listed) == 0 && e.Unlisted:
		b.fail("default", fmt.Sprintf("%q is not in the menu: it has listed = false", name),
			"write the name of another entry")
	}
}

// checkSubmenus makes sure that each entry is to be found in the menu, and
// that each submenu leads to something.
func (r *reader) checkSubmenus(blocks []block) {
	children := map[string]int{}
	sound := true // each entry's place is known
	for i, b := range blocks {
		in := r.cfg.Entries[i].In
		if !b.ok("", "in") {
			sound = false
			continue
		}
		if in == "" {
			continue
		}
		children[in]++
		switch e := r.entry(in); {
		case e == nil:
			var submenus []string
			for _, e := range r.cfg.Entries {
				if e.Submenu && e.Name != "" {
					submenus = append(submenus, e.Name)
				}
			}
			meant := ""
			if r.errs.more == 0 {
				meant = labelled(r.cfg.Entries, in)
			}
			if e := r.entry(meant); e == nil || !e.Submenu {
				meant = ""
			}
			refers(b, "in", in, meant, "submenu", submenus)
			sound = false
		case !e.Submenu:
			b.fail("in", fmt.Sprintf("%q is not a submenu", in),
				"write submenu = true there instead of what it starts, or the name of a submenu")
			sound = false
		}
	}
	if !sound {
		return
	}
	for i, b := range blocks {
		e := r.cfg.Entries[i]
		if !e.Submenu || !b.ok("name", "submenu") {
			continue
		}
		if children[e.Name] == 0 {
			b.fail("submenu", "has no entries",
				fmt.Sprintf("write in = %q in the entries that belong to it, or leave it out", e.Name))
		}
		switch level, round := r.level(i); {
		case round:
			b.fail("in", fmt.Sprintf("puts %q inside itself", e.Name), "leave it out for a submenu at the top")
		case level == config.MaxDepth+1:
			b.fail("in", fmt.Sprintf("nests submenus %d deep", level), fmt.Sprintf("keep it to %d", config.MaxDepth))
		}
	}
}

// level counts the submenus from the top down to entry i, itself included.
// round says that they form a ring, of which i is the first in the file;
// below and elsewhere in a ring the level is 0.
func (r *reader) level(i int) (level int, round bool) {
	first := true
	for at := i; level <= len(r.cfg.Entries); {
		level++
		in := r.cfg.Entries[at].In
		if in == "" {
			return level, false
		}
		at = r.entryAt[in]
		if at == i {
			return 0, first
		}
		first = first && at > i
	}
	return 0, false
}

// serverNamed returns the name of the WDS server with that address or host
// name, or "".
func (r *reader) serverNamed(server string) string {
	for _, w := range r.cfg.WDS {
		if strings.EqualFold(w.Server, server) {
			return w.Name
		}
	}
	return ""
}

// refers reports a name that nothing has. meant is the one that was meant, if
// that is known.
func refers(b block, key, name, meant, to string, names []string) {
	for _, n := range names {
		if n == name {
			return
		}
	}
	fix := "write the name of one"
	n := meant
	if n == "" && b.r.errs.more == 0 { // a long file, all wrong, would take seconds
		n = wordIn(name, names)
	}
	if slug := nameIn(name); n == "" && slices.Contains(names, slug) {
		n = slug
	}
	if n != "" {
		fix = fmt.Sprintf("write %q", n)
	} else if len(names) == 0 {
		fix = "add one"
	} else if len(names) <= 8 {
		fix = "write one of " + strings.Join(names, ", ")
	}
	b.fail(key, fmt.Sprintf("there is no %s named %q", to, name), fix)
}

// checkKind makes sure that an entry does one thing.
func checkKind(b block, e config.Entry) {
	kinds := []string{} // one key of each
	for _, keys := range [][]string{{"wds"}, {"kernel"}, {"file", "efi"}, {"pxelinux", "grub"}} {
		if i := slices.IndexFunc(keys, b.has); i >= 0 {
			kinds = append(kinds, keys[i])
		}
	}
	if e.Disk {
		kinds = append(kinds, "disk")
	}
	if e.Submenu {
		kinds = append(kinds, "submenu")
	}
	switch {
	case len(kinds) == 0 && !b.ok("disk", "submenu"):
	case len(kinds) == 0 && b.has("initrd"):
		b.fail("initrd", "is given without a kernel", `write kernel = "debian/linux" as well`)
	case len(kinds) == 0:
		b.fail("", "does not say what to start",
			"write one of wds, kernel, file, efi, pxelinux, grub, disk = true, or submenu = true")
	case len(kinds) > 1:
		b.fail(kinds[1], "is in conflict: the entry has "+strings.Join(kinds, " and "),
			"keep one, and write another entry for the other")
	default:
		if kinds[0] != "kernel" && b.has("initrd") {
			b.fail("initrd", "is only valid with a kernel", "leave it out")
		}
		if !slices.Contains([]string{"kernel", "file", "efi"}, kinds[0]) && b.has("append") {
			b.fail("append", "is only valid with a kernel or a file", "leave it out")
		}
	}
	// The menu puts both on one command line (readconfig.c, record).
	if n := len(e.Kernel) + len(e.File) + len(" initrd=") + len(strings.Join(e.Initrd, ",")) +
		len(e.Append); n > pxelinux.MaxLine-len(".linux  ") {
		b.fail("append", fmt.Sprintf("makes a command line of %d characters", n),
			fmt.Sprintf("keep file names and arguments under %d together", pxelinux.MaxLine-20))
	}
}
