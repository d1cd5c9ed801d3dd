// Package disk is a disk for a guest that loses what was not flushed when its
// power is cut, as a real medium with a write cache may, and QEMU's own disks
// do not: their writes are in the host's memory, which no cut reaches. A guest
// gets at it by NBD. What the guest keeps on it is not known here.
package disk

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"
)

// Sector is the unit that a medium writes whole or not at all, in bytes.
const Sector = 512

// Disk is a medium, and the cache before it. All its methods may be called at
// any time.
type Disk struct {
	mu     sync.Mutex
	medium *os.File
	size   int64
	// cache holds what was written since the last flush, by the number of the
	// sector: all its versions, the last one last. What a medium has when the
	// power goes may be any of them, or the one before them all.
	cache  map[int64][][]byte
	boot   int  // counts the cuts: a connection of an earlier boot is dead
	dead   bool // from a cut to On: a guest that still runs may not come back
	onCut  []func()
	writes []Extent
	pace   time.Duration // of a write or a flush

	countdown int // writes that are left until the cut that was asked for
	plan      func()
}

// Extent is a part of the disk, in bytes.
type Extent struct{ Offset, Length int64 }

// Open makes the file at path, a copy of an image, a disk of size bytes. It
// changes the file. Whoever opens it must Close it.
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

// Close cuts the power for good and lets go of the file, which holds what was
// flushed.
func (d *Disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off(func(int) int { return 0 })
	return d.medium.Close()
}

// read and write take whole sectors within the disk; the server has checked.

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

// write keeps p's bytes. With through it is not done before they are on the
// medium (NBD's FUA): older versions of these sectors can then not come back.
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

// flush brings all that was written before it to the medium.
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

// Slow has each write and each flush take so long from now on, as an SD card's
// do. Whatever else the guest asks of the disk waits meanwhile.
func (d *Disk) Slow(each time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pace = each
}

// work lasts as long as a write or a flush takes.
func (d *Disk) work() {
	d.mu.Lock()
	each := d.pace
	d.mu.Unlock()
	time.Sleep(each)
}

// Loss is what a cut did to the sectors that were not flushed.
type Loss struct {
	Kept, Lost int // sectors; Kept ones have some version of what was written
}

func (l Loss) String() string { return fmt.Sprintf("%d sectors kept, %d lost", l.Kept, l.Lost) }

// Cut cuts the power: of each sector that was not flushed chance decides
// whether it stays as it was or has one of the versions that were written
// since. Connections end, and there are no new ones before On: QEMU makes one
// for the guest that was cut off, and that would write on.
func (d *Disk) Cut(chance *rand.Rand) Loss {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut(chance)
}

// CutAtWrite cuts the power at the n-th write from now on, n > 0, which is then
// one of those that were not flushed. The channel gets what was lost.
func (d *Disk) CutAtWrite(n int, chance *rand.Rand) <-chan Loss {
	d.mu.Lock()
	defer d.mu.Unlock()
	cut := make(chan Loss, 1)
	d.countdown, d.plan = n, func() { cut <- d.cut(chance) }
	return cut
}

func (d *Disk) cut(chance *rand.Rand) Loss {
	// A medium that writes nothing back, one that does so at once, and some
	// between them.
	keep := []float64{0, 0.1, 0.5, 0.9, 1}[chance.IntN(5)]
	return d.off(func(versions int) int {
		if chance.Float64() >= keep {
			return 0
		}
		return 1 + chance.IntN(versions)
	})
}

// off empties the cache: survives says which version of so many a sector has
// from now on, counted from 1, or 0 for the one before them.
func (d *Disk) off(survives func(versions int) int) (l Loss) {
	// In order: what chance says then depends on its seed only.
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
			panic(err) // the test's own disk is full
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

// Writes returns what was written so far, in order, flushed or not.
func (d *Disk) Writes() []Extent {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.writes)
}

// ReadAt reads what is on the medium, as the next boot would find it if the
// power were cut now and the cache lost.
func (d *Disk) ReadAt(p []byte, offset int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.medium.ReadAt(p, offset)
}

// On gives the disk power again, for the next boot.
func (d *Disk) On() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = false
}

// begin registers a connection of the present boot, if there is power.
func (d *Disk) begin(end func()) (boot int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return 0, errCut
	}
	d.onCut = append(d.onCut, end)
	return d.boot, nil
}
