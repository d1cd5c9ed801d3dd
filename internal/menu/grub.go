package menu

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/bootmenu"
	"github.com/pxebox/pxebox/internal/handoff"
)

// The script is for GRUB 2.12 as Debian signs it for network boot. It uses what
// is built into that program: under Secure Boot no module can be loaded.

// grubHelp is where the texts of a menu's help are.
const grubHelp = "grub/help.txt"

// superuser is the name that GRUB asks for beside the password.
const superuser = "admin"

// What the menus of all boot loaders say alike.
const (
	answerNo   = "No, go back"
	answerYes  = "Yes, start it: this may erase the disks of this computer"
	answerBack = "Back"
	readAgain  = "Read the menu again"
)

// diskPrograms are what a disk is looked through for: the boot loaders of the
// systems one meets, each beside its own shim where it has one, and last the
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

// grubMenu renders a menu.
func grubMenu(c *config.Config, p page) []byte {
	w := grubWriter{lines: &lines{}}
	w.head(c)
	if p.preset != nil {
		var ids []string
		for _, name := range p.preset {
			ids = append(ids, grubID(name))
		}
		w.line("set default=" + quote(strings.Join(ids, ">")))
	}
	if p.timeout > 0 {
		seconds := fmt.Sprint(int64((p.timeout + time.Second - 1) / time.Second))
		// Not where it is the default that is left out, nor a second time
		// for somebody who has chosen to come back.
		condition := `"$again" != y`
		if find(p.items, p.preset).Unsigned {
			condition += ` -a "$lockdown" != y`
		}
		w.line("if [ " + condition + " ]; then")
		w.line("  set timeout=" + seconds)
		w.line("fi")
	}
	w.items(p.items)
	if !slices.ContainsFunc(p.items, func(it item) bool { return it.why == "" && !unsigned(it) }) {
		// Without any entry GRUB asks for a command, and for a login first.
		w.line()
		w.back(readAgain, "AGAIN")
	}
	if helpText(p.items) != nil {
		w.line()
		w.open("menuentry", "Help (h)", "HELP", "--unrestricted", "--hotkey=h")
		w.line("set pager=1")
		w.line("cat " + quote("/"+grubHelp))
		w.line("set pager=0")
		w.line("go_back")
		w.shut()
	}
	return w.Bytes()
}

type grubWriter struct{ *lines }

// head sets up the screen and what the entries call.
func (w grubWriter) head(c *config.Config) {
	w.line(headline)
	// With a superuser, nobody else edits an entry or gets a command line.
	if hash := c.Menu.Password.PBKDF2; hash != "" {
		w.line("set superusers=" + superuser)
		w.line("password_pbkdf2", superuser, hash)
	} else {
		w.line("set superusers=nobody") // who has no password
	}
	w.line("export superusers")
	w.line()
	w.line(`if [ "$again" != y ]; then`)
	w.indent = "  "
	if c.Menu.Serial {
		// Not GRUB's own serial driver: firmware that has its console on the
		// serial port would show each letter twice, and either would take
		// half of what an arrow key sends.
		w.line("terminal_output console")
	} else {
		// The font is in the signed program itself; under Secure Boot no
		// other is taken.
		w.line("if loadfont unicode; then")
		w.line("  set gfxmode=auto")
		w.line("  terminal_output gfxterm")
		w.line("  set theme=\"$prefix/" + themeFile + "\"")
		w.line("  export theme")
		w.line("fi")
	}
	w.indent = ""
	w.line("fi")
	w.line()
	w.line("function go_back {")
	w.line("  echo")
	w.line("  echo 'Press Esc to go back.'")
	w.line("  sleep --interruptible 600")
	w.line("}")
	w.line()
	w.line("function local_disk {")
	w.line("  terminal_output console") // what comes next may write to the firmware's screen
	w.line("  for program in " + strings.Join(diskPrograms, " ") + "; do")
	w.line("    for disk in (hd*,*) (hd*); do")
	w.line(`      if [ -e "$disk$program" ]; then`) // search would print an error for each that is not there
	// The program's device is that of root, whatever the file's name says.
	w.line(`        set root="$disk"`)
	w.line(`        chainloader "$program"`)
	w.line("        boot")
	w.line("      fi")
	w.line("    done")
	w.line("  done")
	w.line("  exit") // to the firmware, which goes on to its next boot device
	w.line("}")
	w.line()
}

// items writes one menu.
func (w grubWriter) items(items []item) {
	for _, it := range items {
		w.line()
		if unsigned(it) {
			w.line(`if [ "$lockdown" != y ]; then`) // Secure Boot is off
			w.item(it)
			w.line("fi")
		} else {
			w.item(it)
		}
	}
}

// unsigned reports whether Secure Boot leaves nothing of an item.
func unsigned(it item) bool {
	if it.Kind() == config.KindSubmenu {
		return !slices.ContainsFunc(it.items, func(it item) bool { return !unsigned(it) })
	}
	return it.Unsigned
}

