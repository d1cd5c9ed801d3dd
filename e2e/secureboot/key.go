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
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

// ReadKey reads a key and its certificate from files: PKCS #8 as PEM, and X.509
// as DER.
func ReadKey(key, certificate string) (*Key, error) {
	text, err := os.ReadFile(key)
	if err != nil {
		return nil, err
	}
	cert, err := os.ReadFile(certificate)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", key)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is not an RSA key", key)
	}
	if _, err := x509.ParseCertificate(cert); err != nil {
		return nil, fmt.Errorf("%s: %w", certificate, err)
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

// Unsign returns an EFI program without its signatures.
func Unsign(program []byte) ([]byte, error) {
	dir, err := os.MkdirTemp("", "unsign")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "program")
	if err := os.WriteFile(file, program, 0o600); err != nil {
		return nil, err
	}
	said, err := exec.Command("sbattach", "--remove", file).CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("sbattach is missing: run make deps")
	case err != nil:
		return nil, fmt.Errorf("sbattach: %w\n%s", err, said)
	}
	return os.ReadFile(file)
}

// Trust returns a copy of a firmware's variables, as in OVMF_VARS*.fd, with the
// key's certificate added to the signature database (db).
func (k *Key) Trust(vars []byte) ([]byte, error) {
	return appendVariable(vars, imageSecurityDatabase, "db", signatureList(k.cert))
}

// WithoutThirdParty returns a copy of a firmware's variables that no longer
// trusts the certificates with which Microsoft signs the programs of others, shim
// among them. Machines come that way, and setup calls it "third-party CA: off".
func WithoutThirdParty(vars []byte) ([]byte, error) {
	return changeVariable(vars, imageSecurityDatabase, "db", func(db []byte) ([]byte, error) {
		lists, err := signatureLists(db)
		if err != nil {
			return nil, err
		}
		kept := slices.DeleteFunc(slices.Clone(lists), isThirdParty)
		if len(kept) == len(lists) {
			return nil, errors.New("there is no certificate for third parties")
		}
		return slices.Concat(kept...), nil
	})
}

// OnlyThirdParty returns a copy of a firmware's variables that trusts one
// certificate for the programs of others: the one with that name, which is in the
// signatures of a program.
func OnlyThirdParty(vars, program []byte, name string) ([]byte, error) {
	cert, err := certificateIn(program, name)
	if err != nil {
		return nil, err
	}
	if vars, err = WithoutThirdParty(vars); err != nil {
		return nil, err
	}
	return appendVariable(vars, imageSecurityDatabase, "db", signatureList(cert))
}

// certificateIn finds a certificate by its subject's name. A signature contains
// the signer's certificate and that of its authority as they are (RFC 5652 §5.1).
func certificateIn(program []byte, name string) ([]byte, error) {
	const header = 4 // of an ASN.1 SEQUENCE with two bytes of length
	for i := range len(program) - header {
		if program[i] != 0x30 || program[i+1] != 0x82 {
			continue
		}
		end := i + header + int(binary.BigEndian.Uint16(program[i+2:]))
		if end > len(program) {
			continue
		}
		if c, err := x509.ParseCertificate(program[i:end]); err == nil && c.Subject.CommonName == name {
			return c.Raw, nil
		}
	}
	return nil, fmt.Errorf("the program's signatures have no certificate %q", name)
}

// isThirdParty reports whether a signature list trusts one of Microsoft's
// certificates for third parties. Their names are "Microsoft Corporation UEFI CA
// 2011", "Microsoft UEFI CA 2023" and "Microsoft Option ROM UEFI CA 2023".
func isThirdParty(list []byte) bool {
	c := certificate(list)
	return c != nil && strings.Contains(c.Subject.CommonName, "UEFI CA")
}

func (k *Key) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.cert})
}
