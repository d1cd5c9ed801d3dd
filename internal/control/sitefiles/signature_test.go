package sitefiles

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pxebox/pxebox/config"
)

// image returns the headers of a PE image.
func image(pe int, magic uint16, directory int, table uint32) []byte {
	b := make([]byte, pe+24+directory+16*8)
	copy(b, "MZ")
	binary.LittleEndian.PutUint32(b[0x3c:], uint32(pe))
	copy(b[pe:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[pe+24:], magic)
	binary.LittleEndian.PutUint32(b[pe+24+directory+4*8+4:], table)
	return b
}

func TestSignature(t *testing.T) {
	cut := func(b []byte, n int) []byte { return b[:n] }
	for situation, tt := range map[string]struct {
		file []byte
		want Signature
	}{
		"a signed kernel":                     {image(0x40, 0x20b, 112, 1480), Signed},
		"a kernel without a signature":        {image(0x40, 0x20b, 112, 0), Unsigned},
		"a signed program for 32 bits":        {image(0x80, 0x10b, 96, 8), Signed},
		"a program for 32 bits without one":   {image(0x80, 0x10b, 96, 0), Unsigned},
		"a kernel without an EFI stub":        {make([]byte, 8192), Unsigned},
		"a DOS program":                       {append([]byte("MZ"), make([]byte, 200)...), Unsigned},
		"another kind of image":               {image(0x40, 0x107, 112, 9), Unsigned},
		"two letters":                         {[]byte("MZ"), Unsigned},
		"empty":                               {nil, Unsigned},
		"headers further behind than is read": {image(8000, 0x20b, 112, 9), SignatureUnknown},
		"cut off in the header":               {cut(image(0x40, 0x20b, 112, 9), 0x40+24), SignatureUnknown},
		"cut off in the directory":            {cut(image(0x40, 0x20b, 112, 9), 0x40+24+112), SignatureUnknown},
		"an offset beyond all files":          {append([]byte("MZ"), repeat(0xff, 100)...), SignatureUnknown},
	} {
		t.Run(situation, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "k"), tt.file, 0o644); err != nil {
				t.Fatal(err)
			}
			if got := Look(dir, "", config.Files{}, []string{"k"})["k"].Signature; got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func repeat(b byte, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = b
	}
	return out
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errors.New("medium failed") }

func TestSignatureOfWhatIsNotRead(t *testing.T) {
	if got := signatureOf(failing{}); got != SignatureUnknown {
		t.Errorf("a failing medium: %v", got)
	}
	// Only pxed has the contents of the bundled files.
	got := Look(t.TempDir(), "", config.Files{}, []string{"memdisk"})["memdisk"]
	if got.Err != nil || got.Signature != SignatureUnknown {
		t.Errorf("a bundled file: %+v", got)
	}
}
