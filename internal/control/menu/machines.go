package menu

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// disk is the meaning of boot = "disk" where no entry has that name.
var disk = config.Entry{Name: config.BootDisk, Label: "This computer's own disk", Disk: true}

// machines returns the rule for each [[clients]], and renders the menus that
// these rules need. Machines that get the same menu share a view. room is the
// size limit of these menus in bytes. Above it tooLarge is true and no menus are
// returned: 2,000 entries and 300 machines with a default each would take
// gigabytes.
func (s *site) machines(room int) (rendered map[string]map[string][]byte, rules []clients.Rule, tooLarge bool) {
	v := views{site: s, byContent: map[string]string{}, wait: map[string]bool{}, room: room}
	for _, m := range s.Machines {
		r := clients.Rule{Machine: spec.Machine(m)}
		e, starts := s.starts(m.Boot)
		switch {
		case starts && e.Kind() == config.KindWDS:
			// Where the server is known to be down, the machine gets the menu,
			// which says so.
			if l := s.lead(e); l.addr.IsValid() && l.state != bootmenu.Down {
				r.Handoff = e.Name
			}
		case starts && e.HandsOver():
			if _, _, ok := s.handsOverTo(e); ok {
				r.Handoff = e.Name
			}
		case starts:
			r.View = v.start(e)
		case len(m.Entries) > 0 || m.Default != "" || m.Timeout != nil:
			preset := m.Default
			if preset == "" && (len(m.Entries) == 0 || slices.Contains(m.Entries, s.Menu.Default)) {
				preset = s.Menu.Default
			}
			timeout := s.Menu.Timeout
			if m.Timeout != nil {
				timeout = *m.Timeout
			}
			r.View, r.Waits = v.menu(m.Entries, preset, timeout)
		}
		rules = append(rules, r)
	}
	// Without rules, it does not matter which machine reads the menu.
	if len(rules) > 0 && !v.full() && !s.waits(selection{}, s.Menu.Default) {
		v.add(handoff.Waiting, "waiting", s.after(0).files(selection{}, s.Menu.Default))
	}
	if !v.full() {
		return v.rendered, rules, false
	}
	for i := range rules {
		rules[i].View, rules[i].Waits = "", false
	}
	return nil, rules, true
}

// waits reports whether a menu starts nothing before a key is pressed. only and
// preset are as in page.
func (s *site) waits(only selection, preset string) bool {
	return s.page(bios, only, preset).timeout == 0 && s.page(uefi, only, preset).timeout == 0
}

// after returns the site with this timeout in all menus; 0 waits for a key.
func (s *site) after(timeout spec.Duration) *site {
	c := *s.Config
	c.Menu.Timeout = timeout
	w := *s
	w.Config = &c
	return &w
}

// views holds the menus of certain machines.
type views struct {
	*site
	rendered  map[string]map[string][]byte
	byContent map[string]string // a view's contents → its name; "" for none
	wait      map[string]bool   // the views that wait for a key
	room      int               // how many more bytes the views may take; below 0 no more are rendered
}

func (v *views) full() bool { return v.room < 0 }

// menu returns the name of the view with such a menu, and whether that waits for
// a key.
func (v *views) menu(entries []string, preset string, timeout spec.Duration) (name string, waits bool) {
	content := fmt.Sprintf("menu %s>%s %v", strings.Join(entries, " "), preset, timeout)
	only, s := selected(entries), v.after(timeout)
	name, ok := v.byContent[content]
	if !ok && !v.full() {
		name = v.add(fmt.Sprintf("menu-%d", len(v.rendered)+1), content, s.files(only, preset))
		v.wait[name] = s.waits(only, preset)
	}
	return name, v.wait[name]
}

// start returns the name of the view that starts an entry at once, or "" where no
// boot loader can: the machine then gets the menu, which says why. There is no
// password and no confirmation: writing the rule was the confirmation.
func (v *views) start(e config.Entry) string {
	content := "start " + e.Name
	if name, ok := v.byContent[content]; ok || v.full() {
		return name
	}
	files := map[string][]byte{}
	if it, ok := v.item(e, bios); ok && it.why == "" {
		files[pxelinux.ConfigFile] = pxelinuxStart(v.Config, it)
	}
	if it, ok := v.item(e, uefi); ok && it.why == "" {
		files[grub.ConfigFile] = grubStart(v.Config, it, v.foot())
	}
	if len(files) == 0 {
		v.byContent[content] = ""
		return ""
	}
	return v.add("start-"+e.Name, content, files)
}

func (v *views) add(name, content string, files map[string][]byte) string {
	if v.rendered == nil {
		v.rendered = map[string]map[string][]byte{}
	}
	v.byContent[content] = name
	v.rendered[name] = files
	v.room -= size(files)
	return name
}

// starts returns the entry that a machine starts without a menu.
func (s *site) starts(name string) (config.Entry, bool) {
	if i, ok := s.byName[name]; ok {
		return s.Entries[i], true
	}
	return disk, name == config.BootDisk
}
