// Package console shows the state of the box to a person in front of it, on the
// HDMI or VGA screen and on the serial port: its address and page, how to
// recognize it, and what keeps it from serving. It reads files and never asks
// the daemons, so that it works while they do not.
package console

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// State is what the console shows.
type State struct {
	Interface   string       // empty before pxed has chosen one
	Addr        netip.Prefix // zero: none yet
	Cable       bool         // the interface has a carrier
	Problem     string       // why the interface of the settings cannot be used
	Name        string       // by mDNS, such as "pxebox.local"; may be empty
	Fingerprint string       // of the page's certificate; may be empty
	Password    string       // of the page, until the owner has chosen one; then empty
	Mode        spec.Mode    // empty: not known
	// These daemons show no sign of life.
	PxedStopped, MenuwatchStopped bool
	Mistakes                      int      // in pxebox.toml
	Down                          []string // WDS servers that do not answer
}

// modes says what each mode means to the network.
var modes = map[spec.Mode]string{
	spec.ModeAuto:   "auto: works next to the site's DHCP server",
	spec.ModeProxy:  "proxy: works next to the site's DHCP server",
	spec.ModeServer: "server: leases addresses",
	spec.ModeOff:    "off: answers no DHCP",
}

// condition says in one sentence whether the box serves machines.
func (s State) condition() string {
	switch {
	case s.PxedStopped:
		return "Not serving: the program pxed does not run. It is about to be restarted."
	case s.Problem != "":
		return "No machine is served on the network interface that pxebox.toml names: the box cannot use it."
	case s.Interface == "":
		return "No network yet: the box looks for a network interface."
	case !s.Cable:
		return "The cable at " + clean(s.Interface) + " is out, or its other end is off."
	case !s.Addr.IsValid():
		return "No address yet: the box asks the site's DHCP server."
	}
	return "Serving machines that boot from the network."
}

// Lines returns what the console shows, wrapped at a width; 0 does not wrap.
// What comes from outside cannot contain a control character.
func Lines(s State, width int) []string {
	lines := wrap("", s.condition(), width)
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, wrap(fmt.Sprintf("%-12s", label), text, width)...)
		}
	}
	add("Network", cleanLine(s.Problem))
	if s.Addr.IsValid() {
		add("Address", s.Addr.String()+" on "+clean(s.Interface))
		page := "https://" + s.Addr.Addr().String()
		if s.Name != "" {
			page += " or https://" + clean(s.Name)
		}
		add("Page", page)
	}
	if s.Password != "" {
		add("Password", clean(s.Password)+" until you choose one")
	}
	add("Certificate", s.Fingerprint)
	add("DHCP mode", modes[s.Mode])
	switch {
	case s.Mistakes == 1:
		add("Settings", "pxebox.toml has a mistake and is not in use. The page shows it.")
	case s.Mistakes > 1:
		add("Settings", fmt.Sprintf("pxebox.toml has %d mistakes and is not in use. The page shows them.", s.Mistakes))
	}
	if len(s.Down) > 0 {
		add("WDS", "no answer from "+list(s.Down))
	}
	if s.MenuwatchStopped {
		add("Menus", "The program menuwatch does not run: menus and settings stay as they are.")
	}
	return lines
}

// list joins names. A long list is cut: the page has all of it.
func list(names []string) string {
	const most = 4
	var out []string
	for _, n := range names[:min(len(names), most)] {
		out = append(out, clean(n))
	}
	if more := len(names) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

// clean keeps not too much of a text.
func clean(s string) string {
	s = cleanLine(s)
	return s[:min(len(s), 64)]
}

// cleanLine keeps printable ASCII, which every console shows.
func cleanLine(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
}

// wrap breaks a text between words, and words that are too long anywhere. The
// first line begins with a label, the others with as many blanks.
func wrap(label, text string, width int) []string {
	if width <= 0 {
		return []string{label + text}
	}
	room := max(width-len(label), 8)
	var lines []string
	line := ""
	flush := func() {
		lines = append(lines, label+line)
		label, line = strings.Repeat(" ", len(label)), ""
	}
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > room {
			flush()
		}
		if line != "" {
			line += " "
		}
		for line += word; len(line) > room; {
			end := room
			if i := strings.LastIndexByte(line[:room], ':'); i > 0 {
				end = i + 1 // a fingerprint
			}
			rest := line[end:]
			line = line[:end]
			flush()
			line = rest
		}
	}
	flush()
	return lines
}

// screen returns what a terminal of that size shows: the state, and below it
// the newest lines of the log that there is room for.
func screen(s State, log []string, width, height int) []string {
	lines := append([]string{"pxebox", ""}, Lines(s, width)...)
	foot := "Alt+F1: the kernel's log. Alt+F2: this screen."
	if room := height - len(lines) - 3; room > 0 && len(log) > 0 {
		lines = append(lines, "")
		for _, l := range log[max(0, len(log)-room):] {
			l = cleanLine(l)
			lines = append(lines, l[:min(len(l), width)])
		}
	}
	lines = lines[:min(len(lines), height-1)]
	for len(lines) < height-1 {
		lines = append(lines, "")
	}
	return append(lines, foot[:min(len(foot), width)])
}
