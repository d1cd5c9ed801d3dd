package config

import (
	_ "embed"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
	"golang.org/x/text/encoding/charmap"
)

// defaultFile is the reference of every key, and the settings of a box that
// nobody has configured.
//
//go:embed default.toml
var defaultFile []byte

// Default returns the settings of a box that nobody has configured: it answers
// as proxyDHCP and offers each machine its own disk.
func Default() *Config {
	c, err := Parse("default.toml", defaultFile)
	if err != nil {
		panic(err) // the file is part of the program
	}
	return c
}

// Parse reads a pxebox.toml. name is what its errors call the file. Keys that
// are not there have the values of Default. The error, if any, is of type
// Errors and holds everything that is wrong.
func Parse(name string, data []byte) (*Config, error) {
	root, errs := readTree(name, data)
	if root == nil {
		return nil, errs
	}
	r := &reader{file: name, root: root, errs: errs, bad: map[string]bool{}}
	r.cfg = Config{
		DHCP: DHCP{Mode: ModeAuto, Lease: Duration(time.Hour)},
		Menu: Menu{Title: "Network boot", Timeout: Duration(10 * time.Second)},
	}
	r.sections()
	if root.get("entry") == nil {
		r.cfg.Entries = []Entry{{Name: "disk", Label: "This computer's own disk", Disk: true}}
	}
	r.checkNetwork()
	r.checkWDS()
	r.checkEntries()
	if len(r.errs) > 0 {
		r.errs.sort()
		return nil, r.errs
	}
	return &r.cfg, nil
}

// Bounds. The menu program of PXELINUX draws a box of 80 columns less a margin
// of 10 on either side and the frame (menumain.c, draw_row): what is longer
// than 56 is cut off on the screen. Its command line holds 2047 bytes, and the
// longest TIMEOUT is 35996 tenths of a second, just under the hour.
const (
	maxLabel   = 56
	maxName    = 32
	maxCommand = 2047
	minTimeout = time.Second // anything shorter reaches the menu as 0: for ever
	maxTimeout = 59 * time.Minute
	minLease   = time.Minute
	maxLease   = 365 * 24 * time.Hour
	maxDevice  = 15      // IFNAMSIZ - 1, linux/if.h
	maxLeases  = 1 << 16 // the pool keeps a record of every address in memory
)

// field is one key: its name, an example for the error about a value of the
// wrong type, and how it is read.
type field struct {
	name    string
	example string
	read    func(r *reader, v value)
}

// section is a [table], or where many is set a [[table]].
type section struct {
	name   string
	many   bool
	fields []field
}

