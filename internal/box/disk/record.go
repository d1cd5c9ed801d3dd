package disk

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
)

// record is stored between the partition table and the first partition while
// the file system grows. The kernel's driver journals its changes, but a power
// cut can still leave either of two states that break the next mount:
//
//   - The driver reads superblock and group descriptors before it replays the
//     journal. It writes both in place in one go, and any part of that may
//     have reached the medium. A superblock with groups that have no
//     descriptors does not mount (ext4_check_descriptors), and the journal is
//     not replayed. The old superblock, which the record holds, does mount,
//     and the journal then turns it into the new one.
//   - The driver counts the groups before it replays the journal. If the
//     replay adds groups, the kernel uses the new size but does not know the
//     new groups: block allocations fail with EUCLEAN. The next mount counts
//     correctly.
//
// So a start that finds a record first makes sure that /perm was mounted, and
// then that it is mounted again. Both take a restart of the machine, because
// other programs already use /perm.
type record struct {
	state state
	// superblock is the file system's superblock from before it grew.
	superblock []byte
}

// state is how far a start has come with a record that it has found. It only
// moves forward, so that a box cannot restart endlessly.
type state uint32

const (
	growing   state = 1 + iota // interrupted, or still in progress
	restored                   // the superblock was restored, and the machine restarted
	restarted                  // the machine was restarted after the journal was replayed
)

const (
	recordAt      = headSectors // LBA
	recordSectors = 1 + superblockSize/sectorSize
)

var recordMagic = []byte("pxebox: /perm grows\n")

// Offsets in the record's first sector. Changing the state writes only that
// sector.
const (
	offState         = 32
	offSuperblockCRC = 36
	offRecordCRC     = 40
)

func (r record) encode() []byte {
	b := make([]byte, sectorSize, recordSectors*sectorSize)
	copy(b, recordMagic)
	le.PutUint32(b[offState:], uint32(r.state))
	le.PutUint32(b[offSuperblockCRC:], crc32.ChecksumIEEE(r.superblock))
	le.PutUint32(b[offRecordCRC:], crc32.ChecksumIEEE(b[:offRecordCRC]))
	return append(b, r.superblock...)
}

// decodeRecord reports whether there is a record. A record that was only partly
// written does not count: growing had not begun, or was already over.
func decodeRecord(b []byte) (record, bool) {
	r := record{state(le.Uint32(b[offState:])), b[sectorSize : recordSectors*sectorSize]}
	ok := bytes.HasPrefix(b, recordMagic) &&
		le.Uint32(b[offRecordCRC:]) == crc32.ChecksumIEEE(b[:offRecordCRC]) &&
		le.Uint32(b[offSuperblockCRC:]) == crc32.ChecksumIEEE(r.superblock)
	return r, ok
}

// step is what a start must do about a record.
type step int

const (
	goOn      step = iota // the file system can be used
	giveUp                // it does not mount, and the record does not help
	putBack               // restore the superblock, and restart
	mountAnew             // restart
)

// next returns what to do about a record, and its new state.
func (r record) next(mounted bool) (step, state) {
	switch {
	case mounted && r.state == restarted:
		return goOn, r.state
	case mounted:
		return mountAnew, restarted
	case r.state == growing:
		return putBack, restored
	}
	return giveUp, r.state
}

func (d disk) readRecord() (record, bool, error) {
	b := make([]byte, recordSectors*sectorSize)
	if _, err := d.ReadAt(b, recordAt*sectorSize); err != nil {
		return record{}, false, fmt.Errorf("read the record of growth: %w", err)
	}
	r, ok := decodeRecord(b)
	return r, ok, nil
}

func (d disk) writeRecord(r record) error { return d.putRecord(r.encode()) }

// clearRecord removes the record, if there is one.
func (d disk) clearRecord() error {
	if _, ok, err := d.readRecord(); err != nil || !ok {
		return err
	}
	return d.putRecord(make([]byte, sectorSize))
}

func (d disk) putRecord(b []byte) error {
	_, err := d.WriteAt(b, recordAt*sectorSize)
	if err = errors.Join(err, d.Sync()); err != nil {
		return fmt.Errorf("write the record of growth: %w", err)
	}
	return nil
}
