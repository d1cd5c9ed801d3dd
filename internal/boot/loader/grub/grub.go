// Package grub holds what GRUB can be told: the grammar of its scripts, how a
// text becomes a word of one, the modules behind its commands, and the frame of
// a menu. It writes nothing of its own choice: which entries there are, and what
// they say, is the caller's.
//
// The scripts are for GRUB 2.12 as Debian signs it for network boot. They use
// what is built into that program: under Secure Boot no module can be loaded.
package grub

import (
	"strings"

	"github.com/pxebox/pxebox/internal/boot/loader"
)

// Names that Debian's signed network GRUB has built in.
const (
	// ConfigFile is what it reads: its built-in prefix is /grub, and its
	// built-in script sources $prefix/grub.cfg.
	ConfigFile = "grub/grub.cfg"
	// ThemeFont is the one font in it.
	ThemeFont = "Unifont Regular 16"
)

// NamesMachine reports whether a name in small letters is one under which GRUB
// asks for the menu of certain machines before it asks for ConfigFile
// (net/net.c, grub_net_search_config_file).
func NamesMachine(name string) bool { return strings.HasPrefix(name, ConfigFile+"-") }

// Superuser is the name that GRUB asks for along with the password.
const Superuser = "admin"

// diskPrograms are what a disk is looked through for: the boot loaders of the
// systems one meets, by their own shim where they have one, and last the
// one for disks that can be unplugged (UEFI 2.10 §3.5.1.1).
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

// NewWriter begins a script.
func NewWriter() Writer { return Writer{&loader.Lines{}} }

// Head sets up the screen and defines go_back and local_disk, which the entries
// call. hash is the password of Superuser, or empty for no superuser; theme is
// the name of the theme in GRUB's folder.
func (w Writer) Head(comment, hash string, serial bool, theme string) {
	w.Line(comment)
	// With a superuser, no other user edits an entry or gets a command line.
	if hash != "" {
		w.Line("set superusers=" + Superuser)
		w.Line("password_pbkdf2", Superuser, hash)
	} else {
		w.Line("set superusers=nobody") // who has no password
	}
	w.Line("export superusers")
	w.Line()
	w.Line(`if [ "$again" != y ]; then`)
	w.Indent = "  "
	if serial {
		// Not GRUB's own serial driver: firmware that has its console on the
		// serial port would show each letter twice, and either would take
		// half of what an arrow key sends.
		w.Line("terminal_output console")
	} else {
		// The font is in the signed program itself; under Secure Boot no
		// other is taken.
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
	w.Line("  terminal_output console") // what comes next may write to the firmware's screen
	w.Line("  for program in " + strings.Join(diskPrograms, " ") + "; do")
	w.Line("    for disk in (hd*,*) (hd*); do")
	w.Line(`      if [ -e "$disk$program" ]; then`) // search would print an error for each that is not there
	// The program's device is that of root, whatever the file's name says.
	w.Line(`        set root="$disk"`)
	w.Line(`        chainloader "$program"`)
	w.Line("        boot")
	w.Line("      fi")
	w.Line("    done")
	w.Line("  done")
	w.Line("  exit") // to the firmware, which goes on to its next boot device
	w.Line("}")
	w.Line()
}

// ID is what an entry is called in a script. GRUB takes a default that
// begins with a digit for a number, and one that is the title of an earlier
// entry for that one (normal/menu.c, get_entry_number). No number begins with
// this sign, and no label has it.
func ID(name string) string { return "^" + name }

// Open begins a menuentry or a submenu; Shut ends it.
func (w Writer) Open(command, title, name string, options ...string) {
	words := append([]string{command, "--id=" + Quote(ID(name))}, options...)
	w.Line(append(words, "--", Quote(title), "{")...) // behind the -- a title may be -h
	w.Indent += "  "
}

// Shut ends what Open has begun.
func (w Writer) Shut() {
	w.Indent = w.Indent[2:]
	w.Line("}")
}

// Back leads to the top. GRUB has no command that leaves one submenu, and Esc,
// which does, asks for a superuser's login where there are superusers
// (normal/menu.c, grub_show_menu).
func (w Writer) Back(title, id string) {
	w.Open("menuentry", title, id, "--unrestricted")
	w.Line("set again=y")
	w.Line("export again")
	w.Line(`configfile "$prefix/grub.cfg"`)
	w.Shut()
}

// Quote makes one word of a text for a GRUB script, in which nothing has a
// meaning. A quote in it ends the quoting, stands for itself, and begins it
// again.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Arguments makes words of the arguments of a program. Double quotes keep
// spaces in a word, as Linux reads its command line; GRUB puts them around
// such a word itself (lib/cmdline.c).
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
