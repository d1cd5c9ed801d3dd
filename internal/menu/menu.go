// Package menu renders the boot menu of a configuration into the files that
// boot loaders ask for. What a menu looks like on each firmware is decided
// here and nowhere else. It reads no files, sends nothing, and knows nothing of
// how a machine came to ask.
package menu

import (
	"bytes"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/handoff"
	"github.com/pxebox/pxebox/internal/machine"
)

// Status is what is known of the site at the time of rendering.
type Status struct {
	// WDS holds what is known of each WDS server, by its name in the
	// configuration.
	WDS map[string]Server
	// Missing are the boot files that an entry needs and that are not there,
	// by the entry's name.
	Missing map[string][]string
}

// Server is what is known of a WDS server.
type Server struct {
	// Addr is its IPv4 address; the zero Addr where its name could not be
	// found. The configuration's own where that has one.
	Addr netip.Addr
	// Programs is what became of asking for its boot programs, by the
	// firmware that loads them. One that is not there was not asked for.
	Programs map[string]Health
}

// Health is the answer to the question for a boot program.
type Health struct {
	State State
	Since time.Time // of the State; zero where the clock was not set
	Note  string    // Refused: what it said, and the mend, for people
}

// State is how a WDS server takes the question for a boot program.
type State int

// The states.
const (
	Unknown State = iota // not asked yet
	Up                   // it has the program
	Down                 // it does not answer
	Refused              // it answers, and does not give the program
)

// Rendered is what a configuration comes to for machines.
type Rendered struct {
	// Files are the menus by the names that boot loaders ask for, such as
	// PXELINUXConfig. MACMark in them stands for the machine's own address.
	Files map[string][]byte `json:"files"`
	// Views are the menus of certain machines in place of Files, by name.
	Views map[string]map[string][]byte `json:"views,omitempty"`
	// Machines say which, in their order.
	Machines []machine.Rule `json:"machines,omitempty"`
	// Handoffs are the WDS servers that entries lead to, by the entry's
	// name. An entry whose server has no address is not there.
	Handoffs map[string]handoff.Target `json:"handoffs,omitempty"`
}

// MACMark is what a menu has where the machine's own MAC address belongs, of
// the same length. Whoever serves the menu puts it in.
const MACMark = "@@:@@:@@:@@:@@:@@"

// PXELINUXConfig is the file that PXELINUX asks for when there is none for the
// machine's UUID, MAC or IP address (doc/pxelinux.txt).
const PXELINUXConfig = "pxelinux.cfg/default"

// Render returns the menu's files by the names that boot loaders ask for. c is
// what config.Parse returned: that is where a text is refused that would end
// its line.
func Render(c *config.Config, st Status) Rendered {
	return Rendered{Files: map[string][]byte{PXELINUXConfig: pxelinux(c, st)}}
}

// width is what menu.c32 shows of a label (menumain.c, draw_row: 80 columns
// less two margins of 10 and the frame).
const width = 56

// pxelinux renders for PXELINUX 6 with menu.c32. Directives are those of the
// SYSLINUX project's doc/syslinux.txt and doc/menu.txt.
func pxelinux(c *config.Config, st Status) []byte {
	var b bytes.Buffer
	line := func(words ...string) { b.WriteString(strings.Join(words, " ") + "\n") }

	entries, preset := lines(c, st)

	line("# Rendered by menuwatch from the box's settings: changes made here are lost.")
	if c.Menu.Serial {
		// SERIAL works for sure only as the first directive (doc/syslinux.txt).
		line("SERIAL 0 115200")
	}
	// menu.c32 draws in text mode, which a serial port shows too. UI rather
	// than DEFAULT, or a DEFAULT elsewhere would win (doc/syslinux.txt, UI).
	line("UI menu.c32")
	// The menu is closed: no prompt, not by Shift or Esc either, and no
	// editing of a command line with Tab, which would hand every passer-by
	// the kernel's arguments (doc/menu.txt, last section).
	line("PROMPT 0")
	line("NOESCAPE 1")
	line("ALLOWOPTIONS 0")
	// With the default entry out of order the menu would time out into
	// another one, which may be an installer: then it waits for a key. No
	// ONTIMEOUT: the menu takes the entry with MENU DEFAULT.
	if t := time.Duration(c.Menu.Timeout); t > 0 && preset >= 0 {
		line("TIMEOUT", fmt.Sprint(int64(t/(100*time.Millisecond)))) // 1/10 s
	}
	line("MENU TITLE", cp437(c.Menu.Title))

	for i, e := range entries {
		line()
		line("LABEL", e.name)
		line("  MENU LABEL", cp437(e.label))
		if i == preset {
			line("  MENU DEFAULT")
		}
		for _, d := range e.directives {
			line("  " + d)
		}
	}
	return b.Bytes()
}

