// Package disk grows the partition for the box's persistent data to the size of
// its disk, and survives a power cut at any instant. It knows only as much
// about GUID partition tables and ext4 as that requires. It never formats,
// shrinks, moves or repairs anything, and it refuses what it does not know.
package disk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/box/volume"
)

// ErrRestart means that the machine must be restarted at once, before anything
// is written to the file system: a power cut interrupted its growth.
var ErrRestart = errors.New("a power cut interrupted the growth of the file system, which must be mounted again")

// CheckMount returns ErrRestart if the file system that belongs on dir cannot
// be relied on or mounted in this boot, and the next boot will do better. Call
// it before anything writes there.
//
// For a root on trial after an update, this restart ends the trial, and the
// update must be sent again. That happens only after a power cut: an update
// restarts the machine only after Grow has stopped, and then Grow leaves
// nothing behind that would need a restart.
func CheckMount(dir string) error {
	root, err := volume.RootDisk()
	if err != nil {
		return err
	}
	d, err := openDisk(root)
	if err != nil {
		return err
	}
	defer d.Close()
	r, ok, err := d.readRecord()
	if err != nil || !ok {
		return err
	}
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	_, err = findMount(string(mountinfo), dir)
	do, state := r.next(err == nil)
	switch do {
	case goOn:
		return nil
	case giveUp:
		return fmt.Errorf("its growth was interrupted: %w", err)
	case putBack:
		t, err := d.table()
		if err != nil {
			return err
		}
		p, ok := t.partition(permNumber)
		if !ok {
			return fmt.Errorf("partition table: no partition %d", permNumber)
		}
		err = d.apply([][]write{{{p.first + superblockOffset/sectorSize, r.superblock}}})
		if err != nil {
			return err
		}
	}
	r.state = state
	if err := d.writeRecord(r); err != nil {
		return err
	}
	return ErrRestart
}

// Grow makes the ext4 file system that is mounted on dir, and its partition,
// fill their disk. If they already do, it writes nothing. It resumes what a
// power cut interrupted. Call CheckMount first. When ctx ends, Grow stops after
// the current step, where the next start can resume. An error says why the file
// system is not as large as it could be. The file system is still usable,
// unless it is not mounted or is read-only.
func Grow(ctx context.Context, dir string, log *slog.Logger) error {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	m, err := findMount(string(mountinfo), dir)
	switch {
	case err != nil:
		return err
	case m.readOnly:
		return fmt.Errorf("%s is mounted read-only: its file system may be damaged", dir)
	case m.fsType != "ext4":
		return fmt.Errorf("%s is %s, not ext4", dir, m.fsType)
	}
	d, p, err := open(m.device)
	if err != nil {
		return err
	}
	defer d.Close()
	defer p.Close()

	if err := growPartition(d, &p, log); err != nil {
		return err
	}
	from, err := p.fileSystem()
	if err != nil {
		return err
	}
	to := from.fill(p.sectors * sectorSize)
	if to > from.blocks {
		if err := growFileSystem(ctx, dir, d, p, from, to, log); err != nil {
			return err
		}
	}
	if err := d.clearRecord(); err != nil {
		return err
	}
	log.Info("file system already fills its disk", "dir", dir, "bytes", to*blockSize)
	return nil
}

// growPartition extends p to the end of its disk, on the medium and in the
// kernel.
func growPartition(d disk, p *partition, log *slog.Logger) error {
	// Check everything before writing anything.
	t, err := d.table()
	if err != nil {
		return err
	}
	if _, err := p.fileSystem(); err != nil {
		return err
	}
	entry, ok := t.partition(permNumber)
	if !ok || entry.first != p.first {
		return fmt.Errorf("partition %d of %s begins at sector %d, which is not what the table says",
			permNumber, d.Name(), p.first)
	}
	batches, err := t.grow(permNumber, d.sectors)
	if err != nil {
		return err
	}
	if len(batches) > 0 {
		log.Info("growing the partition", "disk", d.Name(), "partition", permNumber)
		if err := d.apply(batches); err != nil {
			return err
		}
		if t, err = d.table(); err != nil {
			return err
		}
		entry, _ = t.partition(permNumber)
	}
	if p.sectors < entry.sectors() {
		if err := d.resize(permNumber, entry); err != nil {
			return err
		}
		p.sectors = entry.sectors()
	}
	return nil
}

// growFileSystem grows the file system step by step. It records the superblock
// before each step, and syncs each step to the medium before the next begins.
func growFileSystem(
	ctx context.Context, dir string, d disk, p partition, from fileSystem, to uint64, log *slog.Logger,
) error {
	start := time.Now()
	log.Info("growing the file system", "dir", dir, "bytes", from.blocks*blockSize, "to", to*blockSize)
	var stop error // why no further step is taken
	for was := from; was.blocks < to; {
		if err := settle(dir, p); err != nil {
			return err
		}
		if stop == nil && ctx.Err() != nil {
			stop = fmt.Errorf("it has %d bytes of %d, and continues to grow at the next start: %w",
				was.blocks*blockSize, to*blockSize, ctx.Err())
		}
		if stop != nil {
			// No step is in progress: no start has anything to recover.
			return errors.Join(stop, d.clearRecord())
		}
		superblock, err := p.superblock()
		if err != nil {
			return err
		}
		if err := d.writeRecord(record{growing, superblock}); err != nil {
			return err
		}
		next := was.next(to)
		failed := resizeExt4(dir, next)
		is, err := p.fileSystem()
		switch {
		case err != nil:
			return errors.Join(failed, err)
		case failed != nil && is.blocks != was.blocks:
			// The step failed halfway, and the next mount may need the record.
			return failed
		case failed != nil:
			// The kernel refused the step. It always does once it has found an
			// error in the file system (ext4_resize_begin).
			stop = failed
		case is.blocks != next:
			stop = fmt.Errorf("ext4: the kernel made %s %d blocks large, not %d", dir, is.blocks, next)
		}
		was = is
	}
	if err := settle(dir, p); err != nil {
		return err
	}
	log.Info("file system grown", "dir", dir, "bytes", to*blockSize, "took", time.Since(start).Round(time.Millisecond))
	return nil
}
