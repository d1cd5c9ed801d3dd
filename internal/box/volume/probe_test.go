package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// formatted returns a file system of a few megabytes that a program has made.
func formatted(t *testing.T, program string, args ...string) *os.File {
	t.Helper()
	file := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 64<<20); err != nil {
		t.Fatal(err)
	}
	path := program
	if p, err := exec.LookPath("/usr/sbin/" + program); err == nil {
		path = p
	}
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "FILE", file)
	}
	cmd := exec.Command(path, args...)
	if errors.Is(cmd.Err, exec.ErrNotFound) {
		t.Fatalf("%s is missing: run make deps", program)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestProbe(t *testing.T) {
	mformat := []string{"-i", "FILE", "-T", "131072", "-h", "64", "-s", "32"}
	for _, tt := range []struct {
		situation, program string
		args               []string
		want               Format
	}{
		{situation: "ext4", program: "mkfs.ext4", args: []string{"-q", "-L", "PXEBOX", "FILE"},
			want: Format{"ext4", "PXEBOX"}},
		{situation: "ext4, the longest label", program: "mkfs.ext4",
			args: []string{"-q", "-L", "sixteen-letters!", "FILE"}, want: Format{"ext4", "sixteen-letters!"}},
		{situation: "ext4 without one", program: "mkfs.ext4", args: []string{"-q", "FILE"}, want: Format{"ext4", ""}},
		{situation: "FAT16", program: "mformat", args: append(mformat, "-v", "PXEBOX", "::"),
			want: Format{"vfat", "PXEBOX"}},
		{situation: "FAT32", program: "mformat", args: append(mformat, "-F", "-v", "PXEBOX-CFG", "::"),
			want: Format{"vfat", "PXEBOX-CFG"}},
		{situation: "FAT12", program: "mformat",
			args: []string{"-i", "FILE", "-T", "6144", "-h", "16", "-s", "32", "-v", "PXEBOX", "::"},
			want: Format{"vfat", "PXEBOX"}},
		{situation: "FAT without a label", program: "mformat", args: append(mformat, "::"), want: Format{"vfat", ""}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			f := formatted(t, tt.program, tt.args...)
			if got, err := Probe(f); got != tt.want || err != nil {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// Explorer changes a label only in the root directory.
func TestProbeRenamedFAT(t *testing.T) {
	f := formatted(t, "mformat", "-i", "FILE", "-T", "131072", "-h", "64", "-s", "32", "-F", "-v", "OLD", "::")
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	entry := bytes.Index(b[512:], []byte("OLD        \x08")) + 512
	if entry < 512 {
		t.Fatal("mformat wrote no label into the root directory")
	}
	copy(b[entry:], "PXEBOX     ")
	for _, tt := range []struct {
		situation string
		change    func(b []byte)
		want      string
	}{
		{situation: "renamed", change: func([]byte) {}, want: "PXEBOX"},
		{situation: "deleted", change: func(b []byte) { b[entry] = 0xe5 }, want: "OLD"},
		{situation: "after a long name", change: func(b []byte) {
			copy(b[entry+32:], b[entry:entry+32])
			copy(b[entry:], "\x41n\x00a\x00m\x00e\x00.\x00\x0f")
		}, want: "PXEBOX"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			b := bytes.Clone(b)
			tt.change(b)
			if got, err := Probe(bytes.NewReader(b)); got.Label != tt.want || err != nil {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// exFAT builds the part of an exFAT file system that is read. The layout is
// from Microsoft's specification, §3.1 and §7.3.
func exFAT(label string) []byte {
	const heap, root, shift = 512, 5, 3
	b := make([]byte, 1<<20)
	copy(b, "\xeb\x76\x90EXFAT   ")
	le.PutUint32(b[88:], heap)
	le.PutUint32(b[96:], root)
	b[108], b[109] = 9, shift
	b[510], b[511] = 0x55, 0xaa
	dir := b[(heap+(root-2)<<shift)*512:]
	dir[0] = 0x81 // the cluster bitmap
	units := utf16.Encode([]rune(label))
	dir[32], dir[33] = 0x83, byte(len(units))
	for i, u := range units {
		le.PutUint16(dir[34+2*i:], u)
	}
	return b
}

func TestProbeExFAT(t *testing.T) {
	for _, label := range []string{"PXEBOX", "Grüße 11 ch", ""} {
		if got, err := Probe(bytes.NewReader(exFAT(label))); got != (Format{"exfat", label}) || err != nil {
			t.Errorf("%q: got %+v, %v", label, got, err)
		}
	}
}

func TestProbeRefuses(t *testing.T) {
	table := make([]byte, 4096)
	table[510], table[511] = 0x55, 0xaa
	sound := exFAT("PXEBOX")
	damaged := func(at int, value ...byte) []byte {
		b := bytes.Clone(sound)
		copy(b[at:], value)
		return b
	}
	for situation, b := range map[string][]byte{
		"nothing":                     nil,
		"short":                       make([]byte, 100),
		"zeros":                       make([]byte, 1<<16),
		"a partition table":           table,
		"exFAT, root in no cluster":   damaged(96, 0, 0, 0, 0),
		"exFAT, sectors of 2 GiB":     damaged(108, 31),
		"exFAT, clusters without end": damaged(109, 200),
	} {
		if got, err := Probe(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: %+v", situation, got)
		}
	}
	if _, err := Probe(bytes.NewReader(damaged(96, 0xff, 0xff, 0xff, 0xff))); err != nil {
		t.Errorf("exFAT, root behind the end: it has no label, and %v", err)
	}
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, fmt.Errorf("no medium") }

func TestProbeTellsOfTheDisk(t *testing.T) {
	if _, err := Probe(failing{}); err == nil || errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func FuzzProbe(f *testing.F) {
	f.Add(exFAT("PXEBOX")[:8192])
	f.Add(append([]byte("\xeb\x3c\x90gokrazy!\x00\x02\x04\x04\x00\x01\x10\x00"), make([]byte, 4096)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := Probe(bytes.NewReader(b)); err == nil && got.Type == "" {
			t.Error("a file system without a type")
		}
	})
}
