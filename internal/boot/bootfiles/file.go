package bootfiles

import (
	"bytes"
	"cmp"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/bootmenu"
)

// InMemory is a file whose bytes are in memory. All who open it share it.
type InMemory struct {
	content []byte
	marks   []mark // in order
}

// inMemory makes the files of a map by name, under their lower-case names.
func inMemory(content map[string][]byte) map[string]*InMemory {
	files := make(map[string]*InMemory, len(content))
	for name, b := range content {
		files[strings.ToLower(name)] = &InMemory{content: b, marks: marksIn(b)}
	}
	return files
}

// mark is a place in a menu where something of the machine's own belongs.
type mark struct {
	at   int
	what int // index in marks
}

var marks = [...]string{bootmenu.MACMark, bootmenu.TokenMark}

func marksIn(b []byte) (found []mark) {
	for what, text := range marks {
		for at := 0; ; at += len(text) {
			i := bytes.Index(b[at:], []byte(text))
			if i < 0 {
				break
			}
			at += i
			found = append(found, mark{at, what})
		}
	}
	slices.SortFunc(found, func(a, b mark) int { return cmp.Compare(a.at, b.at) })
	return found
}

// Bytes is the whole content, to be sent without a copy. It must not be
// changed.
func (f *InMemory) Bytes() []byte { return f.content }

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

// Personal is a menu with a machine's address in it, and its token. They are
// put in where a part of it is read: a copy of the menu for each request that
// waits for its answer would let forged ones fill the memory.
type Personal struct {
	menu *InMemory
	own  [len(marks)]string // each as long as its mark
}

// newPersonal writes spaces for what is not known.
func newPersonal(f *InMemory, r Reader) *Personal {
	p := &Personal{f, [...]string{r.MAC.String(), r.Token}}
	for what, text := range marks {
		if len(p.own[what]) != len(text) {
			p.own[what] = strings.Repeat(" ", len(text))
		}
	}
	return p
}

// Size is in bytes.
func (f *Personal) Size() int64 { return f.menu.Size() }

// ReadAt is io.ReaderAt's.
func (f *Personal) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.menu.ReadAt(p, off)
	if n == 0 {
		return n, err
	}
	first, _ := slices.BinarySearchFunc(f.menu.marks, int(off), func(m mark, off int) int {
		return cmp.Compare(m.at+len(marks[m.what]), off+1)
	})
	for _, m := range f.menu.marks[first:] {
		at, own := m.at-int(off), f.own[m.what]
		if at >= n {
			break
		}
		if at < 0 {
			copy(p[:n], own[-at:])
		} else {
			copy(p[at:n], own)
		}
	}
	return n, err
}

// Close does nothing.
func (f *Personal) Close() error { return nil }

// OnDisk is one of the site's boot files.
type OnDisk struct {
	file *os.File
	info fs.FileInfo
}

// File is the open file, for the kernel to send. Close closes it.
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
