package disk

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
)

// record is kept between the partition table and the first partition while the
// file system grows. The kernel's driver journals what it does, but a power cut
// can still leave either of two states that it cannot begin a mount with:
//
//   - It reads superblock and group descriptors before it replays the journal.
//     It writes both to their places in one go, and of that the medium may have
//     any part: a superblock that tells of groups which have no descriptors
//     does not mount (ext4_check_descriptors), and the journal is not replayed.
//     The superblock from before, which the record holds, does, and the journal
//     then makes it the new one.
//   - It counts the groups before it replays the journal. Where that makes them
//     more, the kernel believes in the new size and does not know the groups:
//     whoever wants a block fails with EUCLEAN. The next mount counts right.
//
// So a start that finds a record first sees to it that /perm was mounted, and
// then that it is mounted anew: both by a restart of the machine, since other
// programs use /perm by then.
type record struct {
	state state
	// superblock is the file system's, before it grew.
	superblock []byte
}

// state says how far a start has come with a record that it has found. It only
// ever goes on, so that a box cannot restart for ever.
type state uint32

const (
	growing   state = 1 + iota // cut off, unless it is still at work
	restored                   // the superblock was put back, and the machine restarted
	restarted                  // the machine was restarted once the journal was replayed
)

const (
	recordAt      = headSectors // LBA
	recordSectors = 1 + superblockSize/sectorSize
)

var recordMagic = []byte("pxebox: /perm grows\n")

// Offsets in the record's first sector. Changing the state writes that sector
// only.
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

// decodeRecord reports whether there is a record. One whose writing was cut off
// is none: nothing had begun to grow, or nothing any more.
func decodeRecord(b []byte) (record, bool) {
	r := record{state(le.Uint32(b[offState:])), b[sectorSize : recordSectors*sectorSize]}
	ok := bytes.HasPrefix(b, recordMagic) &&
		le.Uint32(b[offRecordCRC:]) == crc32.ChecksumIEEE(b[:offRecordCRC]) &&
		le.Uint32(b[offSuperblockCRC:]) == crc32.ChecksumIEEE(r.superblock)
	return r, ok
}

// Step is what a start has to do about a record.
type step int

const (
	goOn      step = iota // the file system can be used
	giveUp                // it does not mount, and the record does not help
	putBack               // put the superblock back, and restart
	mountAnew             // restart
)

// next says what to do about a record, and which state it has from then on.
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

// clearRecord takes the record away, if there is one.
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
