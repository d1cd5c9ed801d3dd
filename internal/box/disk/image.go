package disk

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"unicode/utf16"
)

// basicData is the type of partitions that Windows and macOS show, EBD0A0A2-
// B9E5-4433-87C0-68B6B72699C7, as encoded in a table (UEFI 2.10 appendix A).
// The boot partition has another type, and macOS hides it.
var basicData = []byte{0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7}

// settingsGUID is the same in every image, just as the other partitions' GUIDs
// are the same in every build of an image. Nothing looks up the partition by
// it.
var settingsGUID = []byte{0x62, 0x65, 0x78, 0x70, 0x78, 0x6f, 0x00, 0x40, 0x80, 0x00, 's', 'e', 't', 't', 'i', 'n'}

// SettingsFirst and SettingsLast are the sectors of the settings partition in
// an image: the space that gok leaves before the boot partition, aligned.
const (
	SettingsFirst = 2048
	SettingsLast  = 8191
)

// AddSettings adds a fifth partition to the table of a new image, in both
// places where Windows, macOS and Linux look for one: in the GPT, and in the
// hybrid MBR that gok writes for the Raspberry Pi, which Windows relies on
// alone. It does not guard against power cuts, because it runs when an image is
// built.
func AddSettings(image string) (err error) {
	f, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	d := disk{f, uint64(info.Size()) / sectorSize}
	t, err := d.table()
	if err != nil {
		return err
	}
	mbr := make([]byte, sectorSize)
	if _, err := f.ReadAt(mbr, 0); err != nil {
		return err
	}
	const number = 5
	entry, err := t.add(number, extent{SettingsFirst, SettingsLast}, basicData, settingsGUID, "pxebox settings")
	if err != nil {
		return err
	}
	if mbr, err = hybrid(mbr, extent{SettingsFirst, SettingsLast}); err != nil {
		return err
	}
	return d.apply([][]write{append(entry, write{0, mbr})})
}

// add returns the writes that add partition n to the table.
func (t table) add(n int, e extent, kind, guid []byte, name string) ([]write, error) {
	for i := range entries {
		other, ok := t.partition(i + 1)
		if ok && (i+1 == n || other.first <= e.last && e.first <= other.last) {
			return nil, fmt.Errorf("partition table: partition %d is in the way", i+1)
		}
	}
	if e.first < recordAt+recordSectors {
		return nil, fmt.Errorf("partition table: sector %d is reserved for a second table", e.first)
	}
	array := slices.Clone(t.array)
	at := array[(n-1)*entrySize:][:entrySize]
	copy(at, kind)
	copy(at[16:], guid)
	le.PutUint64(at[32:], e.first)
	le.PutUint64(at[40:], e.last)
	for i, u := range utf16.Encode([]rune(name)) {
		le.PutUint16(at[56+2*i:], u)
	}
	backup := le.Uint64(t.header[offAlternate:])
	header := func(my, alternate, entryLBA uint64) []byte {
		h := slices.Clone(t.header)
		le.PutUint64(h[offMyLBA:], my)
		le.PutUint64(h[offAlternate:], alternate)
		le.PutUint64(h[offEntryLBA:], entryLBA)
		le.PutUint32(h[offEntriesCRC:], crc32.ChecksumIEEE(array))
		le.PutUint32(h[offHeaderCRC:], headerCRC(h))
		return h
	}
	place := le.Uint64(t.header[offEntryLBA:])
	return []write{
		{backup - arraySectors, array},
		{backup, header(backup, primaryHeader, backup-arraySectors)},
		{place, array},
		{primaryHeader, header(primaryHeader, backup, place)},
	}, nil
}

// hybrid adds a FAT partition in the third slot of the MBR that gok writes. The
// first slot is the boot partition, where the Raspberry Pi looks. The second is
// the protective entry for the GPT, which must end before ours begins.
func hybrid(mbr []byte, e extent) ([]byte, error) {
	const first, size, typeAt, startAt, sizeAt, protective, fat = 446, 16, 4, 8, 12, 0xee, 0x0c
	mbr = slices.Clone(mbr)
	slot := func(i int) []byte { return mbr[first+i*size:][:size] }
	gpt, free := slot(1), slot(2)
	start, sectors := uint64(le.Uint32(gpt[startAt:])), uint64(le.Uint32(gpt[sizeAt:]))
	if gpt[typeAt] != protective || start != primaryHeader || start+sectors <= e.last ||
		!bytes.Equal(free, make([]byte, size)) {
		return nil, errors.New("partition table: the MBR is not the one that gok writes")
	}
	le.PutUint32(gpt[sizeAt:], uint32(e.first-start))
	// gok's entries have no cylinders, heads and sectors either.
	copy(free, []byte{0, 0xfe, 0xff, 0xff, fat, 0xfe, 0xff, 0xff})
	le.PutUint32(free[startAt:], uint32(e.first))
	le.PutUint32(free[sizeAt:], uint32(e.sectors()))
	return mbr, nil
}
