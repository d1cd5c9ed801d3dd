package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hybridMBR returns the MBR that gok writes.
func hybridMBR() []byte {
	b := make([]byte, sectorSize)
	copy(b, "boot code")
	copy(b[446:], []byte{0x80, 0xfe, 0xff, 0xff, 0x0c, 0xfe, 0xff, 0xff, 0x00, 0x20, 0, 0, 0x00, 0x20, 0x03, 0})
	copy(b[462:], []byte{0x00, 0xfe, 0xff, 0xff, 0xee, 0xfe, 0xff, 0xff, 0x01, 0, 0, 0, 0xff, 0x1f, 0, 0})
	b[510], b[511] = 0x55, 0xaa
	return b
}

func TestAddSettings(t *testing.T) {
	image := filepath.Join(t.TempDir(), "image")
	fresh := newDisk(imageSectors, layout)
	fresh.write(write{0, hybridMBR()})
	old, err := fresh.table(imageSectors)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(image, fresh.read(0, headSectors), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, imageSectors*sectorSize); err != nil {
		t.Fatal(err)
	}
	if err := AddSettings(image); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now, err := disk{f, imageSectors}.table()
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 4; n++ {
		was, _ := old.partition(n)
		if is, ok := now.partition(n); !ok || is != was {
			t.Errorf("partition %d was %v and is %v", n, was, is)
		}
	}
	if e, ok := now.partition(5); !ok || e != (extent{SettingsFirst, SettingsLast}) {
		t.Errorf("partition 5: %v, %v", e, ok)
	}
	backup := make([]byte, (arraySectors+1)*sectorSize)
	if _, err := f.ReadAt(backup, (imageSectors-1-arraySectors)*sectorSize); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(backup[:arraySectors*sectorSize], now.array) {
		t.Error("the backup has other entries")
	}
	if err := checkHeader(backup[arraySectors*sectorSize:], imageSectors-1, imageSectors); err != nil {
		t.Errorf("the backup: %v", err)
	}
	mbr := make([]byte, sectorSize)
	if _, err := f.ReadAt(mbr, 0); err != nil {
		t.Fatal(err)
	}
	want := hybridMBR()
	copy(want[462+12:], []byte{0xff, 0x07, 0, 0})
	copy(want[478:], []byte{0x00, 0xfe, 0xff, 0xff, 0x0c, 0xfe, 0xff, 0xff, 0x00, 0x08, 0, 0, 0x00, 0x18, 0, 0})
	if !bytes.Equal(mbr, want) {
		t.Errorf("the MBR is\n%x, want\n%x", mbr[446:], want[446:])
	}
	// At its first boot the box grows the last partition.
	if batches, err := now.grow(4, cardSectors); err != nil || len(batches) == 0 {
		t.Errorf("it would not grow any more: %v", err)
	}
	if err := AddSettings(image); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Errorf("a second time: %v", err)
	}
}
