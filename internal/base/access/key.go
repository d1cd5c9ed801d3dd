package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/base/credential"
	"github.com/pxebox/pxebox/internal/base/durable"
)

// CertificateFile is the name of the file with the box's certificate, in the
// folder of its keys.
const CertificateFile = "https.pem"

// Certificate reads the box's certificate and its key from a file, or generates
// both and creates the file. Several programs may do so at the same time: all get
// the same certificate. It is self-signed: clients recognize it by Pin.
func Certificate(file string) (tls.Certificate, error) {
	b, err := durable.ReadOrCreate(file, func() ([]byte, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
		if err != nil {
			return nil, err
		}
		template := x509.Certificate{
			SerialNumber: serial,
			Subject:      pkix.Name{CommonName: "pxebox"},
			DNSNames:     []string{"pxebox", "pxebox.local"},
			// The box may have no clock. RFC 5280 §4.1.2.5 specifies this
			// NotAfter for certificates without a well-defined expiration date.
			NotBefore:   time.Unix(0, 0),
			NotAfter:    time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
		if err != nil {
			return nil, err
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
	}, 0o600)
	if err != nil {
		return tls.Certificate{}, err
	}
	return parseCertificate(file, b)
}

// ReadCertificate reads such a file, and never creates one.
func ReadCertificate(file string) (tls.Certificate, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return tls.Certificate{}, err
	}
	return parseCertificate(file, b)
}

// One file holds both certificate and key, so that a power cut leaves both or
// none.
func parseCertificate(file string, b []byte) (tls.Certificate, error) {
	c, err := tls.X509KeyPair(b, b)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// Pin returns the public key pin of a certificate, as curl --pinnedpubkey takes
// it.
func Pin(c tls.Certificate) string { return credential.Pin(c.Leaf) }
