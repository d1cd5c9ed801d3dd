package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/box/volume"
)

// mount describes what is mounted on a folder.
type mount struct {
	device   string // major:minor
	fsType   string
	readOnly bool
}

// findMount looks up a folder in the text of /proc/self/mountinfo (proc(5)). If
// several file systems are mounted on it, the last one counts, because it
// covers the others.
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

// disk is a block device on which the kernel has found partitions.
type disk struct {
	*os.File
	sectors uint64 // of sectorSize bytes
}

// partition is a partition of a disk, as the kernel sees it.
type partition struct {
	*os.File
	first   uint64 // sector
	sectors uint64
}

// permNumber is the number of gokrazy's partition for persistent data.
const permNumber = 4

// openDisk opens a disk by its name in /dev.
func openDisk(name string) (disk, error) {
	dir := "/sys/class/block/" + name
	size, err := readNumber(dir + "/size") // always in units of 512 bytes
	if err != nil {
		return disk{}, fmt.Errorf("%s is not a disk: %w", name, err)
	}
	sector, err := readNumber(dir + "/queue/logical_block_size")
	if err != nil {
		return disk{}, fmt.Errorf("%s is not a disk: %w", name, err)
	}
	if sector != sectorSize {
		return disk{}, fmt.Errorf("%s has sectors of %d bytes, not %d", name, sector, sectorSize)
	}
	f, err := os.OpenFile("/dev/"+name, os.O_RDWR, 0)
	return disk{f, size}, err
}

// open opens the partition with these device numbers, and its disk, which must
// be the disk that the running system is on.
func open(device string) (d disk, p partition, err error) {
	dir, err := filepath.EvalSymlinks("/sys/dev/block/" + device)
	if err != nil {
		return d, p, fmt.Errorf("find the partition: %w", err)
	}
	name := filepath.Base(dir)
	var number uint64
	for _, v := range []struct {
		into *uint64
		file string
	}{
		{&number, "/partition"},
		{&p.first, "/start"}, // both always in units of 512 bytes
		{&p.sectors, "/size"},
	} {
		if *v.into, err = readNumber(dir + v.file); err != nil {
			return d, p, fmt.Errorf("%s is not a partition of a disk: %w", name, err)
		}
	}
	root, err := volume.RootDisk()
	if err != nil {
		return d, p, err
	}
	if filepath.Base(filepath.Dir(dir)) != root || number != permNumber {
		return d, p, fmt.Errorf("%s is not partition %d of %s, the system's disk", name, permNumber, root)
	}
	if d, err = openDisk(root); err != nil {
		return d, p, err
	}
	if p.File, err = os.Open("/dev/" + name); err != nil {
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

// apply writes batches. It syncs each batch to the medium before the next one.
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

// resize tells the kernel the new end of a partition, which may be in use.
func (d disk) resize(number int, to extent) error {
	p := unix.BlkpgPartition{Start: int64(to.first * sectorSize), Length: int64(to.sectors() * sectorSize),
		Pno: int32(number)}
	arg := unix.BlkpgIoctlArg{Op: unix.BLKPG_RESIZE_PARTITION, Datalen: int32(unsafe.Sizeof(p)),
		Data: (*byte)(unsafe.Pointer(&p))}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, d.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(&arg))); errno != 0 {
		return fmt.Errorf("resize partition %d in the kernel: %w", number, errno)
	}
	return nil
}

// superblock reads through the kernel's cache of the partition, where the
// mounted file system keeps its superblock.
func (p partition) superblock() ([]byte, error) {
	b := make([]byte, superblockSize)
	if _, err := p.ReadAt(b, superblockOffset); err != nil {
		return nil, fmt.Errorf("ext4: %w", err)
	}
	return b, nil
}

func (p partition) fileSystem() (fileSystem, error) {
	b, err := p.superblock()
	if err != nil {
		return fileSystem{}, err
	}
	return readSuperblock(b)
}

// resizeExt4 resizes the file system mounted on dir to a number of blocks. The
// driver journals the change, and then empties the journal.
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
	return nil
}

// settle writes all pending data of the partition to the medium: first what the
// file system has not journaled yet, then what it keeps in the kernel's cache
// for half a minute.
func settle(dir string, p partition) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("ext4: sync %s: %w", dir, err)
	}
	if err := p.Sync(); err != nil {
		return fmt.Errorf("ext4: sync the partition of %s: %w", dir, err)
	}
	return nil
}
