package wim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/winpe"
)

// all is everything that a folder can lack.
var all = winpe.Lacks(func(string) bool { return false })

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// extract returns the files of a WIM by name.
func extract(b []byte) (map[string][]byte, error) {
	a, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	files, err := a.Find(all)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, f := range files {
		var content bytes.Buffer
		if err := a.Copy(&content, f); err != nil {
			return nil, err
		}
		out[f.Name] = content.Bytes()
	}
	return out, nil
}

// WIMs of wimlib-imagex. Copy has compared the content with its checksum.
func TestExtract(t *testing.T) {
	setup := map[string]string{
		"bootmgfw.efi":                "33000 MZ",
		"bootmgfw_ex.efi":             "30000 MZ",
		"efi/microsoft/boot/boot.stl": "600 a list\n",
		"efi/microsoft/boot/bcd":      "8192 a store for UEFI\n",
		"boot/bcd":                    "4096 a store for a BIOS\n",
		"boot/boot.sdi":               "100000 a RAM disk\n",
		"pxeboot.n12":                 "600 a program for a BIOS\n",
		"bootmgr.exe":                 "40000 a second program for a BIOS\n",
		"boot/fonts/wgl4_boot.ttf":    "600 a font\n",
		"boot/fonts/segoe_slboot.ttf": "600 another font\n",
	}
	pe := map[string]string{
		"bootmgfw.efi": "2000 MZ", "efi/microsoft/boot/boot.stl": "600 the list of the first image\n",
	}
	for _, tt := range []struct {
		situation, file string
		want            map[string]string // size and beginning
	}{
		{situation: "media: the image that starts, several chunks", file: "lzx.wim", want: setup},
		{situation: "one image that does not say that it starts", file: "first.wim", want: pe},
		{situation: "not compressed", file: "none.wim", want: pe},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got, err := extract(read(t, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range tt.want {
				is := fmt.Sprintf("%d %s", len(got[name]), got[name])
				if !strings.HasPrefix(is, want) {
					t.Errorf("%s is %.60q, want %q", name, is, want)
				}
			}
			if len(got) != len(tt.want) {
				t.Errorf("%d files, want %d", len(got), len(tt.want))
			}
		})
	}
}

// An error says what is special about a WIM, and how to make one that works.
func TestUnsupported(t *testing.T) {
	lzx := read(t, "lzx.wim")
	with := func(at int, value uint32) []byte {
		b := bytes.Clone(lzx)
		binary.LittleEndian.PutUint32(b[at:], value)
		return b
	}
	const export = "convert it with wimlib-imagex export"
	for _, tt := range []struct {
		situation string
		wim       []byte
		want      []string
		damaged   bool
	}{
		{situation: "XPRESS", wim: read(t, "xpress.wim"), want: []string{"it is compressed with XPRESS: ", export}},
		{situation: "LZMS", wim: read(t, "lzms.wim"), want: []string{"it is an ESD: a solid WIM, or one that is compressed with LZMS: ", export}},
		{situation: "other chunks", wim: read(t, "lzx64.wim"),
			want: []string{"it is compressed in chunks of 65536 bytes, and not 32768: ", export, "DISM /Export-Image"}},
		{situation: "chunks of 0 bytes", wim: with(20, 0), want: []string{"in chunks of 0 bytes", export}},
		{situation: "an ESD", wim: read(t, "solid.esd"), want: []string{"it is an ESD: ", export}},
		{situation: "a part of several", wim: read(t, "split.swm"),
			want: []string{"it is part 2 of 2 of a split WIM: join the parts with wimlib-imagex join"}},
		{situation: "wimlib's own format", wim: read(t, "pipable.wim"), want: []string{"it is a pipable WIM", export}},
		{situation: "no Windows", wim: read(t, "other.wim"), want: []string{`it has no \Windows\Boot: `}},
		{situation: "another file", wim: bytes.Repeat([]byte("x"), 1000), want: []string{"it is not a WIM: "}},
		{situation: "an empty file", want: []string{"it is not a WIM, or was cut off: copy it once more"}},
		{situation: "being written", wim: with(16, u32(lzx[16:])|flagWriting),
			want: []string{"it was not written to its end"}},
		{situation: "cut off", wim: lzx[:len(lzx)/2], want: []string{"it is damaged (", "): copy it once more"}, damaged: true},
		{situation: "no images", wim: with(44, 0), want: []string{"0 images"}, damaged: true},
		{situation: "more images than it has", wim: with(44, 3), want: []string{"2 of 3 images"}, damaged: true},
		{situation: "thousands of millions of images", wim: with(44, 1<<32-1),
			want: []string{"4294967295 images"}, damaged: true},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			_, err := extract(tt.wim)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q, want %q in it", err, want)
				}
			}
			if !errors.As(err, new(Error)) {
				t.Errorf("%v is not an Error", err)
			}
			if strings.Contains(err.Error(), "damaged") != tt.damaged {
				t.Errorf("%v: damaged %v", err, !tt.damaged)
			}
		})
	}
}

// A changed byte in a file's content is found.
func TestChangedContent(t *testing.T) {
	none := read(t, "none.wim")
	at := bytes.Index(none, []byte("the list of the first image"))
	none[at] = 'T'
	if _, err := extract(none); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("error %v", err)
	}
}

