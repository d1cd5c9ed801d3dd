package adopt

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// A second reader of PXELINUX's language. It is written from doc/syslinux.txt,
// doc/menu.txt and the behavior of the programs, and shares no code with package
// pxelinux. It answers one question: what does an unattended machine start?

// reader simulates PXELINUX version 4 or 6, with the files of a server. Of the
// differences between the versions, it models those that administrators rely on:
// MENU INCLUDE, and files without their extension.
type reader struct {
	version int
	files   map[string]string
	steps   int // menus and configurations that were started
}

// readerLabel is a LABEL as PXELINUX or its menu sees it.
type readerLabel struct {
	name                 string
	kind, image, initrd  string
	own                  *string // its APPEND, or the one before all labels
	hidden, off          bool
	elsewhere, quits     bool // MENU GOTO, MENU QUIT
	submenu, isSeparator bool
}

type readerMenu struct {
	entries            []*readerLabel
	standard           *readerLabel // MENU DEFAULT
	timeout, onTimeout string
	up                 *readerMenu
	tag                string
	inUp               *readerLabel
}

// flat returns the lines of a file and of its includes, without TEXT. The menu
// and PXELINUX 6 follow MENU INCLUDE.
func (r *reader) flat(name string, menuIncludes bool, around []string) (out []string) {
	name = path.Clean(name)
	if slices.Contains(around, name) {
		return nil
	}
	inText := false
	for l := range strings.SplitSeq(r.files[name], "\n") {
		w := strings.Fields(strings.ToLower(l))
		switch {
		case inText:
			inText = !slices.Equal(w, []string{"endtext"})
		case len(w) > 0 && w[0] == "text":
			inText = true
		case len(w) > 1 && w[0] == "include":
			out = append(out, r.flat(strings.Fields(l)[1], menuIncludes, append(around, name))...)
		case len(w) > 2 && w[0] == "menu" && w[1] == "include":
			if menuIncludes {
				out = append(out, r.flat(strings.Fields(l)[2], menuIncludes, append(around, name))...)
			}
		case len(w) > 0:
			out = append(out, strings.TrimLeft(l, " \t"))
		}
	}
	return out
}

// directive splits a line. The keyword is in lowercase, and includes the word
// after MENU.
func directive(l string) (keyword, rest string) {
	cut := func(s string) (string, string) {
		i := strings.IndexAny(s, " \t")
		if i < 0 {
			return strings.ToLower(s), ""
		}
		return strings.ToLower(s[:i]), strings.TrimLeft(s[i:], " \t")
	}
	if keyword, rest = cut(l); keyword == "menu" {
		var word string
		word, rest = cut(rest)
		keyword += " " + word
	}
	return keyword, rest
}

// put reads a line of a LABEL.
func (l *readerLabel) put(keyword, rest string) {
	switch keyword {
	case "kernel", "linux", "com32", "localboot", "config":
		l.kind, l.image = keyword, rest
	case "append":
		l.own = &rest
	case "initrd":
		l.initrd = rest
	case "menu hide":
		l.hidden = true
	case "menu disable":
		l.off = true
	case "menu goto":
		l.elsewhere = true
	case "menu quit":
		l.elsewhere, l.quits = true, true
	}
}

// end finishes a LABEL: the global values at that point apply to it.
func (l *readerLabel) end(global string) {
	if l != nil && l.own == nil {
		l.own = &global
	}
}

// command returns what a LABEL starts, in one line, or "" for nothing.
func (l *readerLabel) command() string {
	if l.elsewhere || l.submenu || l.off || l.isSeparator {
		return ""
	}
	args := *l.own
	if args == "-" {
		args = ""
	}
	if l.initrd != "" {
		args += " initrd=" + l.initrd
	}
	return l.kind + " " + l.image + " " + args
}

// boot returns what PXELINUX starts when it begins with a configuration file.
func (r *reader) boot(file string) string {
	if r.steps++; r.steps > 9 {
		return ""
	}
	var labels []*readerLabel
	var standard, ui, prompt, timeout, onTimeout, global string
	hasUI := false
	var l *readerLabel
	for _, line := range r.flat(file, r.version >= 5, nil) {
		keyword, rest := directive(line)
		switch keyword {
		case "label":
			l.end(global)
			name, _, _ := strings.Cut(rest, " ")
			l = &readerLabel{name: name, kind: "kernel", image: name}
			labels = append(labels, l)
		case "default":
			standard = rest
		case "ui":
			ui, hasUI = rest, true
		case "prompt":
			prompt = rest
		case "timeout":
			timeout = rest
		case "ontimeout":
			onTimeout = rest
		case "menu separator", "menu begin", "menu end":
			l.end(global)
			l = nil
		case "append":
			if l == nil {
				global = rest
				continue
			}
			l.put(keyword, rest)
		default:
			if l != nil {
				l.put(keyword, rest)
			}
		}
	}
	l.end(global)
	load := func(command string) string {
		w := strings.Fields(command)
		if len(w) == 0 {
			return ""
		}
		for _, l := range labels {
			if l.name == w[0] && !l.off {
				return r.run(file, l.command()+" "+strings.Join(w[1:], " "))
			}
		}
		if base := path.Base(w[0]); base == "menu" || base == "vesamenu" {
			w[0] += ".c32"
		}
		return r.run(file, "kernel "+strings.Join(w, " "))
	}
	wait, _ := strconv.Atoi(timeout)
	switch p, _ := strconv.Atoi(prompt); {
	case hasUI:
		return load(ui)
	case p == 0 && standard != "":
		return load(standard)
	case wait == 0:
		return ""
	case onTimeout != "":
		return load(onTimeout)
	}
	return load(standard)
}

