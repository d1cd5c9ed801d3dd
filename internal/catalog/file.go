package catalog

import (
	"bytes"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/pxebox/pxebox/internal/menu"
)

// InMemory is a file whose bytes are in memory. All who open it share it.
type InMemory struct {
	content []byte
	hash    func() [sha256.Size]byte
	marked  bool // holds menu.MACMark
}

func newInMemory(b []byte) *InMemory {
	// Hashed when it is first asked for: a catalog is made by the goroutine
	// that also answers DHCP, which is not to wait for that.
	return &InMemory{content: b, hash: sync.OnceValue(func() [sha256.Size]byte { return sha256.Sum256(b) })}
}

// with is the file with a machine's address in the place of the mark. Its hash
// is one of what it is made of: to go through a whole menu once more for each
// machine is a tenth of what it takes to send it.
func (f *InMemory) with(mac []byte) *InMemory {
	return &InMemory{content: bytes.ReplaceAll(f.content, []byte(menu.MACMark), mac), hash: func() [sha256.Size]byte {
		h := f.Hash()
		return sha256.Sum256(append(h[:], mac...))
	}}
}

// inMemory makes the files of a map by name, under their lower-case names.
func inMemory(content map[string][]byte) map[string]*InMemory {
	files := make(map[string]*InMemory, len(content))
	for name, b := range content {
		f := newInMemory(b)
		f.marked = bytes.Contains(b, []byte(menu.MACMark))
		files[strings.ToLower(name)] = f
	}
	return files
}

// Bytes is the whole content, to be sent without a copy. It must not be
// changed.
func (f *InMemory) Bytes() []byte { return f.content }

// Hash tells contents apart: it is the content's SHA-256, computed once, or for
// a menu with a machine's address in it one of the menu's and the address.
func (f *InMemory) Hash() [sha256.Size]byte { return f.hash() }

// Size is in bytes.
func (f *InMemory) Size() int64 { return int64(len(f.content)) }

// ReadAt is io.ReaderAt's.
func (f *InMemory) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	if off >= f.Size() {
		return 0, io.EOF
	}
	n := copy(p, f.content[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close does nothing.
func (f *InMemory) Close() error { return nil }

// OnDisk is one of the site's boot files.
type OnDisk struct {
	file *os.File
	info fs.FileInfo
}

// File is the open file, for the kernel to send or to map. Close closes it.
func (f *OnDisk) File() *os.File { return f.file }

// Info is what the file system said of the file when it was opened.
func (f *OnDisk) Info() fs.FileInfo { return f.info }

// Stat is Info. It tells a server that two of them are the same file.
func (f *OnDisk) Stat() (fs.FileInfo, error) { return f.info, nil }

// Size is in bytes.
func (f *OnDisk) Size() int64 { return f.info.Size() }

// ReadAt is io.ReaderAt's.
func (f *OnDisk) ReadAt(p []byte, off int64) (int, error) { return f.file.ReadAt(p, off) }

// Close closes the file.
func (f *OnDisk) Close() error { return f.file.Close() }
