// Package sitenote is what menuwatch notes for the box's console, in files of
// the run directory: mistakes in the settings, WDS servers that are down, and
// the box's name.
package sitenote

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
)

const (
	// FileName is the note's name in the run directory.
	FileName = "site.json"
	// NameFile is the file in the run directory that holds the last name that the
	// box had by mDNS. After a restart of menuwatch, the box has the same name.
	NameFile = "mdns-name"
)

// maxSize is more than the file ever has, in bytes: there are at most 64 WDS
// servers, with short names.
const maxSize = 64 << 10

// Note is what a person in front of the box may want to know.
type Note struct {
	// Mistakes counts what is wrong in pxebox.toml. While there are any, other
	// settings are in force.
	Mistakes int `json:"mistakes"`
	// Down are the names of WDS servers that do not answer, in order.
	Down []string `json:"down,omitempty"`
}

// Write replaces the file. A reader sees the old note or the new one.
func Write(runDir string, n Note) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	file := filepath.Join(runDir, FileName)
	if err := os.WriteFile(file+".new", append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Read returns the note; the zero Note if there is none.
func Read(runDir string) (n Note) {
	f, err := os.Open(filepath.Join(runDir, FileName))
	if err != nil {
		return Note{}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSize))
	if err != nil || json.Unmarshal(b, &n) != nil {
		return Note{}
	}
	return n
}
