package disk

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A kernel that refuses to grow the file system refuses at each start. No start
// may take that for an interrupted growth.
func TestRefusedGrowthLeavesNoRecord(t *testing.T) {
	file := func(name string, content []byte) *os.File {
		t.Helper()
		name = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	d := disk{file("disk", make([]byte, (recordAt+recordSectors)*sectorSize)), cardSectors}
	p := partition{file("partition", append(make([]byte, superblockOffset), superblock(24573, 2)...)), 0, cardSectors}
	from, err := p.fileSystem()
	if err != nil {
		t.Fatal(err)
	}
	// The file system on /proc cannot be resized.
	err = growFileSystem(t.Context(), "/proc", d, p, from, from.fill(p.sectors*sectorSize),
		slog.New(slog.DiscardHandler))
	if !errors.Is(err, unix.ENOTTY) {
		t.Errorf("got %v", err)
	}
	if r, ok, err := d.readRecord(); ok || err != nil {
		t.Errorf("it leaves a record: %v, %v, %v", r.state, ok, err)
	}
}
