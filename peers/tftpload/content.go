package tftpload

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
)

// Content is the expected content of a file.
type Content interface {
	Size() int64
	// Equal reports whether b holds the file's bytes from an offset on.
	Equal(b []byte, offset int64) bool
}

// errContent means that the server sent bytes that are not in the file.
var errContent = errors.New("wrong content")

// compare is a tftpclient.Body.
func (l Load) compare(b []byte, at int64, last bool) error {
	switch size := at + int64(len(b)); {
	case !l.Content.Equal(b, at):
		return fmt.Errorf("%w at byte %d", errContent, at)
	case last && size != l.Content.Size():
		return fmt.Errorf("%w: it ends at byte %d of %d", errContent, size, l.Content.Size())
	}
	return nil
}

// Bytes is content in memory.
type Bytes []byte

// Random returns pseudo-random content for a seed. No two blocks of it are
// alike, so a swapped block is detected.
func Random(seed uint64, size int) Bytes {
	source := rand.NewPCG(seed, 0)
	b := make([]byte, 0, size+8)
	for len(b) < size {
		b = binary.LittleEndian.AppendUint64(b, source.Uint64())
	}
	return b[:size]
}

// Size returns the length in bytes.
func (c Bytes) Size() int64 { return int64(len(c)) }

// Equal implements Content.
func (c Bytes) Equal(b []byte, offset int64) bool {
	return offset+int64(len(b)) <= int64(len(c)) && bytes.Equal(c[offset:offset+int64(len(b))], b)
}

// Sparse is content that is too long to store: zeros, with a pseudo-random mark
// every MarkEvery bytes.
type Sparse int64

const (
	// MarkEvery is not a multiple of a block size times 65,536, so a transfer
	// with wrong block numbers after a wrap is detected.
	MarkEvery = 64<<20 + 12345
	markSize  = 16 << 10
)

var zeros [64 << 10]byte

func mark(i int64) Bytes { return Random(uint64(i)+1, markSize) }

// Size returns the length in bytes.
func (c Sparse) Size() int64 { return int64(c) }

// Equal implements Content.
func (c Sparse) Equal(b []byte, offset int64) bool {
	if offset+int64(len(b)) > int64(c) {
		return false
	}
	for len(b) > 0 {
		i, within := offset/MarkEvery, offset%MarkEvery
		var n int64
		if within < markSize {
			n = min(markSize-within, int64(len(b)))
			if !mark(i).Equal(b[:n], within) {
				return false
			}
		} else {
			n = min(MarkEvery-within, int64(len(b)), int64(len(zeros)))
			if !bytes.Equal(b[:n], zeros[:n]) {
				return false
			}
		}
		b, offset = b[n:], offset+n
	}
	return true
}

// Create writes the file. It takes little space if the file system supports
// holes.
func (c Sparse) Create(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for at := int64(0); at < int64(c); at += MarkEvery {
		if _, err := f.WriteAt(mark(at / MarkEvery)[:min(markSize, int64(c)-at)], at); err != nil {
			return err
		}
	}
	if err := f.Truncate(int64(c)); err != nil {
		return err
	}
	return f.Close()
}

// Check reads a stream to its end and compares it with the content from an
// offset on. It returns the number of correct bytes.
func Check(c Content, r io.Reader, offset int64) (int64, bool) {
	buf := make([]byte, 64<<10)
	good := int64(0)
	for {
		n, err := r.Read(buf)
		if !c.Equal(buf[:n], offset+good) {
			return good, false
		}
		good += int64(n)
		if err != nil {
			return good, err == io.EOF
		}
	}
}