// memory is how much one look at a WIM may allocate, whatever its fields say. The
// LZX decompressor takes 40 KiB for each chunk.
const memory = 16 << 20

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Each field of the header, the lookup table and the directories holds any number.
func TestHostileFields(t *testing.T) {
	for _, name := range []string{"lzx.wim", "none.wim"} {
		good := read(t, name)
		a, err := Open(bytes.NewReader(good), int64(len(good)))
		if err != nil {
			t.Fatal(err)
		}
		meta := a.images[len(a.images)-1]
		var places []int
		for _, part := range []struct{ from, size int64 }{
			{0, headerSize}, {a.lookup.offset, a.lookup.size}, {meta.offset, meta.stored},
		} {
			for at := part.from; at+8 <= part.from+part.size; at += 4 {
				places = append(places, int(at))
			}
		}
		for _, value := range []uint64{0, 1<<32 - 1, 1 << 40, 1<<63 - 1, 1<<64 - 1} {
			for _, at := range places {
				b := bytes.Clone(good)
				binary.LittleEndian.PutUint64(b[at:], value)
				if n := allocated(func() { extract(b) }); n > memory {
					t.Errorf("%s with %#x at %d takes %d bytes", name, value, at, n)
				}
			}
		}
	}
}

// image makes a WIM that is not compressed from the metadata of one image and the
// contents of files.
func image(meta []byte, records ...[]byte) []byte {
	b := make([]byte, headerSize, headerSize+len(meta))
	copy(b, "MSWIM\x00\x00\x00")
	put := binary.LittleEndian
	put.PutUint32(b[8:], headerSize)
	put.PutUint32(b[12:], 0x10d00)
	put.PutUint16(b[40:], 1)
	put.PutUint16(b[42:], 1)
	put.PutUint32(b[44:], 1)
	record := func(flags byte, offset, size int) []byte {
		r := make([]byte, recordSize)
		put.PutUint64(r, uint64(size)|uint64(flags)<<56)
		put.PutUint64(r[8:], uint64(offset))
		put.PutUint64(r[16:], uint64(size))
		put.PutUint16(r[24:], 1)
		return r
	}
	table := record(resMetadata, len(b), len(meta))
	b = append(b, meta...)
	for _, r := range records {
		table = append(table, r...)
	}
	put.PutUint64(b[48:], uint64(len(table)))
	put.PutUint64(b[56:], uint64(len(b)))
	put.PutUint64(b[64:], uint64(len(table)))
	return append(b, table...)
}

// folder returns a directory entry.
func folder(name string, entries int64) []byte {
	b := make([]byte, align(int64(entrySize+2*len(name))))
	binary.LittleEndian.PutUint64(b, uint64(len(b)))
	binary.LittleEndian.PutUint32(b[8:], attributeFolder)
	binary.LittleEndian.PutUint64(b[16:], uint64(entries))
	binary.LittleEndian.PutUint16(b[100:], uint16(2*len(name)))
	for i, c := range name {
		b[entrySize+2*i] = byte(c)
	}
	return b
}

// Folders that contain themselves, and one with an endless list, end the search.
func TestEndlessFolders(t *testing.T) {
	root := folder("", 8)
	windows := folder("Windows", 8)
	meta := append(append(append(make([]byte, 8), root...), windows...), make([]byte, 8)...)
	if _, err := extract(image(meta)); err == nil || !strings.Contains(err.Error(), "no \\Windows\\Boot") {
		t.Errorf("a folder in itself: %v", err)
	}
	var many bytes.Buffer
	many.Write(make([]byte, 8))
	many.Write(folder("", align(int64(8+len(root)))))
	for many.Len() < 14<<20 {
		many.Write(folder("x", 8))
	}
	if _, err := extract(image(many.Bytes())); err == nil || !strings.Contains(err.Error(), "directory entries") {
		t.Errorf("a folder without an end: %v", err)
	}
}

// No more is taken out of a WIM than the limit, whatever sizes it names.
func TestExtractsNoMoreThanTheLimit(t *testing.T) {
	if files, err := extract(read(t, "lzx.wim")); err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	b := read(t, "none.wim")
	a, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	// The lookup table says that a file is as large as the rest of a huge one.
	for at := a.lookup.offset; at < a.lookup.offset+a.lookup.size; at += recordSize {
		if b[at+7]&resMetadata == 0 {
			binary.LittleEndian.PutUint64(b[at:], 1<<40)
			binary.LittleEndian.PutUint64(b[at+8:], 0)
			binary.LittleEndian.PutUint64(b[at+16:], 1<<40)
		}
	}
	a, err = Open(sparse{bytes.NewReader(b)}, 1<<41)
	if err != nil {
		t.Fatal(err)
	}
	files, err := a.Find(all)
	if err != nil || len(files) != 0 {
		t.Errorf("%d files, error %v", len(files), err)
	}
}

// sparse is a file with zeros behind its content.
type sparse struct{ *bytes.Reader }

func (s sparse) ReadAt(b []byte, at int64) (int, error) {
	clear(b)
	if n, err := s.Reader.ReadAt(b, at); err != nil && err != io.EOF {
		return n, err
	}
	return len(b), nil
}

// FuzzWIM feeds the reader with anything. It must neither panic nor take more memory
// than it needs.
func FuzzWIM(f *testing.F) {
	names, err := filepath.Glob("testdata/*.[wes][is][mdw]*")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		f.Add(read(f, filepath.Base(name)))
	}
	f.Add(image(append(append(make([]byte, 8), folder("", 8)...), make([]byte, 8)...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var files map[string][]byte
		n := allocated(func() { files, _ = extract(b) })
		var size uint64
		for _, content := range files {
			size += uint64(len(content))
		}
		// The content itself is in memory only here.
		if n > memory+4*size+100*uint64(len(b)) {
			t.Errorf("%d bytes for a WIM of %d with %d of files", n, len(b), size)
		}
		if size > MaxSize {
			t.Errorf("%d bytes were taken out of it", size)
		}
		for name := range files {
			if strings.Contains(name, "..") || strings.HasPrefix(name, "/") {
				t.Errorf("a file is called %q", name)
			}
		}
	})
}
