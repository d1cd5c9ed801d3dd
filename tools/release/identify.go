package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// identify replaces the identifiers that qemu-img draws for a virtual disk by
// ones that follow from the version and the disk's name. qcow2 has none.
func identify(version, file string) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	seed := "pxebox " + version + " " + filepath.Base(file)
	switch ext := filepath.Ext(file); ext {
	case ".vmdk":
		err = identifyVMDK(f, seed)
	case ".vhdx":
		err = identifyVHDX(f, seed)
	default:
		err = fmt.Errorf("a disk in the format %s has no identifiers that are known; name a .vmdk or .vhdx", ext)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// disk is what the functions need of a file.
type disk interface {
	io.ReaderAt
	io.WriterAt
}

// derive returns bytes that follow from a seed and what they are for.
func derive(seed, purpose string) [16]byte {
	sum := sha256.Sum256([]byte(seed + "\x00" + purpose))
	return [16]byte(sum[:])
}

// vmdkSector is the unit of the numbers in a VMDK's header.
const vmdkSector = 512

// vmdkHeader is the start of a sparse extent (VMware's "Virtual Disk Format 5.0",
// "Hosted Sparse Extents"). All numbers are little endian, without padding.
type vmdkHeader struct {
	Magic            [4]byte
	Version, Flags   uint32
	Capacity         uint64 // sectors
	GrainSize        uint64
	DescriptorOffset uint64 // sectors
	DescriptorSize   uint64 // sectors
}

func readVMDKHeader(r io.ReaderAt) (vmdkHeader, error) {
	var h vmdkHeader
	err := binary.Read(io.NewSectionReader(r, 0, 512), binary.LittleEndian, &h)
	if err == nil && string(h.Magic[:]) != "KDMV" {
		err = errors.New("this is not a VMDK")
	}
	return h, err
}

// identifyVMDK sets the content ID in the descriptor, a text. A child disk refers to
// it; for a disk without one any value will do.
func identifyVMDK(f disk, seed string) error {
	h, err := readVMDKHeader(f)
	if err != nil {
		return err
	}
	if h.DescriptorOffset == 0 || h.DescriptorSize == 0 || h.DescriptorSize > 1<<11 {
		return errors.New("the VMDK has no descriptor")
	}
	offset := int64(h.DescriptorOffset * vmdkSector)
	b := make([]byte, h.DescriptorSize*vmdkSector)
	if _, err := f.ReadAt(b, offset); err != nil {
		return err
	}
	changed, err := withCID(b, derive(seed, "CID"))
	if err != nil {
		return err
	}
	_, err = f.WriteAt(changed, offset)
	return err
}

// withCID returns a descriptor of the same size with another content ID. qemu-img
// writes an ID without leading zeros, so the text may become longer. It also writes
// one ID over another, and leaves the end of a longer text behind the new one's zero.
func withCID(descriptor []byte, id [16]byte) ([]byte, error) {
	id[0] = id[0]&0x7f | 0x10 // ffffffff means: no parent
	// The leading line break leaves out parentCID.
	const key = "\nCID="
	text, _, _ := bytes.Cut(descriptor, []byte{0})
	before, after, ok := bytes.Cut(text, []byte(key))
	end := bytes.IndexByte(after, '\n')
	if !ok || end < 1 || end > 8 {
		return nil, errors.New("the VMDK's descriptor has no CID")
	}
	changed := slices.Concat(before, []byte(key), []byte(hex.EncodeToString(id[:4])), after[end:])
	if len(changed) > len(descriptor) {
		return nil, errors.New("the VMDK's descriptor has no room for a CID of eight digits")
	}
	return append(changed, make([]byte, len(descriptor)-len(changed))...), nil
}

// Positions in a VHDX file (MS-VHDX 2.2): two headers, of which the one with the
// higher sequence number counts, and two equal region tables.
var vhdxHeaders = [2]int64{64 << 10, 128 << 10}

const (
	vhdxHeaderSize  = 4 << 10
	vhdxRegions     = 192 << 10
	vhdxRegionsSize = 64 << 10
)

// Identifiers that MS-VHDX defines, as they are in a file: the metadata region
// (2.2.3.2), and the item Page 83 Data in it (2.6.2.5), the disk's identity for SCSI.
var (
	vhdxMetadata = [16]byte{0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e}
	vhdxPage83   = [16]byte{0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46}
)

// guid is derive's value as a random GUID (RFC 9562 §5.4), in the byte order of
// Microsoft's files.
func guid(seed, purpose string) [16]byte {
	id := derive(seed, purpose)
	id[7] = id[7]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// identifyVHDX sets the identifiers in the headers and the disk's own, and the
// headers' sequence numbers, which qemu-img begins anywhere. It erases the log, which
// is empty by what the header says, but still has old entries with its identifier.
func identifyVHDX(f disk, seed string) error {
	var current []byte
	for _, offset := range vhdxHeaders {
		h := make([]byte, vhdxHeaderSize)
		if _, err := f.ReadAt(h, offset); err != nil {
			return err
		}
		if string(h[:4]) != "head" || binary.LittleEndian.Uint32(h[4:]) != vhdxChecksum(h) {
			return fmt.Errorf("there is no header of a VHDX at %d", offset)
		}
		if current == nil || binary.LittleEndian.Uint64(h[8:]) > binary.LittleEndian.Uint64(current[8:]) {
			current = h
		}
	}
	if [16]byte(current[48:64]) != [16]byte{} {
		return errors.New("the VHDX's log is not empty: it was not closed")
	}
	logLength, logOffset := binary.LittleEndian.Uint32(current[68:]), binary.LittleEndian.Uint64(current[72:])
	if logLength > 64<<20 || logOffset < 1<<20 {
		return errors.New("the VHDX's log is not where a log may be")
	}
	if _, err := f.WriteAt(make([]byte, logLength), int64(logOffset)); err != nil {
		return err
	}
	for at, purpose := range map[int]string{16: "file write", 32: "data write"} {
		id := guid(seed, purpose)
		copy(current[at:], id[:])
	}
	for i, offset := range vhdxHeaders {
		binary.LittleEndian.PutUint64(current[8:], uint64(i+1))
		binary.LittleEndian.PutUint32(current[4:], vhdxChecksum(current))
		if _, err := f.WriteAt(current, offset); err != nil {
			return err
		}
	}

	regions := make([]byte, vhdxRegionsSize)
	if _, err := f.ReadAt(regions, vhdxRegions); err != nil {
		return err
	}
	metadata, ok := vhdxEntry(regions, "regi", 8, 16, vhdxMetadata)
	if !ok {
		return errors.New("the VHDX has no metadata")
	}
	start := int64(binary.LittleEndian.Uint64(metadata[16:]))
	table := make([]byte, 64<<10)
	if _, err := f.ReadAt(table, start); err != nil {
		return err
	}
	item, ok := vhdxEntry(table, "metadata", 10, 32, vhdxPage83)
	if !ok || binary.LittleEndian.Uint32(item[20:]) != 16 {
		return errors.New("the VHDX has no identifier for SCSI")
	}
	id := guid(seed, "page 83")
	_, err := f.WriteAt(id[:], start+int64(binary.LittleEndian.Uint32(item[16:])))
	return err
}

// vhdxEntry finds an entry of 32 bytes, which begins with its identifier, in a
// table: where the number of entries is, and where the first is.
func vhdxEntry(table []byte, signature string, count, first int, id [16]byte) ([]byte, bool) {
	if string(table[:len(signature)]) != signature {
		return nil, false
	}
	n := int(binary.LittleEndian.Uint16(table[count:]))
	for at := first; n > 0 && at+32 <= len(table); n, at = n-1, at+32 {
		if [16]byte(table[at:at+16]) == id {
			return table[at : at+32], true
		}
	}
	return nil, false
}

// vhdxChecksum is the CRC-32C of a header, in which the checksum itself is zero.
func vhdxChecksum(header []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, header[:4])
	sum = crc32.Update(sum, table, make([]byte, 4))
	return crc32.Update(sum, table, header[8:])
}
