// Package disk is a disk for a guest that loses unflushed data when its power
// is cut, as a real medium with a write cache may. QEMU's own disks do not: the
// host's memory holds their writes, and no cut reaches it. A guest accesses the
// disk over NBD. The package does not know what the guest stores on it.
package disk

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"
)

// Sector is the unit that a medium writes entirely or not at all, in bytes.
const Sector = 512

// Disk is a medium and the cache in front of it. Its methods may be called at
// any time.
type Disk struct {
	mu     sync.Mutex
	medium *os.File
	size   int64
	// cache holds everything written since the last flush, by sector number:
	// all versions of a sector, oldest first. After a power cut the medium may
	// hold any of these versions, or the one from before them.
	cache  map[int64][][]byte
	boot   int  // number of cuts so far: a connection from an earlier boot is dead
	dead   bool // from a cut to On: a guest that still runs must not reconnect
	onCut  []func()
	writes []Extent
	pace   time.Duration // duration of a write or a flush
	toSync time.Duration // what a flush takes in addition
	syncs  int           // flushes so far

	countdown int // writes left until the requested cut
	plan      func()
}

// Extent is a part of the disk, in bytes.
type Extent struct{ Offset, Length int64 }

// Open turns the file at path, a copy of an image, into a disk of size bytes.
// It changes the file. The caller must call Close.
func Open(path string, size int64) (*Disk, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && (size < info.Size() || size%Sector != 0) {
		err = fmt.Errorf("disk: %s has %d bytes and cannot be a disk of %d", path, info.Size(), size)
	}
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Disk{medium: f, size: size, cache: make(map[int64][][]byte)}, nil
}

// Close cuts the power for good and closes the file, which holds what was
// flushed.
func (d *Disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off(func(int) int { return 0 })
	return d.medium.Close()
}

// read and write take whole sectors within the disk; the server has checked
// this.

func (d *Disk) read(p []byte, offset int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.medium.ReadAt(p, offset); err != nil {
		return err
	}
	for i := int64(0); i < int64(len(p)); i += Sector {
		if versions := d.cache[(offset+i)/Sector]; len(versions) > 0 {
			copy(p[i:], versions[len(versions)-1])
		}
	}
	return nil
}

// write stores the bytes in p. With through, it returns only when they are on
// the medium (NBD's FUA): older versions of these sectors can then not come
// back.
func (d *Disk) write(p []byte, offset int64, through bool, boot int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if boot != d.boot {
		return errCut
	}
	d.writes = append(d.writes, Extent{offset, int64(len(p))})
	for i := int64(0); i < int64(len(p)); i += Sector {
		n := (offset + i) / Sector
		d.cache[n] = append(d.cache[n], p[i:i+Sector])
	}
	if d.plan != nil {
		if d.countdown--; d.countdown == 0 {
			d.plan()
			return errCut
		}
	}
	if !through {
		return nil
	}
	for i := int64(0); i < int64(len(p)); i += Sector {
		delete(d.cache, (offset+i)/Sector)
	}
	_, err := d.medium.WriteAt(p, offset)
	return err
}

// flush writes to the medium everything that was written before it.
func (d *Disk) flush(boot int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if boot != d.boot {
		return errCut
	}
	for n, versions := range d.cache {
		if _, err := d.medium.WriteAt(versions[len(versions)-1], n*Sector); err != nil {
			return err
		}
	}
	clear(d.cache)
	return nil
}

// Slow makes each write and each flush take this long from now on, as on an SD
// card. All other requests of the guest to the disk wait meanwhile.
func (d *Disk) Slow(each time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pace = each
}

// SlowFlush makes each flush take this long from now on, and each write that has
// to reach the medium. All other requests of the guest to the disk wait meanwhile.
func (d *Disk) SlowFlush(each time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.toSync = each
}

// Flushes returns how many flushes there were, and writes that had to reach the
// medium.
func (d *Disk) Flushes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// work waits as long as a write or a flush takes.
func (d *Disk) work(flushes bool) {
	d.mu.Lock()
	each := d.pace
	if flushes {
		each += d.toSync
		d.syncs++
	}
	d.mu.Unlock()
	time.Sleep(each)
}

// Loss is the effect of a cut on the unflushed sectors.
type Loss struct {
	Kept, Lost int // sectors; a kept one has some version of the written data
}

func (l Loss) String() string { return fmt.Sprintf("%d sectors kept, %d lost", l.Kept, l.Lost) }

// Cut cuts the power. For each unflushed sector, chance decides whether it
// stays as it was or gets one of the versions written since. Connections end,
// and there are no new ones before On: QEMU would reconnect the guest that was
// cut off, and the guest would continue to write.
func (d *Disk) Cut(chance *rand.Rand) Loss {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut(chance)
}

// CutAtWrite cuts the power at the n-th write from now on, n > 0. That write is
// then one of the unflushed ones. The channel receives the loss.
func (d *Disk) CutAtWrite(n int, chance *rand.Rand) <-chan Loss {
	d.mu.Lock()
	defer d.mu.Unlock()
	cut := make(chan Loss, 1)
	d.countdown, d.plan = n, func() { cut <- d.cut(chance) }
	return cut
}

func (d *Disk) cut(chance *rand.Rand) Loss {
	// A medium that writes nothing back, one that writes back at once, and some
	// in between.
	keep := []float64{0, 0.1, 0.5, 0.9, 1}[chance.IntN(5)]
	return d.off(func(versions int) int {
		if chance.Float64() >= keep {
			return 0
		}
		return 1 + chance.IntN(versions)
	})
}

// off empties the cache. survives decides, for a number of versions, which one
// a sector has from now on: counted from 1, or 0 for the one before them.
func (d *Disk) off(survives func(versions int) int) (l Loss) {
	// In order, so that chance's results depend only on its seed.
	sectors := make([]int64, 0, len(d.cache))
	for n := range d.cache {
		sectors = append(sectors, n)
	}
	slices.Sort(sectors)
	for _, n := range sectors {
		versions := d.cache[n]
		v := survives(len(versions))
		if v == 0 {
			l.Lost++
			continue
		}
		l.Kept++
		if _, err := d.medium.WriteAt(versions[v-1], n*Sector); err != nil {
			panic(err) // the host's disk is full
		}
	}
	clear(d.cache)
	d.boot++
	d.dead = true
	d.plan = nil
	for _, f := range d.onCut {
		f()
	}
	d.onCut = nil
	return l
}

// Writes returns all writes so far, in order, flushed or not.
func (d *Disk) Writes() []Extent {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.writes)
}

// ReadAt reads the content of the medium, as the next boot would find it if the
// power were cut now and the cache lost.
func (d *Disk) ReadAt(p []byte, offset int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.medium.ReadAt(p, offset)
}

// On turns the power of the disk on again, for the next boot.
func (d *Disk) On() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = false
}

// begin registers a connection of the current boot, if the power is on.
func (d *Disk) begin(end func()) (boot int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return 0, errCut
	}
	d.onCut = append(d.onCut, end)
	return d.boot, nil
}
