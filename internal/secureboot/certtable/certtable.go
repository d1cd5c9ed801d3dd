// Package certtable finds the signatures of a PE image, and leaves some out. It
// reads no signature: package secureboot does. The data plane links this package
// and no parser of certificates.
package certtable

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Image is a PE image (Microsoft PE/COFF specification), as firmware starts it.
// Its fields are for reading.
type Image struct {
	File     []byte
	PE       *pe.File
	Checksum int // offset of the optional header's CheckSum
	Entry    int // offset of the data directory's entry for the certificate table
	Table    int // offset of the certificate table; len(File) if there is none
}

// The layout of the optional header (PE/COFF, "Optional Header").
const (
	checksumOffset    = 64
	directoryOffset32 = 96
	directoryOffset64 = 112
	// EntrySize is the size of an entry of the data directory.
	EntrySize = 8
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
	i := &Image{File: file, PE: f, Checksum: optional + checksumOffset, Table: len(file)}
	var directory pe.DataDirectory
	switch h := f.OptionalHeader.(type) {
	case *pe.OptionalHeader32:
		i.Entry, directory = optional+directoryOffset32, h.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_SECURITY]
	case *pe.OptionalHeader64:
		i.Entry, directory = optional+directoryOffset64, h.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_SECURITY]
	default:
		return nil, errors.New("not a PE image: it has no optional header")
	}
	i.Entry += pe.IMAGE_DIRECTORY_ENTRY_SECURITY * EntrySize
	if i.Entry+EntrySize > len(file) {
		return nil, errors.New("not a PE image: its data directory is cut off")
	}
	// The only directory entry whose address is an offset in the file.
	start, size := int64(directory.VirtualAddress), int64(directory.Size)
	if size == 0 {
		return i, nil
	}
	if start < int64(i.Entry+EntrySize) || start+size != int64(len(file)) {
		return nil, fmt.Errorf("its certificate table spans the bytes %d to %d of a file of %d", start, start+size,
			len(file))
	}
	i.Table = int(start)
	return i, nil
}

// The layout of a WIN_CERTIFICATE, and its allowed values (PE/COFF, "The
// Attribute Certificate Table").
const (
	header         = 8
	align          = 8
	revision2      = 0x0200
	typeSignedData = 0x0002
)

// The limits of a certificate table. Microsoft's signatures have about 10 KB. A
// file may come from a stranger: each signature costs a digest of the file, each
// certificate several public key operations, and the parser of PKCS#7 recurses.
const (
	MaxSignatures = 8
	MaxSignature  = 64 << 10
)

// Signatures splits the certificate table into one PKCS#7 message per signature.
// Each entry begins at a multiple of eight bytes.
func (i *Image) Signatures() ([][]byte, error) {
	var all [][]byte
	for table := i.File[i.Table:]; len(table) > 0; {
		if len(all) == MaxSignatures {
			return nil, fmt.Errorf("its certificate table has more than %d entries", MaxSignatures)
		}
		if len(table) < header {
			return nil, fmt.Errorf("its certificate table ends in %d stray bytes", len(table))
		}
		size := int64(binary.LittleEndian.Uint32(table))
		if size < header || size > int64(len(table)) {
			return nil, fmt.Errorf("its certificate table has an entry of %d bytes, but only %d bytes are left", size,
				len(table))
		}
		if size > MaxSignature {
			return nil, fmt.Errorf("its certificate table has an entry of %d bytes; the limit is %d", size,
				MaxSignature)
		}
		revision, kind := binary.LittleEndian.Uint16(table[4:]), binary.LittleEndian.Uint16(table[6:])
		if revision != revision2 || kind != typeSignedData {
			return nil, fmt.Errorf("its certificate table has an entry of revision %#x and type %#x", revision, kind)
		}
		all = append(all, table[header:size])
		table = table[min(padded(size), int64(len(table))):]
	}
	return all, nil
}

func padded(size int64) int64 { return (size + align - 1) / align * align }

// Single returns the file with only that one of its signatures. Some firmware
// refuses a file with two, even if it trusts both. The signature stays valid: its
// digest covers neither the table nor the data directory's entry for it.
func (i *Image) Single(n int) ([]byte, error) {
	all, err := i.Signatures()
	if err != nil {
		return nil, err
	}
	if n < 0 || n >= len(all) {
		return nil, fmt.Errorf("it has no signature %d: it has %d", n+1, len(all))
	}
	file := slices.Clone(i.File[:i.Table])
	file = binary.LittleEndian.AppendUint32(file, uint32(header+len(all[n])))
	file = binary.LittleEndian.AppendUint16(file, revision2)
	file = binary.LittleEndian.AppendUint16(file, typeSignedData)
	file = append(file, all[n]...)
	size := padded(int64(len(file) - i.Table))
	file = append(file, make([]byte, i.Table+int(size)-len(file))...)
	binary.LittleEndian.PutUint32(file[i.Entry+4:], uint32(size))
	// Firmware does not look at the checksum, and the digest leaves it out. It is
	// set so that tools find a file in order.
	binary.LittleEndian.PutUint32(file[i.Checksum:], checksum(file, i.Checksum))
	return file, nil
}

// checksum is the checksum of a PE image, whose place is at: the sum of its
// 16-bit words with the carry added, and its size (PE/COFF, "CheckSum"; the
// algorithm is that of IMAGHELP.DLL).
func checksum(file []byte, at int) uint32 {
	var sum uint32
	for n := 0; n < len(file); n += 2 {
		word := uint32(file[n])
		if n+1 < len(file) {
			word |= uint32(file[n+1]) << 8
		}
		if n == at || n == at+2 {
			word = 0
		}
		sum += word
		sum = sum&0xffff + sum>>16
	}
	return sum + uint32(len(file))
}
