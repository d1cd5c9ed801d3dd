package credential

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadPassword(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	none, own, built, empty := filepath.Join(dir, "none"), file("own", "mine\n"), file("built", "image's"),
		file("empty", "\n")
	for _, tt := range []struct {
		situation string
		files     []string
		want, err string
	}{
		{situation: "as built", files: []string{none, built}, want: "image's"},
		{situation: "the site's own", files: []string{own, built}, want: "mine"},
		{situation: "none", files: []string{none, none}, err: "no password in"},
		{situation: "empty", files: []string{empty, built}, err: "is empty"},
		{situation: "not readable", files: []string{dir, built}, err: "is a directory"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got, err := ReadPassword(tt.files...)
			if got != tt.want || (tt.err == "") != (err == nil) ||
				err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// A fingerprint is of the whole certificate, a pin of its public key.
func TestFingerprint(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	var want []string
	for _, b := range sum {
		want = append(want, fmt.Sprintf("%02X", b))
	}
	if got := Fingerprint(c); got != strings.Join(want, ":") {
		t.Errorf("the fingerprint is %s, want %s", got, strings.Join(want, ":"))
	}
	dir := t.TempDir()
	block := func(kind string) string { return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})) }
	for situation, tt := range map[string]struct{ content, want string }{
		"a certificate and its key": {block("CERTIFICATE") + block("PRIVATE KEY"), Fingerprint(c)},
		"only a key":                {block("PRIVATE KEY"), ""},
		"a damaged file":            {"-----BEGIN", ""},
		"none":                      {"", ""},
	} {
		file := filepath.Join(dir, situation)
		if tt.content != "" {
			if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := FileFingerprint(file); got != tt.want {
			t.Errorf("%s: %q", situation, got)
		}
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum = sha256.Sum256(public)
	if got, want := Pin(c), "sha256//"+base64.StdEncoding.EncodeToString(sum[:]); got != want {
		t.Errorf("the pin is %s, want %s", got, want)
	}
}
