package adopt

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// noPassword matches no password: no known password hashes to all zeros.
const noPassword = "$6$none$......................................................................................" +
	" grub.pbkdf2.sha512.10000.0000000000000000." +
	"0000000000000000000000000000000000000000000000000000000000000000" +
	"0000000000000000000000000000000000000000000000000000000000000000"

// tomlFile is a file being written: keys without a value are left out.
type tomlFile struct{ bytes.Buffer }

func (f *tomlFile) put(key, value string) { fmt.Fprintf(f, "%s = %s\n", key, value) }

func (f *tomlFile) set(key string, value bool) {
	if value {
		f.put(key, "true")
	}
}

func (f *tomlFile) str(key, value string) {
	if value != "" {
		f.put(key, quote(value))
	}
}

func (f *tomlFile) list(key string, values []string) {
	if len(values) > 0 {
		f.put(key, quoteAll(values))
	}
}

// toml writes the pxebox.toml.
func (s *site) toml() []byte {
	var f tomlFile
	f.WriteString(s.header())
	f.WriteString(s.dhcpTOML())
	s.writeMenu(&f)
	for _, w := range s.wds {
		f.WriteString("\n")
		if w.Server == noServer {
			comment(&f.Buffer, "There is no such server: write the name or the address of the WDS server instead.")
		}
		f.WriteString("[[wds]]\n")
		f.str("name", w.Name)
		f.str("server", w.Server)
		for _, kind := range firmware.Kinds {
			if p, ok := w.Programs[kind]; ok && p != wdsDefaults[kind] {
				f.put(string(kind), quote(p))
			}
		}
	}
	s.writeEntries(&f)
	s.writeMachines(&f)
	s.rest(&f.Buffer)
	return f.Bytes()
}

func (s *site) writeMenu(f *tomlFile) {
	if s.http {
		f.WriteString("\n[boot]\n")
		f.str(string(bios), httpLoader)
	}
	if len(s.entries) > 0 || len(s.sources) == 0 { // otherwise the box uses the built-in menu
		f.WriteString("\n[menu]\n")
		f.str("title", s.title)
		f.put("timeout", quote(duration(s.timeout)))
		f.str("default", s.preset)
		f.set("serial", s.serial)
	}
	if s.locked || len(s.entries) == 1 && s.entries[0].Locked {
		f.WriteString("# No password matches this: write the line that pxebox hash-password prints instead.\n")
		f.str("password", noPassword)
	}
}

func (s *site) writeEntries(f *tomlFile) {
	labels := s.labels()
	for i, e := range s.entries {
		f.WriteString("\n")
		comment(&f.Buffer, e.from)
		f.WriteString("[[entry]]\n")
		f.str("name", e.Name)
		if labels[i] != e.Name {
			f.str("label", labels[i])
		}
		f.str("in", e.In)
		f.str("wds", e.WDS)
		f.set("disk", e.Disk)
		f.set("submenu", e.Submenu)
		f.str("kernel", e.Kernel)
		f.list("initrd", e.Initrd)
		f.str("file", e.File)
		f.str("append", e.Append)
		f.str("pxelinux", e.PXELINUX)
		f.str("grub", e.GRUB)
		f.set("locked", e.Locked)
		if e.Unlisted {
			f.put("listed", "false")
		}
		f.str("help", e.Help)
	}
}

func (s *site) writeMachines(f *tomlFile) {
	for _, m := range s.machines {
		f.WriteString("\n")
		for _, from := range m.from {
			comment(&f.Buffer, from)
		}
		f.WriteString("[[machine]]\n")
		f.list("guid", m.GUID)
		f.list("mac", m.MAC)
		f.str("boot", m.Boot)
		f.list("entries", m.Entries)
		f.str("default", m.Default)
		if m.Timeout != nil {
			f.put("timeout", quote(duration(time.Duration(*m.Timeout))))
		}
	}
}

// labels returns the labels of all entries, cut to fit the menus that they are
// in.
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

// header returns the start of the file.
func (s *site) header() string {
	from := "the menus of a PXELINUX server"
	if len(s.sources) > 0 {
		from = "the files of other servers"
	}
	return "# Made by pxebox adopt from " + from + ". Each part says\n" +
		"# the line that it comes from. Check it with: pxebox check FILE\n"
}

// rest writes down what is lost, for a person to review.
func (s *site) rest(b *bytes.Buffer) {
	head := "\n# What this file leaves out:\n"
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

// comment writes a comment line.
func comment(b *bytes.Buffer, s string) {
	if s != "" {
		b.WriteString("# " + oneLine(pxelinux.Decode(s)) + "\n")
	}
}

// duration formats a time as a person writes it.
func duration(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// quote writes a text as a TOML string: in single quotes where it contains
// backslashes, which have no meaning there, and a text of several lines
// unchanged.
func quote(s string) string {
	literal := strings.Contains(s, `\`) && !strings.Contains(s, "'") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f })
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
