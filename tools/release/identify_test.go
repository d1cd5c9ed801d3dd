package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Two conversions of one image by qemu-img, which draws identifiers, are equal
// afterwards; another version gives others. qemu-img still finds the content.
func TestIdentify(t *testing.T) {
	program, err := exec.LookPath("qemu-img")
	if err != nil {
		t.Skip("qemu-img is not installed: make deps PACKAGES=qemu-utils")
	}
	dir := t.TempDir()
	raw := filepath.Join(dir, "raw")
	if err := os.WriteFile(raw, bytes.Repeat([]byte("pxebox! "), 3<<16), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, options := range [][]string{
		{"vmdk", "-o", "subformat=streamOptimized,adapter_type=lsilogic"},
		{"vhdx", "-o", "subformat=dynamic"},
	} {
		format := options[0]
		t.Run(format, func(t *testing.T) {
			convert := func(folder, version string) []byte {
				file := filepath.Join(dir, folder, "pxebox."+format)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				args := append([]string{"convert", "-f", "raw", "-O"}, options...)
				if out, err := exec.Command(program, append(args, raw, file)...).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				if version != "" {
					if err := identify(version, file); err != nil {
						t.Fatal(err)
					}
				}
				out, err := exec.Command(program, "compare", "-f", "raw", "-F", format, raw, file).CombinedOutput()
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			if bytes.Equal(convert("1", ""), convert("2", "")) {
				t.Error("qemu-img draws no identifiers: is identify needed?")
			}
			first := convert("1", "1.0.0")
			if !bytes.Equal(first, convert("2", "1.0.0")) {
				t.Error("two conversions differ")
			}
			if bytes.Equal(first, convert("2", "1.0.1")) {
				t.Error("two versions have the same identifiers")
			}
		})
	}
}

// image is a disk in memory.
type image []byte

func (m image) ReadAt(p []byte, at int64) (int, error) { return bytes.NewReader(m).ReadAt(p, at) }

func (m image) WriteAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > int64(len(m)) {
		return 0, io.ErrShortWrite
	}
	return copy(m[at:], p), nil
}

// newVMDK returns what identifyVMDK reads of a VMDK: its descriptor is at sector 1.
func newVMDK(t *testing.T, header vmdkHeader, descriptor string) image {
	t.Helper()
	m := make(image, 4<<10)
	if _, err := binary.Encode(m, binary.LittleEndian, header); err != nil {
		t.Fatal(err)
	}
	copy(m[vmdkSector:], descriptor)
	return m
}

func TestIdentifyVMDK(t *testing.T) {
	right := vmdkHeader{Magic: [4]byte{'K', 'D', 'M', 'V'}, DescriptorOffset: 1, DescriptorSize: 1}
	for situation, tt := range map[string]struct {
		change     func(h *vmdkHeader)
		descriptor string
		err        string
	}{
		"right":                {func(*vmdkHeader) {}, "v=1\nCID=89abcdef\n", ""},
		"another format":       {func(h *vmdkHeader) { h.Magic[0] = 'C' }, "v=1\nCID=89abcdef\n", "this is not a VMDK"},
		"no descriptor":        {func(h *vmdkHeader) { h.DescriptorOffset = 0 }, "", "has no descriptor"},
		"an empty one":         {func(h *vmdkHeader) { h.DescriptorSize = 0 }, "", "has no descriptor"},
		"a gigantic one":       {func(h *vmdkHeader) { h.DescriptorSize = 1<<11 + 1 }, "", "has no descriptor"},
		"one behind the end":   {func(h *vmdkHeader) { h.DescriptorOffset = 8 }, "", "EOF"},
		"a descriptor of zero": {func(*vmdkHeader) {}, "", "has no CID"},
		"an empty CID":         {func(*vmdkHeader) {}, "v=1\nCID=\n", "has no CID"},
		"a CID of one digit":   {func(*vmdkHeader) {}, "v=1\nCID=8\n", ""},
		"a CID that is none":   {func(*vmdkHeader) {}, "v=1\nCID=89abcdef0\n", "has no CID"},
	} {
		h := right
		tt.change(&h)
		m := newVMDK(t, h, tt.descriptor)
		before := bytes.Clone(m)
		err := identifyVMDK(m, "seed")
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", situation, err)
		}
		if changed := !bytes.Equal(m, before); changed != (tt.err == "") {
			t.Errorf("%s: changed: %v", situation, changed)
		}
	}
	if err := identifyVMDK(make(image, 100), "seed"); err == nil {
		t.Error("a file of 100 bytes is a VMDK")
	}
}

