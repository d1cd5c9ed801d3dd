package adopt

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// noPassword fits no password: nobody has found what hashes to zeros alone, or
// would tell.
const noPassword = "$6$none$......................................................................................" +
	" grub.pbkdf2.sha512.10000.0000000000000000." +
	"0000000000000000000000000000000000000000000000000000000000000000" +
	"0000000000000000000000000000000000000000000000000000000000000000"

// toml writes the pxebox.toml.
func (s *site) toml() []byte {
	var b bytes.Buffer
	put := func(key, value string) { fmt.Fprintf(&b, "%s = %s\n", key, value) }
	set := func(key string, value bool) {
		if value {
			put(key, "true")
		}
	}
	str := func(key, value string) {
		if value != "" {
			put(key, quote(value))
		}
	}
	list := func(key string, values []string) {
		if len(values) > 0 {
			put(key, quoteAll(values))
		}
	}

	b.WriteString(s.header())
	b.WriteString(s.dhcpTOML())
	if s.http {
		b.WriteString("\n[boot]\n")
		str(string(bios), httpLoader)
	}
	if len(s.entries) > 0 || len(s.sources) == 0 { // else it is the built-in menu
		b.WriteString("\n[menu]\n")
		str("title", s.title)
		put("timeout", quote(duration(s.timeout)))
		str("default", s.preset)
		set("serial", s.serial)
	}
	if s.locked || len(s.entries) == 1 && s.entries[0].Locked {
		b.WriteString("# This fits no password: put what pxebox hash-password prints in its place.\n")
		str("password", noPassword)
	}
	for _, w := range s.wds {
		b.WriteString("\n")
		if w.Server == noServer {
			comment(&b, "There is no such server: write the name or the address of the WDS server in its place.")
		}
		b.WriteString("[[wds]]\n")
		str("name", w.Name)
		str("server", w.Server)
		for _, kind := range firmware.Kinds {
			if p, ok := w.Programs[kind]; ok && p != wdsDefaults[kind] {
				put(string(kind), quote(p))
			}
		}
	}
	labels := s.labels()
	for i, e := range s.entries {
		b.WriteString("\n")
		comment(&b, e.from)
		b.WriteString("[[entry]]\n")
		str("name", e.Name)
		if labels[i] != e.Name {
			str("label", labels[i])
		}
		str("in", e.In)
		str("wds", e.WDS)
		set("disk", e.Disk)
		set("submenu", e.Submenu)
		str("kernel", e.Kernel)
		list("initrd", e.Initrd)
		str("file", e.File)
		str("append", e.Append)
		str("pxelinux", e.PXELINUX)
		str("grub", e.GRUB)
		set("locked", e.Locked)
		if e.Unlisted {
			put("listed", "false")
		}
		str("help", e.Help)
	}
	for _, m := range s.machines {
		b.WriteString("\n")
		for _, from := range m.from {
			comment(&b, from)
		}
		b.WriteString("[[machine]]\n")
		list("guid", m.GUID)
		list("mac", m.MAC)
		str("boot", m.Boot)
		list("entries", m.Entries)
		str("default", m.Default)
		if m.Timeout != nil {
			put("timeout", quote(duration(time.Duration(*m.Timeout))))
		}
	}
	s.rest(&b)
	return b.Bytes()
}

// labels are those of all entries, as the menus that they are in have room for
// them.
func (s *site) labels() []string {
	out := make([]string, len(s.entries))
	menus := map[string][]int{}
	for i, e := range s.entries {
		menus[e.In] = append(menus[e.In], i)
	}
	for _, entries := range menus {
		var full []string
		for _, i := range entries {
			full = append(full, s.entries[i].Label)
		}
		for n, l := range cutLabels(full) {
			out[entries[n]] = l
		}
	}
	return out
}

// header is what the file begins with.
func (s *site) header() string {
	from := "the menus of a PXELINUX server"
	if len(s.sources) > 0 {
		from = "the files of other servers"
	}
	return "# Made by pxebox adopt from " + from + ". Each part says\n" +
		"# the line that it comes from. Check it with: pxebox check FILE\n"
}

// rest writes down what is lost, for a person to go through.
func (s *site) rest(b *bytes.Buffer) {
	head := "\n# What this file has nothing of:\n"
	for _, n := range s.notes {
		if n.lost {
			b.WriteString(head)
			comment(b, n.String())
			head = ""
		}
	}
	file := ""
	for _, l := range s.remains {
		if l.File != file {
			file = l.File
			b.WriteString("\n")
			comment(b, file)
		}
		comment(b, "    "+shown(l))
	}
}

// comment writes a line that has no effect.
func comment(b *bytes.Buffer, s string) {
	if s != "" {
		b.WriteString("# " + oneLine(pxelinux.Decode(s)) + "\n")
	}
}

// duration is a time as a person writes it.
func duration(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// quote writes a text as TOML has it: between single quotes where there are
// backslashes, which mean nothing there, and on several lines as they are.
func quote(s string) string {
	literal := strings.Contains(s, `\`) && !strings.Contains(s, "'") && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f })
	switch {
	case strings.Contains(s, "\n") && literal:
		return "'''\n" + s + "'''"
	case literal:
		return "'" + s + "'"
	}
	var b strings.Builder
	lines := strings.Contains(s, "\n")
	for _, r := range s {
		switch {
		case r == '\n' && lines:
			b.WriteRune(r)
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	if lines {
		return "\"\"\"\n" + b.String() + `"""`
	}
	return `"` + b.String() + `"`
}

func quoteAll(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = quote(v)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
