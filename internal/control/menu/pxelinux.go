package menu

import (
	"fmt"
	"strings"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// headline marks a file as generated.
const headline = "# Rendered by menuwatch from the box's settings: changes made here are lost."

// pxelinuxMenu renders a menu.
func pxelinuxMenu(c *config.Config, p page) []byte {
	var f loader.Lines
	f.Line(headline)
	if c.Menu.Serial {
		// SERIAL is only reliable as the first directive (doc/syslinux.txt).
		f.Line("SERIAL 0 115200")
	}
	// UI rather than DEFAULT, because a DEFAULT elsewhere would win
	// (doc/syslinux.txt, UI).
	if c.Menu.Serial {
		f.Line("UI menu.c32") // draws in text mode, which also works on a serial port
	} else {
		f.Line("UI vesamenu.c32")
	}
	pxelinux.Closed(&f)
	if p.timeout > 0 {
		f.Line("TIMEOUT", fmt.Sprint(int64(p.timeout/(100*time.Millisecond)))) // 1/10 s
		if len(p.preset) > 1 {
			// The countdown does not start an entry of a submenu.
			f.Line("ONTIMEOUT", p.preset[len(p.preset)-1])
		}
	}
	const gap = "  "
	title := shorten(c.Menu.Title, pxelinux.Width-len(gap)-len(bootmenu.MACMark))
	f.Line("MENU TITLE", pxelinux.Encode(title)+gap+bootmenu.MACMark)
	if c.Menu.Password.Crypt != "" {
		f.Line("MENU MASTER PASSWD", c.Menu.Password.Crypt)
		f.Line("MENU PASSPROMPT Password")
	}
	pxelinux.Layout(&f, c.Menu.Serial, helpLines(p.items), pxelinux.Encode(p.foot))
	if !c.Menu.Serial {
		for _, l := range vesaColors {
			f.Line(l)
		}
		if p.foot != "" {
			f.Line("MENU COLOR TABMSG 31;40 #ff" + colorText + " #00000000 none")
		}
	}
	pxelinuxWriter{Lines: &f, c: c}.items(p.items, p.preset)
	if len(p.items) == 0 {
		// With nothing to choose, the Up key runs the menu off the end of its
		// table (menumain.c, KEY_UP). No entry has a name in capitals.
		f.Line()
		f.Line("LABEL AGAIN")
		f.Line("  MENU LABEL", readAgain)
		f.Line("  CONFIG", pxelinux.ConfigFile)
	}
	return f.Bytes()
}

// helpLines returns the number of lines of the longest help text.
func helpLines(items []item) int {
	most := 0
	for _, it := range items {
		if text := helpOf(it); text != "" {
			most = max(most, 1+strings.Count(text, "\n"))
		}
		most = max(most, helpLines(it.items))
	}
	return most
}

type pxelinuxWriter struct {
	*loader.Lines
	c *config.Config
}

// items writes the entries of one menu. preset is the path to its default entry.
func (w pxelinuxWriter) items(items []item, preset []string) {
	for _, it := range items {
		var inner []string
		if len(preset) > 0 && preset[0] == it.Name {
			inner = preset
		}
		w.Line()
		switch {
		case it.Kind() == config.KindSubmenu:
			w.begin(it, inner != nil)
			if inner != nil {
				inner = inner[1:]
			}
			w.items(it.items, inner)
			w.exit("BACK-"+it.Name, answerBack)
			w.end()
		case it.Erases && it.why == "":
			w.begin(it, inner != nil)
			w.exit("NO-"+it.Name, answerNo)
			w.Line()
			it.Label, it.Locked = answerYes, false
			w.entry(it, false)
			w.end()
		default:
			w.entry(it, inner != nil)
		}
	}
}

// exit writes the entry that leads out of a submenu. At the start of a submenu,
// it is the default.
func (w pxelinuxWriter) exit(name, label string) {
	w.Line()
	w.Line("LABEL " + name)
	w.Line("  MENU LABEL", label)
	w.Line("  MENU EXIT")
}

// begin opens a submenu; end closes it.
func (w pxelinuxWriter) begin(it item, preset bool) {
	w.Line("MENU BEGIN", it.Name)
	w.Indent += "  "
	w.Line("MENU LABEL", pxelinux.Encode(it.Label))
	if preset {
		w.Line("MENU DEFAULT")
	}
	if it.Locked {
		w.Line("MENU PASSWD", w.c.Menu.Password.Crypt)
	}
	// TEXT HELP has no effect here (readconfig.c keeps it for a LABEL). A submenu
	// inherits the countdown of the menu around it.
	w.Line("TIMEOUT 0")
}

func (w pxelinuxWriter) end() {
	w.Indent = w.Indent[2:]
	w.Line("MENU END")
}

func (w pxelinuxWriter) entry(it item, preset bool) {
	w.Line("LABEL", it.Name)
	w.Indent += "  "
	w.Line("MENU LABEL", pxelinux.Encode(it.Label))
	if preset {
		w.Line("MENU DEFAULT")
	}
	if it.Locked && it.why == "" {
		w.Line("MENU PASSWD", w.c.Menu.Password.Crypt)
	}
	w.help(it)
	if it.why != "" {
		// Not MENU DISABLE, which would never show the help text, and that text
		// says how to fix it.
		w.Line("CONFIG", pxelinux.ConfigFile)
	} else {
		for _, d := range w.directives(it) {
			w.Line(d)
		}
	}
	w.Indent = w.Indent[2:]
}

// helpOf returns the help text of an entry, or why it cannot be chosen.
func helpOf(it item) string {
	if it.why == "" {
		return it.Help
	}
	return wrap(it.why+". Choose this to read the menu again.", pxelinux.Width)
}

// wrap breaks a text into lines of at most room letters, between words or within
// a word that is longer than a line.
func wrap(text string, room int) string {
	var b strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		letters := []rune(word)
		switch {
		case used == 0:
		case used+1+len(letters) > room:
			b.WriteByte('\n')
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		for ; len(letters) > room; letters = letters[room:] {
			b.WriteString(string(letters[:room]) + "\n")
		}
		b.WriteString(string(letters))
		used += len(letters)
	}
	return b.String()
}

// help writes the text below the menu.
func (w pxelinuxWriter) help(it item) {
	text := helpOf(it)
	if text == "" {
		return
	}
	w.Line("TEXT HELP")
	for l := range strings.SplitSeq(text, "\n") {
		// Such a line would end the text (readconfig.c).
		if f := strings.Fields(l); len(f) > 0 && strings.EqualFold(f[0], "endtext") {
			l = "- " + l
		}
		w.WriteString("   " + pxelinux.Encode(l) + "\n") // aligned with the labels: white space counts here
	}
	w.Line("ENDTEXT")
}

// directives returns what an entry does as PXELINUX directives.
func (w pxelinuxWriter) directives(it item) []string {
	switch it.Kind() {
	case config.KindWDS:
		if needsRestart(it.lead.server, bios) {
			return []string{"CONFIG " + handoff.Name(it.Name, bootmenu.MACMark, bootmenu.TokenMark, true)}
		}
		return []string{"COM32 pxechn.c32", "APPEND " + pxelinux.Chain(it.lead.addr, it.lead.server.Programs[bios],
			!w.c.DHCP.Mode.Leases())}
	case config.KindProgram, config.KindWinPE:
		// pxeboot.n12 of Windows PE looks in the cached packets for the server and
		// the folder from which to load bootmgr.exe: pxechn.c32 writes them there.
		if it.HandsOver() {
			return []string{"COM32 pxechn.c32", "APPEND " + pxelinux.ChainHere(it.file, !w.c.DHCP.Mode.Leases())}
		}
	case config.KindLinux:
		out := []string{"LINUX " + it.Kernel} // whatever its extension
		if len(it.Initrd) > 0 {
			out = append(out, "INITRD "+strings.Join(it.Initrd, ","))
		}
		return pxelinux.Append(out, it.Append)
	case config.KindDisk:
		// 0 is PXELINUX's "normal boot": it unloads the PXE stack and returns to
		// the BIOS, which tries its next boot device. -1 is for the other loaders
		// (doc/syslinux.txt, LOCALBOOT).
		return []string{"LOCALBOOT 0"}
	case config.KindRaw:
		var out []string
		for l := range strings.SplitSeq(strings.Trim(it.PXELINUX, "\n"), "\n") {
			out = append(out, strings.TrimSpace(l))
		}
		return out
	}
	return pxelinux.Program(it.File, it.Append)
}

// pxelinuxStart starts one entry without a menu.
func pxelinuxStart(c *config.Config, it item) []byte {
	var f loader.Lines
	f.Line(headline)
	if c.Menu.Serial {
		f.Line("SERIAL 0 115200")
	}
	f.Line("DEFAULT", it.Name)
	pxelinux.Closed(&f)
	// Without a prompt, PXELINUX requests a missing file a hundred times a
	// second. A restart also retries.
	f.Line("ONERROR AGAIN")
	f.Line()
	it.Help, it.Locked = "", false
	pxelinuxWriter{Lines: &f, c: c}.entry(it, false)
	f.Line()
	f.Line("LABEL AGAIN")
	f.Line("  COM32 reboot.c32")
	return f.Bytes()
}

// restartConfig is the configuration that makes PXELINUX restart for a handoff.
func restartConfig(e config.Entry, where string) []byte {
	var f loader.Lines
	f.Line(headline)
	f.Line("DEFAULT RESTART")
	pxelinux.Closed(&f)
	for text := range strings.Lines(string(restartNotice(e, where))) {
		f.Line("SAY", pxelinux.Encode(strings.TrimRight(text, "\n")))
	}
	f.Line("LABEL RESTART")
	f.Line("  COM32 reboot.c32")
	return f.Bytes()
}

// refusedMenu is what PXELINUX shows if a handoff is refused. Of an error it would
// show nothing: it reads its first menu again.
func refusedMenu(c *config.Config, foot string) []byte {
	return pxelinuxMenu(c, page{foot: foot, items: []item{{
		Entry: config.Entry{Name: "REFUSED", Label: "The box does not let this computer go there"},
		why:   "The box's page and its log say why",
	}}})
}
