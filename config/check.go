package config

import (
	"fmt"
	"strings"
)

// ownName is the mend for a name that is taken.
const ownName = "give each one a name of its own"

// checkWDS looks at each [[wds]] as a whole.
func (r *reader) checkWDS() {
	seen := map[string]int{}
	for i, b := range r.root.items("wds") {
		if !b.ok("") {
			continue
		}
		b.require("name", `write name = "wds"`)
		b.require("server", `write server = "192.168.77.2"`)
		b.unique("name", r.cfg.WDS[i].Name, seen, ownName)
	}
}

// checkEntries looks at each [[entry]] as a whole, and at what it refers to.
func (r *reader) checkEntries() {
	blocks := r.root.items("entry")
	if r.root.has("entry") && len(blocks) == 0 && r.root.ok("entry") {
		// The menu program ends with "Initial menu has no LABEL entries!".
		r.root.fail("entry", "is an empty list", "write one [[entry]] at least, or leave it out for the machine's own disk")
	}
	var wds, names []string
	for _, w := range r.cfg.WDS {
		wds = append(wds, w.Name)
	}
	seen := map[string]int{}
	for _, e := range r.cfg.Entries {
		names = append(names, e.Name)
	}
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
		checkKind(b, *e)
		if e.WDS != "" && b.ok("wds") {
			refers(b, "wds", e.WDS, "[[wds]]", wds)
		}
	}
	if d, menu := r.cfg.Menu.Default, r.root.table("menu"); d != "" && menu.ok("default") {
		refers(menu, "default", d, "[[entry]]", names)
	}
}

// refers reports a name that nothing has.
func refers(b block, key, name, to string, names []string) {
	for _, n := range names {
		if n == name {
			return
		}
	}
	mend := "write the name of one"
	if n := nearest(name, names); n != "" {
		mend = fmt.Sprintf("write %q", n)
	} else if len(names) == 0 {
		mend = "add one"
	} else if len(names) <= 8 {
		mend = "write one of " + strings.Join(names, ", ")
	}
	b.fail(key, fmt.Sprintf("there is no %s with the name %q", to, name), mend)
}

// checkKind makes sure that an entry does one thing.
func checkKind(b block, e Entry) {
	var kinds []string
	for _, key := range []string{"wds", "kernel", "file"} {
		if b.has(key) {
			kinds = append(kinds, key)
		}
	}
	if e.Disk {
		kinds = append(kinds, "disk")
	}
	switch {
	case len(kinds) == 0 && !b.ok("disk"):
	case len(kinds) == 0 && b.has("initrd"):
		b.fail("initrd", "is there without a kernel", `write kernel = "debian/linux" as well`)
	case len(kinds) == 0:
		b.fail("", "does not say what to start", "write one of wds, kernel, file, or disk = true")
	case len(kinds) > 1:
		b.fail(kinds[1], "is one thing too many: the entry has "+strings.Join(kinds, " and "), "keep one, and make another entry of the other")
	default:
		if kinds[0] != "kernel" && b.has("initrd") {
			b.fail("initrd", "goes with a kernel only", "leave it out")
		}
		if (kinds[0] == "wds" || kinds[0] == "disk") && b.has("append") {
			b.fail("append", "goes with a kernel or a file only", "leave it out")
		}
	}
	// The menu puts both on one command line (readconfig.c, record).
	if n := len(e.Kernel) + len(e.File) + len(" initrd=") + len(strings.Join(e.Initrd, ",")) + len(e.Append); n > maxCommand-len(".linux  ") {
		b.fail("append", fmt.Sprintf("makes a command line of %d characters", n), fmt.Sprintf("keep file names and arguments under %d together", maxCommand-20))
	}
}
