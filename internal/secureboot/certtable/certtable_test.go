package certtable

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"testing"
)

// shim is Debian's, as make assets fetches it.
func shim(t testing.TB) *Image {
	t.Helper()
	b, err := os.ReadFile("../../../assets/grub/usr/lib/shim/shimx64.efi.signed")
	if err != nil {
		t.Fatalf("%v: run make assets", err)
	}
	i, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// of returns shim with these signatures.
func of(t testing.TB, messages ...[]byte) *Image {
	t.Helper()
	i := shim(t)
	file := slices.Clone(i.File[:i.Table])
	for _, m := range messages {
		file = binary.LittleEndian.AppendUint32(file, uint32(header+len(m)))
		file = append(append(file, 0, 2, 2, 0), m...)
		for len(file)%align != 0 {
			file = append(file, 0)
		}
	}
	binary.LittleEndian.PutUint32(file[i.Entry+4:], uint32(len(file)-i.Table))
	i, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestSingle(t *testing.T) {
	for _, tc := range []struct {
		situation string
		messages  []string
		n         int
		fails     bool
	}{
		{situation: "the first of two", messages: []string{"eightbyt", "second"}, n: 0},
		{situation: "the second of two", messages: []string{"first", "second"}, n: 1},
		{situation: "the only one", messages: []string{"first"}, n: 0},
		{situation: "one that is not there", messages: []string{"first"}, n: 1, fails: true},
		{situation: "before the first", messages: []string{"first"}, n: -1, fails: true},
		{situation: "no signature", n: 0, fails: true},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			var messages [][]byte
			for _, m := range tc.messages {
				messages = append(messages, []byte(m))
			}
			i := of(t, messages...)
			before := slices.Clone(i.File)
			b, err := i.Single(tc.n)
			if !bytes.Equal(i.File, before) {
				t.Error("the image itself has changed")
			}
			if tc.fails {
				if err == nil {
					t.Error("it has one")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			all, err := got.Signatures()
			if err != nil || len(all) != 1 || string(all[0]) != tc.messages[tc.n] {
				t.Errorf("it has %q, %v", all, err)
			}
			unchanged(t, i, got)
		})
	}
}

// unchanged checks that two images differ only in what no signature covers.
func unchanged(t *testing.T, a, b *Image) {
	t.Helper()
	covered := func(i *Image) []byte {
		return slices.Concat(i.File[:i.Checksum], i.File[i.Checksum+4:i.Entry], i.File[i.Entry+EntrySize:i.Table])
	}
	if !bytes.Equal(covered(a), covered(b)) {
		t.Error("what the signature covers has changed")
	}
}

// Debian's file has the checksum that this package computes.
func TestChecksum(t *testing.T) {
	i := shim(t)
	want := binary.LittleEndian.Uint32(i.File[i.Checksum:])
	if got := checksum(i.File, i.Checksum); got != want {
		t.Errorf("%#x, want %#x", got, want)
	}
}

// FuzzSingle leaves signatures out of arbitrary files.
func FuzzSingle(f *testing.F) {
	i := shim(f)
	// A small input for the fuzzer: the headers and the certificate table.
	small := slices.Concat(i.File[:4096], i.File[i.Table:])
	binary.LittleEndian.PutUint32(small[i.Entry:], 4096)
	f.Add(small, 0)
	f.Add(small, 1)
	f.Add(of(f, []byte("first"), []byte("second")).File[:4096], -1)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		i, err := Parse(b)
		if err != nil {
			return
		}
		single, err := i.Single(n)
		if err != nil {
			return
		}
		got, err := Parse(single)
		if err != nil {
			t.Fatal(err)
		}
		want, err := i.Signatures()
		if err != nil {
			t.Fatal(err)
		}
		if all, err := got.Signatures(); err != nil || len(all) != 1 || !bytes.Equal(all[0], want[n]) {
			t.Errorf("signature %d is %x, %v", n, all, err)
		}
		unchanged(t, i, got)
	})
}
