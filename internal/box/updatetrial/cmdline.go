package updatetrial

import (
	"fmt"
	"regexp"
	"strings"
)

// Slot is the number of a root's partition: 2 or 3. gokrazy calls the running
// one active, and writes an update to the other.
type Slot int

func (s Slot) other() Slot { return 5 - s }

const (
	gokrazyInit = "init=/gokrazy/init"
	// trialInit makes the kernel start this program instead of gokrazy.
	trialInit = "init=/user/appliance"
	// tried is what a trial leaves behind. It is removed when its root is kept.
	tried = "pxebox.tried="
	// room is an argument without meaning on the command line of each instance:
	// with a GPT's long names, gok's 64 spaces are one too few for a trial.
	room = " pxebox.room=1"
)

var (
	// gok identifies a root by the GUID of the first partition and the root's
	// offset from it. If the disk has only an MBR, gok identifies it by the
	// disk's signature and the partition's number.
	rootArg = regexp.MustCompile(`\broot=(PARTUUID=[0-9A-Fa-f-]+(?:/PARTNROFF=|-0))([0-9])`)
	// The arguments that a trial adds.
	trialArgs = regexp.MustCompile(` (?:ubd0|pxebox\.tried)=\S*`)
)

// named returns the slot that a kernel command line makes the kernel mount.
func named(text string) (Slot, error) {
	m := rootArg.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("no root=PARTUUID= in %q", text)
	}
	s := Slot(m[2][0] - '0')
	if strings.Contains(m[1], "/") {
		s++
	}
	if s != 2 && s != 3 {
		return 0, fmt.Errorf("partition %d is not a root: %q", s, text)
	}
	return s, nil
}

// root returns the value of root= that identifies a slot, derived from the one
// in text.
func root(text string, s Slot) string {
	id := rootArg.FindStringSubmatch(text)[1]
	if strings.Contains(id, "/") {
		s--
	}
	return fmt.Sprint(id, int(s))
}

// isTrial reports whether a command line starts a trial.
func isTrial(text string) bool { return strings.Contains(text, trialInit) }

// boots returns text changed so that it boots a slot, without a trial.
func boots(text string, s Slot) (string, error) {
	if _, err := named(text); err != nil {
		return "", err
	}
	plain := trialArgs.ReplaceAllLiteralString(text, "")
	plain = strings.Replace(plain, trialInit, gokrazyInit, 1)
	plain = rootArg.ReplaceAllLiteralString(plain, "root="+root(text, s))
	return fit(plain, text)
}

// tries returns text changed so that it boots the slot safe to try the other
// one.
//
// gokrazy's init takes as the active root what the first of root= and ubd0=
// names. (ubd0 is the disk of User Mode Linux, and has no meaning elsewhere.)
// So the kernel mounts the safe root, and the init of the root on trial knows
// which root it is in: an update that comes after the trial goes to the other
// one.
func tries(text string, safe Slot) (string, error) {
	plain, err := boots(text, safe)
	if err != nil {
		return "", err
	}
	if !strings.Contains(plain, gokrazyInit) {
		return "", fmt.Errorf("no %s in %q", gokrazyInit, text)
	}
	trial := strings.Replace(plain, "root=", "ubd0="+root(text, safe.other())+" root=", 1)
	trial = strings.Replace(trial, gokrazyInit, trialInit, 1)
	return fit(strings.Replace(trial, room, "", 1), text)
}

// hasTried returns text, which boots the safe slot, with a note of what was
// tried.
func hasTried(text string, s Slot) (string, error) {
	return fit(fmt.Sprintf("%s %s%d", strings.TrimRight(text, " \n"), tried, s), text)
}

// fit pads a text to the length of the one that it replaces. The MBR's boot
// loader finds the file by its sector, so the file cannot grow: gok leaves 64
// spaces for such changes.
func fit(text, old string) (string, error) {
	text = strings.TrimRight(text, " \n")
	if len(text) > len(old) {
		return "", fmt.Errorf("%q does not fit into %d bytes", text, len(old))
	}
	return text + strings.Repeat(" ", len(old)-len(text)), nil
}
