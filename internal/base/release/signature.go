package release

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"aead.dev/minisign"
)

// MaxSignature is the longest text of a signature, in bytes.
const MaxSignature = 2 << 10

// Key is the public key that a release's files are signed with.
type Key struct {
	key minisign.PublicKey
	raw ed25519.PublicKey
}

// ParseKey reads the text of a minisign public key.
func ParseKey(text []byte) (Key, error) {
	k := Key{}
	if err := k.key.UnmarshalText(text); err != nil {
		return Key{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(k.key.String())
	if err != nil {
		return Key{}, err
	}
	// The algorithm and the key's number come first.
	k.raw = ed25519.PublicKey(raw[len(raw)-ed25519.PublicKeySize:])
	return k, nil
}

// ReadKey reads the file of a minisign public key.
func ReadKey(file string) (Key, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Key{}, err
	}
	k, err := ParseKey(text)
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", file, err)
	}
	return k, nil
}

// String returns the key in base64, as minisign shows it.
func (k Key) String() string { return k.key.String() }

// Signature is the signature of an update file.
type Signature struct {
	Stamp Stamp // signed by the key
	key   Key
	text  []byte
}

// errTampered is in the error for what the key has not signed.
var errTampered = errors.New("the signature is not valid")

// ParseSignature reads a signature, and checks that the key has signed its
// stamp. Only Verify checks the file.
func ParseSignature(key Key, text []byte) (Signature, error) {
	const again = "send NAME.gaf with the NAME.gaf.minisig of the same release, both as they were published"
	if len(text) > MaxSignature {
		return Signature{}, fmt.Errorf("the signature has more than %d bytes: %s", MaxSignature, again)
	}
	var s minisign.Signature
	if err := s.UnmarshalText(text); err != nil {
		return Signature{}, fmt.Errorf("the signature cannot be read (%w): %s", err, again)
	}
	if s.KeyID != key.key.ID() {
		return Signature{}, fmt.Errorf("the signature is of another key (%016X) than that of this box's releases (%016X): "+
			"send an update from the source that the box's image is from", s.KeyID, key.key.ID())
	}
	// The older form signs the file itself, and would need all of it in memory.
	if s.Algorithm != minisign.HashEdDSA {
		return Signature{}, errors.New("the signature is not pre-hashed: " +
			"sign the file with minisign 0.10 or newer")
	}
	signed := append(bytes.Clone(s.Signature[:]), s.TrustedComment...)
	if !ed25519.Verify(key.raw, signed, s.CommentSignature[:]) {
		return Signature{}, fmt.Errorf("%w for its trusted comment: %s", errTampered, again)
	}
	stamp, err := parseStamp(s.TrustedComment)
	if err != nil {
		return Signature{}, err
	}
	return Signature{Stamp: stamp, key: key, text: text}, nil
}

// ReadSignature reads the signature next to an update file.
func ReadSignature(file string) ([]byte, error) {
	f, err := os.Open(file + SignatureSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: save the signature of %s under this name, next to it", err, filepath.Base(file))
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxSignature+1))
	if err != nil {
		return nil, err
	}
	if len(text) > MaxSignature {
		return nil, fmt.Errorf("%s has more than %d bytes, and is not a signature: download it again", f.Name(), MaxSignature)
	}
	return text, nil
}

// Verify reads an update file, and checks that the key has signed it.
func (s Signature) Verify(file io.Reader) error {
	r := minisign.NewReader(file)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if !r.Verify(s.key.key, s.text) {
		return fmt.Errorf("%w for this file, which is damaged or was changed: "+
			"download it again, and compare its SHA-256 with SHA256SUMS", errTampered)
	}
	return nil
}
