// Package netproblem is the file of the run directory in which pxed says why it
// cannot use the network interface that the settings name. While there is one,
// the box serves no machine on that interface.
package netproblem

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FileName is the file's name in the run directory.
const FileName = "network-problem"

// maxSize is more than the file ever has, in bytes: the names of the box's
// interfaces make it long.
const maxSize = 64 << 10

// Write replaces the problem, which is one sentence; "" says that there is none.
// A reader sees the old one or the new one.
func Write(runDir, why string) error {
	file := filepath.Join(runDir, FileName)
	if why == "" {
		if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.WriteFile(file+".new", []byte(why+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Read returns the problem, or "".
func Read(runDir string) string {
	f, err := os.Open(filepath.Join(runDir, FileName))
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSize))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
