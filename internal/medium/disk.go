package medium

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mount is what is mounted on a folder.
type mount struct {
	device   string // major:minor
	fsType   string
	readOnly bool
}

// findMount looks a folder up in the text of /proc/self/mountinfo (proc(5)).
// Of several mounts on it the last one counts: it covers the others.
func findMount(mountinfo, dir string) (mount, error) {
	found, m := false, mount{}
	for line := range strings.Lines(mountinfo) {
		// 25 1 253:4 / /perm rw,relatime - ext4 /dev/vda4 rw
		before, after, _ := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if len(f) < 6 || len(g) < 3 || f[4] != dir {
			continue
		}
		// A file system that has met an error is read-only as a whole, while
		// its mount may still say rw.
		found, m = true, mount{f[2], g[0], readOnly(f[5]) || readOnly(g[2])}
	}
	if !found {
		return mount{}, fmt.Errorf("nothing is mounted on %s: its partition is missing or damaged", dir)
	}
	return m, nil
}

func readOnly(options string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if o == "ro" || o == "emergency_ro" {
			return true
		}
	}
	return false
}

// disk is a block device that the kernel has found partitions on.
type disk struct {
	*os.File
	sectors uint64 // of sectorSize
}

// partition is one of a disk's, as the kernel has it.
type partition struct {
	*os.File
	number  int
	first   uint64 // sector
	sectors uint64
}

// open opens the partition with these device numbers, and its disk for
// writing.
func open(device string) (d disk, p partition, err error) {
	dir, err := filepath.EvalSymlinks("/sys/dev/block/" + device)
	if err != nil {
		return d, p, fmt.Errorf("find the partition: %w", err)
	}
	parent := filepath.Dir(dir)
	var number, size, sector uint64
	for _, v := range []struct {
		into *uint64
		file string
	}{
		{&number, dir + "/partition"},
		{&p.first, dir + "/start"}, // these three in 512 bytes, always
		{&p.sectors, dir + "/size"},
		{&size, parent + "/size"},
		{&sector, parent + "/queue/logical_block_size"},
	} {
		if *v.into, err = readNumber(v.file); err != nil {
			return d, p, fmt.Errorf("%s is no partition of a disk: %w", filepath.Base(dir), err)
		}
	}
	if sector != sectorSize {
		return d, p, fmt.Errorf("%s has sectors of %d bytes, not %d", filepath.Base(parent), sector, sectorSize)
	}
	p.number, d.sectors = int(number), size
	if d.File, err = os.OpenFile("/dev/"+filepath.Base(parent), os.O_RDWR, 0); err != nil {
		return d, p, err
	}
	if p.File, err = os.Open("/dev/" + filepath.Base(dir)); err != nil {
		return d, p, errors.Join(err, d.Close())
	}
	return d, p, nil
}

func readNumber(name string) (uint64, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}

func (d disk) table() (table, error) {
	head := make([]byte, headSectors*sectorSize)
	if _, err := d.ReadAt(head, 0); err != nil {
		return table{}, fmt.Errorf("partition table: %w", err)
	}
	return readTable(head, d.sectors)
}

// apply writes batches, each of them safe on the medium before the next.
func (d disk) apply(batches [][]write) error {
	for _, batch := range batches {
		for _, w := range batch {
			if _, err := d.WriteAt(w.data, int64(w.lba*sectorSize)); err != nil {
				return fmt.Errorf("partition table: %w", err)
			}
		}
		if err := d.Sync(); err != nil {
			return fmt.Errorf("partition table: %w", err)
		}
	}
	return nil
}

// resize tells the kernel that a partition, which may be in use, has a new
// end.
func (d disk) resize(number int, to extent) error {
	p := unix.BlkpgPartition{Start: int64(to.first * sectorSize), Length: int64(to.sectors() * sectorSize), Pno: int32(number)}
	arg := unix.BlkpgIoctlArg{Op: unix.BLKPG_RESIZE_PARTITION, Datalen: int32(unsafe.Sizeof(p)), Data: (*byte)(unsafe.Pointer(&p))}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, d.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(&arg))); errno != 0 {
		return fmt.Errorf("resize partition %d in the kernel: %w", number, errno)
	}
	return nil
}

// fileSystem reads the superblock through the kernel's cache of the
// partition, which is where the mounted file system keeps it.
func (p partition) fileSystem() (fileSystem, error) {
	b := make([]byte, superblockSize)
	if _, err := p.ReadAt(b, superblockOffset); err != nil {
		return fileSystem{}, fmt.Errorf("ext4: %w", err)
	}
	return readSuperblock(b)
}

// resizeExt4 makes the file system that is mounted on dir so many blocks
// large. The driver does it in one transaction of the journal, which is on the
// medium when this returns.
func resizeExt4(dir string, blocks uint64) error {
	const resizeFS = 0x40086610 // EXT4_IOC_RESIZE_FS = _IOW('f', 16, __u64)
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), resizeFS, uintptr(unsafe.Pointer(&blocks))); errno != 0 {
		return fmt.Errorf("ext4: resize %s: %w", dir, errno)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("ext4: resize %s: %w", dir, err)
	}
	return nil
}

// settle brings what the journal holds to where it belongs, the superblock
// last. A mount reads the superblock and the group descriptors before it
// replays the journal, and refuses a superblock that tells of groups which
// have no descriptors yet (ext4_check_descriptors). Left alone, the kernel
// writes both half a minute later, in any order.
func settle(d disk, p partition) error {
	const wait = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	// All behind the superblock's block, to the end.
	if err := unix.SyncFileRange(int(p.Fd()), blockSize, 0, wait); err != nil {
		return fmt.Errorf("ext4: write the group descriptors: %w", err)
	}
	// The disk has nothing of its own to write: this only has the medium
	// empty its cache.
	if err := d.Sync(); err != nil {
		return fmt.Errorf("ext4: write the group descriptors: %w", err)
	}
	if err := p.Sync(); err != nil {
		return fmt.Errorf("ext4: write the superblock: %w", err)
	}
	return nil
}
