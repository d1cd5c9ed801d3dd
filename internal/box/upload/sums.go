package upload

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode/utf16"
)

// Checksum files that a client may send before the files, in the format of
// sha256sum.
const (
	sumSuffix = ".sha256"    // for the one file that it is named after
	sumsName  = "SHA256SUMS" // for all files next to it and below
	maxSums   = 1 << 20      // bytes
)

// expected returns the SHA-256 that a file should have, in lower-case hex, and
// the checksum file that says so, or "" if none does. The nearest one counts.
func (t *tree) expected(name string) (sum, from string, err error) {
	if strings.HasSuffix(name, sumSuffix) || path.Base(name) == sumsName {
		return "", "", nil
	}
	from = name + sumSuffix
	switch text, err := t.sums(from); {
	case err == nil:
		// It applies to this file, whatever folder the sum was made in.
		sum := findSum(text, func(of string) bool { return path.Base(of) == path.Base(name) })
		if sum == "" {
			return "", "",
				fmt.Errorf("%s cannot be checked: %s does not have its SHA-256. Send that file again, in the format of sha256sum, or delete it; then send %s again", name, from, path.Base(name))
		}
		return sum, from, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", "", err
	}
	for dir, rest := path.Split(name); ; {
		from = dir + sumsName
		text, err := t.sums(from)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", "", err
		}
		if sum := findSum(text, func(of string) bool { return of == rest }); sum != "" {
			return sum, from, nil
		}
		if dir == "" {
			return "", "", nil
		}
		var last string
		dir, last = path.Split(strings.TrimSuffix(dir, "/"))
		rest = path.Join(last, rest)
	}
}

// sums reads a checksum file.
func (t *tree) sums(file string) (string, error) {
	f, err := t.boot.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSums))
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return decode(b), nil
}

// decode also accepts what PowerShell writes: UTF-16, or UTF-8 after a byte
// order mark.
func decode(b []byte) string {
	if !bytes.HasPrefix(b, []byte{0xff, 0xfe}) {
		return string(bytes.TrimPrefix(b, []byte("\uFEFF")))
	}
	u := make([]uint16, len(b)/2-1)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2+2*i:])
	}
	return string(utf16.Decode(u))
}

// tagged matches a line of sha256sum --tag, of the BSDs and of openssl.
var tagged = regexp.MustCompile(`^SHA(?:2-)?256 ?\((.*)\) ?= ([0-9a-fA-F]{64})$`)

// findSum returns the first sum whose name meant accepts. A sum without a name
// applies to any file.
func findSum(text string, meant func(name string) bool) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		sum, of, named := strings.Cut(line, " ")
		if m := tagged.FindStringSubmatch(line); m != nil {
			sum, of, named = m[2], m[1], true
		}
		if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 {
			continue
		}
		of = path.Clean(strings.TrimPrefix(strings.TrimSpace(of), "*"))
		if !named || meant(of) {
			return strings.ToLower(sum)
		}
	}
	return ""
}

func sumOf(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
