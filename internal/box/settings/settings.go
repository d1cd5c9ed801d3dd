// Package settings adopts new settings of the box, a whole pxebox.toml, from
// two sources: the volume that a computer shows once the image is on its
// medium, and HTTPS. Both check settings before they adopt them. Package config
// defines what settings mean, and menuwatch notices by itself that they have
// changed.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/base/durable"
)

// FileName is the name of the settings file wherever a person sees it.
const FileName = "pxebox.toml"

// Check returns the mistakes in settings, as config.Errors. Any other error means
// that the check failed. Warnings are about settings without mistakes: what will
// hardly work on this box as it is now.
type Check func(text []byte) (warnings config.Errors, err error)

// Store is the file with the settings in force. The previous settings are kept
// next to it, under the same name with .old appended.
type Store struct {
	File  string
	Check Check // nil means Parses

	checking sync.Mutex // one check at a time: each may need a lot of memory
	mu       sync.Mutex

	resultsMu sync.Mutex
	results   boxstatus.Settings
}

// Results returns the results of new settings since the start.
func (s *Store) Results() boxstatus.Settings {
	s.resultsMu.Lock()
	defer s.resultsMu.Unlock()
	return s.results
}

// record stores the result of an upload.
func (s *Store) record(client string, warnings config.Errors, err error) {
	r := &boxstatus.Result{Time: time.Now(), Taken: err == nil, Client: client}
	if err != nil {
		r.Text = cut(err.Error())
	} else if len(warnings) > 0 {
		r.Text = cut(warnings.Error())
	}
	s.resultsMu.Lock()
	defer s.resultsMu.Unlock()
	s.results.Network = r
}

// recordVolume stores the text of the volume's result. now is zero if the text
// is from an earlier start.
func (s *Store) recordVolume(text []byte, now time.Time) {
	s.resultsMu.Lock()
	defer s.resultsMu.Unlock()
	s.results.Volume = &boxstatus.Result{Time: now, Text: cut(string(plain(text)))}
}

// cut returns the beginning of a text that may be too long to be shown.
func cut(text string) string {
	const more = " …"
	if len(text) <= boxstatus.MaxText {
		return text
	}
	return strings.ToValidUTF8(text[:boxstatus.MaxText-len(more)], "") + more
}

// Read returns the settings in force, or the built-in ones if there is no file.
func (s *Store) Read() ([]byte, error) {
	b, err := os.ReadFile(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		return plain(config.DefaultFile()), nil
	}
	return b, err
}

// Apply puts settings in force, and returns the warnings of their check. An error
// of type config.Errors lists their mistakes; any other error says why they cannot
// be checked or stored. On any error, nothing has changed.
func (s *Store) Apply(text []byte) (warnings config.Errors, err error) {
	text = plain(text)
	if warnings, err = s.check(text); err != nil {
		return nil, err
	}
	return warnings, s.store(text)
}

// store replaces the file by settings that were checked.
func (s *Store) store(text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := os.ReadFile(s.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case bytes.Equal(plain(old), text):
		return nil
	default:
		if err := durable.WriteFile(s.File+".old", old, 0o644); err != nil {
			return fmt.Errorf("save the old settings: %w", err)
		}
	}
	return durable.WriteFile(s.File, text, 0o644)
}

func (s *Store) check(text []byte) (warnings config.Errors, err error) {
	s.checking.Lock()
	defer s.checking.Unlock()
	if s.Check == nil {
		return Parses(text)
	}
	return s.Check(text)
}

// plain converts a text to Unix conventions: some Windows editors add a byte
// order mark and end lines with CR LF.
func plain(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

// dos converts a text to the line ends that every version of Notepad shows.
func dos(text []byte) []byte { return bytes.ReplaceAll(plain(text), []byte("\n"), []byte("\r\n")) }
