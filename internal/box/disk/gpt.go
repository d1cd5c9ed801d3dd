package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

// Sizes of a GUID partition table (UEFI 2.10 §5.3). Disks with another sector
// size do not boot the image, because its table is made for these sectors.
const (
	sectorSize    = 512
	primaryHeader = 1 // LBA
	headerSize    = 92
	entrySize     = 128
	entries       = 128 // UEFI 2.10 §5.3.1: at least 16 KiB are reserved for them
	arraySectors  = entries * entrySize / sectorSize

	// alignment is the boundary that partitioning programs align partitions to,
	// in sectors: 1 MiB, a multiple of a flash medium's page size.
	alignment = 1 << 20 / sectorSize
)

// headSectors is the size of the part of a disk's beginning that table and grow
// read: the MBR, the header, and both places of the entries.
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

// table is the partition table that a disk's primary header points to.
type table struct {
	header []byte // the header's sector
	array  []byte // of entries, all sectors
}

// extent is the position of a partition, in sectors; last is inclusive.
type extent struct{ first, last uint64 }

func (e extent) sectors() uint64 { return e.last - e.first + 1 }

// write is data for successive sectors, starting at lba.
type write struct {
	lba  uint64
	data []byte
}

// readTable reads the table from the first headSectors of a disk with so many
// sectors. It accepts the tables that the Linux kernel accepts. The kernel
// reads the backup only when it was booted with "gpt", so readTable never does.
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
		return table{}, fmt.Errorf("partition table: the entries are at sector %d, which is not supported", at)
	}
	array := head[at*sectorSize:][:arraySectors*sectorSize]
	if crc32.ChecksumIEEE(array) != le.Uint32(h[offEntriesCRC:]) {
		return table{}, errors.New("partition table: the entries do not match their checksum")
	}
	return table{slices.Clone(h), slices.Clone(array)}, nil
}

func checkHeader(h []byte, lba, sectors uint64) error {
	if n := le.Uint32(h[offHeaderSize:]); n != headerSize {
		return fmt.Errorf("the header has %d bytes, not %d", n, headerSize)
	}
	if headerCRC(h) != le.Uint32(h[offHeaderCRC:]) {
		return errors.New("the header does not match its checksum")
	}
	if my := le.Uint64(h[offMyLBA:]); my != lba {
		return fmt.Errorf("the header at sector %d says that it belongs at %d", lba, my)
	}
	if first, last := le.Uint64(h[offFirstUsable:]), le.Uint64(h[offLastUsable:]); last < first || last >= sectors {
		return fmt.Errorf("partitions may use sectors %d to %d, on a disk of %d", first, last, sectors)
	}
	if n, size := le.Uint32(h[offEntries:]), le.Uint32(h[offEntrySize:]); n != entries || size != entrySize {
		return fmt.Errorf("the table has %d entries of %d bytes, not %d of %d", n, size, entries, entrySize)
	}
	return nil
}

// headerCRC returns a header's checksum, with the checksum field set to zero.
func headerCRC(h []byte) uint32 {
	h = slices.Clone(h[:headerSize])
	le.PutUint32(h[offHeaderCRC:], 0)
	return crc32.ChecksumIEEE(h)
}

// partition returns the position of partition number n, counted from 1, and
// whether it exists.
func (t table) partition(n int) (extent, bool) {
	if n < 1 || n > entries {
		return extent{}, false
	}
	e := t.array[(n-1)*entrySize:][:entrySize]
	if bytes.Equal(e[:16], make([]byte, 16)) { // no type: unused
		return extent{}, false
	}
	return extent{le.Uint64(e[32:]), le.Uint64(e[40:])}, true
}

// The two places of the entries, used alternately. Both are before the first
// partition, as UEFI 2.10 §5.3.1 requires. The first is where partitioning
// programs put them. gokrazy's init also reads the first partition's GUID
// there, whatever the header says; writing does not change that GUID.
const (
	firstPlace  = primaryHeader + 1
	secondPlace = firstPlace + arraySectors
)

// grow returns the writes that extend partition n, the disk's last, to the end
// of a disk with so many sectors. It returns two batches, and each must be on
// the medium before the next begins. It returns none if there is nothing to do.
//
// A power cut leaves either the old table or the new one. The first batch is
// the new entries and the new backup: the old header points to none of their
// sectors. The second is one sector, the header, which a medium writes
// completely or not at all. Nothing before it touches what the old table needs,
// including its backup: UEFI firmware would repair a damaged backup by writing.
// The MBR does not change: on a Raspberry Pi it is a hybrid that lists only the
// boot partition.
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
			return nil, fmt.Errorf("partition table: partition %d begins at sector %d: no room for a second table", i+1,
				other.first)
		}
		if i+1 != n && other.last >= p.first {
			return nil, fmt.Errorf("partition table: partition %d is not the last one: partition %d ends at sector %d",
				n, i+1, other.last)
		}
	}
	lastUsable := sectors - 1 - arraySectors - 1 // the backup follows it
	end := (lastUsable + 1) / alignment * alignment
	if end < p.last+1+alignment { // already there, or not worth a write
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
