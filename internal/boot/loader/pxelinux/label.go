package pxelinux

import "strings"

// MaxLine is the longest line of a menu, in bytes. What is longer would be cut,
// and its rest be read as another line (readconfig.c, MAX_LINE).
const MaxLine = 2047

// inLabel are the PXELINUX directives that say something of the LABEL above
// them (doc/syslinux.txt; doc/menu.txt for those of the menu), and nothing of
// the rest of the menu.
var inLabel = words(`KERNEL LINUX BOOT BSS PXE FDIMAGE COMBOOT COM32 CONFIG LOCALBOOT
	INITRD APPEND IPAPPEND SYSAPPEND`)

// inMenuLabel are those of them that follow MENU. Not QUIT: the prompt behind
// the menu starts every entry, also a locked one.
var inMenuLabel = words(`INDENT DISABLE DISABLED GOTO EXIT`)

func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// InLabel returns the directive that a line begins with, in capital letters and
// with the word behind MENU, and reports whether it says something of the LABEL
// above it, and of that only.
func InLabel(line string) (directive string, ok bool) {
	f := strings.Fields(line)
	directive = strings.ToUpper(FirstWord(line))
	if directive == "MENU" && len(f) > 1 {
		word := strings.ToUpper(f[1])
		return directive + " " + word, inMenuLabel[word]
	}
	return directive, inLabel[directive]
}

// FirstWord is what a line begins with, or nothing. It ends at a blank, as
// PXELINUX's words do.
func FirstWord(line string) string {
	if f := strings.Fields(line); len(f) > 0 {
		return f[0]
	}
	return ""
}
