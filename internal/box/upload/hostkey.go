package upload

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/pxebox/pxebox/internal/base/durable"
)

// HostKey reads the box's SSH key from a file, or generates the key and creates
// the file.
func HostKey(file string) (ssh.Signer, error) {
	b, err := durable.ReadOrCreate(file, func() ([]byte, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		block, err := ssh.MarshalPrivateKey(key, "pxebox")
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(block), nil
	}, 0o600)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}
