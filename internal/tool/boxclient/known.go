package boxclient

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// knownBoxes are the boxes that were trusted at first sight, by their public
// keys. All HTTPS ports of a box have the same key.
type knownBoxes struct {
	file string
	out  io.Writer // messages for the user
}

// replace records the key that a box has from now on, as it has announced.
func (k knownBoxes) replace(pin, host string) error {
	b, err := os.ReadFile(k.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var text strings.Builder
	for line := range strings.Lines(string(b)) {
		if name, _, _ := strings.Cut(line, " "); name != host {
			text.WriteString(line)
		}
	}
	fmt.Fprintln(&text, host, pin)
	next := k.file + ".new"
	if err := os.WriteFile(next, []byte(text.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(next, k.file)
}

// trust compares a box with its known fingerprint, and records a new box. A box
// that is known by one of the other addresses is not new.
func (k knownBoxes) trust(pin, host string, also ...string) error {
	f, err := openKnown(k.file)
	if err != nil {
		return err
	}
	defer f.Close()
	known := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, was, _ := strings.Cut(lines.Text(), " ")
		if _, ok := known[name]; !ok { // the first line counts
			known[name] = was
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", k.file, err)
	}
	for _, name := range append([]string{host}, also...) {
		was, ok := known[name]
		switch {
		case !ok:
			continue
		case was != pin:
			return notTheSame(name, was, pin, k.file)
		}
		return nil
	}
	fmt.Fprint(k.out, isNew(host, pin))
	_, err = fmt.Fprintln(f, host, pin)
	return err
}
