package settings

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/base/durable"
)

// What is on the volume beside the settings.
const (
	resultName = "pxebox-result.txt"
	readmeName = "README.txt"
)

// Readme is for whoever opens the volume.
//
//go:embed README.txt
var Readme []byte

// Volume is the small file system that a computer shows when the box's medium
// is plugged into it. Names are those of files at its top.
type Volume interface {
	// Read returns an error that is fs.ErrNotExist for a file that is not there.
	Read(name string) ([]byte, error)
	// Write replaces files. A power cut leaves each of them old or new.
	Write(files map[string][]byte) error
}

// Exchange takes over what a person has written on the volume since the last
// time, and shows there what became of it, or what is in force by now. It
// writes nothing where nothing changed. seen is the file that it remembers the
// volume's settings in. broken says why the box can keep nothing, if it cannot.
// New settings are looked at once serving has returned: the box serves with the
// last good ones by then, whatever the new ones do.
func Exchange(v Volume, s *Store, seen string, broken error, serving func(), log *slog.Logger) error {
	log = log.With("part", "settings")
	if broken != nil {
		log.Error("nothing can be kept, and the settings of the medium are not read", "err", broken)
		return report(v, nil, damaged(broken))
	}
	found, err := v.Read(FileName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	inForce, err := s.Read()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(seen)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	known := parseNotes(text)
	x := &exchange{volume: v, store: s, seen: seen, log: log, known: known}
	switch decide(found, inForce, known, s.check) {
	case leave:
		return x.leave(found)
	case take:
		serving()
		return x.take(found)
	case giveUp:
		log.Error("the check of the medium's settings did not end, twice: not taken")
		return x.end(resultDied, note{sum(found), refused})
	}
	return x.show(found, inForce)
}

// exchange is one call of Exchange.
type exchange struct {
	volume Volume
	store  *Store
	seen   string
	log    *slog.Logger
	known  notes
}

// leave has nothing to take and nothing to show.
func (x *exchange) leave(found []byte) error {
	state, known := x.known.of(found)
	switch {
	case len(x.known) > 0 && (!known || state == checking || state == checkingAgain):
		// Put back to what is in force; or taken, and then the power went.
		return x.end(resultTaken, note{sum(found), ""})
	case state == refused:
		return nil
	}
	return errors.Join(repaired(x.volume), x.remember(note{sum(found), ""}))
}

// take checks new settings, and puts them in force where they are right.
func (x *exchange) take(found []byte) error {
	before, state := x.known, checking
	if was, _ := before.of(found); was == checking {
		x.log.Warn("the check of the medium's settings did not end last time, and is tried once more")
		state = checkingAgain
	}
	// A volume that cannot be written to keeps no settings from being taken.
	failed := report(x.volume, nil, resultChecking)
	if err := x.remember(append(slices.Clone(before.but(found)), note{sum(found), state})...); err != nil {
		return errors.Join(failed, err)
	}
	err := x.store.Take(found)
	var mistakes config.Errors
	switch {
	case errors.As(err, &mistakes):
		x.log.Error("settings of the medium have mistakes: not taken", "err", mistakes)
		return x.end(told(mistakes), note{sum(found), refused})
	case err != nil:
		return errors.Join(err, x.end(failedBy(err), before.but(found)...))
	}
	x.log.Info("settings of the medium are taken")
	return x.end(resultTaken, note{sum(found), ""})
}

// show writes the settings in force to the volume.
func (x *exchange) show(found, inForce []byte) error {
	x.log.Info("settings in force are written to the medium")
	result := shown(found, x.known)
	files := map[string][]byte{FileName: dos(inForce), readmeName: dos(Readme)}
	// Whatever becomes of the writing, both are noted before it: none of
	// them is a person's edit then, whichever the next start finds.
	if err := x.remember(notesOf(found, inForce)...); err != nil {
		return err
	}
	if err := report(x.volume, files, result); err != nil {
		return err // either may be there
	}
	return x.remember(notesOf(inForce)...)
}

// end shows a result, and then notes what the volume holds. After a power cut
// between the two all is done again, and comes to the same. Without the result
// the settings on the volume have been seen to all the same: taken once more at
// the next start, they would undo what comes over the network until then.
func (x *exchange) end(result string, n ...note) error {
	return errors.Join(report(x.volume, nil, result), x.remember(n...))
}

// remember notes what the volume holds, unless that is noted already.
func (x *exchange) remember(n ...note) error {
	if slices.Equal(notes(n), x.known) {
		return nil
	}
	if err := durable.WriteFile(x.seen, notes(n).text(), 0o644); err != nil {
		return err
	}
	x.known = n
	return nil
}

// step is what is to be done about the settings on the volume.
type step int

const (
	leave  step = iota
	take        // a person has changed them
	show        // they are not those in force
	giveUp      // a person has changed them, and the box did not survive their check
)

// decide compares the settings on the volume with those in force. An empty
// file is none: a medium that is pulled out too early may have one. The
// built-in settings are what comes with an image, and nobody's wish.
func decide(found, inForce []byte, known notes, check func([]byte) error) step {
	text := plain(found)
	state, isKnown := known.of(found)
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return show
	case bytes.Equal(text, plain(inForce)):
		return leave
	case state == checkingAgain:
		return giveUp
	case state == checking:
		return take // most likely it was the power that went
	case state == refused:
		return leave // a person still works on it
	case !isKnown && !bytes.Equal(text, plain(config.DefaultFile())):
		return take
	case check(text) != nil: // refused by a program that noted no states
		return leave
	}
	return show
}

