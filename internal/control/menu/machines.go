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

// disk is what boot = "disk" means where no entry has that name.
var disk = config.Entry{Name: config.BootDisk, Label: "This computer's own disk", Disk: true}

// machines says what each [[clients]] leads to, and renders the menus that
// they need. Machines that are told the same share a view. room is how many
// bytes these menus may have. Above that tooLarge is true, and there are none:
// 2,000 entries and 300 machines with a default each would come to gigabytes.
func (s *site) machines(room int) (rendered map[string]map[string][]byte, rules []clients.Rule, tooLarge bool) {
	v := views{site: s, byContent: map[string]string{}, wait: map[string]bool{}, room: room}
	for _, m := range s.Machines {
		r := clients.Rule{Machine: spec.Machine(m)}
		e, starts := s.starts(m.Boot)
		switch {
		case starts && e.Kind() == config.KindWDS:
			// Known to be out of reach, it gets the menu, which says so.
			if l := s.lead(e); l.addr.IsValid() && l.state != bootmenu.Down {
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
	// Without rules it does not matter which machine reads the menu.
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

// waits reports whether nothing in a menu starts before a key is pressed. only
// and preset are as in page.
func (s *site) waits(only selection, preset string) bool {
	return s.page(bios, only, preset).timeout == 0 && s.page(uefi, only, preset).timeout == 0
}

// after is the site with menus that all wait so long; 0 waits for a key.
func (s *site) after(timeout spec.Duration) *site {
	c := *s.Config
	c.Menu.Timeout = timeout
	w := *s
	w.Config = &c
	return &w
}

// views are menus of certain machines.
type views struct {
	*site
	rendered  map[string]map[string][]byte
	byContent map[string]string // what a view is made of → its name; "" for none
	wait      map[string]bool   // the views that wait for a key
	room      int               // how many bytes more they may have; below 0 no further one is rendered
}

func (v *views) full() bool { return v.room < 0 }

// menu returns the name of the view with such a menu, and whether it waits for
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

// start returns the name of the view that starts an entry at once, or "" where
// no boot loader can: the machine then gets the menu, which says why. The
// person who wrote the rule has been asked enough: no password and no
// confirmation.
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
		files[grub.ConfigFile] = grubStart(v.Config, it)
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

// starts is the entry that a machine starts without a menu.
func (s *site) starts(name string) (config.Entry, bool) {
	if i, ok := s.byName[name]; ok {
		return s.Entries[i], true
	}
	return disk, name == config.BootDisk
}
