// Package settings takes over new settings of the box, a whole pxebox.toml, by
// two ways: the volume that a computer shows once the image is on its medium,
// and HTTPS. Both check before they take. What settings mean is config's
// business, and menuwatch finds by itself that they have changed.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/base/durable"
)

// FileName is what the settings are called wherever a person meets them.
const FileName = "pxebox.toml"

// Store is the file with the settings in force. The one before is kept beside
// it, its name with .old behind.
type Store struct {
	File string
	// Check returns what is wrong with settings, as config.Errors; any other
	// error says why that cannot be told. Nil stands for Parses.
	Check func(text []byte) error

	checking sync.Mutex // one check at a time: each may take a lot of memory
	mu       sync.Mutex
}

// Read returns the settings in force, the built-in ones where there is no file.
func (s *Store) Read() ([]byte, error) {
	b, err := os.ReadFile(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		return plain(config.DefaultFile()), nil
	}
	return b, err
}

// Take puts settings in force. An error of type config.Errors says what is
// wrong with them; any other, why they cannot be checked or kept. With either,
// nothing has changed.
func (s *Store) Take(text []byte) error {
	text = plain(text)
	if err := s.check(text); err != nil {
		return err
	}
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
			return fmt.Errorf("keep the old settings: %w", err)
		}
	}
	return durable.WriteFile(s.File, text, 0o644)
}

func (s *Store) check(text []byte) error {
	s.checking.Lock()
	defer s.checking.Unlock()
	if s.Check == nil {
		return Parses(text)
	}
	return s.Check(text)
}

// plain is a text as Unix has it: some editors of Windows put a byte order
// mark first and end lines with CR LF.
func plain(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

// dos is a plain text with the ends of lines that every Notepad shows.
func dos(text []byte) []byte { return bytes.ReplaceAll(plain(text), []byte("\n"), []byte("\r\n")) }
