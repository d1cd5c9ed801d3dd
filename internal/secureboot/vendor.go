package secureboot

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
)

// Vendor is what a shim embeds: what it trusts in addition to the firmware's
// database, and what it refuses in spite of a valid signature.
type Vendor struct {
	// Authority issued the certificates of the programs that shim starts.
	Authority *x509.Certificate
	refused   []byte // signature lists (UEFI 2.10 §32.4.1)
}

// Vendor reads a shim's .vendor_cert section: the sizes of the trusted and the
// refused lists, and their offsets (shim, cert.S).
func (i *Image) Vendor() (Vendor, error) {
	const header = 16
	b := i.Section(".vendor_cert")
	if len(b) < header {
		return Vendor{}, errors.New("it has no .vendor_cert section, so it is not a shim")
	}
	part := func(n int) ([]byte, error) {
		size, offset := int64(binary.LittleEndian.Uint32(b[4*n:])), int64(binary.LittleEndian.Uint32(b[8+4*n:]))
		if size > 0 && (offset < header || offset+size > int64(len(b))) {
			return nil, fmt.Errorf("its .vendor_cert section has %d bytes and a part of %d at %d", len(b), size, offset)
		}
		if size == 0 {
			return nil, nil
		}
		return b[offset : offset+size], nil
	}
	trusted, err := part(0)
	if err != nil {
		return Vendor{}, err
	}
	refused, err := part(1)
	if err != nil {
		return Vendor{}, err
	}
	authority, err := x509.ParseCertificate(trusted)
	if err != nil {
		return Vendor{}, fmt.Errorf("the certificate in its .vendor_cert section: %w", err)
	}
	return Vendor{authority, refused}, nil
}

// The types in signature lists (UEFI 2.10 §32.4.1): an X.509 certificate, the
// SHA-256 of a certificate's signed part, and the SHA-256 of an image.
var (
	listX509 = [16]byte{0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b,
		0xf0, 0x72}
	listX509SHA256 = [16]byte{0x92, 0xa4, 0xd2, 0x3b, 0xc0, 0x96, 0x79, 0x40, 0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1,
		0x03, 0xed}
	listSHA256 = [16]byte{0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93,
		0x43, 0x28}
)

// Refuses reports whether shim refuses an image, or its signer, despite a
// signature by the vendor's authority.
func (v Vendor) Refuses(i *Image, s Signature) (bool, error) {
	const header, owner = 28, 16
	tbs := crypto.SHA256.New()
	tbs.Write(s.Signer.RawTBSCertificate)
	for b := v.refused; len(b) > 0; {
		if len(b) < header {
			return false, errors.New("its list of refused programs is cut short")
		}
		size, skip := int64(binary.LittleEndian.Uint32(b[16:])), int64(binary.LittleEndian.Uint32(b[20:]))
		each := int64(binary.LittleEndian.Uint32(b[24:]))
		if size > int64(len(b)) || each <= owner || header+skip > size || (size-header-skip)%each != 0 {
			return false, fmt.Errorf("its list of refused programs has %d bytes with entries of %d", size, each)
		}
		for entries := b[header+skip : size]; len(entries) > 0; entries = entries[each:] {
			data := entries[owner:each]
			switch [16]byte(b[:16]) {
			case listX509:
				if bytes.Equal(data, s.Signer.Raw) {
					return true, nil
				}
			case listX509SHA256:
				if bytes.HasPrefix(data, tbs.Sum(nil)) { // a time follows
					return true, nil
				}
			case listSHA256:
				if bytes.Equal(data, i.Digest(crypto.SHA256)) {
					return true, nil
				}
			}
		}
		b = b[size:]
	}
	return false, nil
}
