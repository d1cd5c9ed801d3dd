// Package disk makes the partition that holds what the box is to keep as
// large as the disk it lies on, through a power cut at any instant. It knows
// GUID partition tables and ext4 as far as that needs. It never formats,
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

// ErrRestart means that the machine has to be restarted at once, before
// anything is written to the file system: a power cut interrupted its growth.
var ErrRestart = errors.New("a power cut interrupted the growth of the file system, which has to be mounted again")

// CheckMount returns ErrRestart where the file system that belongs on dir
// cannot be relied on in this boot, or not be mounted, and the next one will
// do better. It comes before all else that writes there.
//
// To a root that an update has on trial this restart is the end of the trial.
// That costs an update, which has to be sent again, and takes a power cut: an
// update restarts the machine only when Grow has stopped, and that leaves
// nothing behind which would need one.
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
		return fmt.Errorf("its growth was interrupted, and %w", err)
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
// fill their disk. Where they do already, it writes nothing. What a power cut
// interrupted, it goes on with; CheckMount comes first. Once ctx has ended it
// stops after the step that it is at, where the next start can go on. An error
// says why the file system is not as large as it could be; it can be used all
// the same, unless nothing is mounted there, or it is read-only.
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
	log.Info("file system fills its disk", "dir", dir, "bytes", to*blockSize)
	return nil
}

// growPartition makes p end where its disk does, on the medium and in the
// kernel.
func growPartition(d disk, p *partition, log *slog.Logger) error {
	// All is looked at before anything is written.
	t, err := d.table()
	if err != nil {
		return err
	}
	if _, err := p.fileSystem(); err != nil {
		return err
	}
	entry, ok := t.partition(permNumber)
	if !ok || entry.first != p.first {
		return fmt.Errorf("partition %d of %s begins at sector %d; its table says something else", permNumber, d.Name(), p.first)
	}
	batches, err := t.grow(permNumber, d.sectors)
	if err != nil {
		return err
	}
	if len(batches) > 0 {
		log.Info("partition grows", "disk", d.Name(), "partition", permNumber)
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

// growFileSystem grows the file system step by step, each with a record of the
// superblock before it, and on the medium before the next begins.
func growFileSystem(ctx context.Context, dir string, d disk, p partition, from fileSystem, to uint64, log *slog.Logger) error {
	start := time.Now()
	log.Info("file system grows", "dir", dir, "bytes", from.blocks*blockSize, "to", to*blockSize)
	var stop error // why no further step is taken
	for was := from; was.blocks < to; {
		if err := settle(dir, p); err != nil {
			return err
		}
		if stop == nil && ctx.Err() != nil {
			stop = fmt.Errorf("it has %d bytes of %d, and grows on at the next start: %w", was.blocks*blockSize, to*blockSize, ctx.Err())
		}
		if stop != nil {
			// Nothing is under way: no start has to mend anything.
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
			// It broke off within the step, and the next mount may need the
			// record.
			return failed
		case failed != nil:
			// The kernel refused the step, as it does for good once it has found
			// an error in the file system (ext4_resize_begin).
			stop = failed
		case is.blocks != next:
			stop = fmt.Errorf("ext4: the kernel made %s %d blocks large, not %d", dir, is.blocks, next)
		}
		was = is
	}
	if err := settle(dir, p); err != nil {
		return err
	}
	log.Info("file system has grown", "dir", dir, "bytes", to*blockSize, "took", time.Since(start).Round(time.Millisecond))
	return nil
}
