package parser

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// value is the value of one key of the schema. Its methods return the zero
// value after they have reported what is wrong.
type value struct {
	in    block // which has the key
	n     *node // the value, or one item of its list
	field field
}

func (v value) fail(problem, fix string) {
	v.in.r.fail(v.n.line, v.in.key(v.field.name), problem, fix)
}

func (v value) wrongType(want string) {
	v.fail("is "+describe(v.n)+", not "+want, "write "+v.field.name+" = "+v.retyped())
}

func (v value) text() (string, bool) {
	if v.n.kind != unstable.String {
		v.wrongType("a text in quotes")
		return "", false
	}
	if m := reByteEscape.FindStringSubmatch(v.n.escape); m != nil {
		v.fail("contains "+m[1]+", which means another character in double quotes", singleQuotes(v.n.escape))
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

// integer reads a whole number. TOML's other ways to write one, 0x5dc and
// 1_500, are Go's too.
func (v value) integer(least, most int64) int64 {
	n, err := strconv.ParseInt(v.n.text, 0, 64)
	switch {
	case v.n.kind != unstable.Integer:
		v.wrongType("a whole number without quotes")
	case err != nil || n < least || n > most:
		v.fail(v.n.text+" is out of range", fmt.Sprintf("write a number from %d to %d", least, most))
	default:
		return n
	}
	return 0
}

// port reads the port of a server. 0 turns the server off.
func (v value) port() spec.Port {
	if v.n.kind == unstable.String && strings.EqualFold(v.n.text, "off") {
		v.fail("a port is a number", "write 0 to turn the server off")
		return 0
	}
	if n := v.integer(0, math.MaxUint16); n != 0 {
		return spec.Port(n)
	}
	return spec.PortOff
}

// each reads a list of texts with read.
func each[T any](v value, read func(value) T) []T {
	if v.n.kind != unstable.Array {
		v.wrongType("a list in brackets")
		return nil
	}
	var out []T
	for _, item := range v.n.items {
		out = append(out, read(value{v.in, item, v.field}))
	}
	return out
}

func (v value) duration(shortest, longest time.Duration) spec.Duration {
	if v.n.kind != unstable.String {
		v.wrongType("a time in quotes with its unit")
		return 0
	}
	d, err := time.ParseDuration(v.n.text)
	switch {
	case err != nil:
		fix := "write a number and h, m or s, as in " + v.field.example
		if d, seconds, ok := durationIn(v.n.text); ok && seconds {
			fix = fmt.Sprintf("write a number and h, m or s, as in %q for %s seconds", v.n.text+"s", v.n.text)
		} else if ok {
			fix = fmt.Sprintf("write %q", shortDuration(d))
		}
		v.fail(fmt.Sprintf("%q is not a length of time", v.n.text), fix)
	case d < shortest:
		v.fail(fmt.Sprintf("%q is too short", v.n.text), fmt.Sprintf("write %v or more", shortest))
	case d > longest:
		v.fail(fmt.Sprintf("%q is too long", v.n.text), fmt.Sprintf("write %v or less", longest))
	default:
		return spec.Duration(d)
	}
	return 0
}

// durationOrNever is a duration, or 0 for what is never to happen.
func (v value) durationOrNever(shortest, longest time.Duration) spec.Duration {
	if d, err := time.ParseDuration(v.n.text); v.n.kind == unstable.String && err == nil && d == 0 {
		return 0
	}
	if v.n.kind == unstable.String &&
		slices.Contains([]string{"never", "off", "none", "no", "forever", "infinite", ""}, strings.ToLower(v.n.text)) {
		v.fail(fmt.Sprintf("%q is not a length of time", v.n.text), `write "0s" for never`)
		return 0
	}
	return v.duration(shortest, longest)
}

// choice is one of a few words.
func choice[T ~string](v value, words ...T) T {
	s, ok := v.text()
	if ok && !slices.Contains(words, T(s)) {
		quoted, plain := make([]string, len(words)), make([]string, len(words))
		for i, w := range words {
			quoted[i], plain[i] = strconv.Quote(string(w)), string(w)
		}
		most, least := quoted[:len(quoted)-1], quoted[len(quoted)-1]
		fix := least
		if len(most) > 0 {
			fix = strings.Join(most, ", ") + " or " + least
		}
		if w := wordIn(s, plain); w != "" && len(words) > 2 {
			fix = strconv.Quote(w)
		}
		v.fail(fmt.Sprintf("%q is not a valid %s", s, v.field.name), "write "+fix)
	}
	return T(s)
}

func (v value) device() string {
	s, ok := v.text()
	if !ok {
		return ""
	}
	bad := strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == ':' })
	port, _, alias := strings.Cut(s, ":")
	switch {
	case alias && port != "":
		v.fail(fmt.Sprintf("%q is an alias of an interface", s), fmt.Sprintf("write %q: the box has one address", port))
	case s == "" || s == "." || s == ".." || bad:
		v.fail(fmt.Sprintf("%q is not a valid interface name", s),
			"write the name that the system uses, such as "+v.field.example)
	case len(s) > maxDevice:
		v.fail(fmt.Sprintf("%q has %d characters", s, len(s)),
			fmt.Sprintf("an interface name has at most %d: write the name that the system uses", maxDevice))
	}
	return s
}

