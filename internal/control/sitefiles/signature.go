package sitefiles

import (
	"encoding/binary"
	"io"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// Signature says whether a file has a signature that Secure Boot could check. It
// does not say whose.
type Signature int

// The signatures.
const (
	SignatureUnknown Signature = iota // the file was not looked at
	Unsigned                          // no PE image, or one without a certificate table
	Signed
)

// headers is how much of a file is read to find the certificate table. The header
// of a PE image is in its first page: those of kernels begin at 0x40 to 0x100.
const headers = 4096

// machines are the processors of PE images that firmware starts.
var machines = map[uint16]firmware.Kind{
	0x014c: firmware.UEFIIA32, 0x8664: firmware.UEFIX64, 0xaa64: firmware.UEFIARM64,
}

// MachineOf returns the firmware that starts a PE image, by the processor in its
// header; empty if there is none.
func MachineOf(f io.ReaderAt) firmware.Kind {
	b := make([]byte, headers)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF || n < 0x40 || string(b[:2]) != "MZ" {
		return ""
	}
	pe := int64(binary.LittleEndian.Uint32(b[0x3c:]))
	if pe+6 > int64(n) || string(b[pe:pe+4]) != "PE\x00\x00" {
		return ""
	}
	return machines[binary.LittleEndian.Uint16(b[pe+4:])]
}

// signatureOf reads the headers of a PE image (PE/COFF, "Optional Header"): entry 4
// of the data directory is the certificate table.
func signatureOf(f io.ReaderAt) Signature {
	b := make([]byte, headers)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return SignatureUnknown
	}
	at := func(off, size int) []byte {
		if off < 0 || off+size > n {
			return nil
		}
		return b[off : off+size]
	}
	if string(at(0, 2)) != "MZ" {
		return Unsigned
	}
	pointer := at(0x3c, 4)
	if pointer == nil {
		return Unsigned
	}
	pe := int64(binary.LittleEndian.Uint32(pointer))
	if pe >= headers {
		return SignatureUnknown
	}
	if string(at(int(pe), 4)) != "PE\x00\x00" {
		return Unsigned
	}
	const coff, entry = 24, 4*8 + 4 // the size of the certificate table
	optional := int(pe) + coff
	directory := map[uint16]int{0x10b: 96, 0x20b: 112} // PE32 and PE32+
	magic := at(optional, 2)
	if magic == nil {
		return SignatureUnknown
	}
	off, ok := directory[binary.LittleEndian.Uint16(magic)]
	if !ok {
		return Unsigned
	}
	size := at(optional+off+entry, 4)
	switch {
	case size == nil:
		return SignatureUnknown
	case binary.LittleEndian.Uint32(size) == 0:
		return Unsigned
	}
	return Signed
}
