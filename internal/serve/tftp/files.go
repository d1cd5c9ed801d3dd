package tftp

import (
	"container/list"
	"fmt"
	"io"
	"io/fs"
	"os"
)

const (
	// chunkSize is how much of a file is read at a time: about eleven blocks of
	// an Ethernet frame's size.
	chunkSize = 16 << 10
	// maxChunks limits how much file data all reactors together hold: 8 MiB.
	maxChunks = 512
)

// File is a file to send. A file in memory has a method Bytes() []byte, and is
// sent from there. If two files are the same by their method Stat()
// (fs.FileInfo, error) and os.SameFile, the file is read once for both.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// source is an open file that the sessions of one reactor share.
type source struct {
	file  File
	bytes []byte      // in memory
	info  fs.FileInfo // on disk
	users int
	chunk map[int64]*list.Element // by number; the values hold *chunk
}

// chunk is a part of a file in memory.
type chunk struct {
	of     *source // nil: free
	number int64
	data   []byte
	turn   uint64 // when it was last used
}

// store holds the open files of one reactor, and the parts of them that were
// read last. Files on disk are read, not mapped. If a mapped file is truncated,
// access to the mapping faults. Mapped pages also count as memory of this
// process, and a system call for each chunkSize costs no more than the page
// faults.
type store struct {
	sources []*source  // on disk
	chunks  *list.List // of *chunk, most recently used first
	limit   int
	turn    uint64
}

func newStore(limit int) *store { return &store{chunks: list.New(), limit: limit} }

// open takes ownership of f. If the file is already open, it uses that one and
// closes f.
func (st *store) open(f File) *source {
	src := &source{file: f, users: 1}
	if m, ok := f.(interface{ Bytes() []byte }); ok {
		src.bytes = m.Bytes()
		return src
	}
	src.chunk = map[int64]*list.Element{}
	d, ok := f.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return src
	}
	var err error
	if src.info, err = d.Stat(); err != nil {
		return src
	}
	for _, other := range st.sources {
		if os.SameFile(src.info, other.info) && src.info.ModTime().Equal(other.info.ModTime()) &&
			f.Size() == other.file.Size() {
			f.Close()
			other.users++
			return other
		}
	}
	st.sources = append(st.sources, src)
	return src
}

// release ends one session's use of a file.
func (st *store) release(src *source) {
	if src.users--; src.users > 0 {
		return
	}
	src.file.Close()
	for _, e := range src.chunk {
		e.Value.(*chunk).of = nil
		st.chunks.MoveToBack(e)
	}
	for i, other := range st.sources {
		if other == src {
			last := len(st.sources) - 1
			st.sources[i] = st.sources[last]
			st.sources[last] = nil
			st.sources = st.sources[:last]
			return
		}
	}
}

// sent says that nothing waits to be sent any more, so all chunks may be
// reused.
func (st *store) sent() { st.turn++ }

// at returns the bytes of a file from off on: at most n, and as many as are
// contiguous in memory. They are valid until sent is called. full says that
// nothing was returned because too much waits to be sent.
func (st *store) at(src *source, off int64, n int) (b []byte, full bool, err error) {
	if src.bytes != nil {
		return src.bytes[off : off+int64(n)], false, nil
	}
	number, within := off/chunkSize, int(off%chunkSize)
	e := src.chunk[number]
	if e == nil {
		if e = st.spare(); e == nil {
			return nil, true, nil
		}
		c := e.Value.(*chunk)
		c.data = c.data[:min(chunkSize, src.file.Size()-number*chunkSize)]
		if got, err := src.file.ReadAt(c.data, number*chunkSize); got < len(c.data) {
			st.chunks.MoveToBack(e)
			return nil, false, fmt.Errorf("read at %d: %w", number*chunkSize, err)
		}
		c.of, c.number = src, number
		src.chunk[number] = e
	}
	c := e.Value.(*chunk)
	c.turn = st.turn
	st.chunks.MoveToFront(e)
	return c.data[within:min(within+n, len(c.data))], false, nil
}

// fetch reads n bytes of a file from off on, or as many as there are and fit.
// It ignores errors: at reads those bytes again and reports the error.
func (st *store) fetch(src *source, off int64, n int) {
	if src.bytes != nil {
		return
	}
	end := min(off+int64(n), src.file.Size())
	for off < end {
		b, full, err := st.at(src, off, int(end-off))
		if full || err != nil {
			return
		}
		off += int64(len(b))
	}
}

// spare returns a chunk to fill: a new one, or the least recently used. It
// returns nil if that one still waits to be sent.
func (st *store) spare() *list.Element {
	if st.chunks.Len() < st.limit {
		return st.chunks.PushBack(&chunk{data: make([]byte, chunkSize), turn: st.turn - 1})
	}
	// Free chunks are at the back. One that was released in this turn may hide
	// another that is usable. That is harmless: the next turn finds it.
	e := st.chunks.Back()
	c := e.Value.(*chunk)
	if c.turn == st.turn {
		return nil
	}
	if c.of != nil {
		delete(c.of.chunk, c.number)
		c.of = nil
	}
	return e
}
