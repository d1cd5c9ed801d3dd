package pxed

import (
	"net/netip"
	"path"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/generation"
)

// chain is where PXELINUX's module pxechn.c32 leads on a BIOS. The module starts
// a WDS server's program without asking the box: that it is loaded is all that
// the box sees. So entry and server are known only if every menu has the same;
// otherwise they are zero.
type chain struct {
	entry  string
	server netip.Addr
}

// newChain reads in the menus where pxechn.c32 leads.
func newChain(g generation.Generation) chain {
	if g.Names.OwnMenus {
		return chain{} // the machine may have read one that the site wrote
	}
	uses := chainArguments(g.Files)
	for _, v := range g.Views {
		uses = append(uses, chainArguments(v)...)
	}
	var found []chain
	for _, arguments := range uses {
		n := len(found)
		for entry, t := range g.Handoffs {
			program := t.Programs[firmware.BIOS]
			if program != "" && strings.HasPrefix(arguments, pxelinux.Chain(t.Server, program, false)) {
				found = append(found, chain{entry, t.Server})
			}
		}
		if len(found) == n {
			return chain{} // an entry of PXELINUX's directives
		}
	}
	if len(found) == 0 {
		return chain{}
	}
	same := found[0]
	for _, c := range found[1:] {
		if c.entry != same.entry {
			same.entry = ""
		}
		if c.server != same.server {
			return chain{}
		}
	}
	return same
}

// chainArguments returns the arguments of each pxechn.c32 in menus of PXELINUX,
// empty where the next line has none.
func chainArguments(menus map[string][]byte) (all []string) {
	for _, text := range menus {
		lines := strings.Split(string(text), "\n")
		for i, l := range lines[:len(lines)-1] {
			if isChain(l) {
				arguments, _ := strings.CutPrefix(strings.TrimSpace(lines[i+1]), "APPEND ")
				all = append(all, arguments)
			}
		}
	}
	return all
}

// isChain reports whether a directive of PXELINUX loads pxechn.c32.
func isChain(line string) bool {
	f := strings.Fields(line)
	return len(f) == 2 && (strings.EqualFold(f[0], "com32") || strings.EqualFold(f[0], "kernel") ||
		strings.EqualFold(f[0], "linux")) && path.Base(bootfiles.Fold(f[1])) == chainModule
}

const chainModule = "pxechn.c32"