// schema is all that a file may hold. The built-in default file is tested
// against it.
var schema = []section{
	{name: "network", fields: []field{
		{"interface", `"eth0"`, func(r *reader, v value) { r.cfg.Network.Interface = v.device() }},
		{"address", `"192.168.77.1/24"`, func(r *reader, v value) { r.cfg.Network.Address = v.ownAddress() }},
		{"gateway", `"192.168.77.254"`, func(r *reader, v value) { r.cfg.Network.Gateway = v.address() }},
		{"dns", `["192.168.77.254"]`, func(r *reader, v value) { r.cfg.Network.DNS = v.addresses() }},
	}},
	{name: "dhcp", fields: []field{
		{"mode", `"auto"`, func(r *reader, v value) { r.cfg.DHCP.Mode = v.mode() }},
		{"range", `["192.168.77.100-192.168.77.150"]`, func(r *reader, v value) { r.cfg.DHCP.Ranges = v.ranges() }},
		{"lease", `"1h"`, func(r *reader, v value) { r.cfg.DHCP.Lease = v.duration(minLease, maxLease) }},
		{"router", `"192.168.77.1"`, func(r *reader, v value) { r.cfg.DHCP.Router = v.address() }},
		{"dns", `["192.168.77.1"]`, func(r *reader, v value) { r.cfg.DHCP.DNS = v.addresses() }},
	}},
	{name: "wds", many: true, fields: []field{
		{"name", `"wds"`, func(r *reader, v value) { last(r.cfg.WDS).Name = v.name() }},
		{"server", `"192.168.77.2"`, func(r *reader, v value) { last(r.cfg.WDS).Server = v.host() }},
	}},
	{name: "menu", fields: []field{
		{"title", `"Network boot"`, func(r *reader, v value) { r.cfg.Menu.Title = v.label() }},
		{"timeout", `"10s"`, func(r *reader, v value) { r.cfg.Menu.Timeout = v.timeout() }},
		{"default", `"disk"`, func(r *reader, v value) { r.cfg.Menu.Default = v.name() }},
		{"serial", `true`, func(r *reader, v value) { r.cfg.Menu.Serial = v.flag() }},
	}},
	{name: "entry", many: true, fields: []field{
		{"name", `"debian"`, func(r *reader, v value) { last(r.cfg.Entries).Name = v.name() }},
		{"label", `"Debian installer"`, func(r *reader, v value) { last(r.cfg.Entries).Label = v.label() }},
		{"wds", `"wds"`, func(r *reader, v value) { last(r.cfg.Entries).WDS = v.name() }},
		{"kernel", `"debian/linux"`, func(r *reader, v value) { last(r.cfg.Entries).Kernel = v.path() }},
		{"initrd", `["debian/initrd.gz"]`, func(r *reader, v value) { last(r.cfg.Entries).Initrd = v.paths() }},
		{"append", `"console=ttyS0,115200"`, func(r *reader, v value) { last(r.cfg.Entries).Append = v.arguments() }},
		{"file", `"tools/memtest.bin"`, func(r *reader, v value) { last(r.cfg.Entries).File = v.path() }},
		{"disk", `true`, func(r *reader, v value) { last(r.cfg.Entries).Disk = v.flag() }},
	}},
}

func last[T any](s []T) *T { return &s[len(s)-1] }

func (s section) header() string {
	if s.many {
		return "[[" + s.name + "]]"
	}
	return "[" + s.name + "]"
}

func (s section) names() []string {
	var out []string
	for _, f := range s.fields {
		out = append(out, f.name)
	}
	return out
}

// reader fills a Config from the tree and collects what is wrong.
type reader struct {
	file string
	root *node
	cfg  Config
	errs Errors
	bad  map[string]bool // printed keys with an error: nothing is concluded from them
}

func (r *reader) fail(line int, key, problem, mend string) {
	r.errs = append(r.errs, Error{r.file, line, key, problem, mend})
	r.bad[key] = true
}

// sections reads the whole file by the schema.
func (r *reader) sections() {
	var known []string
	for _, s := range schema {
		known = append(known, s.name)
		n := r.root.get(s.name)
		switch {
		case n == nil:
		case s.many && n.kind == unstable.Array:
			for i, item := range n.items {
				switch s.name { // one element for each item, so that the two count alike
				case "wds":
					r.cfg.WDS = append(r.cfg.WDS, WDS{})
				case "entry":
					r.cfg.Entries = append(r.cfg.Entries, Entry{})
				}
				if item.kind != unstable.Table {
					r.fail(item.line, r.key(s.name, i, ""), "is "+describe(item), "write "+s.header()+" on a line of its own, and its keys below it")
					continue
				}
				r.section(s, i, item)
			}
		case !s.many && n.kind == unstable.Table:
			r.section(s, 0, n)
		default:
			r.fail(n.line, s.name, "is "+describe(n), "write "+s.header()+" on a line of its own, and its keys below it")
		}
	}
	for _, key := range r.root.keys {
		if slices.Contains(known, key) {
			continue
		}
		mend := "use one of [network], [dhcp], [[wds]], [menu], [[entry]]"
		if s := schemaOf(nearest(key, known)); s != nil {
			mend = "write " + s.header()
		} else if s := sectionWith(key, ""); s != nil {
			mend = "write it below " + s.header()
		}
		r.fail(r.root.table[key].line, printKey(key), "is not known", mend)
	}
}

