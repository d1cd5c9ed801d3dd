package disk

import (
	"errors"
	"fmt"
)

// Offset and size of an ext4 file system's superblock, in bytes (Linux,
// Documentation/filesystems/ext4/super.rst).
const (
	superblockOffset = 1024
	superblockSize   = 1024
)

// fileSystem is what growing needs to know about an ext4 file system.
type fileSystem struct {
	blocks   uint64
	perGroup uint64 // blocks
}

const (
	// blockSize is the only block size that image.sh uses.
	blockSize = 4096
	// maxBlocks is the limit that image.sh reserves group descriptors for: 1
	// TiB.
	maxBlocks = 1 << 40 / blockSize
)

func readSuperblock(b []byte) (fileSystem, error) {
	const magic, has64bit = 0xef53, 0x80
	if len(b) < superblockSize || le.Uint16(b[0x38:]) != magic {
		return fileSystem{}, errors.New("not an ext4 file system")
	}
	if size := uint64(1024) << le.Uint32(b[0x18:]); size != blockSize {
		return fileSystem{}, fmt.Errorf("ext4: blocks of %d bytes, not %d", size, blockSize)
	}
	f := fileSystem{blocks: uint64(le.Uint32(b[0x4:])), perGroup: uint64(le.Uint32(b[0x20:]))}
	if le.Uint32(b[0x60:])&has64bit != 0 {
		f.blocks |= uint64(le.Uint32(b[0x150:])) << 32
	}
	if f.blocks == 0 || f.perGroup == 0 {
		return fileSystem{}, errors.New("ext4: the superblock is invalid")
	}
	return f, nil
}

// groupsAtATime is the number of block groups that a file system grows by in
// one step, 2 GiB: the kernel puts that much into one journal transaction
// (mkfs's flex_bg). During a step no other program can write.
const groupsAtATime = 16

// next returns the next size, in blocks, on the way to the final one.
func (f fileSystem) next(final uint64) uint64 {
	step := groupsAtATime * f.perGroup
	return min(final, (f.blocks/step+1)*step)
}

// fill returns the size, in blocks, of a file system that fills a partition of
// so many bytes. It omits the last block group if that would be smaller than an
// eighth of the others: the kernel drops a group that has no room for its
// tables. A file system that never reaches its intended size would be grown
// again at each boot.
func (f fileSystem) fill(bytes uint64) uint64 {
	blocks := min(bytes/blockSize, maxBlocks)
	if rest := blocks % f.perGroup; rest < f.perGroup/8 {
		blocks -= rest
	}
	return max(blocks, f.blocks)
}
