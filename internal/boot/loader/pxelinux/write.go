package pxelinux

import (
	"fmt"
	"net/netip"
	"path"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/loader"
)

// Menus are for PXELINUX 6 with vesamenu.c32, or menu.c32 where a serial port is
// to show it too. Directives are those of the SYSLINUX project's
// doc/syslinux.txt and doc/menu.txt.

// Closed shuts the menu: no prompt, not by Shift or Esc either, and no editing
// of a command line with Tab, which would hand every passer-by the kernel's
// arguments (doc/menu.txt, last section).
func Closed(f *loader.Lines) {
	f.Line("PROMPT 0")
	f.Line("NOESCAPE 1")
	f.Line("ALLOWOPTIONS 0")
}

// Layout shares out the rows of the screen: the menu, the countdown, and the
// help below it. MENU VSHIFT moves all but the end of the help down
// (menumain.c). text is for menu.c32, help the number of lines of the longest
// help.
func Layout(f *loader.Lines, text bool, help int) {
	last, shift := 28, 1 // vesamenu.c32: 464 pixels of 16 each, counted from 1, less one
	if text {
		last, shift = 24, 0
	}
	const most = 16
	helpRow := last - help + 1 - shift
	timeoutRow := helpRow - 2
	f.Line("MENU MARGIN", fmt.Sprint(Margin))
	f.Line("MENU VSHIFT", fmt.Sprint(shift))
	f.Line("MENU ROWS", fmt.Sprint(min(most, timeoutRow-6))) // the frame takes 3 rows above and 1 below
	f.Line("MENU TIMEOUTROW", fmt.Sprint(timeoutRow))
	f.Line("MENU HELPMSGROW", fmt.Sprint(helpRow))
}

// Chain are the arguments with which pxechn.c32 (doc/pxechn.txt) starts a WDS
// server's program. byProxy says that the box is a proxy, and the machine has its
// address from another server.
func Chain(server netip.Addr, program string, byProxy bool) string {
	// An address, because a name before :: is looked up by the client, whose
	// name server may not know it. The two colons leave off the path prefix.
	// WDS's TFTP server takes backslashes only. -W also rewrites the cached
	// DHCPACK: wdsnbp.com of Windows 2008 R2 looks for its server there.
	s := server.String() + "::" + program + " -W"
	if byProxy {
		// As a proxy's, that packet is as short as the box's answer, and
		// pxechn.c32 drops options 58 to 60 and 97 for want of room. An
		// option that no client reads (254, site-specific) makes it longer.
		s += " -o 254.s=" + strings.Repeat("x", 80)
	}
	return s
}

// FileKind is what kind of boot file a name is, by its extension.
type FileKind int

// The kinds.
const (
	Other     FileKind = iota
	Module             // a module of PXELINUX
	NBP                // a network boot program for a BIOS
	CDImage            // for memdisk
	DiskImage          // for memdisk, a floppy's too
	Kernel             // in the form of Linux's
)

// KindOf is the kind of a file.
func KindOf(file string) FileKind {
	switch strings.ToLower(path.Ext(file)) {
	case ".c32":
		return Module
	case ".0", ".pxe", ".kpxe", ".kkpxe", ".com", ".n12":
		return NBP
	case ".iso":
		return CDImage
	case ".img", ".ima", ".imz":
		return DiskImage
	case ".bin":
		return Kernel
	}
	return Other
}

// Program are the directives that start a boot file as its extension says. The
// directive is named each time: KERNEL would guess by a list of its own.
func Program(file, arguments string) []string {
	switch KindOf(file) {
	case Module:
		return Append([]string{"COM32 " + file}, arguments)
	case NBP:
		return Append([]string{"PXE " + file}, arguments)
	case CDImage:
		// memdisk takes an image for a hard disk unless told (doc/memdisk.txt).
		return Append([]string{"LINUX memdisk", "INITRD " + file}, strings.TrimSpace("iso "+arguments))
	case DiskImage:
		return Append([]string{"LINUX memdisk", "INITRD " + file}, arguments)
	case Kernel:
		// KERNEL would take it for a boot sector: memtest86+ then hangs.
		return Append([]string{"LINUX " + file}, arguments)
	}
	return Append([]string{"KERNEL " + file}, arguments)
}

// Append adds the arguments, if there are any.
func Append(directives []string, arguments string) []string {
	if arguments == "" {
		return directives
	}
	return append(directives, "APPEND "+arguments)
}
