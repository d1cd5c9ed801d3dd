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
	"github.com/pxebox/pxebox/internal/durable"
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
func Exchange(v Volume, s *Store, seen string, broken error, log *slog.Logger) error {
	log = log.With("step", "settings")
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
	note, err := os.ReadFile(seen)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	notes := parseNotes(note)
	var files map[string][]byte
	result := resultKept
	switch decide(found, inForce, notes) {
	case leave:
		if len(notes) > 0 && !notes.has(found) { // put back to what is in force
			result = resultTaken
		} else if err := repaired(v); err != nil {
			return err
		}
	case take:
		err := s.Take(found)
		var mistakes config.Errors
		switch {
		case errors.As(err, &mistakes):
			log.Error("settings of the medium have mistakes: not taken", "err", mistakes)
			result = refused(mistakes)
		case err != nil:
			return err
		default:
			log.Info("settings of the medium are taken")
			result = resultTaken
		}
	case show:
		log.Info("settings in force are written to the medium")
		result = shown(found, notes)
		files = map[string][]byte{FileName: dos(inForce), readmeName: dos(Readme)}
		// Whatever becomes of the writing, both are noted before it: none of
		// them is a person's edit then, whichever the next start finds.
		if err := remember(seen, notes, found, inForce); err != nil {
			return err
		}
		notes, found = notesOf(found, inForce), inForce
	}
	// The result comes before the note: after a power cut between them all is
	// done again, and comes to the same.
	err = report(v, files, result)
	if err != nil && files != nil {
		return err // either may be there
	}
	// Without the result the settings on the volume have been seen to all the
	// same: taken once more at the next start, they would undo what comes over
	// the network until then.
	return errors.Join(err, remember(seen, notes, found))
}

// step is what is to be done about the settings on the volume.
type step int

const (
	leave step = iota
	take       // somebody has changed them
	show       // they are not those in force
)

// decide compares the settings on the volume with those in force. An empty
// file is none: a medium that is pulled out too early may have one. The
// built-in settings are what comes with an image, and nobody's wish.
func decide(found, inForce []byte, known notes) step {
	text := plain(found)
	switch unchanged := known.has(found) || bytes.Equal(text, plain(config.DefaultFile())); {
	case len(bytes.TrimSpace(text)) == 0:
		return show
	case bytes.Equal(text, plain(inForce)):
		return leave
	case !unchanged:
		return take
	case check(text) != nil:
		return leave // refused before, and somebody's work still
	}
	return show
}

// notes are the sums of settings that the box knows to be on the volume, or
// may have left there itself.
type notes []string

func parseNotes(b []byte) notes { return strings.Fields(string(b)) }

func notesOf(texts ...[]byte) (n notes) {
	for _, text := range texts {
		n = append(n, sum(plain(text)))
	}
	return n
}

func (n notes) has(text []byte) bool { return slices.Contains(n, sum(plain(text))) }

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// remember notes settings on the volume, unless these and no others are noted
// already.
func remember(seen string, known notes, texts ...[]byte) error {
	n := notesOf(texts...)
	if slices.Equal(n, known) {
		return nil
	}
	return durable.WriteFile(seen, []byte(strings.Join(n, "\n")), 0o644)
}

// What a technician reads in the result, and nothing that a clock says: the
// box may have none.
const (
	resultKept  = ""
	resultTaken = "pxebox.toml was read without a mistake. The box works with it.\n" +
		"If it is not on the network now, a screen or serial console on it says why.\n"
	resultShown = "The box works with other settings than those that were in pxebox.toml here,\n" +
		"because they were changed over the network, or the box was updated.\n" + nowShows
	resultNone    = "There was no pxebox.toml here, or an empty one. That changes nothing.\n" + nowShows + wayBack
	resultBuiltIn = "pxebox.toml here was the one that comes with a new image. The box does not take\n" +
		"that one for somebody's wish, and goes on with the settings that it has.\n" + nowShows + wayBack
	nowShows = "pxebox.toml here now shows the settings that the box works with.\n"
	wayBack  = "\nTo go back to the built-in settings, replace all that is in pxebox.toml by one\n" +
		"line with nothing but # in it, and start the box again.\n"
	damagedStart = "THE BOX CANNOT KEEP ANYTHING: its partition for that is damaged or missing."
)

// shown says why the box has put its settings in the place of those that it
// found.
func shown(found []byte, known notes) string {
	text := plain(found)
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return resultNone
	case bytes.Equal(text, plain(config.DefaultFile())) && !known.has(found):
		return resultBuiltIn
	}
	return resultShown
}

func refused(mistakes config.Errors) string {
	var b strings.Builder
	b.WriteString("pxebox.toml has mistakes, so the box did NOT take it, and works with the\n" +
		"settings that it had before. Mend these lines, and start the box again:\n\n")
	for _, m := range mistakes {
		fmt.Fprintf(&b, "line %d: %s: %s\n    %s\n", m.Line, m.Key, m.Problem, m.Mend)
	}
	return b.String()
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
	if result != resultKept {
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
