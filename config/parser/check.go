package parser

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
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

// checkPorts refuses a port that two servers would have, and warns of one that no
// machine asks.
func (r *reader) checkPorts() {
	http, page, tftp := r.root.table("http"), r.root.table("page"), r.root.table("tftp")
	at := func(p spec.Port, usual int) int { n, _ := p.Or(usual); return n }
	if p := at(r.cfg.Page.Port, 443); p != 0 && p == at(r.cfg.HTTP.Port, 80) && page.ok("port") && http.ok("port") {
		b := page
		if !b.has("port") {
			b = http
		}
		b.fail("port", fmt.Sprintf("%d would be the port of HTTP and of the page", p), "write another one, such as 8443")
	}
	if !tftp.ok("port") {
		return
	}
	switch r.cfg.TFTP.Port {
	case 0, 69:
	case spec.PortOff:
		tftp.warn("port", "is 0: without TFTP, only UEFI HTTP boot gets files, from the URLs of [boot]",
			"leave it out, unless another TFTP server has this box's files")
	default:
		tftp.warn("port", fmt.Sprintf("is %d, but firmware asks for files at port 69", int(r.cfg.TFTP.Port)),
			"redirect port 69 to it on the way, or leave it out")
	}
}

// checkServers looks at each [[wds]] and each [[bootserver]] as a whole, and makes
// one list of them.
func (r *reader) checkServers() {
	wds, others := r.root.items("wds"), r.root.items("bootserver")
	r.cfg.WDS = append(r.cfg.WDS, r.others...)
	for _, blocks := range [][]block{wds, others} {
		if len(blocks) > maxWDS {
			blocks[maxWDS].fail("", "is one too many", fmt.Sprintf("keep it to %d servers", maxWDS))
			return
		}
	}
	seen := map[string]server{}
	for i, b := range wds {
		fill2023(&r.cfg.WDS[i])
		r.checkServer(b, r.cfg.WDS[i], "server", seen)
	}
	for i, b := range others {
		r.checkServer(b, r.others[i], "address", seen)
		programs := slices.Collect(maps.Values(r.others[i].Programs))
		if b.ok("", "bios", "uefi-ia32", "uefi-x64", "uefi-arm64") && strings.Join(programs, "") == "" {
			b.fail("", "names no program that machines load from the server",
				`write one for each kind of firmware, as in uefi-x64 = "ipxe.efi"`)
		}
	}
}

// server is where the file has the name of a server.
type server struct {
	header string
	line   int
}

// checkServer looks at one server. address is the key that has its address.
func (r *reader) checkServer(b block, w config.WDS, address string, seen map[string]server) {
	if !b.ok("") {
		return
	}
	b.require("name", fmt.Sprintf("write name = %q", b.section.name))
	b.require(address, "write "+address+` = "192.168.77.2"`)
	if first, ok := seen[w.Name]; ok && b.ok("name") {
		b.fail("name", fmt.Sprintf("%q is taken by the %s on line %d", w.Name, first.header, first.line), ownName)
	} else if w.Name != "" && b.ok("name") {
		seen[w.Name] = server{b.section.header(), b.node.line}
	}
	r.checkAddress(b, w, address)
	if w.Probe != 0 || !b.ok("probe", "on_down") {
		return
	}
	if w.Probe4011 {
		b.fail("probe_4011", `has no effect: with probe = "0s" the server is never asked`, "leave one of them out")
	}
	if w.OnDown != config.OnDownMark {
		b.fail("on_down", `has no effect: with probe = "0s" the box does not know whether the server is there`,
			"leave one of them out")
	}
}