// Where newVHDX puts what a VHDX's headers and tables refer to.
const (
	testLog      = 1 << 20
	testMetadata = 2 << 20
	testPage83   = 64 << 10 // from the metadata on
	testEnd      = 3 << 20
)

// newVHDX returns what identifyVHDX reads of a VHDX. The second header counts.
func newVHDX() image {
	m := make(image, testEnd)
	put32 := func(at int, v uint32) { binary.LittleEndian.PutUint32(m[at:], v) }
	put64 := func(at int, v uint64) { binary.LittleEndian.PutUint64(m[at:], v) }
	for i, offset := range vhdxHeaders {
		at := int(offset)
		copy(m[at:], "head")
		put64(at+8, uint64(7+i))
		put32(at+68, 64<<10)
		put64(at+72, testLog)
		m[at+100] = byte(i) // only to tell them apart
		put32(at+4, vhdxChecksum(m[at:at+vhdxHeaderSize]))
	}
	copy(m[vhdxRegions:], "regi")
	put32(vhdxRegions+8, 2)
	copy(m[vhdxRegions+16+32:], vhdxMetadata[:])
	put64(vhdxRegions+16+32+16, testMetadata)
	copy(m[testMetadata:], "metadata")
	m[testMetadata+10] = 1
	copy(m[testMetadata+32:], vhdxPage83[:])
	put32(testMetadata+32+16, testPage83)
	put32(testMetadata+32+20, 16)
	return m
}

func TestIdentifyVHDX(t *testing.T) {
	header := func(i int, change func(h []byte)) func(image) {
		return func(m image) {
			h := m[vhdxHeaders[i]:][:vhdxHeaderSize]
			change(h)
			binary.LittleEndian.PutUint32(h[4:], vhdxChecksum(h))
		}
	}
	for situation, tt := range map[string]struct {
		change func(m image)
		err    string
	}{
		"right":                      {func(image) {}, ""},
		"the first header counts":    {header(0, func(h []byte) { h[8] = 9 }), ""},
		"another format":             {func(m image) { clear(m[vhdxHeaders[0]:][:4]) }, "no header of a VHDX at 65536"},
		"another, with its sum":      {header(1, func(h []byte) { h[0]++ }), "no header of a VHDX at 131072"},
		"a damaged header":           {func(m image) { m[vhdxHeaders[1]+200]++ }, "no header of a VHDX at 131072"},
		"a log with entries":         {header(1, func(h []byte) { h[48] = 1 }), "was not closed"},
		"an old log with entries":    {header(0, func(h []byte) { h[48] = 1 }), ""},
		"a gigantic log":             {header(1, func(h []byte) { h[71] = 0x10 }), "log is not where"},
		"a log over the header":      {header(1, func(h []byte) { clear(h[72:80]) }), "log is not where"},
		"a log behind the end":       {header(1, func(h []byte) { h[76] = 1 }), "short write"},
		"no table of regions":        {func(m image) { m[vhdxRegions]++ }, "has no metadata"},
		"a region too few":           {func(m image) { m[vhdxRegions+8] = 1 }, "has no metadata"},
		"metadata behind the end":    {func(m image) { m[vhdxRegions+16+32+16+3] = 1 }, "EOF"},
		"no table of metadata":       {func(m image) { m[testMetadata]++ }, "no identifier for SCSI"},
		"no identifier":              {func(m image) { m[testMetadata+32]++ }, "no identifier for SCSI"},
		"a longer identifier":        {func(m image) { m[testMetadata+32+20]++ }, "no identifier for SCSI"},
		"an identifier past the end": {func(m image) { m[testMetadata+32+16+3] = 1 }, "short write"},
	} {
		t.Run(situation, func(t *testing.T) {
			m := newVHDX()
			copy(m[testLog:], "an old entry")
			tt.change(m)
			err := identifyVHDX(m, "seed")
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				return
			}
			var first []byte
			for i, offset := range vhdxHeaders {
				h := m[offset:][:vhdxHeaderSize]
				if binary.LittleEndian.Uint64(h[8:]) != uint64(i+1) || binary.LittleEndian.Uint32(h[4:]) != vhdxChecksum(h) {
					t.Errorf("header %d has the number %d", i, h[8])
				}
				if old := situation == "the first header counts"; (h[100] == 0) != old {
					t.Errorf("header %d is made of the one that does not count", i)
				}
				if i == 0 {
					first = h
				} else if !bytes.Equal(h[12:], first[12:]) {
					t.Error("the headers differ")
				}
			}
			for _, id := range [][]byte{first[16:32], first[32:48], m[testMetadata+testPage83:][:16]} {
				// RFC 9562 §5.4: version 4, variant 10; its third group is little endian.
				if id[7]>>4 != 4 || id[8]>>6 != 2 {
					t.Errorf("%x is not a random GUID", id)
				}
			}
			if m[testLog] != 0 {
				t.Error("the log has old entries")
			}
		})
	}
	if err := identifyVHDX(make(image, 100), "seed"); err == nil {
		t.Error("a file of 100 bytes is a VHDX")
	}
}

