// Package menu renders the boot menu of a configuration into the files that
// boot loaders ask for: PXELINUX on a BIOS, GRUB on UEFI. What a menu looks
// like on each firmware is decided here and nowhere else. It reads no files,
// sends nothing, and knows nothing of how a machine came to ask.
package menu

import (
	"net/netip"
	"time"

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
	// Wrong says why there is no address, where what was found is one that no
	// WDS server can have.
	Wrong string
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
	// PXELINUXConfig. MACMark and TokenMark in them stand for what only the
	// machine's own has.
	Files map[string][]byte `json:"files"`
	// Views are the menus of certain machines in place of Files, by name.
	// What a view lacks is as in Files.
	Views map[string]map[string][]byte `json:"views,omitempty"`
	// Machines say which, in their order.
	Machines []machine.Rule `json:"machines,omitempty"`
	// Handoffs are the WDS servers that entries lead to, by the entry's
	// name. An entry whose server has no address is not there.
	Handoffs map[string]handoff.Target `json:"handoffs,omitempty"`
	// TooLarge says that all menus together have more than MaxSize. Rendering
	// stopped there: Views is empty, and no rule has a view.
	TooLarge bool `json:"-"`
}

// MaxSize bounds all menus together, in bytes. In the generation's file base64
// makes 16 MiB of them.
const MaxSize = 12 << 20

// MACMark is what a menu has where the machine's own MAC address belongs, of
// the same length. Whoever serves the menu puts it in.
const MACMark = "@@:@@:@@:@@:@@:@@"

// TokenMark is what it has where the token of a handoff.Request belongs, again
// of the same length.
const TokenMark = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"

// The files that a boot loader asks for by itself.
const (
	// PXELINUXConfig is the file that PXELINUX asks for when there is none
	// for the machine's UUID, MAC or IP address (doc/pxelinux.txt).
	PXELINUXConfig = "pxelinux.cfg/default"
	// GRUBConfig is what Debian's signed network GRUB reads: its built-in
	// prefix is /grub, and its built-in script sources $prefix/grub.cfg.
	GRUBConfig = "grub/grub.cfg"
)

// The kinds of firmware that there is a menu for, as config.Firmwares names
// them.
const (
	bios = "bios"
	uefi = "uefi-x64"
)

// Render returns the menus. c is what config.Parse returned: that is where a
// text is refused that would end its line.
func Render(c *config.Config, st Status) Rendered {
	s := newSite(c, st)
	out := Rendered{Files: s.files(selection{}, c.Menu.Default)}
	for name, content := range theme(c) {
		out.Files[name] = content
	}
	for _, e := range c.Entries {
		if e.Kind() != config.KindWDS {
			continue
		}
		l := s.lead(e)
		if !l.addr.IsValid() {
			continue
		}
		if out.Handoffs == nil {
			out.Handoffs = map[string]handoff.Target{}
		}
		out.Handoffs[e.Name] = l.target()
		out.Files[handoff.Request{Entry: e.Name}.File()] = restartNotice(e, l)
		out.Files[handoff.Request{Entry: e.Name, Menu: true}.File()] = restartConfig(e, l)
	}
	out.Views, out.Machines, out.TooLarge = s.machines(MaxSize - size(out.Files))
	return out
}

// files renders one menu for each boot loader. only and preset are as in
// page.
func (s *site) files(only selection, preset string) map[string][]byte {
	grubPage := s.page(uefi, only, preset)
	out := map[string][]byte{
		PXELINUXConfig: pxelinuxMenu(s.Config, s.page(bios, only, preset)),
		GRUBConfig:     grubMenu(s.Config, grubPage),
	}
	if text := helpText(grubPage.items); text != nil {
		out[grubHelp] = text
	}
	return out
}

// size is how many bytes files have together.
func size(files map[string][]byte) (n int) {
	for _, content := range files {
		n += len(content)
	}
	return n
}
