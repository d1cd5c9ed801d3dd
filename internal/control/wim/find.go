package wim

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/pxebox/pxebox/internal/boot/winpe"
)

const (
	// MaxSize limits what is taken out of a WIM, in bytes. Windows' boot files have
	// some 20 MiB.
	MaxSize = 64 << 20
	// maxFolder limits the files that are taken out of one folder.
	maxFolder = 64
	// maxSteps limits the directory entries that one search reads. The largest
	// folder on the way, \Windows, has some hundred.
	maxSteps = 1 << 17
)

// File is a file in an image.
type File struct {
	Name string // as in winpe.Source
	Path string // in the image, in lower case with forward slashes
	Size int64
	hash hash
	res  resource
}

// Find returns the files that an image of Windows has of those in sources. It takes
// the image that the WIM starts, or else the first one that has boot files. If all
// files together are too large, the last ones are left out.
func (a *Archive) Find(sources []winpe.Source) ([]File, error) {
	order := make([]int, 0, len(a.images)+1)
	if a.boot >= 0 {
		order = append(order, a.boot)
	}
	for i := range a.images {
		order = append(order, i)
	}
	var found []File
	for _, i := range order {
		var err error
		if found, err = a.findIn(i, sources); err != nil || len(found) > 0 {
			if err == nil {
				found, err = a.locate(found)
			}
			return found, err
		}
	}
	return nil, Error{`it has no \Windows\Boot`, "write the name of a folder with the boot.wim of Windows PE or of Windows' setup"}
}

// findIn returns the files of an image, without where their content is.
func (a *Archive) findIn(image int, sources []winpe.Source) (found []File, err error) {
	meta, err := a.open(a.images[image])
	if err != nil {
		return nil, err
	}
	w := walk{meta: meta, steps: maxSteps}
	root, err := w.root()
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		for _, path := range s.Paths {
			some, err := w.find(root, s.Name, path)
			if err != nil {
				return nil, err
			}
			found = append(found, some...)
			if len(some) > 0 {
				break
			}
		}
	}
	return found, nil
}

