package wim

import (
	"bytes"
	"fmt"
	"io"

	"github.com/Microsoft/go-winio/wim/lzx"
)

// chunkSize is how much of a resource is compressed as one.
const chunkSize = 32 << 10

// resource is where a file, a table or the metadata of an image are in a WIM.
type resource struct {
	offset, stored int64
	size           int64 // when decompressed
	flags          byte
}

// parseResource reads a resource's header, of 24 bytes. Its values may be anything.
func parseResource(b []byte) resource {
	return resource{
		offset: int64(u64(b[8:])), stored: int64(u64(b) & (1<<56 - 1)), size: int64(u64(b[16:])), flags: b[7],
	}
}

// reader reads a resource. It keeps one decompressed chunk.
type reader struct {
	r io.ReaderAt
	resource
	table  int64 // bytes of the table of chunks
	entry  int64 // bytes of an entry there
	chunk  []byte
	number int64  // of the chunk; -1 for none
	packed []byte // room for a compressed chunk
}

// open returns a reader of a resource that is inside the file.
func (a *Archive) open(res resource) (*reader, error) {
	if res.offset < 0 || res.size < 0 || res.offset > a.size || res.stored > a.size-res.offset {
		return nil, damaged(fmt.Sprintf("%d bytes at %d, of %d", res.stored, res.offset, a.size))
	}
	r := &reader{r: a.r, resource: res, number: -1}
	if res.flags&resCompressed == 0 {
		if res.stored != res.size {
			return nil, damaged(fmt.Sprintf("%d bytes instead of %d", res.stored, res.size))
		}
		return r, nil
	}
	r.entry = 4
	if res.size > 1<<32-1 {
		r.entry = 8
	}
	if res.size > 0 {
		// No overflow: a chunk has at least a byte, so that stored is larger.
		chunks := (res.size-1)/chunkSize + 1
		if chunks > res.stored {
			return nil, damaged(fmt.Sprintf("%d chunks in %d bytes", chunks, res.stored))
		}
		r.table = (chunks - 1) * r.entry
	}
	if r.table > res.stored {
		return nil, damaged(fmt.Sprintf("a table of %d bytes in %d", r.table, res.stored))
	}
	return r, nil
}

// read reads all of b from an offset.
func (r *reader) read(b []byte, at int64) error {
	if at < 0 || at > r.size || int64(len(b)) > r.size-at {
		return damaged(fmt.Sprintf("%d bytes at %d, of %d", len(b), at, r.size))
	}
	if r.flags&resCompressed == 0 {
		return readFull(r.r, b, r.offset+at)
	}
	for len(b) > 0 {
		chunk, err := r.load(at / chunkSize)
		if err != nil {
			return err
		}
		n := copy(b, chunk[at%chunkSize:])
		b, at = b[n:], at+int64(n)
	}
	return nil
}

// load returns a chunk, decompressed.
func (r *reader) load(number int64) ([]byte, error) {
	if number == r.number {
		return r.chunk, nil
	}
	r.number = -1
	data := r.stored - r.table
	from, err := r.start(number)
	if err != nil {
		return nil, err
	}
	to, size := data, r.size-number*chunkSize
	if size > chunkSize {
		size = chunkSize
		if to, err = r.start(number + 1); err != nil {
			return nil, err
		}
	}
	if from < 0 || to <= from || to > data || to-from > size {
		return nil, damaged(fmt.Sprintf("chunk %d from %d to %d", number, from, to))
	}
	if r.chunk == nil {
		r.chunk, r.packed = make([]byte, chunkSize), make([]byte, chunkSize)
	}
	stored := r.packed[:to-from]
	if err := readFull(r.r, stored, r.offset+r.table+from); err != nil {
		return nil, err
	}
	r.chunk = r.chunk[:size]
	if to-from == size {
		copy(r.chunk, stored) // it would not get smaller
	} else if err := decompress(r.chunk, stored); err != nil {
		return nil, err
	}
	r.number = number
	return r.chunk, nil
}

// start returns where a chunk begins, behind the table.
func (r *reader) start(number int64) (int64, error) {
	if number == 0 {
		return 0, nil
	}
	var b [8]byte
	if err := readFull(r.r, b[:r.entry], r.offset+(number-1)*r.entry); err != nil {
		return 0, err
	}
	return int64(u64(b[:])), nil
}

// decompress fills to from the bytes of a chunk. The library panics on some chunks
// that no compressor writes.
func decompress(to, from []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damaged(fmt.Sprintf("LZX: %v", p))
		}
	}()
	d, err := lzx.NewReader(bytes.NewReader(from), len(to))
	if err == nil {
		_, err = io.ReadFull(d, to)
	}
	if err != nil {
		return damaged("LZX: " + err.Error())
	}
	return nil
}

func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		return damaged(fmt.Sprintf("%d bytes at %d are missing", len(b)-n, at))
	}
	return err
}
