package menu

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// grubHelp is the file with the help texts of a menu.
const grubHelp = "grub/help.txt"

// Texts that the menus of all boot loaders share.
const (
	answerNo   = "No, go back"
	answerYes  = "Yes, start it: this may erase the disks of this computer"
	answerBack = "Back"
	readAgain  = "Read the menu again"
)

// grubMenu renders a menu.
func grubMenu(c *config.Config, p page) []byte {
	w := grubWriter{grub.NewWriter(), p.foot}
	w.Head(headline, c.Menu.Password.PBKDF2, c.Menu.Serial, themeFile)
	if p.preset != nil {
		var ids []string
		for _, name := range p.preset {
			ids = append(ids, grub.ID(name))
		}
		w.Line("set default=" + grub.Quote(strings.Join(ids, ">")))
	}
	if p.timeout > 0 {
		seconds := fmt.Sprint(int64((p.timeout + time.Second - 1) / time.Second))
		// Not where the default is the entry that is left out, and not a second
		// time after a person chose to come back.
		condition := `"$again" != y`
		if find(p.items, p.preset).Unsigned {
			condition += ` -a "$lockdown" != y`
		}
		w.Line("if [ " + condition + " ]; then")
		w.Line("  set timeout=" + seconds)
		w.Line("fi")
	}
	w.items(p.items)
	if !slices.ContainsFunc(p.items, func(it item) bool { return it.why == "" && !unsigned(it) }) {
		// Without any entry, GRUB shows a command prompt, and asks for a login
		// first.
		w.Line()
		w.Back(readAgain, "AGAIN")
	}
	if helpText(p.items) != nil {
		w.Line()
		w.Open("menuentry", "Help (h)", "HELP", "--unrestricted", "--hotkey=h")
		w.Line("set pager=1")
		w.Line("cat " + grub.Quote("/"+grubHelp))
		w.Line("set pager=0")
		w.Line("go_back")
		w.Shut()
	}
	return w.Bytes()
}

type grubWriter struct {
	grub.Writer
	foot string // of the menu: the screens that refuse show it too
}

// refuse writes what an entry shows in place of starting.
func (w grubWriter) refuse(why string) {
	w.Line("echo " + grub.Quote(why))
	if w.foot != "" {
		w.Line("echo " + grub.Quote(w.foot))
	}
	w.Line("go_back")
}

// items writes the entries of one menu.
func (w grubWriter) items(items []item) {
	for _, it := range items {
		w.Line()
		if unsigned(it) {
			w.Line(`if [ "$lockdown" != y ]; then`) // Secure Boot is off
			w.item(it)
			w.Line("fi")
		} else {
			w.item(it)
		}
	}
}

// unsigned reports whether nothing of an item can start under Secure Boot.
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
		w.Open("submenu", it.Label, it.Name, access...)
		w.items(it.items)
		w.Line()
		w.Back(answerBack, "BACK-"+it.Name)
	case it.why != "":
		w.Open("menuentry", it.Label, it.Name, access...)
		w.refuse(it.why)
	case it.Erases:
		w.Open("submenu", it.Label, it.Name, access...)
		w.Back(answerNo, "NO-"+it.Name)
		w.Open("menuentry", answerYes, it.Name, "--unrestricted")
		w.commands(it)
		w.Shut()
	default:
		w.Open("menuentry", it.Label, it.Name, access...)
		w.commands(it)
	}
	w.Shut()
}

// commands writes the commands of an entry.
func (w grubWriter) commands(it item) {
	switch {
	case it.HandsOver():
		// The box serves this name only to the machine with that address, and
		// treats the read as the choice.
		name := handoff.Name(it.Name, "$net_default_mac", bootmenu.TokenMark, false)
		w.Line(`if cat "/` + name + `"; then`)
		w.Line("  sleep 3")
		w.Line("  reboot")
		w.Line("else")
		w.Indent += "  "
		w.refuse("The box does not let this computer go there. Its log says why.")
		w.Indent = w.Indent[2:]
		w.Line("fi")
	case it.Kind() == config.KindLinux:
		w.Line("echo " + grub.Quote("Loading "+it.Kernel+" ..."))
		w.Line(strings.Join(append([]string{"linux", grub.Quote("/" + it.Kernel)}, grub.Arguments(it.Append)...), " "))
		if len(it.Initrd) > 0 {
			var names []string
			for _, name := range it.Initrd {
				names = append(names, grub.Quote("/"+name))
			}
			w.Line("initrd", strings.Join(names, " "))
		}
	case it.Kind() == config.KindDisk:
		w.Line("local_disk")
	case it.Kind() == config.KindProgram:
		w.Line("terminal_output console") // the program writes there
		w.Line(strings.Join(append([]string{"chainloader", grub.Quote("/" + program(it.Entry, uefi))},
			grub.Arguments(it.Append)...), " "))
	case it.Kind() == config.KindRaw:
		// Unchanged: white space counts within a quote that spans lines.
		w.WriteString(strings.Trim(it.GRUB, "\n") + "\n")
	}
}

// grubStart starts one entry without a menu. If the entry fails to start, the
// machine retries without a key press.
func grubStart(c *config.Config, it item, foot string) []byte {
	w := grubWriter{grub.NewWriter(), foot}
	w.Head(headline, c.Menu.Password.PBKDF2, c.Menu.Serial, themeFile)
	if it.Unsigned {
		w.Line(`if [ "$lockdown" != y ]; then`)
	}
	w.commands(it)
	w.Line("boot")
	if it.Unsigned {
		w.Line("fi")
	}
	w.Line()
	w.Line("set timeout=60")
	w.Open("menuentry", shorten(it.Label, pxelinux.Width-len(notStarted))+notStarted, "AGAIN", "--unrestricted")
	w.Line("reboot")
	w.Shut()
	w.Open("menuentry", disk.Label, "DISK", "--unrestricted")
	w.Line("local_disk")
	w.Shut()
	return w.Bytes()
}

const notStarted = " did not start: restart"

// helpText is the text that Help shows; nil where no entry has any.
func helpText(items []item) []byte {
	var f loader.Lines
	var write func(items []item)
	write = func(items []item) {
		for _, it := range items {
			if it.Help != "" {
				f.Line(it.Label)
				for l := range strings.SplitSeq(strings.TrimRight(it.Help, "\n"), "\n") {
					f.Line("    " + l)
				}
				f.Line()
			}
			write(it.items)
		}
	}
	write(items)
	return f.Bytes()
}

// restartNotice is the text on the screen before the machine restarts. where is
// as handsOverTo returns it.
func restartNotice(e config.Entry, where string) []byte {
	var f loader.Lines
	f.Line()
	f.Line(e.Label)
	f.Line(where)
	f.Line()
	f.Line("This computer restarts now. Let it boot from the network once more:")
	f.Line("it then goes straight there. If it starts something else,")
	f.Line(fmt.Sprintf("choose the network in its boot menu, within %.0f minutes.", handoff.Lifetime.Minutes()))
	f.Line()
	return f.Bytes()
}