// entry is one line of the PXELINUX menu.
type entry struct {
	name, label string
	directives  []string
	dead        bool // shown, but not to be chosen
}

// lines returns the menu's entries and which of them is the default, or -1
// where that one cannot be chosen.
func lines(c *config.Config, st Status) (entries []entry, preset int) {
	preset = -1
	alive := false
	for i, e := range c.Entries {
		l := pxelinuxEntry(e, c.WDS, st)
		alive = alive || !l.dead
		if !l.dead && (e.Name == c.Menu.Default || c.Menu.Default == "" && i == 0) {
			preset = i
		}
		entries = append(entries, l)
	}
	if !alive {
		// With nothing to choose, the Up key runs menu.c32 off the end of its
		// table (menumain.c, KEY_UP). A name in capitals is no entry's.
		entries = append(entries, entry{
			name:       "AGAIN",
			label:      "Read the menu again",
			directives: []string{"CONFIG " + PXELINUXConfig},
		})
	}
	return entries, preset
}

func pxelinuxEntry(e config.Entry, servers []config.WDS, st Status) entry {
	out := entry{name: e.Name, label: e.Label}
	switch e.Kind() {
	case config.KindWDS:
		a, ok := address(e.WDS, servers, st)
		if !ok {
			out.dead = true
			out.label = annotate(e.Label, "(name not found)")
			out.directives = []string{"MENU DISABLE"}
			break
		}
		out.directives = []string{
			"COM32 pxechn.c32",
			// An address, because a name before :: is looked up by the
			// client, whose name server may not know it. The two colons
			// leave off the path prefix. WDS's TFTP server takes backslashes
			// only. -W also rewrites the cached DHCPACK: wdsnbp.com of
			// Windows 2008 R2 looks for its server there (pxechn.txt).
			"APPEND " + a.String() + `::boot\x64\wdsnbp.com -W`,
		}
	case config.KindLinux:
		out.directives = []string{"LINUX " + e.Kernel} // whatever its extension
		if len(e.Initrd) > 0 {
			out.directives = append(out.directives, "INITRD "+strings.Join(e.Initrd, ","))
		}
		out.directives = appendTo(out.directives, e.Append)
	case config.KindDisk:
		// 0 is PXELINUX's "normal boot": it unloads the PXE stack and
		// returns to the BIOS, which goes on to its next boot device. -1 is
		// for the other loaders (doc/syslinux.txt, LOCALBOOT).
		out.directives = []string{"LOCALBOOT 0"}
	case config.KindProgram:
		out.directives = fileDirectives(e)
	}
	return out
}

// fileDirectives starts a boot file as its extension says. The directive is
// named each time: KERNEL would guess by a list of its own.
func fileDirectives(e config.Entry) []string {
	switch strings.ToLower(path.Ext(e.File)) {
	case ".c32":
		return appendTo([]string{"COM32 " + e.File}, e.Append)
	case ".0", ".pxe", ".kpxe", ".kkpxe", ".com", ".n12":
		return appendTo([]string{"PXE " + e.File}, e.Append)
	case ".iso":
		// memdisk takes an image for a hard disk unless told (doc/memdisk.txt).
		return appendTo([]string{"LINUX memdisk", "INITRD " + e.File}, strings.TrimSpace("iso "+e.Append))
	case ".img", ".ima", ".imz":
		return appendTo([]string{"LINUX memdisk", "INITRD " + e.File}, e.Append)
	}
	return appendTo([]string{"KERNEL " + e.File}, e.Append)
}

func appendTo(directives []string, arguments string) []string {
	if arguments == "" {
		return directives
	}
	return append(directives, "APPEND "+arguments)
}

// address returns the IPv4 address of the WDS server with that name.
func address(name string, servers []config.WDS, st Status) (netip.Addr, bool) {
	if s, ok := st.WDS[name]; ok && s.Addr.Is4() {
		return s.Addr, true
	}
	for _, w := range servers {
		if w.Name == name {
			return w.Addr()
		}
	}
	return netip.Addr{}, false
}

// annotate puts a note behind a label, which it shortens where the screen
// would cut the note off.
func annotate(label, note string) string {
	const cut = ".."
	letters := []rune(label)
	if room := width - 1 - len(note); len(letters) > room {
		letters = append(letters[:room-len(cut)], []rune(cut)...)
	}
	return string(letters) + " " + note
}

// cp437 encodes a text as a PC's text mode shows it. config.Parse has refused
// what has no place there.
func cp437(s string) string {
	out, err := charmap.CodePage437.NewEncoder().String(s)
	if err != nil {
		return "?"
	}
	return out
}
