package adopt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Install is Run for the host that runs pxebox: the result becomes the settings in
// file, and the boot files go to the folder boot. It replaces only settings that
// are all comments, and no boot file. The settings that were there are kept as
// FILE.old.
func (j Job) Install(out io.Writer, file, boot string) error {
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("adopt: %w", err)
	}
	if n := firstSetting(old); n > 0 {
		return fmt.Errorf("adopt: %s:%d: there are settings already: move the file away, or adopt into a folder", file, n)
	}
	// In the folder next to it, so that files of any size are renamed.
	work, err := os.MkdirTemp(filepath.Dir(boot), ".pxebox-adopt-")
	if err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	defer os.RemoveAll(work)
	j.Into = work
	var said bytes.Buffer
	err = j.Run(&said)
	names := strings.NewReplacer(filepath.Join(work, configFile), file, filepath.Join(work, bootDir), boot, work, boot)
	if _, e := names.WriteString(out, said.String()); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	if err := moveInto(filepath.Join(work, bootDir), boot); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	if len(old) > 0 {
		if err := replace(file+".old", old, 0o644); err != nil {
			return fmt.Errorf("adopt: %w", err)
		}
	}
	// Last, as in Run.
	settings, err := os.ReadFile(filepath.Join(work, configFile))
	if err == nil {
		err = replace(file, settings, 0o644)
	}
	if err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	return nil
}

// replace writes a file next to an old one, and then takes its place. The package
// durable does the same and more, but not on Windows, where pxebox runs as well.
func replace(file string, data []byte, perm fs.FileMode) error {
	f, err := os.OpenFile(file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// firstSetting returns the number of the first line that is neither empty nor a
// comment, or 0.
func firstSetting(settings []byte) int {
	n := 0
	for line := range bytes.Lines(settings) {
		n++
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return n
		}
	}
	return 0
}

// moveInto moves the files below one folder to another one. If one of them is
// there already, it moves none.
func moveInto(from, to string) error {
	var files []string
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		files = append(files, name)
		if _, err := os.Lstat(filepath.Join(to, name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already: move it away, or adopt into a folder", filepath.Join(to, name))
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) && len(files) == 0 {
		return nil // no source has boot files
	}
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}
