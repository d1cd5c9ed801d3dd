package disk

import (
	"errors"
	"fmt"
)

// Where an ext4 file system's superblock lies, in bytes (Linux,
// Documentation/filesystems/ext4/super.rst).
const (
	superblockOffset = 1024
	superblockSize   = 1024
)

// fileSystem is what growing needs to know of an ext4 file system.
type fileSystem struct {
	blocks   uint64
	perGroup uint64 // blocks
}

const (
	// blockSize is the only size of blocks that image.sh makes.
	blockSize = 4096
	// maxBlocks is what image.sh leaves room for: group descriptors for 1 TiB.
	maxBlocks = 1 << 40 / blockSize
)

func readSuperblock(b []byte) (fileSystem, error) {
	const magic, has64bit = 0xef53, 0x80
	if len(b) < superblockSize || le.Uint16(b[0x38:]) != magic {
		return fileSystem{}, errors.New("no ext4 file system")
	}
	if size := uint64(1024) << le.Uint32(b[0x18:]); size != blockSize {
		return fileSystem{}, fmt.Errorf("ext4: blocks of %d bytes, not %d", size, blockSize)
	}
	f := fileSystem{blocks: uint64(le.Uint32(b[0x4:])), perGroup: uint64(le.Uint32(b[0x20:]))}
	if le.Uint32(b[0x60:])&has64bit != 0 {
		f.blocks |= uint64(le.Uint32(b[0x150:])) << 32
	}
	if f.blocks == 0 || f.perGroup == 0 {
		return fileSystem{}, errors.New("ext4: the superblock makes no sense")
	}
	return f, nil
}

// groupsAtATime is by how much a file system grows at once, 2 GiB: what the
// kernel puts into one transaction of the journal (mkfs's flex_bg). For so long
// it keeps all others from writing.
const groupsAtATime = 16

// next is the size in blocks that comes next on the way to a final one.
func (f fileSystem) next(final uint64) uint64 {
	step := groupsAtATime * f.perGroup
	return min(final, (f.blocks/step+1)*step)
}

// fill is the size in blocks of a file system that fills a partition of so
// many bytes. The last group of blocks is left away where it would be less
// than an eighth of the others: the kernel drops one that has no room for its
// own tables, and a file system that never gets to the size that it should
// have would be grown again at each boot.
func (f fileSystem) fill(bytes uint64) uint64 {
	blocks := min(bytes/blockSize, maxBlocks)
	if rest := blocks % f.perGroup; rest < f.perGroup/8 {
		blocks -= rest
	}
	return max(blocks, f.blocks)
}
