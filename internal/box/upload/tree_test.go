package upload

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// newTree opens the tree in dir, as the program does at its start.
func newTree(t *testing.T, dir string) *tree {
	t.Helper()
	tr, err := openTree(filepath.Join(dir, "boot"), filepath.Join(dir, "staging"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.close() })
	return tr
}

// writePart writes a part that is completely on the medium.
func writePart(t *testing.T, staging, name string, content []byte) string {
	t.Helper()
	file := write(t, staging, name, content)
	if err := unix.Setxattr(file, safe, []byte(strconv.Itoa(len(content))), 0); err != nil {
		t.Fatalf("the file system of %s has no extended attributes: %v", staging, err)
	}
	return file
}

func (t *tree) mustOpen(test *testing.T, name string, truncate bool) *part {
	test.Helper()
	p, err := t.openPart(name, truncate, true, false)
	if err != nil {
		test.Fatal(err)
	}
	return p
}

func (p *part) mustWrite(t *testing.T, b []byte, at int64) {
	t.Helper()
	if _, err := p.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// goOn sends what the box does not report as present, and expects content to be
// published.
func goOn(t *testing.T, tr *tree, dir, name string, content []byte) {
	t.Helper()
	var at int64
	if st, err := tr.stat(name, true); err == nil {
		at = st.Size()
	}
	p := tr.mustOpen(t, name, false)
	p.mustWrite(t, content[at:], at)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "boot", name)); err != nil || !bytes.Equal(b, content) {
		t.Errorf("another content is published (%v)", err)
	}
}

// packet is not a multiple of a block: some clients send that much at a time.
const packet = 30000

// After a power cut ext4 has the size of the last writes, but zeros where the
// data had not reached the medium.
func TestPowerCut(t *testing.T) {
	content := make([]byte, 600*packet)
	rand.NewChaCha8([32]byte{1}).Read(content)
	synced := (syncEvery + packet - 1) / packet * packet
	for _, tt := range []struct {
		situation string
		before    func(*testing.T, *tree) // another upload of the same name
		sent      int
		left      int64 // 0: no part is left
	}{
		{situation: "before the first sync", sent: 10 * packet},
		{situation: "right after the sync", sent: synced, left: int64(synced)},
		{situation: "after the sync", sent: synced + 10*packet, left: int64(synced)},
		{situation: "begun again over what was safe", before: func(t *testing.T, tr *tree) {
			p := tr.mustOpen(t, "debian/linux", true)
			p.mustWrite(t, make([]byte, 20*packet), 0)
			p.abandon(errors.New("the connection broke"))
			p.Close()
		}, sent: 10 * packet},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			dir := t.TempDir()
			tr := newTree(t, dir)
			if err := tr.mkdir("debian"); err != nil {
				t.Fatal(err)
			}
			if tt.before != nil {
				tt.before(t, tr)
			}
			p := tr.mustOpen(t, "debian/linux", true)
			for at := 0; at < tt.sent; at += packet {
				p.mustWrite(t, content[at:at+packet], int64(at))
			}
			if lost := int64(tt.sent) - tt.left; lost > 0 {
				if _, err := p.f.WriteAt(make([]byte, lost), tt.left); err != nil {
					t.Fatal(err)
				}
			}
			p.f.Close() // nothing else happens when the power fails

			tr = newTree(t, dir)
			st, err := tr.stat("debian/linux", true)
			switch {
			case tt.left == 0:
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("a part is left: %v, %v", st, err)
				}
				if _, err := os.Stat(filepath.Join(dir, "staging", "debian")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the folder of the part: %v", err)
				}
			case err != nil:
				t.Fatal(err)
			case st.Size() != tt.left:
				t.Errorf("%d bytes are left, not %d", st.Size(), tt.left)
			}
			goOn(t, tr, dir, "debian/linux", content)
		})
	}
}