var reName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

func (v value) name() string {
	s, ok := v.text()
	if ok && !reName.MatchString(s) {
		fix := fmt.Sprintf("use up to %d small letters, digits, - and _, as in %s",
			config.MaxName, strings.Trim(v.field.example, "[]"))
		if n := nameIn(s); n != "" {
			fix = fmt.Sprintf("use up to %d small letters, digits, - and _, as in %q", config.MaxName, n)
		}
		v.fail(fmt.Sprintf("%q is not a valid name", s), fix)
	}
	return s
}

// ref is the name of something else in the file. What it is not the name of is
// looked for when all of the file has been read: it may be a label.
func (v value) ref() string {
	s, ok := v.text()
	if ok && s == "" {
		return v.name()
	}
	return s
}

func (v value) refs() []string { return each(v, value.ref) }

// printable reports the first control character of a text. A line break would
// let a label or an argument add lines to a menu.
func (v value) printable(s string) bool {
	if i := strings.IndexFunc(s, control); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		if e := firstEscape(v.n.escape); e != "" && e != `\n` && e != `\r` {
			v.fail(fmt.Sprintf("contains %s, which means the control character %U in double quotes", e, r),
				singleQuotes(v.n.escape))
			return false
		}
		v.fail(fmt.Sprintf("contains the control character %U", r),
			"write it on one line, with spaces for tabs and line breaks")
		return false
	}
	return true
}

// control reports whether a screen or a boot loader may take r for something
// other than a letter of its line.
func control(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
}

