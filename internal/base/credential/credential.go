// Package credential is what the box and the programs that talk to it share:
// the user's name, how a password file is read, and how a certificate is known.
package credential

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// User is the name that goes with the password, as gok update sends it.
const User = "gokrazy"

// ReadPassword returns the password from the first of the files that is there.
// The error is fs.ErrNotExist if none is.
func ReadPassword(files ...string) (string, error) {
	for _, name := range files {
		b, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if password := strings.TrimSpace(string(b)); password != "" {
			return password, nil
		}
		return "", fmt.Errorf("%s is empty: write the password into it", name)
	}
	return "", fmt.Errorf("there is no password in %s: %w", strings.Join(files, " or "), fs.ErrNotExist)
}

// Pin is what curl --pinnedpubkey knows a certificate by.
func Pin(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return "sha256//" + base64.StdEncoding.EncodeToString(sum[:])
}