// A file whose name or content has no identifiers is refused.
func TestIdentifyRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"a.vmdk": "a.vmdk: this is not a VMDK", "a.vhdx": "a.vhdx: there is no header", "a.qcow2": "name a .vmdk or .vhdx",
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, make([]byte, 1<<20), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := identify("1.0.0", file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := identify("1.0.0", filepath.Join(dir, "none.vmdk")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
}

// qemu-img leaves out the leading zeros of one ID in sixteen.
func TestWithCID(t *testing.T) {
	id := [16]byte{0xab, 0xcd, 0xef, 0x01}
	for name, c := range map[string]struct{ descriptor, want string }{
		"eight digits": {"v=1\nCID=89abcdef\nparentCID=ffffffff\n\x00\x00",
			"v=1\nCID=3bcdef01\nparentCID=ffffffff\n\x00\x00"},
		"six digits": {"v=1\nCID=abcdef\nparentCID=ffffffff\n\x00\x00", "v=1\nCID=3bcdef01\nparentCID=ffffffff\n"},
		"a rest behind the zero": {"v=1\nCID=9abcdef\nparentCID=ffffffff\n\x00\n\x00",
			"v=1\nCID=3bcdef01\nparentCID=ffffffff\n\x00\x00"},
		"no room": {"v=1\nCID=abcdef\nparentCID=ffffffff\n\x00", ""},
		"no ID":   {"v=1\nparentCID=ffffffff\n\x00\x00", ""},
	} {
		got, err := withCID([]byte(c.descriptor), id)
		if string(got) != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The sum of the 4 KiB header that qemu-img writes covers the checksum as zeros.
func TestVHDXChecksum(t *testing.T) {
	h := make([]byte, vhdxHeaderSize)
	copy(h, "head")
	sum := vhdxChecksum(h)
	if want := crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli)); sum != want {
		t.Errorf("the checksum is %08x, want %08x", sum, want)
	}
	binary.LittleEndian.PutUint32(h[4:], sum)
	if vhdxChecksum(h) != sum {
		t.Error("the checksum counts itself")
	}
	h[100] = 1
	if vhdxChecksum(h) == sum {
		t.Error("the checksum leaves out the header")
	}
}
