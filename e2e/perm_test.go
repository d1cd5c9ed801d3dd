//go:build e2e

package e2e

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/disk"
	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/qemu"
)

// overwrite writes bytes to the medium, with the power off.
func (p *powered) overwrite(offset int64, b []byte) {
	p.t.Helper()
	f, err := os.OpenFile(p.File, os.O_WRONLY, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, offset); err != nil {
		p.t.Fatal(err)
	}
}

// TestPermDoesNotMount uses a box without a file system on /perm. The box gets
// an address from the site's DHCP server, and serves the built-in menu.
func TestPermDoesNotMount(t *testing.T) {
	t.Parallel()
	p := newPowered(t, "perm-does-not-mount")
	if err := p.StartDHCP(p.within(boxBoots), kernelPinDir); err != nil {
		t.Fatal(err)
	}
	const superblock = 1024
	p.overwrite(p.start+superblock, make([]byte, 1024))
	p.on()
	if _, err := p.box.Console.WaitFor(p.within(boxBoots), `err="nothing is mounted on /perm: `); err != nil {
		t.Fatal(err)
	}
	addr, err := p.BoxAddress(p.within(boxBoots))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WaitReady(p.within(boxBoots), addr, "MENU TITLE Network boot"); err != nil {
		t.Fatal(err)
	}
	if _, size, err := p.Perm(); err != nil || size != p.old {
		t.Errorf("the partition was grown all the same: %d bytes, %v", size, err)
	}
}

// TestPermIsDamaged uses a box whose kernel finds an error on /perm, and makes
// it read-only. The box uses the existing files and does not change them.
func TestPermIsDamaged(t *testing.T) {
	t.Parallel()
	p := newPowered(t, "perm-is-damaged")
	// The first field of the first group's descriptor is the position of its
	// block bitmap. A bitmap in which all blocks are free is impossible.
	const blockSize = 4096
	var bitmap [4]byte
	if _, err := p.Disk.ReadAt(bitmap[:], p.start+blockSize); err != nil {
		t.Fatal(err)
	}
	p.overwrite(p.start+int64(binary.LittleEndian.Uint32(bitmap[:]))*blockSize, make([]byte, blockSize))
	p.on()
	if _, err := p.box.Console.WaitFor(p.within(boxBoots), `err="/perm is mounted read-only: `); err != nil {
		t.Fatal(err)
	}
	p.waitBox(lab.BoxAddr)
	if _, size, err := p.Perm(); err != nil || size != p.old {
		t.Errorf("the partition was grown all the same: %d bytes, %v", size, err)
	}
}

// TestCutOffGrowth uses a box that finds at its start that a power cut
// interrupted the growth of /perm: once in the state in which it may mount
// /perm and must not rely on it, and once in the state in which it cannot mount
// it.
func TestCutOffGrowth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		situation string
		mounts    bool
		restarts  int
	}{
		{situation: "mounted", mounts: true, restarts: 1},
		{situation: "without a superblock that mounts", restarts: 2},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			p := newPowered(t, fmt.Sprintf("cut-off-growth-%v", tt.mounts))
			superblock := make([]byte, 1024)
			if _, err := p.Disk.ReadAt(superblock, p.start+1024); err != nil {
				t.Fatal(err)
			}
			p.overwrite(growthRecord, recordOf(superblock))
			if !tt.mounts {
				p.overwrite(p.start+1024, make([]byte, 1024))
			}
			p.on()
			p.waitServing()
			text := p.box.Console.Text()
			if n := strings.Count(text, restarts); n != tt.restarts {
				t.Errorf("it restarted %d times, not %d", n, tt.restarts)
			}
			if strings.LastIndex(text, restarts) > strings.Index(text, grows) {
				t.Error("it grew /perm before it restarted")
			}
			p.Disk.Cut(rand.New(rand.NewPCG(*cutSeed, 0)))
			p.Off()
			p.checkMedium()
			p.on()
			p.waitServing()
			if text := p.box.Console.Text(); strings.Contains(text, restarts) {
				t.Error("it restarts at the next boot, too")
			}
		})
	}
}

// slowCard is the duration of a write on a slow SD card. busyCard is the
// duration while such a card makes room for more data.
const (
	slowCard = 50 * time.Millisecond
	busyCard = 500 * time.Millisecond
)

// TestMachineBootsWhilePermGrows boots a machine next to a box that is on for
// the first time, and whose disk takes minutes to grow /perm. The box is
// switched off before that is done, without a power cut.
func TestMachineBootsWhilePermGrows(t *testing.T) {
	p := newPowered(t, "boots-while-perm-grows")
	p.Disk.Slow(slowCard)
	p.on()
	if _, err := p.box.Console.WaitFor(p.within(boxBoots), grows); err != nil {
		t.Fatal(err)
	}
	p.Disk.Slow(busyCard)
	p.startClient(qemu.Debian12, lab.ClientConfig{})
	p.waitMenu("This computer's own disk")
	if err := p.box.PowerDown(p.within(boxBoots)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.box.Exited():
	case <-p.within(boxBoots).Done():
		t.Fatal("the box does not go off by its button")
	}
	// It had not grown when the machine had its menu, nor during the shutdown.
	if !strings.Contains(p.box.Console.Text(), "continues to grow at the next start") {
		t.Errorf("the console does not say that /perm has still to grow")
	}
	p.Disk.Slow(0)
	p.on()
	p.waitServing()
	text := p.box.Console.Text()
	if !strings.Contains(text, grows) {
		t.Error("the second boot does not go on with the growth")
	}
	if strings.Contains(text, restarts) {
		t.Error("the second boot takes the first for one that was cut off")
	}
	p.Disk.Cut(rand.New(rand.NewPCG(*cutSeed, 0)))
	p.Off()
	p.checkMedium()
}

// growthRecord is the offset in bytes where the box records what it is about to
// change while it grows /perm: after the two tables that may be there.
const growthRecord = (2 + 2*32) * disk.Sector

// recordOf returns that record for a growth that has started.
func recordOf(superblock []byte) []byte {
	b := make([]byte, disk.Sector)
	copy(b, "pxebox: /perm grows\n")
	le := binary.LittleEndian
	le.PutUint32(b[32:], 1)
	le.PutUint32(b[36:], crc32.ChecksumIEEE(superblock))
	le.PutUint32(b[40:], crc32.ChecksumIEEE(b[:40]))
	return append(b, superblock...)
}