// run returns what a command line starts: its kind, its file and arguments.
func (r *reader) run(main, command string) string {
	w := strings.Fields(command)
	if len(w) < 2 {
		return ""
	}
	kind, image, args := w[0], w[1], w[2:]
	if r.version < 5 && (path.Base(image) == "menu" || path.Base(image) == "vesamenu") {
		image += ".c32"
	}
	switch base := path.Base(image); {
	case kind == "localboot":
		return "disk"
	case kind == "config":
		return r.boot(image)
	case base == "menu.c32" || base == "vesamenu.c32":
		return r.menu(main, args)
	}
	if _, ok := r.files[path.Clean(image)]; !ok {
		return ""
	}
	var initrd string
	var rest []string
	for _, a := range args {
		if f, ok := strings.CutPrefix(a, "initrd="); ok {
			initrd = f
		} else {
			rest = append(rest, a)
		}
	}
	return fmt.Sprintf("%s [%s] %s", path.Clean(image), initrd, strings.Join(rest, " "))
}

// menu returns what the menu program starts.
func (r *reader) menu(main string, files []string) string {
	if r.steps++; r.steps > 9 {
		return ""
	}
	if len(files) == 0 {
		files = []string{"~"}
	}
	top := &readerMenu{tag: ".top"}
	m, first := top, top
	var all []*readerLabel
	var l *readerLabel
	var global, standard string
	hasUI, shift, isStandard := false, false, false
	owner := map[*readerLabel]*readerMenu{}
	end := func() {
		l.end(global)
		if l != nil && !l.hidden {
			m.entries = append(m.entries, l)
			owner[l] = m
			if isStandard && !l.off && !l.quits {
				m.standard = l
			}
		}
		if l != nil {
			all = append(all, l)
		}
		l, isStandard = nil, false
	}
	for _, f := range files {
		if f == "~" {
			f = main
		}
		for _, line := range r.flat(f, true, nil) {
			switch keyword, rest := directive(line); keyword {
			case "label":
				end()
				l = &readerLabel{name: rest, kind: "kernel", image: rest}
			case "menu separator":
				end()
				l = &readerLabel{isSeparator: true}
				end()
			case "menu begin":
				end()
				l = &readerLabel{submenu: true}
				end()
				m = &readerMenu{up: m, tag: rest, timeout: m.timeout, onTimeout: m.onTimeout,
					inUp: m.entries[len(m.entries)-1]}
			case "menu end":
				if end(); m.up != nil {
					m = m.up
				}
			case "menu start":
				first = m
			case "menu shiftkey":
				shift = true
			case "menu default":
				if l != nil {
					isStandard = true
				} else if m.up != nil {
					m.up.standard = m.inUp
				}
			case "timeout":
				m.timeout = rest
			case "ontimeout":
				m.onTimeout = rest
			case "default":
				standard = rest
			case "ui":
				hasUI = true
			case "append":
				if l == nil {
					global = rest
					continue
				}
				l.put(keyword, rest)
			default:
				if l != nil {
					l.put(keyword, rest)
				}
			}
		}
	}
	end()
	find := func(command string) *readerLabel {
		for _, l := range all {
			if w := strings.Fields(command); len(w) > 0 && l.name == w[0] && !l.off && !l.submenu && !l.isSeparator {
				return l
			}
		}
		return nil
	}
	if l := find(standard); hasUI && l != nil && !l.hidden {
		first = owner[l]
		first.standard = l
	}
	if len(first.entries) == 0 {
		return ""
	}
	cursor := first.entries[0]
	if first.standard != nil {
		cursor = first.standard
	}
	if shift {
		return r.run(main, cursor.command())
	}
	wait, _ := strconv.Atoi(first.timeout)
	if wait == 0 || cursor.off || cursor.isSeparator {
		return ""
	}
	if first.onTimeout == "" {
		return r.run(main, cursor.command())
	}
	_, args, _ := strings.Cut(first.onTimeout, " ")
	if l := find(first.onTimeout); l != nil {
		return r.run(main, l.command()+" "+args)
	}
	return r.run(main, "kernel "+first.onTimeout)
}

