// Package grub knows what GRUB accepts: the grammar of its scripts, how a text
// becomes a word in a script, the modules behind its commands, and the frame of
// a menu. The caller decides which entries there are, and what they contain.
//
// The scripts are for GRUB 2.12 as Debian signs it for network boot. They use
// only what is built into that program: Secure Boot prevents loading modules.
package grub

import (
	"strings"

	"github.com/pxebox/pxebox/internal/boot/loader"
)

// Names built into Debian's signed network GRUB.
const (
	// ConfigFile is what it reads: its built-in prefix is /grub, and its
	// built-in script sources $prefix/grub.cfg.
	ConfigFile = "grub/grub.cfg"
	// ThemeFont is its only font.
	ThemeFont = "Unifont Regular 16"
)

// NamesMachine reports whether a lower-case name is one that GRUB requests for
// the menu of certain machines before it requests ConfigFile (net/net.c,
// grub_net_search_config_file).
func NamesMachine(name string) bool { return strings.HasPrefix(name, ConfigFile+"-") }

// Superuser is the user name that GRUB asks for along with the password.
const Superuser = "admin"

// diskPrograms are the programs that GRUB looks for on disks: the boot loaders
// of common systems, by their own shim if they have one, and last the one for
// removable disks (UEFI 2.10 §3.5.1.1).
var diskPrograms = []string{
	"/EFI/Microsoft/Boot/bootmgfw.efi",
	"/EFI/debian/shimx64.efi",
	"/EFI/ubuntu/shimx64.efi",
	"/EFI/fedora/shimx64.efi",
	"/EFI/redhat/shimx64.efi",
	"/EFI/centos/shimx64.efi",
	"/EFI/rocky/shimx64.efi",
	"/EFI/almalinux/shimx64.efi",
	"/EFI/opensuse/shim.efi",
	"/EFI/sles/shim.efi",
	"/EFI/BOOT/BOOTX64.EFI",
}

// Writer writes a script. Head comes first.
type Writer struct{ *loader.Lines }

// NewWriter starts a script.
func NewWriter() Writer { return Writer{&loader.Lines{}} }

// Head sets up the screen and defines go_back and local_disk, which the entries
// call. hash is the password hash of Superuser, or empty for no superuser;
// theme is the name of the theme in GRUB's folder.
func (w Writer) Head(comment, hash string, serial bool, theme string) {
	w.Line(comment)
	// With a superuser set, no other user can edit an entry or get a
	// command line.
	if hash != "" {
		w.Line("set superusers=" + Superuser)
		w.Line("password_pbkdf2", Superuser, hash)
	} else {
		w.Line("set superusers=nobody") // a user without a password
	}
	w.Line("export superusers")
	w.Line()
	w.Line(`if [ "$again" != y ]; then`)
	w.Indent = "  "
	if serial {
		// Not GRUB's serial driver: firmware that has its console on
		// the serial port would show each letter twice, and each of the
		// two would get half of the bytes of an arrow key.
		w.Line("terminal_output console")
	} else {
		// The font is built into the signed program; under Secure Boot
		// no other can be loaded.
		w.Line("if loadfont unicode; then")
		w.Line("  set gfxmode=auto")
		w.Line("  terminal_output gfxterm")
		w.Line("  set theme=\"$prefix/" + theme + "\"")
		w.Line("  export theme")
		w.Line("fi")
	}
	w.Indent = ""
	w.Line("fi")
	w.Line()
	w.Line("function go_back {")
	w.Line("  echo")
	w.Line("  echo 'Press Esc to go back.'")
	w.Line("  sleep --interruptible 600")
	w.Line("}")
	w.Line()
	w.Line("function local_disk {")
	w.Line("  terminal_output console") // the commands below may write to the firmware's screen
	w.Line("  for program in " + strings.Join(diskPrograms, " ") + "; do")
	w.Line("    for disk in (hd*,*) (hd*); do")
	w.Line(`      if [ -e "$disk$program" ]; then`) // search would print an error for each missing one
	// The program's device is that of root, whatever the file's name says.
	w.Line(`        set root="$disk"`)
	w.Line(`        chainloader "$program"`)
	w.Line("        boot")
	w.Line("      fi")
	w.Line("    done")
	w.Line("  done")
	w.Line("  exit") // to the firmware, which tries its next boot device
	w.Line("}")
	w.Line()
}

// ID returns an entry's identifier in a script. GRUB treats a default that
// begins with a digit as a number, and one that equals the title of an earlier
// entry as that entry (normal/menu.c, get_entry_number). No number begins with
// this character, and no label contains it.
func ID(name string) string { return "^" + name }

// Open starts a menuentry or a submenu; Shut ends it.
func (w Writer) Open(command, title, name string, options ...string) {
	words := append([]string{command, "--id=" + Quote(ID(name))}, options...)
	w.Line(append(words, "--", Quote(title), "{")...) // after the -- even -h can be a title
	w.Indent += "  "
}

// Shut ends what Open has started.
func (w Writer) Shut() {
	w.Indent = w.Indent[2:]
	w.Line("}")
}

// Back returns to the top menu. GRUB has no command that leaves one submenu.
// Esc does, but it asks for a login if there are superusers (normal/menu.c,
// grub_show_menu).
func (w Writer) Back(title, id string) {
	w.Open("menuentry", title, id, "--unrestricted")
	w.Line("set again=y")
	w.Line("export again")
	w.Line(`configfile "$prefix/grub.cfg"`)
	w.Shut()
}

// Quote turns a text into one word of a GRUB script, in which no character is
// special. A quote in the text closes the quoting, is escaped, and reopens it.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Arguments splits a program's arguments into words. Double quotes keep spaces
// in a word, as on Linux's command line; GRUB puts them around such a word
// itself (lib/cmdline.c).
func Arguments(s string) []string {
	var out []string
	var word strings.Builder
	quoted, some := false, false
	flush := func() {
		if some {
			out = append(out, Quote(word.String()))
		}
		word.Reset()
		some = false
	}
	for _, r := range s {
		switch {
		case r == '"':
			quoted, some = !quoted, true
		case r == ' ' && !quoted:
			flush()
		default:
			word.WriteRune(r)
			some = true
		}
	}
	flush()
	return out
}