func (r *reader) section(s section, i int, n *node) {
	for _, key := range n.keys {
		at := slices.IndexFunc(s.fields, func(f field) bool { return f.name == key })
		if at >= 0 {
			s.fields[at].read(r, value{r, n.table[key], r.key(s.name, i, key), s.fields[at]})
			continue
		}
		mend := "use one of " + strings.Join(s.names(), ", ")
		if k := nearest(key, s.names()); k != "" {
			mend = "write " + k
		} else if other := sectionWith(key, s.name); other != nil {
			mend = "write it below " + other.header()
		}
		r.fail(n.table[key].line, r.key(s.name, i, printKey(key)), "is not known", mend)
	}
}

// schemaOf returns the section with that name, or nil.
func schemaOf(name string) *section {
	i := slices.IndexFunc(schema, func(s section) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return &schema[i]
}

// sectionWith returns the only section but one that has a key, or nil.
func sectionWith(key, but string) *section {
	var found *section
	for i, s := range schema {
		if s.name != but && slices.Contains(s.names(), key) {
			if found != nil {
				return nil
			}
			found = &schema[i]
		}
	}
	return found
}

// key names a key in an error. A block that repeats is named by its name,
// which is how people speak of it, or counted where it has none.
func (r *reader) key(section string, i int, key string) string {
	if schemaOf(section).many {
		if name := r.item(section, i).get("name"); name != nil && name.kind == unstable.String && reName.MatchString(name.text) {
			section = fmt.Sprintf("%s %q", section, name.text)
		} else {
			section = fmt.Sprintf("%s %d", section, i+1)
		}
	}
	if key == "" {
		return section
	}
	return section + "." + key
}

// item is the table of a section: the ith where it repeats.
func (r *reader) item(section string, i int) *node {
	n := r.root.get(section)
	if n != nil && n.kind == unstable.Array {
		return n.items[i]
	}
	return n
}

// has reports whether the file has the key.
func (r *reader) has(section string, i int, key string) bool {
	return r.item(section, i).get(key) != nil
}

// failAt reports an error of a key that may not be in the file: then the line
// is its section's.
func (r *reader) failAt(section string, i int, key, problem, mend string) {
	line := 1
	n := r.item(section, i)
	if n != nil {
		line = n.line
	}
	if k := n.get(key); k != nil {
		line = k.line
	}
	r.fail(line, r.key(section, i, key), problem, mend)
}

// ok reports whether nothing was wrong with the keys of a section.
func (r *reader) ok(section string, i int, keys ...string) bool {
	for _, k := range keys {
		if r.bad[r.key(section, i, k)] {
			return false
		}
	}
	return true
}

// value is the value of one key of the schema. Its methods return the zero
// value after they have reported what is wrong.
type value struct {
	r     *reader
	n     *node
	key   string
	field field
}

func (v value) fail(problem, mend string) { v.r.fail(v.n.line, v.key, problem, mend) }

// describe tells what a value of the wrong type is.
func describe(n *node) string {
	switch n.kind {
	case unstable.String:
		return "a text"
	case unstable.Bool:
		return "true or false"
	case unstable.Integer, unstable.Float:
		return "a number"
	case unstable.Array:
		return "a list"
	case unstable.Table:
		return "a table"
	}
	return "a date or time"
}

func (v value) wrongType(want string) {
	v.fail("is "+describe(v.n)+", not "+want, "write "+v.field.name+" = "+v.field.example)
}

func (v value) text() (string, bool) {
	if v.n.kind != unstable.String {
		v.wrongType("a text in quotes")
		return "", false
	}
	return v.n.text, true
}

func (v value) flag() bool {
	if v.n.kind != unstable.Bool {
		v.wrongType("true or false without quotes")
		return false
	}
	return v.n.text == "true"
}

// each reads a list of texts with read.
func each[T any](v value, read func(value) T) []T {
	if v.n.kind != unstable.Array {
		v.wrongType("a list in brackets")
		return nil
	}
	var out []T
	for _, item := range v.n.items {
		out = append(out, read(value{v.r, item, v.key, v.field}))
	}
	return out
}

func (v value) duration(shortest, longest time.Duration) Duration {
	if v.n.kind != unstable.String {
		v.wrongType("a time in quotes with its unit")
		return 0
	}
	d, err := time.ParseDuration(v.n.text)
	switch {
	case err != nil:
		v.fail(fmt.Sprintf("%q is no length of time", v.n.text), "write a number and h, m or s, as in "+v.field.example)
	case d < shortest:
		v.fail(fmt.Sprintf("%q is too short", v.n.text), fmt.Sprintf("write %v or more", shortest))
	case d > longest:
		v.fail(fmt.Sprintf("%q is too long", v.n.text), fmt.Sprintf("write %v or less", longest))
	default:
		return Duration(d)
	}
	return 0
}

func (v value) timeout() Duration {
	if d, err := time.ParseDuration(v.n.text); v.n.kind == unstable.String && err == nil && d == 0 {
		return 0 // waits for ever
	}
	return v.duration(minTimeout, maxTimeout)
}

func (v value) mode() Mode {
	s, ok := v.text()
	m := Mode(s)
	modes := []Mode{ModeAuto, ModeProxy, ModeServer, ModeOff}
	if ok && !slices.Contains(modes, m) {
		v.fail(fmt.Sprintf("%q is no mode", s), `write "auto", "proxy", "server" or "off"`)
	}
	return m
}

func (v value) device() string {
	s, ok := v.text()
	if !ok {
		return ""
	}
	bad := strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == ':' })
	switch {
	case s == "" || s == "." || s == ".." || bad:
		v.fail(fmt.Sprintf("%q is no name of a network interface", s), "write one as the system names it, such as "+v.field.example)
	case len(s) > maxDevice:
		v.fail(fmt.Sprintf("%q has %d characters", s, len(s)), fmt.Sprintf("an interface has %d at most: write its name as the system has it", maxDevice))
	}
	return s
}

