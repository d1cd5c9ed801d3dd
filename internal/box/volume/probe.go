// Package volume recognizes the file systems on disks and partitions by their
// on-disk data, and mounts them. What their files contain is up to the callers.
// The package never formats or repairs a file system.
package volume

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// Format is what a file system says about itself.
type Format struct {
	Type  string // as in mount(2)
	Label string // without padding
}

// ErrUnknown is returned by Probe for anything but FAT, exFAT and ext.
var ErrUnknown = errors.New("unknown file system")

var le = binary.LittleEndian

// Probe reads the beginning of a disk or partition.
func Probe(r io.ReaderAt) (Format, error) {
	head := make([]byte, 4096)
	if n, err := r.ReadAt(head, 0); err != nil && (err != io.EOF || n < 2048) {
		if err == io.EOF {
			return Format{}, ErrUnknown
		}
		return Format{}, err
	}
	switch {
	case le.Uint16(head[1024+0x38:]) == 0xef53:
		return ext(head[1024:]), nil
	case head[510] != 0x55 || head[511] != 0xaa:
		return Format{}, ErrUnknown
	case string(head[3:11]) == "EXFAT   ":
		return exfat(r, head)
	case fatSignature(head):
		return fat(r, head)
	}
	return Format{}, ErrUnknown
}

// ext reads the superblock of ext2, ext3 and ext4, all of which the kernel
// mounts as ext4 (Documentation/filesystems/ext4/super.rst).
func ext(super []byte) Format { return Format{"ext4", text(super[0x78:][:16])} }

// fatSignature distinguishes a FAT boot sector from a partition table, which
// ends with the same two bytes: a boot sector has a jump and a plausible
// geometry.
func fatSignature(b []byte) bool {
	jump := b[0] == 0xeb && b[2] == 0x90 || b[0] == 0xe9
	return jump && powerOfTwo(int(le.Uint16(b[11:])), 512, 4096) && powerOfTwo(int(b[13]), 1, 128) &&
		(b[16] == 1 || b[16] == 2)
}

func powerOfTwo(n, least, most int) bool { return n >= least && n <= most && n&(n-1) == 0 }

// fat reads the label from the root directory: Windows and macOS change it only
// there. It falls back to the label in the boot sector.
func fat(r io.ReaderAt, b []byte) (Format, error) {
	const entrySize, attribute, isLabel, isLong = 32, 11, 0x08, 0x0f
	sector, cluster := int64(le.Uint16(b[11:])), int64(b[13])
	reserved, fats := int64(le.Uint16(b[14:])), int64(b[16])
	rootEntries, perFAT := int64(le.Uint16(b[17:])), int64(le.Uint16(b[22:]))
	inBoot := b[43:54]
	root := (reserved + fats*perFAT) * sector
	size := rootEntries * entrySize
	if rootEntries == 0 { // FAT32: a file like others, whose first cluster holds the label
		perFAT = int64(le.Uint32(b[36:]))
		first := int64(le.Uint32(b[44:]))
		if first < 2 {
			return Format{}, fmt.Errorf("FAT: the root directory begins at cluster %d", first)
		}
		inBoot = b[71:82]
		root = (reserved + fats*perFAT + (first-2)*cluster) * sector
		size = cluster * sector
	}
	dir := make([]byte, size)
	if n, err := r.ReadAt(dir, root); err != nil && err != io.EOF {
		return Format{}, fmt.Errorf("FAT: root directory: %w", err)
	} else {
		dir = dir[:n]
	}
	for ; len(dir) >= entrySize && dir[0] != 0; dir = dir[entrySize:] {
		if a := dir[attribute]; dir[0] != 0xe5 && a&isLong != isLong && a&isLabel != 0 {
			return Format{"vfat", text(dir[:11])}, nil
		}
	}
	label := text(inBoot)
	if label == "NO NAME" { // what formatting programs write for no label
		label = ""
	}
	return Format{"vfat", label}, nil
}

// exfat reads the first cluster of the root directory (Microsoft's exFAT
// specification §3.1 and §7.3).
func exfat(r io.ReaderAt, b []byte) (Format, error) {
	const entrySize, volumeLabel, longest = 32, 0x83, 11
	sectorShift, clusterShift := b[108], b[109]
	if sectorShift < 9 || sectorShift > 12 || clusterShift > 25-sectorShift {
		return Format{}, errors.New("exFAT: the boot sector is invalid")
	}
	heap, first := int64(le.Uint32(b[88:])), int64(le.Uint32(b[96:]))
	if first < 2 {
		return Format{}, fmt.Errorf("exFAT: the root directory begins at cluster %d", first)
	}
	at := (heap + (first-2)<<clusterShift) << sectorShift
	dir := make([]byte, min(1<<(sectorShift+clusterShift), 64<<10))
	n, err := r.ReadAt(dir, at)
	if err != nil && err != io.EOF {
		return Format{}, fmt.Errorf("exFAT: root directory: %w", err)
	}
	for dir = dir[:n]; len(dir) >= entrySize && dir[0] != 0; dir = dir[entrySize:] {
		if dir[0] != volumeLabel {
			continue
		}
		units := make([]uint16, min(dir[1], longest))
		for i := range units {
			units[i] = le.Uint16(dir[2+2*i:])
		}
		return Format{"exfat", string(utf16.Decode(units))}, nil
	}
	return Format{"exfat", ""}, nil
}

// text returns the content of a field of fixed length.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.TrimRight(string(b), " ")
}
