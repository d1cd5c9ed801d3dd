// Package credential holds what the box and the programs that talk to it share:
// the user name, how to read a password file, and how to pin a certificate.
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

// User is the user name, the same one that gok update sends.
const User = "gokrazy"

// ErrEmpty is the error for a file without a password.
var ErrEmpty = errors.New("is empty")

// ReadPassword returns the password from the first file that exists. The error
// is fs.ErrNotExist if none does.
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
		return "", fmt.Errorf("%s %w: write a password into it", name, ErrEmpty)
	}
	return "", fmt.Errorf("no password in %s: %w", strings.Join(files, " or "), fs.ErrNotExist)
}

// Fingerprint returns the SHA-256 fingerprint of a certificate, as browsers show
// it.
func Fingerprint(c *x509.Certificate) string { return fingerprint(c.Raw) }

func fingerprint(der []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(der)), " ", ":")
}

// Pin returns the public key pin of a certificate, as curl --pinnedpubkey takes
// it.
func Pin(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return "sha256//" + base64.StdEncoding.EncodeToString(sum[:])
}