// note is what the box knows of settings that are on the volume, or that it may
// have left there itself.
type note struct{ sum, state string }

// The states of a note. Without one the settings are, or were, in force.
const (
	refused       = "refused"
	checking      = "checking" // begun, and not ended
	checkingAgain = "checking-again"
)

type notes []note

func parseNotes(b []byte) (n notes) {
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 0 {
			n = append(n, note{f[0], strings.Join(f[1:], " ")})
		}
	}
	return n
}

// text is what parseNotes reads.
func (n notes) text() []byte {
	var b bytes.Buffer
	for _, n := range n {
		fmt.Fprintln(&b, strings.TrimSpace(n.sum+" "+n.state))
	}
	return b.Bytes()
}

func notesOf(texts ...[]byte) (n notes) {
	for _, text := range texts {
		n = append(n, note{sum(text), ""})
	}
	return n
}

// of returns what is noted of settings.
func (n notes) of(text []byte) (state string, known bool) {
	s := sum(text)
	if i := slices.IndexFunc(n, func(n note) bool { return n.sum == s }); i >= 0 {
		return n[i].state, true
	}
	return "", false
}

// but is all that is noted of other settings.
func (n notes) but(text []byte) (others notes) {
	s := sum(text)
	for _, n := range n {
		if n.sum != s {
			others = append(others, n)
		}
	}
	return others
}

// sum is the same for a text whichever system's line ends it has.
func sum(text []byte) string {
	s := sha256.Sum256(plain(text))
	return hex.EncodeToString(s[:])
}

// What a technician reads in the result, and nothing that a clock says: the
// box may have none.
const (
	resultTaken = "pxebox.toml was read without a mistake. The box works with it.\n" +
		"If it is not on the network now, a screen or serial console on it says why.\n"
	resultChecking = "pxebox.toml is being checked. If this still stands here, the box went off while it\n" +
		"did that. It checks pxebox.toml once more at its next start.\n"
	resultDied = "pxebox.toml was NOT taken: twice the box went off, or stopped, while it checked it.\n" +
		"The box works with the settings that it had before, and does not try these again.\n" +
		"If it was the power that went, change something in pxebox.toml, such as a line\n" +
		"with nothing but #, and start the box again.\n"
	resultShown = "The box works with other settings than those that were in pxebox.toml here,\n" +
		"because they were changed over the network, or the box was updated.\n" + nowShows
	resultNone    = "There was no pxebox.toml here, or an empty one. That changes nothing.\n" + nowShows + wayBack
	resultBuiltIn = "pxebox.toml here was the one that comes with a new image. The box does not take\n" +
		"that one for a change, and keeps the settings that it has.\n" + nowShows + wayBack
	nowShows = "pxebox.toml here now shows the settings that the box works with.\n"
	wayBack  = "\nTo go back to the built-in settings, replace all that is in pxebox.toml by one\n" +
		"line with nothing but # in it, and start the box again.\n"
	damagedStart = "THE BOX CANNOT KEEP ANYTHING: its partition for that is damaged or missing."
)

// shown says why the box has put its settings in the place of those that it
// found.
func shown(found []byte, known notes) string {
	text := plain(found)
	_, isKnown := known.of(found)
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return resultNone
	case bytes.Equal(text, plain(config.DefaultFile())) && !isKnown:
		return resultBuiltIn
	}
	return resultShown
}

// told says what is wrong with settings.
func told(mistakes config.Errors) string {
	var b strings.Builder
	b.WriteString("pxebox.toml has mistakes, so the box did NOT take it, and works with the\n" +
		"settings that it had before. Correct these lines, and start the box again:\n\n")
	for _, m := range mistakes {
		fmt.Fprintf(&b, "line %d: %s: %s\n    %s\n", m.Line, m.Key, m.Problem, m.Fix)
	}
	return b.String()
}

// failedBy says why settings are not in force although nothing is wrong with
// them.
func failedBy(err error) string {
	return fmt.Sprintf("pxebox.toml was NOT taken: the box could not check it, or not keep it. It works\n"+
		"with the settings that it had before, and tries again at its next start.\n\nWhat the box saw: %v\n", err)
}

func damaged(err error) string {
	return fmt.Sprintf("%s\n\nIt works with the built-in settings and has no boot files, and does not read\n"+
		"pxebox.toml here. Save pxebox.toml, and write the image to this medium or to\n"+
		"a new one.\n\nWhat the box saw: %v\n", damagedStart, err)
}

// report writes the files and the result to the volume, unless they are there.
func report(v Volume, files map[string][]byte, result string) error {
	out := map[string][]byte{}
	for name, b := range files {
		out[name] = b
	}
	if result != "" {
		out[resultName] = dos([]byte(result))
	}
	for name, b := range out {
		if present, err := v.Read(name); err == nil && bytes.Equal(present, b) {
			delete(out, name)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return v.Write(out)
}

// repaired takes back what was said of a damaged partition.
func repaired(v Volume) error {
	if b, err := v.Read(resultName); err != nil || !bytes.HasPrefix(b, []byte(damagedStart)) {
		return nil
	}
	return report(v, nil, resultTaken)
}