// A client whose connection broke loses nothing if the power fails later.
func TestPowerCutAfterBrokenConnection(t *testing.T) {
	dir := t.TempDir()
	tr := newTree(t, dir)
	p := tr.mustOpen(t, "linux", true)
	p.mustWrite(t, big[:packet], 0)
	p.TransferError(errors.New("EOF"))
	p.Close()
	tr = newTree(t, dir)
	if st, err := tr.stat("linux", true); err != nil || st.Size() != packet {
		t.Errorf("%v, %v are left", st, err)
	}
	goOn(t, tr, dir, "linux", big)
}

// Clients have several packets in flight, and take the size for the end of what
// the box has.
func TestGapIsNotLeft(t *testing.T) {
	for _, tt := range []struct {
		situation string
		end       func(*testing.T, *tree, *part)
	}{
		{"the connection breaks", func(_ *testing.T, _ *tree, p *part) {
			p.TransferError(errors.New("EOF"))
			p.Close()
		}},
		{"the client closes", func(t *testing.T, _ *tree, p *part) {
			if err := p.Close(); err == nil {
				t.Error("it is published")
			}
		}},
		{"no room for one packet", func(t *testing.T, tr *tree, p *part) {
			free := tr.free
			tr.free = func() (space, error) { return space{}, nil }
			if _, err := p.WriteAt(big[packet:2*packet], packet); !errors.Is(err, errFull) {
				t.Errorf("it is written: %v", err)
			}
			tr.free = free
			if err := p.Close(); !errors.Is(err, errFull) {
				t.Errorf("it closes with %v", err)
			}
		}},
		{"another connection goes on", func(t *testing.T, tr *tree, p *part) {
			tr.mustOpen(t, "linux", false).abandon(errors.New("EOF"))
			p.Close()
		}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			dir := t.TempDir()
			tr := newTree(t, dir)
			p := tr.mustOpen(t, "linux", true)
			p.mustWrite(t, big[:packet], 0)
			p.mustWrite(t, big[2*packet:3*packet], 2*packet)
			tt.end(t, tr, p)
			if st, err := tr.stat("linux", true); err != nil || st.Size() != packet {
				t.Errorf("%v, %v are left", st, err)
			}
			goOn(t, tr, dir, "linux", big)
		})
	}
}

// Settings need a few inodes. An image has a few hundred.
func TestInodesAreKept(t *testing.T) {
	tr := newTree(t, t.TempDir())
	inodes := int64(reserveInodes + 1)
	tr.free = func() (space, error) { return space{1 << 40, inodes}, nil }
	p := tr.mustOpen(t, "linux", true)
	inodes--
	if _, err := tr.openPart("initrd", true, true, false); !errors.Is(err, errFull) {
		t.Errorf("one file more: %v", err)
	}
	if err := tr.mkdir("debian"); !errors.Is(err, errFull) {
		t.Errorf("a folder: %v", err)
	}
	// A file that already exists needs none.
	p.mustWrite(t, big[:packet], 0)
	p.abandon(errors.New("EOF"))
	p = tr.mustOpen(t, "linux", false)
	p.mustWrite(t, big[packet:], packet)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// Some clients send a file under a temporary name, and then rename it to a name
// that already has a part.
func TestRenameReplacesPart(t *testing.T) {
	dir := t.TempDir()
	writePart(t, filepath.Join(dir, "staging"), "debian/linux", []byte("old"))
	write(t, filepath.Join(dir, "boot"), "debian/linux.filepart", big)
	tr := newTree(t, dir)
	if err := tr.rename("debian/linux.filepart", "debian/linux", true); err != nil {
		t.Fatal(err)
	}
	if st, err := tr.stat("debian/linux", true); err != nil || st.Size() != int64(len(big)) ||
		st.Mode().Perm() == 0o600 {
		t.Errorf("its sender sees %v, %v", st, err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "staging")); err != nil || len(left) != 0 {
		t.Errorf("left in staging: %v, %v", left, err)
	}
}
