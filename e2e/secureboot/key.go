// Package secureboot makes everything a lab needs to boot its own programs with
// Secure Boot on: a key, programs signed with it, and firmware variables that
// trust it in addition to the certificates that come with the firmware. The key
// lives as long as its process, and signs nothing that leaves the lab.
package secureboot

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Key signs programs.
type Key struct {
	private *rsa.PrivateKey
	cert    []byte // X.509, DER
}

// NewKey makes a key and a self-signed certificate with the given name.
func NewKey(name string) (*Key, error) {
	// UEFI 2.10 §32.4.1: all firmware supports 2048 bits.
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(365 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		// It is its own authority.
		IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, err
	}
	return &Key{private, cert}, nil
}

// Certificate returns the key's certificate.
func (k *Key) Certificate() *x509.Certificate {
	c, err := x509.ParseCertificate(k.cert)
	if err != nil {
		panic(err) // NewKey made it
	}
	return c
}

// Sign returns an EFI program with an Authenticode signature.
func (k *Key) Sign(program []byte) ([]byte, error) {
	dir, err := os.MkdirTemp("", "sign")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "program"), filepath.Join(dir, "signed")
	key, cert := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	err = errors.Join(
		os.WriteFile(in, program, 0o600),
		os.WriteFile(key,
			pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k.private)}),
			0o600),
		os.WriteFile(cert, k.certPEM(), 0o600),
	)
	if err != nil {
		return nil, err
	}
	said, err := exec.Command("sbsign", "--key", key, "--cert", cert, "--output", out, in).CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("sbsign is missing: run make deps")
	case err != nil:
		return nil, fmt.Errorf("sbsign: %w\n%s", err, said)
	}
	return os.ReadFile(out)
}

// Trust returns a copy of a firmware's variables, as in OVMF_VARS*.fd, with the
// key's certificate added to the signature database (db).
func (k *Key) Trust(vars []byte) ([]byte, error) {
	return appendVariable(vars, imageSecurityDatabase, "db", signatureList(k.cert))
}

func (k *Key) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.cert})
}
