package menu

import (
	"path"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader"
)

// chainModule is the module of PXELINUX that starts another boot server's
// program on a BIOS, or one of the box.
const chainModule = "pxechn.c32"

// chain returns where that module leads from the menus. What differs between two
// entries that load it is left out. Nothing is known if the module leads
// somewhere that only the site knows: from an entry's own directives, or from a
// menu that the site may have written.
func (s *site) chain() handoff.Chain {
	if s.Files.OwnMenus {
		return handoff.Chain{}
	}
	var all handoff.Chain
	for _, e := range s.Entries {
		if e.Unlisted && !slices.ContainsFunc(s.Machines, func(m config.Machine) bool {
			return m.Boot == e.Name || slices.Contains(m.Entries, e.Name)
		}) {
			continue // no menu has it
		}
		it, ok := s.item(e, bios)
		if !ok || it.why != "" || !slices.ContainsFunc(pxelinuxWriter{Lines: &loader.Lines{}, c: s.Config}.directives(it),
			loadsChain) {
			continue
		}
		c := handoff.Chain{Entry: e.Name, Server: it.lead.addr}
		switch {
		case !c.Server.IsValid():
			return handoff.Chain{}
		case !all.Server.IsValid():
			all = c
		case all.Server != c.Server:
			return handoff.Chain{}
		case all.Entry != c.Entry:
			all.Entry = ""
		}
	}
	return all
}

// loadsChain reports whether a directive of PXELINUX loads that module.
func loadsChain(directive string) bool {
	f := strings.Fields(directive)
	return len(f) > 1 && path.Base(strings.ToLower(strings.ReplaceAll(f[1], `\`, "/"))) == chainModule &&
		(strings.EqualFold(f[0], "com32") || strings.EqualFold(f[0], "kernel") || strings.EqualFold(f[0], "linux"))
}
