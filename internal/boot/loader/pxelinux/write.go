package pxelinux

import (
	"fmt"
	"net/netip"
	"path"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/loader"
)

// The menus are for PXELINUX 6 with vesamenu.c32, or with menu.c32 if a serial
// port must show them too. The SYSLINUX project's doc/syslinux.txt and
// doc/menu.txt document the directives.

// Closed locks the menu: no prompt, not even by Shift or Esc, and no editing of
// a command line with Tab, which would let every passer-by change the kernel's
// arguments (doc/menu.txt, last section).
func Closed(f *loader.Lines) {
	f.Line("PROMPT 0")
	f.Line("NOESCAPE 1")
	f.Line("ALLOWOPTIONS 0")
}

// Layout divides the rows of the screen between the menu, the countdown, and
// the help below it. MENU VSHIFT moves down everything except the end of the
// help (menumain.c). text selects menu.c32; help is the number of lines of the
// longest help; foot is a line between the countdown and the help, or empty.
func Layout(f *loader.Lines, text bool, help int, foot string) {
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
	if foot != "" {
		// The place of "Press [Tab] to edit options", for a menu in which
		// nothing can be edited (doc/menu.txt, MENU NOTABMSG).
		f.Line("MENU TABMSGROW", fmt.Sprint(helpRow-1))
		f.Line("MENU NOTABMSG", foot)
	}
}

// Chain returns the arguments with which pxechn.c32 (doc/pxechn.txt) starts a
// program of another boot server. byProxy says that the box is a proxy, and the machine
// has its address from another server.
func Chain(server netip.Addr, program string, byProxy bool) string {
	// Use an address: the client resolves a name before ::, and its name
	// server may not know it. The two colons omit the path prefix. WDS's
	// TFTP server accepts only backslashes. -W also rewrites the cached
	// DHCPACK: wdsnbp.com of Windows 2008 R2 looks for its server there.
	return chain(server.String()+"::"+program, byProxy)
}

// ChainHere is like Chain, for a program of the server that PXELINUX came from.
// Without a server before the colons, pxechn.c32 keeps that of the cached packet
// (pxechn.c, pxechn_parse_fn).
func ChainHere(program string, byProxy bool) string { return chain("::"+program, byProxy) }

func chain(file string, byProxy bool) string {
	s := file + " -W"
	if byProxy {
		// From a proxy, that packet is as short as the box's answer,
		// and pxechn.c32 drops options 58 to 60 and 97 for lack of
		// room. An option that no client reads (254, site-specific)
		// makes the packet longer.
		s += " -o 254.s=" + strings.Repeat("x", 80)
	}
	return s
}

// FileKind is the kind of a boot file, by its extension.
type FileKind int

// The kinds.
const (
	Other     FileKind = iota
	Module             // a PXELINUX module
	NBP                // a network boot program for a BIOS
	CDImage            // for memdisk
	DiskImage          // for memdisk, also of a floppy
	Kernel             // in Linux's format
)

// KindOf returns the kind of a file.
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

// Program returns the directives that start a boot file of that extension. They
// always name the kind: KERNEL would guess it from PXELINUX's list.
func Program(file, arguments string) []string {
	switch KindOf(file) {
	case Module:
		return Append([]string{"COM32 " + file}, arguments)
	case NBP:
		return Append([]string{"PXE " + file}, arguments)
	case CDImage:
		// memdisk treats an image as a hard disk unless told otherwise
		// (doc/memdisk.txt).
		return Append([]string{"LINUX memdisk", "INITRD " + file}, strings.TrimSpace("iso "+arguments))
	case DiskImage:
		return Append([]string{"LINUX memdisk", "INITRD " + file}, arguments)
	case Kernel:
		// KERNEL would treat it as a boot sector: memtest86+ then
		// hangs.
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
