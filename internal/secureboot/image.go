// Package secureboot reads what Secure Boot checks in a boot program: the
// Authenticode signatures of a PE image, its SBAT generations, and what shim
// trusts and revokes. It works on bytes in memory and makes no trust decision:
// the caller says which certificates count. The package opens no file and signs
// nothing.
package secureboot

import (
	"bytes"
	"cmp"
	"crypto"
	_ "crypto/sha256" // used by Authenticode signatures
	_ "crypto/sha512"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
)

// Image is a PE image (Microsoft PE/COFF specification), as firmware starts it.
type Image struct {
	file     []byte
	pe       *pe.File
	checksum int // offset of the optional header's CheckSum
	entry    int // offset of the data directory's entry for the certificate table
	table    int // offset of the certificate table; len(file) if there is none
}

// The layout of the optional header (PE/COFF, "Optional Header").
const (
	checksumOffset    = 64
	directoryOffset32 = 96
	directoryOffset64 = 112
	directoryEntry    = 8
)

// Parse reads the headers of an image. It fails if the image has no valid
// headers, or if its certificate table does not end at the end of the file: no
// signature covers what follows the table.
func Parse(file []byte) (*Image, error) {
	f, err := pe.NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("not a PE image: %w", err)
	}
	// debug/pe has checked that the headers exist.
	optional := int(binary.LittleEndian.Uint32(file[0x3c:])) + len("PE\x00\x00") + binary.Size(f.FileHeader)
	i := &Image{file: file, pe: f, checksum: optional + checksumOffset, table: len(file)}
	var directory pe.DataDirectory
	switch h := f.OptionalHeader.(type) {
	case *pe.OptionalHeader32:
		i.entry, directory = optional+directoryOffset32, h.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_SECURITY]
	case *pe.OptionalHeader64:
		i.entry, directory = optional+directoryOffset64, h.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_SECURITY]
	default:
		return nil, errors.New("not a PE image: it has no optional header")
	}
	i.entry += pe.IMAGE_DIRECTORY_ENTRY_SECURITY * directoryEntry
	if i.entry+directoryEntry > len(file) {
		return nil, errors.New("not a PE image: its data directory is cut off")
	}
	// The only directory entry whose address is an offset in the file.
	start, size := int64(directory.VirtualAddress), int64(directory.Size)
	if size == 0 {
		return i, nil
	}
	if start < int64(i.entry+directoryEntry) || start+size != int64(len(file)) {
		return nil, fmt.Errorf("its certificate table spans the bytes %d to %d of a file of %d", start, start+size,
			len(file))
	}
	i.table = int(start)
	return i, nil
}

// Section returns the content of a section without padding, or nil where the
// image has no such section. An image cuts names to eight bytes, except those in
// the string table.
func (i *Image) Section(name string) []byte {
	s := i.pe.Section(name)
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
	h.Write(i.file[:i.checksum])
	h.Write(i.file[i.checksum+4 : i.entry])
	h.Write(i.file[i.entry+directoryEntry : i.table])
	return h.Sum(nil)
}

// The layout of a WIN_CERTIFICATE, and its allowed values (PE/COFF, "The
// Attribute Certificate Table").
const (
	certificateHeader = 8
	certificateAlign  = 8
	revision2         = 0x0200
	typeSignedData    = 0x0002
)

// The limits of a certificate table. Microsoft's signatures have about 10 KB. A
// file may come from a stranger: each signature costs a digest of the file, each
// certificate several public key operations, and the parser of PKCS#7 recurses.
const (
	maxSignatures = 8
	maxSignature  = 64 << 10
)

// certificates splits the certificate table into one PKCS#7 message per
// signature. Each entry begins at a multiple of eight bytes.
func (i *Image) certificates() ([][]byte, error) {
	var all [][]byte
	for table := i.file[i.table:]; len(table) > 0; {
		if len(all) == maxSignatures {
			return nil, fmt.Errorf("its certificate table has more than %d entries", maxSignatures)
		}
		if len(table) < certificateHeader {
			return nil, fmt.Errorf("its certificate table ends in %d stray bytes", len(table))
		}
		size := int64(binary.LittleEndian.Uint32(table))
		if size < certificateHeader || size > int64(len(table)) {
			return nil, fmt.Errorf("its certificate table has an entry of %d bytes, but only %d bytes are left", size,
				len(table))
		}
		if size > maxSignature {
			return nil, fmt.Errorf("its certificate table has an entry of %d bytes; the limit is %d", size,
				maxSignature)
		}
		revision, kind := binary.LittleEndian.Uint16(table[4:]), binary.LittleEndian.Uint16(table[6:])
		if revision != revision2 || kind != typeSignedData {
			return nil, fmt.Errorf("its certificate table has an entry of revision %#x and type %#x", revision, kind)
		}
		all = append(all, table[certificateHeader:size])
		padded := (size + certificateAlign - 1) / certificateAlign * certificateAlign
		table = table[min(padded, int64(len(table))):]
	}
	return all, nil
}