// shown reports the first character that a BIOS menu cannot show.
func (v value) shown(s string) bool {
	for _, r := range s {
		if !pxelinux.Shown(r) {
			fix := "use plain letters: code page 437 has those of western Europe, and é, ü, ñ, ß among them"
			if plain, ok := typographic[r]; ok && plain != "" {
				fix = "write " + plain + " for it"
			} else if ok {
				fix = "delete it: it is invisible"
			}
			v.fail(fmt.Sprintf("the character %q cannot be shown by a BIOS menu", r), fix)
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
	if !v.shown(s) {
		return ""
	}
	n := utf8.RuneCountInString(s)
	switch {
	case s == "":
		v.fail("is empty", "write what the machine's screen should show, or leave the key out")
	case n > config.MaxLabel:
		v.fail(fmt.Sprintf("has %d characters", n),
			fmt.Sprintf("keep it to %d, the width of the menu", config.MaxLabel))
	case strings.Contains(s, "^"):
		// PXELINUX doc/menu.txt, MENU LABEL: it makes the next letter a hot
		// key, and there is no way to write a real one.
		v.fail("contains a ^, which marks a hot key in the menu", "leave it out")
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
		v.fail(notASCII(s))
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
	if ok && strings.Contains(s, "://") {
		v.fail(fmt.Sprintf("%q is the address of a file on another server", s), v.instead(s))
		return ""
	}
	if ok && strings.ContainsFunc(s, control) && v.n.escape != "" {
		v.fail("contains "+firstEscape(v.n.escape)+", which means a control character in double quotes",
			"write "+pathFix(v.n.escape, v.field.example)+"; a backslash is kept between single quotes only")
		return ""
	}
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
	fix := "write its path below the boot folder, with letters, digits, . _ - + and /, as in " +
		strings.Trim(v.field.example, "[]")
	if reDrive.MatchString(s) {
		fix = "put the file into the boot folder, and " + fix
	} else if p := pathIn(s); p != "" {
		fix = fmt.Sprintf("write %q: its path below the boot folder, with forward slashes", p)
	}
	v.fail(fmt.Sprintf("%q is not a valid name of a boot file", s), fix)
	return ""
}

// reDrive is what a path of Windows begins with: a drive or a server.
var reDrive = regexp.MustCompile(`^(?:[A-Za-z]:[\\/]|\\\\)`)

// pathIn is a boot file's name with other slashes, or with dots or blanks
// around it.
func pathIn(s string) string {
	var clean []string
	for part := range strings.SplitSeq(strings.ReplaceAll(plainText(s), `\`, "/"), "/") {
		if part != "" && part != "." && part != ".." {
			clean = append(clean, part)
		}
	}
	if p := strings.Join(clean, "/"); rePath.MatchString(p) {
		return p
	}
	return ""
}

func pathFix(s, example string) string {
	if p := pathIn(s); p != "" && !reDrive.MatchString(s) {
		return fmt.Sprintf("%q, with forward slashes", p)
	}
	return "its path below the boot folder, as in " + strings.Trim(example, "[]")
}

// instead tells how to start what lies on another server.
func (v value) instead(address string) string {
	switch v.field.name {
	case "kernel", "initrd":
		fix := "put the file into the boot folder and write its name there"
		if u, err := url.Parse(address); err == nil && pathIn(u.Path) != "" {
			fix += fmt.Sprintf(", such as %q", pathIn(u.Path))
		}
		return fix + "; or write the entry as pxelinux and grub lines, which can load it from there"
	case "uefi-ia32", "uefi-x64", "uefi-arm64":
		return "put the file into the boot folder and write its name there; for firmware that is set to HTTP boot, write " + v.field.name + "-http"
	}
	return "put the file into the boot folder and write its name there"
}

func (v value) paths() []string { return each(v, value.path) }

// wdsProgram is a program as a WDS server is asked for it, byte for byte; ""
// is none.
func (v value) wdsProgram() string {
	s, ok := v.text()
	file := strings.ReplaceAll(strings.TrimPrefix(s, `\`), `\`, "/")
	switch {
	case !ok || s == "":
		return ""
	case strings.ContainsFunc(s, control):
		// "\b" between double quotes is one (TOML, String).
		v.fail("contains a control character",
			"write a name with backslashes between single quotes, as in "+v.field.example)
	case strings.Contains(s, "/"):
		fix := "write backslashes"
		if rePath.MatchString(strings.TrimPrefix(strings.ReplaceAll(s, `\`, "/"), "/")) {
			fix = "write '" + strings.ReplaceAll(s, "/", `\`) + "'"
		}
		v.fail("contains a forward slash, which the ReadFilter of a WDS server refuses", fix)
	case !rePath.MatchString(file):
		v.fail(fmt.Sprintf("'%s' is not a name of a program on a WDS server", strings.ToValidUTF8(s, "?")),
			"write its folders and its file, with letters, digits and . _ -, as in "+v.field.example)
	default:
		return v.bootName(s)
	}
	return ""
}

// serverProgram is a program as another boot server is asked for it, byte for
// byte; "" is none.
func (v value) serverProgram() string {
	s, ok := v.text()
	if !ok || s == "" {
		return ""
	}
	file := strings.TrimPrefix(strings.ReplaceAll(s, `\`, "/"), "/")
	switch {
	case strings.ContainsFunc(s, control):
		v.fail("contains a control character", "write a name with backslashes between single quotes")
	case !rePath.MatchString(file):
		v.fail(fmt.Sprintf("'%s' is not a name of a program on a boot server", strings.ToValidUTF8(s, "?")),
			"write its folders and its file, with letters, digits and . _ -, as in "+v.field.example)
	default:
		return v.bootName(s)
	}
	return ""
}

// bootFile is the name of the program that a firmware asks for; "" is none.
func (v value) bootFile() string {
	if v.n.kind == unstable.String && v.n.text == "" {
		return ""
	}
	return v.bootName(v.path())
}

// bootURL is the address of the program that a firmware fetches by HTTP
// (UEFI 2.10 §24.7); "" is none.
func (v value) bootURL() string {
	s, ok := v.text()
	if !ok || s == "" || !v.printable(s) {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" || !reHost.MatchString(u.Hostname()) && !isHost4(u.Hostname()) ||
		u.User != nil || u.Fragment != "" || len(u.Path) < 2 || u.String() != s {
		v.fail(fmt.Sprintf("%q is not an http:// address of a file", s), "write one such as "+v.field.example)
		return ""
	}
	return v.bootName(s)
}

// ipxeScript is what iPXE loads: a boot file or a URL; "" is none.
func (v value) ipxeScript() string {
	if strings.Contains(v.n.text, "://") {
		return v.bootURL()
	}
	return v.bootFile()
}

func (v value) bootName(s string) string {
	if len(s) > maxBootFile {
		v.fail(fmt.Sprintf("has %d characters", len(s)),
			fmt.Sprintf("keep it to %d: a DHCP packet has room for no more", maxBootFile))
		return ""
	}
	return s
}