// locate finds the content of files in the lookup table.
func (a *Archive) locate(files []File) (located []File, err error) {
	at := map[hash]resource{}
	for _, f := range files {
		at[f.hash] = resource{offset: -1}
	}
	err = a.records(func(res resource, h hash) error {
		if old, ok := at[h]; ok && old.offset < 0 && res.flags&resMetadata == 0 {
			at[h] = res
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	left := int64(MaxSize)
	for _, f := range files {
		f.res = at[f.hash]
		if f.res.offset < 0 {
			return nil, damaged("no content for " + f.Path)
		}
		if f.Size = f.res.size; f.Size > left || f.Size <= 0 {
			continue
		}
		left -= f.Size
		located = append(located, f)
	}
	return located, nil
}

// Copy writes the content of a file, and checks it.
func (a *Archive) Copy(to io.Writer, f File) error {
	r, err := a.open(f.res)
	if err != nil {
		return err
	}
	sum := sha1.New()
	both := io.MultiWriter(to, sum)
	buf := make([]byte, min(chunkSize, f.Size))
	for at := int64(0); at < f.Size; {
		b := buf[:min(int64(len(buf)), f.Size-at)]
		if err := r.read(b, at); err != nil {
			return err
		}
		if _, err := both.Write(b); err != nil {
			return err
		}
		at += int64(len(b))
	}
	if !bytes.Equal(sum.Sum(nil), f.hash[:]) {
		return damaged(f.Path + " has another checksum")
	}
	return nil
}

// walk reads the directories of an image from its metadata.
type walk struct {
	meta  *reader
	steps int // directory entries that may still be read
}

// entry is a file or a folder.
type entry struct {
	name string // in lower case
	dir  int64  // offset of a folder's entries; 0 for a file
	hash hash
}

const (
	entrySize  = 102 // without its names
	streamSize = 38  // without its name

	attributeFolder  = 0x10
	attributeReparse = 0x400
)

// root returns the root folder, which follows the security descriptors.
func (w *walk) root() (entry, error) {
	var b [8]byte
	if err := w.meta.read(b[:], 0); err != nil {
		return entry{}, err
	}
	e, _, err := w.entry(align(max(int64(u32(b[:])), 8)))
	if err == nil && e.dir == 0 {
		err = damaged("no root folder")
	}
	return e, err
}

func align(n int64) int64 { return (n + 7) &^ 7 }

// entry reads the directory entry at an offset. next is the offset of the next one;
// 0 at the end of the folder.
func (w *walk) entry(at int64) (e entry, next int64, err error) {
	if w.steps--; w.steps < 0 {
		return entry{}, 0, damaged(fmt.Sprintf("more than %d directory entries", maxSteps))
	}
	var b [entrySize]byte
	if err := w.meta.read(b[:8], at); err != nil {
		return entry{}, 0, err
	}
	length := int64(u64(b[:]))
	if length == 0 {
		return entry{}, 0, nil
	}
	if length < entrySize || length > w.meta.size {
		return entry{}, 0, damaged(fmt.Sprintf("a directory entry of %d bytes", length))
	}
	if err := w.meta.read(b[:], at); err != nil {
		return entry{}, 0, err
	}
	names := int64(u16(b[100:]))
	if names > length-entrySize {
		return entry{}, 0, damaged("a name outside of its entry")
	}
	text := make([]byte, names) // at most 64 KiB
	if err := w.meta.read(text, at+entrySize); err != nil {
		return entry{}, 0, err
	}
	e = entry{name: strings.ToLower(utf16le(text)), hash: hash(b[64:84])}
	if u32(b[8:])&(attributeFolder|attributeReparse) == attributeFolder {
		if e.dir = int64(u64(b[16:])); e.dir < 0 {
			return entry{}, 0, damaged("a folder outside of the image")
		}
	}
	next = at + align(length)
	for range u16(b[96:]) {
		var s [streamSize]byte
		if err := w.meta.read(s[:], next); err != nil {
			return entry{}, 0, err
		}
		length := int64(u64(s[:]))
		if length < streamSize || length > w.meta.size {
			return entry{}, 0, damaged(fmt.Sprintf("a stream entry of %d bytes", length))
		}
		if e.hash == (hash{}) && u16(s[36:]) == 0 {
			e.hash = hash(s[16:36]) // the file's content, next to named streams
		}
		next += align(length)
	}
	return e, next, nil
}

func utf16le(b []byte) string {
	letters := make([]uint16, len(b)/2)
	for i := range letters {
		letters[i] = u16(b[2*i:])
	}
	return string(utf16.Decode(letters))
}

// list calls each with the entries of a folder, until it returns true.
func (w *walk) list(dir entry, each func(entry) bool) error {
	for at := dir.dir; ; {
		e, next, err := w.entry(at)
		if err != nil || next == 0 || each(e) {
			return err
		}
		at = next
	}
}

// find returns the file at a path, or the fonts in a folder whose path ends in a
// slash. name is as in winpe.Source.
func (w *walk) find(root entry, name, path string) (found []File, err error) {
	at := root
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if i == len(parts)-1 && part == "" {
			err := w.list(at, func(e entry) bool {
				if e.dir == 0 && e.hash != (hash{}) && isFont(e.name) {
					found = append(found, File{Name: name + e.name, Path: path + e.name, hash: e.hash})
				}
				return len(found) == maxFolder
			})
			return found, err
		}
		var next entry
		if err := w.list(at, func(e entry) bool {
			if e.name == part {
				next = e
			}
			return e.name == part
		}); err != nil {
			return nil, err
		}
		last := i == len(parts)-1
		if next.name == "" || (next.dir == 0) != last {
			return nil, nil
		}
		at = next
	}
	if at.hash == (hash{}) {
		return nil, nil // it is empty
	}
	return []File{{Name: name, Path: path, hash: at.hash}}, nil
}

// isFont reports whether a name is one of a font. A name that leads out of its
// folder is none.
func isFont(name string) bool {
	base, ok := strings.CutSuffix(name, ".ttf")
	return ok && base != "" && len(base) <= 64 && strings.Trim(base, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}