func (w grubWriter) item(it item) {
	access := []string{"--unrestricted"}
	if it.Locked && it.why == "" {
		access = nil // superusers only
	}
	switch {
	case it.Kind() == config.KindSubmenu:
		w.open("submenu", it.Label, it.Name, access...)
		w.items(it.items)
		w.line()
		w.back(answerBack, "BACK-"+it.Name)
	case it.why != "":
		w.open("menuentry", it.Label, it.Name, access...)
		w.line("echo " + quote(it.why))
		w.line("go_back")
	case it.Erases:
		w.open("submenu", it.Label, it.Name, access...)
		w.back(answerNo, "NO-"+it.Name)
		w.open("menuentry", answerYes, it.Name, "--unrestricted")
		w.commands(it)
		w.shut()
	default:
		w.open("menuentry", it.Label, it.Name, access...)
		w.commands(it)
	}
	w.shut()
}

// grubID is what an entry is called in a script. GRUB takes a default that
// begins with a digit for a number, and one that is the title of an earlier
// entry for that one (normal/menu.c, get_entry_number). No number begins with
// this sign, and no label has it.
func grubID(name string) string { return "^" + name }

// open begins a menuentry or a submenu; shut ends it.
func (w grubWriter) open(command, title, name string, options ...string) {
	words := append([]string{command, "--id=" + quote(grubID(name))}, options...)
	w.line(append(words, "--", quote(title), "{")...) // behind the -- a title may be -h
	w.indent += "  "
}

func (w grubWriter) shut() {
	w.indent = w.indent[2:]
	w.line("}")
}

// back leads to the top. GRUB has no command that leaves one submenu, and Esc,
// which does, asks for a superuser's login where there are superusers
// (normal/menu.c, grub_show_menu).
func (w grubWriter) back(title, id string) {
	w.open("menuentry", title, id, "--unrestricted")
	w.line("set again=y")
	w.line("export again")
	w.line(`configfile "$prefix/grub.cfg"`)
	w.shut()
}

// commands say what an entry does.
func (w grubWriter) commands(it item) {
	switch it.Kind() {
	case config.KindWDS:
		// The box serves this name only to the machine with that address, and
		// takes the reading of it for the choice.
		name := handoff.Request{Entry: it.Name, MAC: "$net_default_mac", Token: bootmenu.TokenMark}.Name()
		w.line(`if cat "/` + name + `"; then`)
		w.line("  sleep 3")
		w.line("  reboot")
		w.line("else")
		w.line("  echo 'The box does not let this computer go there. Its log says why.'")
		w.line("  go_back")
		w.line("fi")
	case config.KindLinux:
		w.line("echo " + quote("Loading "+it.Kernel+" ..."))
		w.line(strings.Join(append([]string{"linux", quote("/" + it.Kernel)}, arguments(it.Append)...), " "))
		if len(it.Initrd) > 0 {
			var names []string
			for _, name := range it.Initrd {
				names = append(names, quote("/"+name))
			}
			w.line("initrd", strings.Join(names, " "))
		}
	case config.KindDisk:
		w.line("local_disk")
	case config.KindProgram:
		w.line("terminal_output console") // where the program writes
		w.line(strings.Join(append([]string{"chainloader", quote("/" + program(it.Entry, uefi))}, arguments(it.Append)...), " "))
	case config.KindRaw:
		// As it is: within a quote that goes on, white space counts.
		w.WriteString(strings.Trim(it.GRUB, "\n") + "\n")
	}
}

// grubStart starts one entry without a menu. Where it does not start, the
// machine tries again by itself.
func grubStart(c *config.Config, it item) []byte {
	w := grubWriter{lines: &lines{}}
	w.head(c)
	if it.Unsigned {
		w.line(`if [ "$lockdown" != y ]; then`)
	}
	w.commands(it)
	w.line("boot")
	if it.Unsigned {
		w.line("fi")
	}
	w.line()
	w.line("set timeout=60")
	w.open("menuentry", shorten(it.Label, width-len(notStarted))+notStarted, "AGAIN", "--unrestricted")
	w.line("reboot")
	w.shut()
	w.open("menuentry", disk.Label, "DISK", "--unrestricted")
	w.line("local_disk")
	w.shut()
	return w.Bytes()
}

const notStarted = " did not start: restart"

// helpText is what Help shows; nil where no entry has any.
func helpText(items []item) []byte {
	var f lines
	var write func(items []item)
	write = func(items []item) {
		for _, it := range items {
			if it.Help != "" {
				f.line(it.Label)
				for l := range strings.SplitSeq(strings.TrimRight(it.Help, "\n"), "\n") {
					f.line("    " + l)
				}
				f.line()
			}
			write(it.items)
		}
	}
	write(items)
	return f.Bytes()
}

// restartNotice is what a person sees before the machine restarts.
func restartNotice(e config.Entry, l lead) []byte {
	var f lines
	f.line()
	f.line(e.Label)
	f.line("WDS server " + l.server.Name + ", " + l.addr.String())
	f.line()
	f.line("This computer restarts now. Let it boot from the network once more:")
	f.line("it then goes straight to that server. If it starts something else,")
	f.line(fmt.Sprintf("choose the network in its boot menu, within %.0f minutes.", handoff.Lasts.Minutes()))
	f.line()
	return f.Bytes()
}

// quote makes one word of a text for a GRUB script, in which nothing has a
// meaning. A quote in it ends the quoting, stands for itself, and begins it
// again.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// arguments makes words of the arguments of a program. Double quotes keep
// spaces in a word, as Linux reads its command line; GRUB puts them around
// such a word itself (lib/cmdline.c).
func arguments(s string) []string {
	var out []string
	var word strings.Builder
	quoted, some := false, false
	flush := func() {
		if some {
			out = append(out, quote(word.String()))
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
