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

// InMemory is a file in memory. All readers share its bytes.
type InMemory struct {
	content []byte
	marks   []mark // in order
}

// inMemory converts a map of contents to files, under lower-case names.
func inMemory(content map[string][]byte) map[string]*InMemory {
	files := make(map[string]*InMemory, len(content))
	for name, b := range content {
		files[strings.ToLower(name)] = &InMemory{content: b, marks: marksIn(b)}
	}
	return files
}

// mark is the position of a placeholder for the machine's data in a menu.
type mark struct {
	at   int
	what int // index in marks
}

var marks = [...]string{bootmenu.MACMark, bootmenu.TokenMark, bootmenu.CodeMark}

// codeMark is the index of bootmenu.CodeMark in marks.
const codeMark = 2

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

// Bytes returns the whole content, to be sent without a copy. The caller must
// not change it.
func (f *InMemory) Bytes() []byte { return f.content }

// Size returns the size in bytes.
func (f *InMemory) Size() int64 { return int64(len(f.content)) }

// ReadAt implements io.ReaderAt.
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

// Personal is a menu with a machine's address, token and code. They are inserted
// while a part of the menu is read. If each pending request held a copy of the
// menu, forged requests could fill the memory.
type Personal struct {
	menu *InMemory
	own  [len(marks)]string // each as long as its mark
}

// newPersonal inserts spaces for values that are not known.
func newPersonal(f *InMemory, r Reader) *Personal {
	p := &Personal{f, [...]string{r.MAC.String(), r.Token, r.Code}}
	for what, text := range marks {
		if len(p.own[what]) != len(text) {
			p.own[what] = strings.Repeat(" ", len(text))
		}
	}
	return p
}

// Size returns the size in bytes.
func (f *Personal) Size() int64 { return f.menu.Size() }

// ReadAt implements io.ReaderAt.
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

// File returns the open file, for the kernel to send. Close closes it.
func (f *OnDisk) File() *os.File { return f.file }

// Info returns what the file system said about the file when it was opened.
func (f *OnDisk) Info() fs.FileInfo { return f.info }

// Stat is Info. A server can compare two results to see whether the file is the
// same.
func (f *OnDisk) Stat() (fs.FileInfo, error) { return f.info, nil }

// Size returns the size in bytes.
func (f *OnDisk) Size() int64 { return f.info.Size() }

// ReadAt implements io.ReaderAt.
func (f *OnDisk) ReadAt(p []byte, off int64) (int, error) { return f.file.ReadAt(p, off) }

// Close closes the file.
func (f *OnDisk) Close() error { return f.file.Close() }
