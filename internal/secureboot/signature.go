package secureboot

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/smallstep/pkcs7"
)

// Signature is a valid signature of an image: it covers this image, and was made
// with the key of Signer. Whether to trust the signer is a separate question: see
// IssuedBy.
type Signature struct {
	// Signer is the certificate whose key made the signature.
	Signer *x509.Certificate
	// Certificates came with the signature. Anyone can add some.
	Certificates []*x509.Certificate
}

// Signatures returns all signatures of the image. It fails if one does not match
// this image, or is damaged.
func (i *Image) Signatures() ([]Signature, error) {
	messages, err := i.Image.Signatures()
	if err != nil {
		return nil, err
	}
	var all []Signature
	for n, message := range messages {
		s, err := i.signature(message)
		if err != nil {
			return nil, fmt.Errorf("signature %d of %d: %w", n+1, len(messages), err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (i *Image) signature(message []byte) (Signature, error) {
	// DER encodes its length. The padding to eight bytes may be counted in.
	var der asn1.RawValue
	if _, err := asn1.Unmarshal(message, &der); err != nil {
		return Signature{}, err
	}
	p, err := pkcs7.Parse(der.FullBytes)
	if err != nil {
		return Signature{}, err
	}
	hash, want, err := signedDigest(p.Content)
	if err != nil {
		return Signature{}, err
	}
	if got := i.Digest(hash); !bytes.Equal(got, want) {
		return Signature{}, fmt.Errorf("the file was changed: its signature is for the digest %x, but it has %x", want,
			got)
	}
	if err := p.Verify(); err != nil {
		return Signature{}, err
	}
	signer := p.GetOnlySigner()
	if signer == nil {
		return Signature{}, errors.New("it does not have exactly one signer")
	}
	return Signature{Signer: signer, Certificates: p.Certificates}, nil
}

var (
	oidPEImage = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 15} // SPC_PE_IMAGE_DATA_OBJID

	hashes = map[string]crypto.Hash{
		pkcs7.OIDDigestAlgorithmSHA256.String(): crypto.SHA256,
		pkcs7.OIDDigestAlgorithmSHA384.String(): crypto.SHA384,
		pkcs7.OIDDigestAlgorithmSHA512.String(): crypto.SHA512,
	}
)

// signedDigest reads the two fields of an SpcIndirectDataContent: the type of
// what was signed, which must be a PE image, and its digest.
func signedDigest(content []byte) (crypto.Hash, []byte, error) {
	var data struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue `asn1:"optional"`
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	rest, err := asn1.Unmarshal(content, &data)
	if err == nil {
		_, err = asn1.Unmarshal(rest, &info)
	}
	if err != nil {
		return 0, nil, err
	}
	if !data.Type.Equal(oidPEImage) {
		return 0, nil, fmt.Errorf("it signs an object of type %v, not a PE image", data.Type)
	}
	hash, ok := hashes[info.Algorithm.Algorithm.String()]
	if !ok {
		return 0, nil, fmt.Errorf("its digest algorithm %v is not SHA-2", info.Algorithm.Algorithm)
	}
	return hash, info.Digest, nil
}

// Fingerprint is the SHA-256 of a certificate. It identifies the certificate,
// because anyone can make one with any name.
type Fingerprint [sha256.Size]byte

// FingerprintOf returns a certificate's fingerprint.
func FingerprintOf(c *x509.Certificate) Fingerprint { return sha256.Sum256(c.Raw) }

// IssuedBy reports whether the signer is the given certificate, or was issued by
// it, directly or through certificates that came with the signature. Dates do not
// count: firmware has no clock that it trusts, and ignores them.
func (s Signature) IssuedBy(authority *x509.Certificate) bool {
	cert := s.Signer
	for range len(s.Certificates) + 1 { // ends a loop of issuers
		if cert.Equal(authority) || cert.CheckSignatureFrom(authority) == nil {
			return true
		}
		if cert = s.issuer(cert); cert == nil {
			return false
		}
	}
	return false
}

// Authority returns the first certificate whose fingerprint the caller knows: the
// signer's or one above it, out of those that came with the signature. It returns
// nil if there is none.
func (s Signature) Authority(known map[Fingerprint]string) *x509.Certificate {
	for _, c := range s.Certificates {
		if known[FingerprintOf(c)] != "" && s.IssuedBy(c) {
			return c
		}
	}
	return nil
}

// issuer returns the certificate that came with the signature and issued c.
func (s Signature) issuer(c *x509.Certificate) *x509.Certificate {
	for _, above := range s.Certificates {
		if !above.Equal(c) && c.CheckSignatureFrom(above) == nil {
			return above
		}
	}
	return nil
}