// adopted returns what the adopted general menu starts automatically, in reader's
// form. A menu starts no entry whose file is missing.
func adopted(t *testing.T, c *config.Config, files map[string]string) string {
	if c.Menu.Timeout == 0 {
		return ""
	}
	for _, e := range c.Entries {
		if e.Name != c.Menu.Default {
			continue
		}
		switch {
		case e.Locked || e.Submenu:
			return ""
		case e.Disk:
			return "disk"
		case e.File != "":
			return fmt.Sprintf("%s [] %s", e.File, e.Append)
		case e.Kernel != "":
			if _, ok := files[e.Kernel]; !ok {
				return ""
			}
			return fmt.Sprintf("%s [%s] %s", e.Kernel, strings.Join(e.Initrd, ","), e.Append)
		}
		t.Errorf("the default is %+v", e)
	}
	t.Errorf("default = %q is no entry", c.Menu.Default)
	return ""
}

// agrees checks what starts automatically against the reader: it is what PXELINUX
// starts, in either version, or nothing. Where the versions differ, only the disk
// may start.
func agrees(t *testing.T, files map[string]string) string {
	t.Helper()
	v6 := (&reader{version: 6, files: files}).boot("pxelinux.cfg/default")
	v4 := (&reader{version: 4, files: files}).boot("pxelinux.cfg/default")

	c := newConverter()
	c.bundled = bundled()
	c.find = func(name string) (string, bool) {
		name = pxelinux.CleanName(name)
		_, ok := files[name]
		return name, ok
	}
	c.read = func(name string) ([]byte, error) {
		s, ok := files[pxelinux.CleanName(name)]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(s), nil
	}
	menu, err := pxelinux.Parse("pxelinux.cfg/default", c.read)
	if err != nil {
		t.Fatal(err)
	}
	c.open = []shownFile{{name: "pxelinux.cfg/default", tag: topTag}}
	c.general(menu)
	if len(c.entries) == 0 {
		return ""
	}
	cfg, err := parser.Parse("f", c.toml())
	if err != nil {
		t.Fatal(err)
	}
	got := adopted(t, cfg, files)
	if got != "" && got != v6 && got != v4 || v4 != v6 && got != "" && got != "disk" {
		t.Errorf("%q starts by itself; PXELINUX 6 starts %q, PXELINUX 4 %q; notes %v", got, v6, v4, c.notes)
		for name, s := range files {
			if !strings.HasPrefix(name, "k") {
				t.Logf("%s:\n%s", name, s)
			}
		}
	}
	return got
}

// Random menus, built from the lines that decide what starts.
func TestStartAgreesWithReader(t *testing.T) {
	lines := []string{
		"ui menu.c32", "ui vesamenu", "default menu.c32", "default menu", "default a", "default b", "default c x",
		"default gone", "default k1 y",
		"default vesamenu.c32 other", "prompt 1", "prompt 0", "timeout 0", "timeout 50", "timeout 300",
		"timeout 50", "timeout 600",
		"ontimeout a", "ontimeout b", "ontimeout c z", "ontimeout gone", "ontimeout A", "ontimeout k1 initrd=k2 y",
		"ontimeout menu.c32",
		"menu default", "menu default", "menu disable", "menu hide", "menu separator", "menu begin m", "menu begin",
		"menu end", "menu end",
		"menu start", "menu goto m", "menu quit", "menu shiftkey", "menu title t", "menu passwd x",
		"label a", "label b", "label c", "label a b", "label b ", "label menu", "label a", "label b", "label c",
		"kernel k1", "kernel k2", "linux k3", "localboot 0", "kernel menu.c32", "kernel vesamenu.c32", "config other",
		"append x", "append other", "append -", "initrd k4", "text help", "endtext", "endtext",
		"include part", "menu include part", "menu include part",
	}
	starts := map[bool]int{}
	for seed := range uint64(600) {
		random := rand.New(rand.NewPCG(seed, 0))
		files := map[string]string{"k1": "", "k2": "", "k3": "", "k4": ""}
		for name, most := range map[string]int{"pxelinux.cfg/default": 14, "other": 8, "part": 4} {
			var b strings.Builder
			r := rand.New(rand.NewPCG(seed, uint64(most)))
			if name == "part" {
				b.WriteString("label c\n")
			}
			if name == "pxelinux.cfg/default" && random.IntN(2) == 0 {
				b.WriteString("ui menu.c32\ntimeout 50\n")
			}
			for range r.IntN(most) + 1 {
				line := lines[r.IntN(len(lines))]
				if name == "part" && strings.HasPrefix(line, "append") {
					continue // it would apply to entries of the outer file, which then differ between the versions
				}
				b.WriteString(line + "\n")
				// No entry continues in a file that PXELINUX 4 does not read, or
				// after it.
				if line == "menu include part" || r.IntN(3) == 0 {
					fmt.Fprintf(&b, "label %c\nkernel k%d\n", 'a'+rune(r.IntN(3)), r.IntN(4)+1)
				}
			}
			files[name] = b.String()
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { starts[agrees(t, files) != ""]++ })
		if t.Failed() {
			return
		}
	}
	if starts[true] < 60 || starts[false] < 60 {
		t.Errorf("in %d menus something starts, in %d nothing", starts[true], starts[false])
	}
}
