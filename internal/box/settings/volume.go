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

// Files on the volume in addition to the settings.
const (
	resultName = "pxebox-result.txt"
	readmeName = "README.txt"
)

// Readme explains the volume to the person who opens it.
//
//go:embed README.txt
var Readme []byte

// Volume is the small file system that a computer shows when the box's medium
// is plugged in. Names are those of files in its root directory.
type Volume interface {
	// Read returns an error that is fs.ErrNotExist if the file does not exist.
	Read(name string) ([]byte, error)
	// Write replaces files. After a power cut, each has its old or new content.
	Write(files map[string][]byte) error
}

// Exchange adopts what a person has written to the volume since the last call,
// and writes the result there, or the settings that are in force now. It writes
// nothing if nothing changed. seen is the file in which it remembers the
// volume's settings. broken is non-nil if the box cannot store anything, and
// says why. Exchange checks new settings only after serving has returned: by
// then the box serves with the last good ones, whatever the new ones do.
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

// exchange is the state of one call of Exchange.
type exchange struct {
	volume Volume
	store  *Store
	seen   string
	log    *slog.Logger
	known  notes
}

// leave handles settings that need not be adopted or replaced.
func (x *exchange) leave(found []byte) error {
	state, known := x.known.of(found)
	switch {
	case len(x.known) > 0 && (!known || state == checking || state == checkingAgain):
		// Either a person restored the settings in force, or these were adopted
		// and then the power failed.
		return x.end(resultTaken, note{sum(found), ""})
	case state == refused:
		return nil
	}
	return errors.Join(repaired(x.volume), x.remember(note{sum(found), ""}))
}

// take checks new settings, and puts them in force if they have no mistakes.
func (x *exchange) take(found []byte) error {
	before, state := x.known, checking
	if was, _ := before.of(found); was == checking {
		x.log.Warn("the check of the medium's settings did not end last time, and is tried once more")
		state = checkingAgain
	}
	// The settings are adopted even if the volume cannot be written to.
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
	// Record both before writing: whichever the next start finds, it does not
	// take it for a person's edit.
	if err := x.remember(notesOf(found, inForce)...); err != nil {
		return err
	}
	if err := report(x.volume, files, result); err != nil {
		return err // either may be there
	}
	return x.remember(notesOf(inForce)...)
}

// end writes a result, and then records what the volume holds. After a power
// cut between the two, everything is repeated, with the same outcome. It
// records the settings even if it cannot write the result: adopted again at the
// next start, they would undo changes made over the network until then.
func (x *exchange) end(result string, n ...note) error {
	return errors.Join(report(x.volume, nil, result), x.remember(n...))
}

// remember records what the volume holds, unless that is already recorded.
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

// step is what to do about the settings on the volume.
type step int

const (
	leave  step = iota
	take        // a person has changed them
	show        // they differ from those in force
	giveUp      // a person has changed them, and the box did not survive checking them
)

// decide compares the settings on the volume with those in force. An empty file
// counts as no file: a medium that is pulled out too early may have one. The
// built-in settings come with every image, so they are not a person's choice.
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
		return take // most likely the power failed
	case state == refused:
		return leave // a person is still editing it
	case !isKnown && !bytes.Equal(text, plain(config.DefaultFile())):
		return take
	case check(text) != nil: // refused by a program that recorded no states
		return leave
	}
	return show
}

// note is what the box knows about settings that are on the volume, or that it
// may have written there itself.
type note struct{ sum, state string }

// The states of a note. Settings without a state are, or were, in force.
const (
	refused       = "refused"
	checking      = "checking" // begun, but not finished
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

// text returns the form that parseNotes reads.
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

// of returns the recorded state of settings.
func (n notes) of(text []byte) (state string, known bool) {
	s := sum(text)
	if i := slices.IndexFunc(n, func(n note) bool { return n.sum == s }); i >= 0 {
		return n[i].state, true
	}
	return "", false
}

// but returns the notes about all other settings.
func (n notes) but(text []byte) (others notes) {
	s := sum(text)
	for _, n := range n {
		if n.sum != s {
			others = append(others, n)
		}
	}
	return others
}

// sum returns the checksum of a text, regardless of its line ends.
func sum(text []byte) string {
	s := sha256.Sum256(plain(text))
	return hex.EncodeToString(s[:])
}

// The result texts, for a technician. They contain no times, because the box
// may not have a clock.
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

// shown says why the box has replaced the settings that it found with those in
// force.
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

// told lists the mistakes in settings.
func told(mistakes config.Errors) string {
	var b strings.Builder
	b.WriteString("pxebox.toml has mistakes, so the box did NOT take it, and works with the\n" +
		"settings that it had before. Correct these lines, and start the box again:\n\n")
	for _, m := range mistakes {
		fmt.Fprintf(&b, "line %d: %s: %s\n    %s\n", m.Line, m.Key, m.Problem, m.Fix)
	}
	return b.String()
}

// failedBy says why settings are not in force although they have no mistakes.
func failedBy(err error) string {
	return fmt.Sprintf("pxebox.toml was NOT taken: the box could not check it, or not keep it. It works\n"+
		"with the settings that it had before, and tries again at its next start.\n\nWhat the box saw: %v\n", err)
}

func damaged(err error) string {
	return fmt.Sprintf("%s\n\nIt works with the built-in settings and has no boot files, and does not read\n"+
		"pxebox.toml here. Save pxebox.toml, and write the image to this medium or to\n"+
		"a new one.\n\nWhat the box saw: %v\n", damagedStart, err)
}

// report writes the files and the result to the volume, unless they are already
// there.
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

// repaired replaces a report about a damaged partition.
func repaired(v Volume) error {
	if b, err := v.Read(resultName); err != nil || !bytes.HasPrefix(b, []byte(damagedStart)) {
		return nil
	}
	return report(v, nil, resultTaken)
}
