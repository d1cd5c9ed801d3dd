package pxelinux

import "strings"

// MaxLine is the longest line of a menu, in bytes. PXELINUX would cut a longer
// one, and read the rest as another line (readconfig.c, MAX_LINE).
const MaxLine = 2047

// inLabel are the PXELINUX directives that apply to the LABEL above them
// (doc/syslinux.txt; doc/menu.txt for those of the menu), and not to the rest
// of the menu.
var inLabel = words(`KERNEL LINUX BOOT BSS PXE FDIMAGE COMBOOT COM32 CONFIG LOCALBOOT
	INITRD APPEND IPAPPEND SYSAPPEND`)

// inMenuLabel are the ones that follow MENU. Not QUIT: the prompt behind the
// menu starts every entry, even a locked one.
var inMenuLabel = words(`INDENT DISABLE DISABLED GOTO EXIT`)

func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// InLabel returns the directive that a line begins with, in upper case and with
// the word after MENU, and reports whether it applies only to the LABEL above
// it.
func InLabel(line string) (directive string, ok bool) {
	f := strings.Fields(line)
	directive = strings.ToUpper(FirstWord(line))
	if directive == "MENU" && len(f) > 1 {
		word := strings.ToUpper(f[1])
		return directive + " " + word, inMenuLabel[word]
	}
	return directive, inLabel[directive]
}

// FirstWord returns the first word of a line, or nothing. It ends at a blank,
// as PXELINUX's words do.
func FirstWord(line string) string {
	if f := strings.Fields(line); len(f) > 0 {
		return f[0]
	}
	return ""
}
