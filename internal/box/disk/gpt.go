package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

// Sizes of a GUID partition table (UEFI 2.10 §5.3). Disks with sectors of
// another size do not boot the image, whose table is made for these.
const (
	sectorSize    = 512
	primaryHeader = 1 // LBA
	headerSize    = 92
	entrySize     = 128
	entries       = 128 // UEFI 2.10 §5.3.1: at least 16 KiB are kept for them
	arraySectors  = entries * entrySize / sectorSize

	// alignment is what partitioning programs round partitions to, in sectors:
	// 1 MiB, a multiple of a flash medium's pages.
	alignment = 1 << 20 / sectorSize
)

// headSectors is how much of a disk's beginning holds all that table and grow
// look at: the MBR, the header, and both places of the entries.
const headSectors = 2 + 2*arraySectors

// Offsets in a header (UEFI 2.10 table 5.5).
const (
	offRevision    = 8
	offHeaderSize  = 12
	offHeaderCRC   = 16
	offMyLBA       = 24
	offAlternate   = 32
	offFirstUsable = 40
	offLastUsable  = 48
	offEntryLBA    = 72
	offEntries     = 80
	offEntrySize   = 84
	offEntriesCRC  = 88
)

var (
	signature = []byte("EFI PART")
	le        = binary.LittleEndian
)

// table is the partition table that a disk's primary header leads to.
type table struct {
	header []byte // the header's sector
	array  []byte // of entries, all sectors
}

// extent is where a partition lies, in sectors; last is part of it.
type extent struct{ first, last uint64 }

func (e extent) sectors() uint64 { return e.last - e.first + 1 }

// write is what goes into successive sectors from lba on.
type write struct {
	lba  uint64
	data []byte
}

// readTable reads the table from the first headSectors of a disk of so many
// sectors, and believes it where the Linux kernel does. The kernel looks at
// the backup only when it was booted with "gpt", so neither does this.
func readTable(head []byte, sectors uint64) (table, error) {
	if len(head) < headSectors*sectorSize || sectors <= headSectors {
		return table{}, errors.New("partition table: the disk is too small")
	}
	h := head[primaryHeader*sectorSize:][:sectorSize]
	if !bytes.HasPrefix(h, signature) {
		return table{}, errors.New("partition table: no GPT")
	}
	if err := checkHeader(h, primaryHeader, sectors); err != nil {
		return table{}, fmt.Errorf("partition table: %w", err)
	}
	at := le.Uint64(h[offEntryLBA:])
	if at != firstPlace && at != secondPlace {
		return table{}, fmt.Errorf("partition table: the entries are at sector %d, where this program does not put them", at)
	}
	array := head[at*sectorSize:][:arraySectors*sectorSize]
	if crc32.ChecksumIEEE(array) != le.Uint32(h[offEntriesCRC:]) {
		return table{}, errors.New("partition table: the entries do not match their checksum")
	}
	return table{slices.Clone(h), slices.Clone(array)}, nil
}

func checkHeader(h []byte, lba, sectors uint64) error {
	if n := le.Uint32(h[offHeaderSize:]); n != headerSize {
		return fmt.Errorf("a header of %d bytes, not %d", n, headerSize)
	}
	if headerCRC(h) != le.Uint32(h[offHeaderCRC:]) {
		return errors.New("the header does not match its checksum")
	}
	if my := le.Uint64(h[offMyLBA:]); my != lba {
		return fmt.Errorf("the header at sector %d says that it belongs at %d", lba, my)
	}
	if first, last := le.Uint64(h[offFirstUsable:]), le.Uint64(h[offLastUsable:]); last < first || last >= sectors {
		return fmt.Errorf("sectors %d to %d are for partitions, on a disk of %d", first, last, sectors)
	}
	if n, size := le.Uint32(h[offEntries:]), le.Uint32(h[offEntrySize:]); n != entries || size != entrySize {
		return fmt.Errorf("%d entries of %d bytes, not %d of %d", n, size, entries, entrySize)
	}
	return nil
}

// headerCRC is a header's checksum, in which its own field counts as zero.
func headerCRC(h []byte) uint32 {
	h = slices.Clone(h[:headerSize])
	le.PutUint32(h[offHeaderCRC:], 0)
	return crc32.ChecksumIEEE(h)
}

// partition returns where partition number n lies, counted from 1, and
// whether there is one.
func (t table) partition(n int) (extent, bool) {
	if n < 1 || n > entries {
		return extent{}, false
	}
	e := t.array[(n-1)*entrySize:][:entrySize]
	if bytes.Equal(e[:16], make([]byte, 16)) { // no type: not in use
		return extent{}, false
	}
	return extent{le.Uint64(e[32:]), le.Uint64(e[40:])}, true
}

// The two places of the entries, by turns. Both lie before the first
// partition, as UEFI 2.10 §5.3.1 asks. The first is where partitioning
// programs put them, and where gokrazy's init reads the first partition's
// GUID whatever the header says; writing leaves that GUID as it is.
const (
	firstPlace  = primaryHeader + 1
	secondPlace = firstPlace + arraySectors
)

// grow returns what has to be written so that partition n, the disk's last,
// ends where a disk of so many sectors does: two batches, each to be on the
// medium before the next begins, or none if nothing is to be done.
//
// A power cut leaves the old table or the new one. The first batch is the new
// entries and the new backup, none of which the old header points to. The
// second is one sector, the header, which a medium writes whole or not at all.
// Nothing before it touches what the old table needs, its own backup included,
// which UEFI firmware would mend by writing if it found it damaged. The MBR
// stays: on a Raspberry Pi it is a hybrid that names the boot partition only.
func (t table) grow(n int, sectors uint64) ([][]write, error) {
	p, ok := t.partition(n)
	if !ok {
		return nil, fmt.Errorf("partition table: no partition %d", n)
	}
	for i := range entries {
		other, ok := t.partition(i + 1)
		if !ok {
			continue
		}
		if other.first < recordAt+recordSectors {
			return nil, fmt.Errorf("partition table: partition %d begins at sector %d: no room for a second table", i+1, other.first)
		}
		if i+1 != n && other.last >= p.first {
			return nil, fmt.Errorf("partition table: partition %d is not the last one: partition %d ends at sector %d", n, i+1, other.last)
		}
	}
	lastUsable := sectors - 1 - arraySectors - 1 // the backup is behind it
	end := (lastUsable + 1) / alignment * alignment
	if end < p.last+1+alignment { // there, or not worth a write
		return nil, nil
	}

	array := slices.Clone(t.array)
	le.PutUint64(array[(n-1)*entrySize+40:], end-1)
	place := uint64(firstPlace)
	if le.Uint64(t.header[offEntryLBA:]) == firstPlace {
		place = secondPlace
	}
	header := func(my, alternate, entryLBA uint64) []byte {
		h := slices.Clone(t.header)
		le.PutUint64(h[offMyLBA:], my)
		le.PutUint64(h[offAlternate:], alternate)
		le.PutUint64(h[offFirstUsable:], recordAt+recordSectors)
		le.PutUint64(h[offLastUsable:], lastUsable)
		le.PutUint64(h[offEntryLBA:], entryLBA)
		le.PutUint32(h[offEntriesCRC:], crc32.ChecksumIEEE(array))
		le.PutUint32(h[offHeaderCRC:], headerCRC(h))
		return h
	}
	backup := sectors - 1
	return [][]write{
		{
			{place, array},
			{backup - arraySectors, array},
			{backup, header(backup, primaryHeader, backup-arraySectors)},
		},
		{
			{primaryHeader, header(primaryHeader, backup, place)},
		},
	}, nil
}
