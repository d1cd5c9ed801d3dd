package menu

import (
	"cmp"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// page is one menu as one boot loader shows it.
type page struct {
	items []item
	// preset is the path to the default entry, by names from the top; nil where
	// no entry can be the default.
	preset []string
	// timeout is the time before the default starts; 0 waits for a key.
	timeout time.Duration
	foot    string // as foot returns it
}

// item is one entry of a menu as it is shown.
type item struct {
	config.Entry // Label includes the note
	// why says why the entry cannot be chosen; empty where it can.
	why string
	// doubtful marks an entry that a person may choose but that never starts by
	// default.
	doubtful bool
	lead     lead   // KindWDS
	file     string // KindProgram and KindWinPE: what the firmware of the menu starts
	items    []item // KindSubmenu
	// sight and reasons say the same for the overview.
	sight   Sight
	reasons []Reason
}

// lead is the other boot server that an entry currently boots from.
type lead struct {
	server config.WDS
	addr   netip.Addr // the zero Addr if its name was not found
	wrong  string     // as in Server
	health map[firmware.Kind]bootmenu.Health
	newer  map[firmware.Kind]bootmenu.Health // of Programs2023
	state  bootmenu.State
}

func (l lead) target() handoff.Target {
	t := handoff.Target{Server: l.addr, Programs: map[firmware.Kind]string{}}
	for kind, program := range l.server.Programs {
		// A refused program would leave the machine with nothing to boot. It gets
		// the menu instead, which says why.
		if program != "" && l.health[kind].State != bootmenu.Refused {
			t.Programs[kind] = program
		}
	}
	for kind, program := range l.server.Programs2023 {
		// Unlike the others it must be known to be there: it is the default even
		// for servers that have none.
		if first := t.Programs[kind]; first == "" || first == program || l.newer[kind].State != bootmenu.Up {
			continue
		}
		if t.Alternatives == nil {
			t.Alternatives = map[firmware.Kind][]string{}
		}
		t.Alternatives[kind] = []string{program}
	}
	return t
}

// handsOverTo returns what the firmware boots for an entry, and the line that
// tells a person where the machine goes. It returns false if the entry has the
// boot loader start it, and if it leads nowhere at present.
func (s *site) handsOverTo(e config.Entry) (t handoff.Target, where string, ok bool) {
	switch {
	case !e.HandsOver():
		return handoff.Target{}, "", false
	case e.Kind() == config.KindWDS:
		l := s.lead(e)
		kind := "WDS server "
		if l.server.Other {
			kind = "Boot server "
		}
		return l.target(), kind + l.server.Name + ", " + l.addr.String(), l.addr.IsValid()
	}
	if e.Kind() == config.KindWinPE {
		t = s.startsWinPE(e)
	} else {
		t = handoff.Target{Self: true, Programs: map[firmware.Kind]string{}}
		for _, kind := range []firmware.Kind{bios, uefi} {
			// Without its file the machine would have nothing to boot. It gets the
			// menu instead, which says why.
			if file := program(e, kind); file != "" && len(s.missing(e, kind)) == 0 {
				t.Programs[kind] = file
			}
		}
	}
	return t, "Its firmware starts " + cmp.Or(t.Programs[uefi], t.Programs[bios]), len(t.Programs) > 0
}

// site is a configuration and what is known of the site.
type site struct {
	*config.Config
	status Status
	byName map[string]int   // index of an entry
	inside map[string][]int // indices of the entries in a submenu; "" is the top
}

func newSite(c *config.Config, st Status) *site {
	s := &site{Config: c, status: st, byName: map[string]int{}, inside: map[string][]int{}}
	for i, e := range c.Entries {
		s.byName[e.Name] = i
		s.inside[e.In] = append(s.inside[e.In], i)
	}
	return s
}

// selection lists the entries of a menu by name, in their order. The zero
// selection is all listed entries. A submenu includes its entries.
type selection struct {
	names []string
	has   map[string]bool
}

func selected(names []string) selection {
	sel := selection{has: map[string]bool{}}
	for _, n := range names {
		if !sel.has[n] {
			sel.has[n] = true
			sel.names = append(sel.names, n)
		}
	}
	return sel
}

// page returns the menu for a firmware. preset is the name of the default entry;
// empty means the first one.
func (s *site) page(firmware firmware.Kind, only selection, preset string) page {
	top := s.top(only)
	p := page{items: s.list(firmware, top, only), foot: s.foot()}
	if preset == "" && len(top) > 0 {
		// Not the first that is shown: where the firmware cannot run the first
		// entry, the next one may be an installer.
		preset = s.Entries[top[0]].Name
	}
	if p.preset = way(p.items, preset); p.preset != nil && unasked(p.items, p.preset) {
		p.timeout = time.Duration(s.Menu.Timeout)
	}
	return p
}

// foot returns the line that leads a person from a menu to the page about this
// boot; empty if there is no page.
func (s *site) foot() string {
	const before, after = "Trouble? ", " code " + bootmenu.CodeMark
	if s.status.Page == "" {
		return ""
	}
	return before + shorten(s.status.Page, pxelinux.Width-len(before+after)) + after
}

// top returns the top-level entries of a menu.
func (s *site) top(only selection) []int {
	var out []int
	if len(only.names) == 0 {
		for _, i := range s.inside[""] {
			if !s.Entries[i].Unlisted {
				out = append(out, i)
			}
		}
		return out
	}
	for _, name := range only.names {
		// An entry in a submenu of the same menu is shown there.
		if i, ok := s.byName[name]; ok && !s.within(s.Entries[i], only) {
			out = append(out, i)
		}
	}
	return out
}

// within reports whether an entry is in a submenu that the selection includes. An
// entry whose submenu is missing is shown at the top.
func (s *site) within(e config.Entry, only selection) bool {
	i, ok := s.byName[e.In]
	return ok && (only.has[e.In] || !s.Entries[i].Unlisted && s.within(s.Entries[i], only))
}

// list returns the items of some entries, without those that the firmware cannot
// run.
func (s *site) list(firmware firmware.Kind, indices []int, only selection) []item {
	var out []item
	for _, i := range indices {
		it, ok := s.item(s.Entries[i], firmware)
		if ok && it.Kind() == config.KindSubmenu {
			var inner []int
			for _, j := range s.inside[it.Name] {
				if e := s.Entries[j]; !e.Unlisted || only.has[e.Name] {
					inner = append(inner, j)
				}
			}
			it.items = s.list(firmware, inner, only)
			ok = len(it.items) > 0
		}
		if ok {
			out = append(out, it)
		}
	}
	return out
}

// item returns an entry in its current state, and whether it is shown.
func (s *site) item(e config.Entry, firmware firmware.Kind) (item, bool) {
	it := item{Entry: e, sight: Visible}
	if why := s.unable(e, firmware); why.Text != "" {
		it.worse(Hidden, why)
		return it, false
	}
	switch missing := s.missing(e, firmware); {
	case e.Kind() == config.KindWinPE:
		s.lacks(&it, firmware)
	case len(missing) > 0:
		files := someOf(missing)
		it.kill("(file missing)", "The box does not have: "+files, because(filesMissing, "files", files))
	}
	if e.Kind() != config.KindWDS {
		it.file = s.file(e, firmware)
		if it.why == "" && e.HandsOver() && needsRestart(config.WDS{}, firmware) {
			it.worse(it.sight, because(restartsFor, "file", it.file))
		}
		return it, true
	}
	it.lead = s.lead(e)
	health := it.lead.health[firmware]
	switch {
	case it.lead.wrong != "":
		it.kill("(wrong address)", it.lead.server.Name+": "+it.lead.wrong,
			because(wrongAddress, "server", it.lead.server.Name, "why", it.lead.wrong))
	case !it.lead.addr.IsValid():
		it.kill("(name not found)", "No address is known for "+it.lead.server.Server,
			because(nameNotFound, "host", it.lead.server.Server))
	case it.lead.state == bootmenu.Down && it.lead.server.OnDown == config.OnDownHide:
		it.worse(Hidden, because(hiddenWhileDown, "server", it.lead.server.Name))
		return it, false
	case health.State == bootmenu.Refused:
		note := strings.Join(strings.Fields(health.Note), " ")
		it.kill("(refuses the file)", it.lead.server.Name+": "+note,
			because(refusesFile, "server", it.lead.server.Name, "note", note))
	case it.lead.state == bootmenu.Down:
		// It may still be chosen: a server that does not answer the box may
		// answer the machine.
		it.doubtful = true
		note := "(down)"
		if !health.Since.IsZero() {
			note = health.Since.Format("(down since 15:04)")
		}
		it.Label = annotate(e.Label, note)
		it.worse(Marked, because(serverDown, "server", it.lead.server.Name))
	case it.lead.server.Name != e.WDS:
		it.Label = annotate(e.Label, "(by "+it.lead.server.Name+")")
		it.worse(Marked, because(goesToOther, "server", e.WDS, "other", it.lead.server.Name))
	}
	return it, true
}

// kill makes an entry one that cannot be chosen. r is what why says.
func (it *item) kill(note, why string, r Reason) {
	it.Label = annotate(it.Label, note)
	it.why = why
	it.worse(Unusable, r)
}

// missing returns the missing files of an entry that the firmware would load.
func (s *site) missing(e config.Entry, firmware firmware.Kind) []string {
	if e.Kind() == config.KindWinPE {
		var out []string
		for _, name := range s.status.WinPE[e.Name].Missing[firmware] {
			out = append(out, path.Join(e.WinPE, name))
		}
		return out
	}
	needed := append([]string{e.Kernel}, e.Initrd...)
	if e.Kind() == config.KindProgram {
		needed = []string{program(e, firmware)}
	}
	var out []string
	for _, name := range s.status.Missing[e.Name] {
		if slices.Contains(needed, name) {
			out = append(out, name)
		}
	}
	return out
}

// program returns the file that a firmware starts for an entry of KindProgram, or
// "" where there is none.
func program(e config.Entry, firmware firmware.Kind) string {
	isEFI := strings.EqualFold(path.Ext(e.File), ".efi")
	switch {
	case firmware == bios && !isEFI:
		return e.File
	case firmware != bios && e.EFI == "" && isEFI:
		return e.File
	case firmware != bios:
		return e.EFI
	}
	return ""
}

// lead returns the server that an entry boots from: the configured one, or with
// on_down = "next" the next one of its kind in the file that answers.
func (s *site) lead(e config.Entry) lead {
	own := slices.IndexFunc(s.WDS, func(w config.WDS) bool { return w.Name == e.WDS })
	if own < 0 {
		return lead{}
	}
	first := s.leadTo(s.WDS[own])
	if first.server.OnDown != config.OnDownNext ||
		first.addr.IsValid() && first.state != bootmenu.Down && first.state != bootmenu.Refused {
		return first
	}
	for i := 1; i < len(s.WDS); i++ {
		next := s.WDS[(own+i)%len(s.WDS)]
		if l := s.leadTo(next); next.Other == first.server.Other && l.addr.IsValid() && l.state == bootmenu.Up {
			return l
		}
	}
	return first
}

func (s *site) leadTo(w config.WDS) lead {
	known := s.status.WDS[w.Name]
	l := lead{
		server: w, addr: known.Addr, wrong: known.Wrong,
		health: known.Programs, newer: known.Programs2023, state: overall(known.Programs),
	}
	if !l.addr.Is4() {
		l.addr = netip.Addr{}
		if a, ok := w.Addr(); ok && l.wrong == "" {
			l.addr = a
		}
	}
	return l
}

// overall reports the state of a server. A program for one firmware is enough,
// and any answer counts as an answer.
func overall(programs map[firmware.Kind]bootmenu.Health) bootmenu.State {
	found := map[bootmenu.State]bool{}
	for _, h := range programs {
		found[h.State] = true
	}
	for _, state := range []bootmenu.State{bootmenu.Up, bootmenu.Refused, bootmenu.Down} {
		if found[state] {
			return state
		}
	}
	return bootmenu.Unknown
}

// way returns the path to the entry with that name, or nil where no such entry
// can be chosen.
func way(items []item, name string) []string {
	for _, it := range items {
		if it.Name == name && it.why == "" {
			return []string{name}
		}
		if inner := way(it.items, name); inner != nil && it.why == "" {
			return append([]string{it.Name}, inner...)
		}
	}
	return nil
}

// unasked reports whether the entry at the end of a path may start when no key is
// pressed. menu.c32 then asks for no password ("a timeout will boot the default
// entry without any password", menumain.c).
func unasked(items []item, way []string) bool {
	i := slices.IndexFunc(items, func(it item) bool { return it.Name == way[0] })
	it := items[i]
	if it.Locked {
		return false
	}
	if len(way) > 1 {
		return unasked(it.items, way[1:])
	}
	return !it.doubtful && !it.Erases && it.Kind() != config.KindSubmenu
}

// find returns the item at the end of a path.
func find(items []item, way []string) item {
	for _, it := range items {
		if it.Name == way[0] {
			if len(way) == 1 {
				return it
			}
			return find(it.items, way[1:])
		}
	}
	return item{}
}

// annotate appends a note to a label. It shortens the label where the screen
// would cut the note off.
func annotate(label, note string) string {
	return shorten(label, pxelinux.Width-1-len(note)) + " " + note
}

// shorten cuts a text to room letters.
func shorten(text string, room int) string {
	const cut = ".."
	if letters := []rune(text); len(letters) > room {
		return string(letters[:max(room-len(cut), 0)]) + cut
	}
	return text
}

// needsRestart reports whether an entry that the firmware starts needs a restart
// that the box answers. No signed boot loader for UEFI leaves in place what such
// a program looks for: GRUB's chainloader drops the firmware's
// EFI_PXE_BASE_CODE_PROTOCOL, and the signed iPXE 2.0 shows it no server.
// shim's check of signatures applies to what GRUB starts. w is zero for a program
// of the box.
func needsRestart(w config.WDS, firmware firmware.Kind) bool {
	return firmware != bios || w.BIOSRoute == config.RouteReboot
}
