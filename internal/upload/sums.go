package upload

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// What a sender may put beside files before them, in the form of sha256sum.
const (
	sumSuffix = ".sha256"    // for the one file whose name is before it
	sumsName  = "SHA256SUMS" // for all files beside and below it
	maxSums   = 1 << 20      // bytes
)

// expected returns the SHA-256 that a file should have, in lower-case hex, and
// the file that says so; that is empty if none does. The nearest one counts.
func (t *tree) expected(name string) (sum, from string, err error) {
	if strings.HasSuffix(name, sumSuffix) || path.Base(name) == sumsName {
		return "", "", nil
	}
	if sum, err = t.lookup(name+sumSuffix, path.Base(name)); sum != "" || err != nil {
		return sum, name + sumSuffix, err
	}
	for dir, rest := path.Split(name); ; {
		file := dir + sumsName
		if sum, err = t.lookup(file, rest); sum != "" || err != nil {
			return sum, file, err
		}
		if dir == "" {
			return "", "", nil
		}
		var last string
		dir, last = path.Split(strings.TrimSuffix(dir, "/"))
		rest = path.Join(last, rest)
	}
}

// lookup returns what a file of sums says of a name, or "".
func (t *tree) lookup(file, name string) (string, error) {
	f, err := t.boot.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSums))
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return findSum(string(b), name), nil
}

// findSum finds a name in the output of sha256sum. A sum that stands alone is
// for any name.
func findSum(text, name string) string {
	for line := range strings.Lines(text) {
		sum, of, named := strings.Cut(strings.TrimSpace(line), " ")
		if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 {
			continue
		}
		of = path.Clean(strings.TrimPrefix(strings.TrimSpace(of), "*"))
		if !named || of == name {
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