// host4 reports whether a is an IPv4 address that a machine can have.
func host4(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a.As4()[0] != 0 && a.As4()[0] < 240
}

func (v value) address() netip.Addr {
	s, ok := v.text()
	if !ok {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !host4(a) {
		v.fail(fmt.Sprintf("%q is no IPv4 address of a machine", s), "write one such as "+strings.Trim(v.field.example, "[]"))
		return netip.Addr{}
	}
	return a
}

func (v value) addresses() []netip.Addr { return each(v, value.address) }

func (v value) ownAddress() netip.Prefix {
	s, ok := v.text()
	if !ok || s == "dhcp" {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(s)
	if a, aerr := netip.ParseAddr(s); aerr == nil && a.Is4() {
		v.fail(fmt.Sprintf("%q does not say how large the network is", s), fmt.Sprintf("write it with its prefix length, as in %q", s+"/24"))
		return netip.Prefix{}
	}
	switch {
	case err != nil || !host4(p.Addr()):
		v.fail(fmt.Sprintf("%q is no IPv4 address with a prefix length", s), `write one such as `+v.field.example+`, or "dhcp"`)
	case p.Bits() < 8 || p.Bits() > 30:
		v.fail(fmt.Sprintf("the prefix length /%d leaves no usable network", p.Bits()), "write one from /8 to /30")
	case p.Addr() == p.Masked().Addr():
		v.fail(fmt.Sprintf("%v is the network itself", p.Addr()), fmt.Sprintf("write an address inside of it, such as %q", fmt.Sprintf("%v/%d", p.Addr().Next(), p.Bits())))
	case p.Addr() == broadcast(p):
		v.fail(fmt.Sprintf("%v is the network's broadcast address", p.Addr()), fmt.Sprintf("write an address inside of it, such as %q", fmt.Sprintf("%v/%d", p.Addr().Prev(), p.Bits())))
	default:
		return p
	}
	return netip.Prefix{}
}

// broadcast returns the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}

func (v value) ranges() []Range {
	return each(v, func(v value) Range {
		s, ok := v.text()
		if !ok {
			return Range{}
		}
		rg, err := ParseRange(s)
		if err == nil && !(host4(rg.First) && host4(rg.Last)) {
			err = fmt.Errorf("%q holds addresses that no machine can have", s)
		}
		if err != nil {
			v.fail(err.Error(), "write the first address, a hyphen, and the last, as in "+v.field.example)
			return Range{}
		}
		return rg
	})
}

var reName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

func (v value) name() string {
	s, ok := v.text()
	if ok && !reName.MatchString(s) {
		v.fail(fmt.Sprintf("%q is no name", s), fmt.Sprintf("use up to %d small letters, digits, - and _, as in %s", maxName, v.field.example))
	}
	return s
}

// reHost is a host name (RFC 1123 §2.1). One whose last label is all digits
// would be a mistyped address.
var reHost = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*(?i:[a-z]([a-z0-9-]{0,61}[a-z0-9])?|[0-9][a-z0-9-]*[a-z])\.?$`)

func (v value) host() string {
	s, ok := v.text()
	if !ok {
		return ""
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err == nil && a.Is6():
		// PXE clients with a BIOS have no IPv6 (PXE 2.1 §2.2).
		v.fail(fmt.Sprintf("%q is an IPv6 address", s), "write the server's IPv4 address or its name")
	case err == nil && !host4(a), err != nil && (len(s) > 253 || !reHost.MatchString(s)):
		v.fail(fmt.Sprintf("%q is neither an IPv4 address nor a host name", s), `write one such as `+v.field.example+` or "wds.example.org"`)
	}
	return s
}

// printable reports the first control character of a text. A line break would
// let a label or an argument write menu lines of its own.
func (v value) printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			v.fail(fmt.Sprintf("holds the control character %U", r), "write it on one line, with spaces for tabs and line breaks")
			return false
		}
	}
	return true
}

func (v value) label() string {
	s, ok := v.text()
	if !ok || !v.printable(s) {
		return ""
	}
	s = strings.TrimSpace(s)
	n := 0
	for _, r := range s {
		// The screen of a PC's text mode has the 256 characters of code
		// page 437, and PXELINUX loads no other font by itself.
		if _, ok := charmap.CodePage437.EncodeRune(r); !ok {
			v.fail(fmt.Sprintf("the character %q cannot be shown by a BIOS menu", r), "use plain letters: code page 437 has those of western Europe, and é, ü, ñ, ß among them")
			return ""
		}
		n++
	}
	switch {
	case s == "":
		v.fail("is empty", "write what the machine's screen is to show, or leave the key out")
	case n > maxLabel:
		v.fail(fmt.Sprintf("has %d characters", n), fmt.Sprintf("keep it to %d, the width of the menu", maxLabel))
	case strings.Contains(s, "^"):
		// PXELINUX doc/menu.txt, MENU LABEL: it makes the next letter a hot
		// key, and there is no way to write a real one.
		v.fail("holds a ^, which the menu takes for the mark of a hot key", "leave it out")
	}
	return s
}

func (v value) arguments() string {
	s, ok := v.text()
	if !ok || !v.printable(s) {
		return ""
	}
	s = strings.TrimSpace(s)
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return r > '~' }):
		v.fail("holds a character that is not ASCII", "write arguments with plain letters, digits and signs")
	case s == "-":
		// doc/syslinux.txt, APPEND: a single hyphen means "nothing".
		v.fail(`is "-"`, "leave the key out for no arguments")
	}
	return s
}

// rePath is a boot file's name that every client, TFTP server and menu takes
// for the same: a comma separates initrds in PXELINUX, a colon names another
// server, a space ends the name, and a leading dot is a command to it.
var rePath = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+~@=-]*(/[A-Za-z0-9_][A-Za-z0-9._+~@=-]*)*$`)

func (v value) path() string {
	s, ok := v.text()
	if !ok || !v.printable(s) {
		return ""
	}
	if len(s) > 255 {
		v.fail(fmt.Sprintf("has %d characters", len(s)), "keep it to 255")
		return ""
	}
	if rePath.MatchString(s) {
		return s
	}
	var clean []string
	for part := range strings.SplitSeq(strings.ReplaceAll(s, `\`, "/"), "/") {
		if part != "" && part != "." && part != ".." {
			clean = append(clean, part)
		}
	}
	mend := "write it as seen from the boot folder, with letters, digits, . _ - + and /, as in " + strings.Trim(v.field.example, "[]")
	if p := strings.Join(clean, "/"); rePath.MatchString(p) {
		mend = fmt.Sprintf("write %q: as seen from the boot folder, with forward slashes", p)
	}
	v.fail(fmt.Sprintf("%q is no name of a boot file", s), mend)
	return ""
}

func (v value) paths() []string { return each(v, value.path) }
