// Package secureboot reads what Secure Boot checks in a boot program: the
// Authenticode signatures of a PE image, its SBAT generations, and what shim
// trusts and revokes. It works on bytes in memory and makes no trust decision:
// the caller says which certificates count. The package opens no file and signs
// nothing.
package secureboot

import (
	"cmp"
	"crypto"
	_ "crypto/sha256" // used by Authenticode signatures
	_ "crypto/sha512"

	"github.com/pxebox/pxebox/internal/secureboot/certtable"
)

// Image is a PE image (Microsoft PE/COFF specification), as firmware starts it.
type Image struct{ certtable.Image }

// Parse reads the headers of an image. It fails if the image has no valid
// headers, or if its certificate table does not end at the end of the file: no
// signature covers what follows the table.
func Parse(file []byte) (*Image, error) {
	i, err := certtable.Parse(file)
	if err != nil {
		return nil, err
	}
	return &Image{*i}, nil
}

// Section returns the content of a section without padding, or nil where the
// image has no such section. An image cuts names to eight bytes, except those in
// the string table.
func (i *Image) Section(name string) []byte {
	s := i.PE.Section(name)
	if s == nil {
		return nil
	}
	b, err := s.Data()
	if err != nil {
		return nil
	}
	return b[:min(len(b), int(cmp.Or(s.VirtualSize, s.Size)))]
}

// Digest is the Authenticode digest of the image (Windows Authenticode Portable
// Executable Signature Format, "Calculating the PE Image Hash"). It covers all
// but the checksum, the entry for the certificate table, and that table.
// The format hashes section by section. For an image whose sections fill the file
// without gaps, as linkers write it, this is the same as hashing the file in
// order. An image with gaps gets a different digest from the signed one, and so
// is refused.
func (i *Image) Digest(hash crypto.Hash) []byte {
	h := hash.New()
	h.Write(i.File[:i.Checksum])
	h.Write(i.File[i.Checksum+4 : i.Entry])
	h.Write(i.File[i.Entry+certtable.EntrySize : i.Table])
	return h.Sum(nil)
}