// checkAddress refuses an address that leads a machine to this box, or to all of
// a network.
func (r *reader) checkAddress(b block, w config.WDS, key string) {
	a, ok := w.Addr()
	if !ok || !b.ok(key) {
		return
	}
	fix := "write the address of the WDS server"
	own := fix
	if w.Other {
		fix = "write the address of the other server"
		own = fix + `; for a program of this box, leave the server out, and write start = "firmware" in its [[entry]]`
	}
	networks := []netip.Prefix{r.cfg.Network.Address}
	for _, s := range r.cfg.DHCP.Subnets {
		networks = append(networks, s.Network)
	}
	for i, p := range networks {
		switch {
		case !p.IsValid():
		case i == 0 && a == p.Addr():
			b.fail(key, fmt.Sprintf("%v is the box's own address", a), own)
		case a == p.Masked().Addr() || a == spec.Broadcast(p):
			b.fail(key, fmt.Sprintf("%v is the network or broadcast address of %v", a, p.Masked()), fix)
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
	servers := map[bool][]string{} // by whether it is a [[bootserver]]
	for _, w := range r.cfg.WDS {
		servers[w.Other] = append(servers[w.Other], w.Name)
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
		checkStart(b, *e)
		checkWinPE(b, *e)
		switch {
		case b.has("wds") && b.has("bootserver"): // one of them was refused
		case e.WDS != "" && b.has("wds") && b.ok("wds"):
			r.refersToServer(b, "wds", e.WDS, "[[wds]]", servers[false], servers[true])
		case e.WDS != "" && b.ok("bootserver"):
			r.refersToServer(b, "bootserver", e.WDS, "[[bootserver]]", servers[true], servers[false])
		}
	}
	r.checkSubmenus(blocks)
	if d := r.cfg.Menu.Default; d != "" && menu.ok("default") {
		r.checkDefault(menu, d, nil)
	}
}

// refersToServer looks at the name of a server. others are those of the other
// kind, which has another key.
func (r *reader) refersToServer(b block, key, name, header string, names, others []string) {
	if slices.Contains(others, name) && !slices.Contains(names, name) {
		other := map[string]string{"wds": "bootserver", "bootserver": "wds"}[key]
		b.fail(key, fmt.Sprintf("%q is a [[%s]]", name, other), fmt.Sprintf("write %s = %q", other, name))
		return
	}
	refers(b, key, name, r.serverNamed(name, key == "bootserver"), header, names)
}

// checkStart looks at an entry that the firmware starts.
func checkStart(b block, e config.Entry) {
	if e.Start == config.StartLoader || !b.ok("start") {
		return
	}
	switch {
	case e.Kernel != "":
		b.fail("start", "is not valid with a kernel, which GRUB and PXELINUX start",
			"leave it out, or write efi with the signed program that is to start instead of the box's")
		return
	case b.has("wds") || b.has("bootserver"):
		b.fail("start", "has no effect: the firmware always starts what another server has", "leave it out")
		return
	case b.has("winpe"):
		b.fail("start", "has no effect: the firmware always starts Windows PE", "leave it out")
		return
	case !b.has("efi") && !b.has("file"):
		b.fail("start", "is only valid with efi or file", "leave it out")
		return
	}
	if b.has("append") && b.ok("append") {
		b.fail("append", `is not valid with start = "firmware": firmware gives a program no arguments`, "leave it out")
	}
	if e.File != "" && b.ok("file") && pxelinux.KindOf(e.File) != pxelinux.NBP &&
		!strings.EqualFold(path.Ext(e.File), ".efi") {
		b.fail("file", fmt.Sprintf("%q is not a network boot program, which is all that the firmware of a BIOS starts",
			e.File), `write one whose name ends in .0, .n12, .com, .pxe or .kpxe, or leave start out`)
	}
	for key, file := range map[string]string{"efi": e.EFI, "file": e.File} {
		if len(file) > maxBootFile && b.ok(key) {
			b.fail(key, fmt.Sprintf("has %d characters", len(file)),
				fmt.Sprintf("keep it to %d: a DHCP packet has room for no more", maxBootFile))
		}
	}
}

// checkWinPE looks at the folder of an entry that starts Windows PE.
func checkWinPE(b block, e config.Entry) {
	if e.WinPE == "" || !b.ok("winpe") {
		return
	}
	if ext := strings.ToLower(path.Ext(e.WinPE)); slices.Contains([]string{".wim", ".efi", ".n12", ".iso"}, ext) {
		fix := "write the name of the folder that it is in"
		if ext == ".iso" {
			fix = "copy the files of the image into a folder of the boot folder, and write the folder's name"
		}
		b.fail("winpe", fmt.Sprintf("%q is a file, and not a folder of the boot folder", e.WinPE), fix)
		return
	}
	const longest = len("/efi/microsoft/boot/bootmgfw_ex.efi")
	if most := maxBootFile - longest; len(e.WinPE) > most {
		b.fail("winpe", fmt.Sprintf("has %d characters", len(e.WinPE)),
			fmt.Sprintf("keep it to %d: a DHCP packet has room for no more with the program's name", most))
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

// checkFallback looks at the entry that a machine boots which does not start
// shim. No person confirms it, so it must be one that each machine may start.
func (r *reader) checkFallback() {
	name, b := r.cfg.DHCP.Fallback, r.root.table("boot")
	if name == "" || !b.ok("fallback") {
		return
	}
	e, another := r.entry(name), "write the name of another entry, or leave it out"
	switch {
	case e == nil:
		r.noEntry(b, "fallback", name)
	case !e.HandsOver():
		b.fail("fallback", fmt.Sprintf("%q is not an entry that the firmware itself starts", name),
			`write the name of an entry with wds, bootserver or start = "firmware", or leave it out`)
	case e.Kind() == config.KindProgram && !e.StartsOnUEFI():
		b.fail("fallback", fmt.Sprintf("%q has no program for UEFI", name), another)
	case e.Locked:
		b.fail("fallback", fmt.Sprintf("%q asks for a password: it has locked = true", name), another)
	case e.Erases:
		b.fail("fallback", fmt.Sprintf("%q asks for a confirmation: it has erases = true", name), another)
	case e.Unlisted:
		b.fail("fallback", fmt.Sprintf("%q is not in the menu: it has listed = false", name), another)
	case r.inLocked(*e):
		b.fail("fallback", fmt.Sprintf("%q is in a submenu that is locked or not in the menu", name), another)
	case !r.cfg.DHCP.Adapt && b.ok("adapt"):
		b.fail("fallback", "has no effect with adapt = false", "leave one of them out")
	}
}

// inLocked reports whether an entry is in a submenu that asks for a password or
// that the menu lacks.
func (r *reader) inLocked(e config.Entry) bool {
	for range config.MaxDepth + 1 {
		in := r.entry(e.In)
		if e.In == "" || in == nil {
			return false
		}
		if in.Locked || in.Erases || in.Unlisted {
			return true
		}
		e = *in
	}
	return false
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

// serverNamed returns the name of the server of a kind with that address or host
// name, or "".
func (r *reader) serverNamed(server string, other bool) string {
	for _, w := range r.cfg.WDS {
		if w.Other == other && strings.EqualFold(w.Server, server) {
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
	for _, keys := range [][]string{{"wds"}, {"bootserver"}, {"winpe"}, {"kernel"}, {"file", "efi"}, {"pxelinux", "grub"}} {
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
			"write one of wds, bootserver, winpe, kernel, file, efi, pxelinux, grub, disk = true, or submenu = true")
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
