package release

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The largest parts: the partitions of the image, and the code in the MBR, which
// the partition table follows.
const (
	maxRoot = 500 << 20
	maxBoot = 100 << 20
	maxMBR  = 446
	// MaxFile is the size of the largest update file. Next to the parts there
	// are the archive's headers and a list of what the system was built from.
	MaxFile = maxRoot + maxBoot + 16<<20
)

// Part is the content of one place on the box's disk.
type Part struct {
	Name string // as gokrazy calls it: root, boot, mbr
	CRC  uint32 // IEEE
	*io.SectionReader
}

// The order is that of gok update: the root first, since it is not in use.
var parts = []struct {
	name, file string
	most       int64
}{
	{"root", "root.img", maxRoot},
	{"boot", "boot.img", maxBoot},
	{"mbr", "mbr.img", maxMBR},
}

// Parts finds the parts in an update file, in the order in which they are to be
// written. They are stored without compression.
func Parts(file io.ReaderAt, size int64) ([]Part, error) {
	if err := checkEnd(file, size); err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(&directory{file, maxDirectory}, size)
	if err != nil {
		return nil, fmt.Errorf("the file is not an update file (.gaf): %w", err)
	}
	var found []Part
	for _, p := range parts {
		part := Part{Name: p.name}
		for _, f := range archive.File {
			if f.Name != p.file {
				continue
			}
			if part.SectionReader != nil {
				return nil, fmt.Errorf("the update file has %s twice", p.file)
			}
			if f.Method != zip.Store || f.UncompressedSize64 != f.CompressedSize64 {
				return nil, fmt.Errorf("%s in the update file is compressed: build the file with gok overwrite --gaf", p.file)
			}
			if f.UncompressedSize64 == 0 || f.UncompressedSize64 > uint64(p.most) {
				return nil, fmt.Errorf("%s in the update file has %d bytes, and must have 1 to %d",
					p.file, f.UncompressedSize64, p.most)
			}
			at, err := f.DataOffset()
			if err != nil {
				return nil, fmt.Errorf("%s in the update file: %w", p.file, err)
			}
			length := int64(f.UncompressedSize64)
			if at > size-length {
				return nil, fmt.Errorf("%s in the update file extends past the end of the file: download it again", p.file)
			}
			part.CRC, part.SectionReader = f.CRC32, io.NewSectionReader(file, at, length)
		}
		if part.SectionReader == nil {
			return nil, fmt.Errorf("the update file lacks %s", p.file)
		}
		found = append(found, part)
	}
	return found, nil
}

const (
	// maxDirectory bounds what is read of the archive's headers, in bytes:
	// archive/zip keeps them all in memory.
	maxDirectory = 1 << 20
	maxEntries   = 64
)

// checkEnd checks how many entries an archive claims to have: archive/zip
// allocates that many.
func checkEnd(file io.ReaderAt, size int64) error {
	var end [22]byte // the end of central directory record; gok writes no comment
	if size < int64(len(end)) {
		return errors.New("the file is not an update file (.gaf): it is too short")
	}
	if n, err := file.ReadAt(end[:], size-int64(len(end))); n < len(end) {
		return err
	}
	if !bytes.HasPrefix(end[:], []byte("PK\x05\x06")) || binary.LittleEndian.Uint16(end[10:]) > maxEntries {
		return errors.New("the file is not an update file (.gaf), or is cut off: download it again")
	}
	return nil
}

// directory bounds what is read of a file.
type directory struct {
	file io.ReaderAt
	left int
}

func (d *directory) ReadAt(p []byte, off int64) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errors.New("its directory is too large")
	}
	return d.file.ReadAt(p, off)
}
