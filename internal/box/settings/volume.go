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
	"time"

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
	before, _ := v.Read(resultName)
	err := exchangeSettings(v, s, seen, broken, serving, log.With("part", "settings"))
	if after, e := v.Read(resultName); e == nil {
		var now time.Time
		if !bytes.Equal(before, after) {
			now = time.Now()
		}
		s.recordVolume(after, now)
	}
	return err
}

func exchangeSettings(v Volume, s *Store, seen string, broken error, serving func(), log *slog.Logger) error {
	if broken != nil {
		log.Error("the box cannot save anything, so it does not read the settings volume", "err", broken)
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
		log.Error("settings on the volume refused: checking them did not finish, twice")
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
		x.log.Warn("checking the settings on the volume did not finish last time; trying once more")
		state = checkingAgain
	}
	// The settings are adopted even if the volume cannot be written to.
	failed := report(x.volume, nil, resultChecking)
	if err := x.remember(append(slices.Clone(before.but(found)), note{sum(found), state})...); err != nil {
		return errors.Join(failed, err)
	}
	warnings, err := x.store.Apply(found)
	var mistakes config.Errors
	switch {
	case errors.As(err, &mistakes):
		x.log.Error("settings on the volume refused because of mistakes", "err", mistakes)
		return x.end(told(mistakes), note{sum(found), refused})
	case err != nil:
		return errors.Join(err, x.end(failedBy(err), before.but(found)...))
	}
	x.log.Info("settings on the volume are now in force")
	for _, e := range warnings {
		x.log.Warn("settings on the volume are in force, with a warning", "why", e)
	}
	return x.end(taken(warnings), note{sum(found), ""})
}

// show writes the settings in force to the volume.
func (x *exchange) show(found, inForce []byte) error {
	x.log.Info("writing the settings in force to the volume")
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
func decide(found, inForce []byte, known notes, check Check) step {
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
	}
	if _, err := check(text); err != nil { // refused by a program that recorded no states
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
	resultTaken = "pxebox.toml was read without a mistake. The box uses it.\n" +
		"If it is not on the network now, a screen or serial console on it says why.\n"
	resultChecking = "pxebox.toml is being checked. If you still read this, the box was switched off\n" +
		"during the check. It checks pxebox.toml once more at its next start.\n"
	resultDied = "pxebox.toml was NOT accepted: twice the box was switched off, or stopped, during\n" +
		"the check. The box uses its previous settings, and does not try these again.\n" +
		"If the power failed, change something in pxebox.toml, for example add a line\n" +
		"with only a #, and restart the box.\n"
	resultShown = "The box uses other settings than those that were in pxebox.toml here,\n" +
		"because they were changed over the network, or the box was updated.\n" + nowShows
	resultNone = "There was no pxebox.toml here, or an empty one. The settings have not changed.\n" +
		nowShows + wayBack
	resultBuiltIn = "pxebox.toml here was the one that comes with a new image. The box does not treat\n" +
		"that as a change, and keeps its settings.\n" + nowShows + wayBack
	nowShows = "pxebox.toml here now shows the settings that the box uses.\n"
	wayBack  = "\nTo go back to the built-in settings, replace the whole content of pxebox.toml with\n" +
		"a line with only a #, and restart the box.\n"
	damagedStart = "THE BOX CANNOT SAVE ANYTHING: its data partition is damaged or missing."
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
	return "pxebox.toml has mistakes, so the box did NOT accept it, and uses its previous\n" +
		"settings. Correct these lines, and restart the box:\n\n" + linesOf(mistakes)
}

// taken says that settings are in force, and what will hardly work.
func taken(warnings config.Errors) string {
	if len(warnings) == 0 {
		return resultTaken
	}
	return resultTaken + "\nA line may not work as it is:\n\n" + linesOf(warnings)
}

func linesOf(all config.Errors) string {
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "line %d: %s: %s\n    %s\n", e.Line, e.Key, e.Problem, e.Fix)
	}
	return b.String()
}

// failedBy says why settings are not in force although they have no mistakes.
func failedBy(err error) string {
	return fmt.Sprintf("pxebox.toml was NOT accepted: the box could not check it, or could not save it.\n"+
		"It uses its previous settings, and tries again at its next start.\n\nThe error: %v\n", err)
}

func damaged(err error) string {
	return fmt.Sprintf("%s\n\nIt uses the built-in settings, has no boot files, and does not read\n"+
		"pxebox.toml here. Copy pxebox.toml to a computer, and write the image to this\n"+
		"medium or to a new one.\n\nThe error: %v\n", damagedStart, err)
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
