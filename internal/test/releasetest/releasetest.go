// Package releasetest makes the update files of releases, and keys to sign them.
package releasetest

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"io"
	"testing"

	"aead.dev/minisign"

	"github.com/pxebox/pxebox/internal/base/release"
)

// Key is a key pair.
type Key struct {
	public  minisign.PublicKey
	private minisign.PrivateKey
}

// NewKey generates a key pair.
func NewKey(t testing.TB) Key {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Key{public, private}
}

// Public returns the text of the public key's file.
func (k Key) Public(t testing.TB) []byte {
	t.Helper()
	text, err := k.public.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// Release returns the public key as a box has it.
func (k Key) Release(t testing.TB) *release.Key {
	t.Helper()
	key, err := release.ParseKey(k.Public(t))
	if err != nil {
		t.Fatal(err)
	}
	return &key
}

// Sign returns the signature of a file, with a trusted comment.
func (k Key) Sign(t testing.TB, file io.Reader, comment string) []byte {
	t.Helper()
	r := minisign.NewReader(file)
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	return r.SignWithComments(k.private, comment, "signature of a test")
}

// SignLegacy returns a signature of minisign before 0.10.
func (k Key) SignLegacy(file []byte, comment string) []byte {
	return minisign.SignWithComments(k.private, file, comment, "signature of a test")
}

// Entry is a file in an update file.
type Entry struct {
	Name    string
	Content []byte
	Method  uint16
}

// File returns an update file as gok makes it.
func File(t testing.TB, entries ...Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.Name, Method: e.Method})
		if err == nil {
			_, err = w.Write(e.Content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Entries are the files of a small update file, in gok's order.
func Entries() []Entry {
	return []Entry{
		{Name: "boot.img", Content: []byte("boot partition")}, {Name: "mbr.img", Content: []byte("boot code")},
		{Name: "root.img", Content: bytes.Repeat([]byte("root "), 100_000)}, {Name: "sbom.json", Content: []byte("{}")},
	}
}
