package menuwatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/menu"
)

// Check reads a configuration file and says what is to be known of it: what is
// not shown on which firmware, and which boot files are missing in boot; an
// empty boot leaves these out. None of this is a mistake. The error holds a
// line for each that is one.
func Check(out io.Writer, file, boot string) error {
	data, err := readFile(file)
	if err != nil {
		return err
	}
	c, err := generation.Parse(file, data)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: OK\n", file)
	for _, n := range menu.Check(c) {
		fmt.Fprintf(out, "%s: note: %s%s\n", file, about(n), n.Why)
	}
	if boot == "" {
		return nil
	}
	names := needed(c)
	found := lookFor(boot, "", c.Files, names)
	for _, name := range names {
		where, err := filepath.Join(boot, filepath.FromSlash(name)), found[name].err
		switch {
		case errors.Is(err, fs.ErrNotExist):
			fmt.Fprintf(out, "%s: note: %s is missing, for %s\n", file, where, users(c, name))
		case err != nil:
			fmt.Fprintf(out, "%s: note: %s cannot be read, for %s: %v\n", file, where, users(c, name), err)
		case found[name].size == 0:
			fmt.Fprintf(out, "%s: note: %s is empty, for %s\n", file, where, users(c, name))
		}
	}
	return nil
}

// about says what a note is about, if not all.
func about(n menu.Note) string {
	switch {
	case n.Entry != "" && n.Firmware != "":
		return fmt.Sprintf("entry %q on %s: ", n.Entry, n.Firmware)
	case n.Entry != "":
		return fmt.Sprintf("entry %q: ", n.Entry)
	case n.Firmware != "":
		return n.Firmware + ": "
	}
	return ""
}

// Render writes what machines would get into dir, for a person to read: the
// general menus, and those of certain machines below views. boot is as for
// Check.
func Render(ctx context.Context, file, boot, dir string, lookup Lookup) error {
	data, err := readFile(file)
	if err != nil {
		return err
	}
	c, err := generation.Parse(file, data)
	if err != nil {
		return err
	}
	w := &Watcher{Lookup: lookup}
	names := names{}
	names.follow(c, time.Time{})
	for host, n := range names {
		var err error
		n.addr, err = choose(n.addr, w.lookup(ctx, host), nil) // the menu says which were not found
		if errors.As(err, new(*unusableError)) {
			n.wrong = err.Error()
		}
	}
	var servers servers
	st := menu.Status{WDS: servers.status(c, names, nil)}
	if boot != "" {
		found := lookFor(boot, "", c.Files, needed(c))
		st.Missing = missing(c, func(name string) bool { return found[name].err == nil && found[name].size > 0 })
	}
	r := menu.Render(c, st)
	if r.TooLarge { // what is known of the site has made them longer
		return fmt.Errorf("render: %w", generation.TooLargeError{})
	}
	files := maps.Clone(r.Files)
	for view, menus := range r.Views {
		for name, data := range menus {
			files[path.Join("views", view, name)] = data
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("render: %w", err)
		}
		if err := os.WriteFile(to, files[name], 0o644); err != nil {
			return fmt.Errorf("render: %w", err)
		}
	}
	return nil
}

// readFile reads a configuration. An empty file is one that is being written,
// or whose writing was cut off; it does not stand for the default.
func readFile(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("read configuration: %s is empty", name)
	}
	return data, nil
}
