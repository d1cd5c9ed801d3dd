package tftp

import (
	"container/list"
	"fmt"
	"io"
	"io/fs"
	"os"
)

const (
	// chunkSize is how much of a file is read at a time. It is some eleven
	// blocks of an Ethernet frame's size.
	chunkSize = 16 << 10
	// maxChunks bounds what all reactors together hold of files: 8 MiB.
	maxChunks = 512
)

// File is a file to send. One that is in memory says so by a method Bytes()
// []byte, and is sent from there. One whose method Stat() (fs.FileInfo, error)
// shows it to be the same as another's (os.SameFile) is read once for both.
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
	chunk map[int64]*list.Element // by number; the values are *chunk
}

// chunk is a part of a file in memory.
type chunk struct {
	of     *source // nil: free
	number int64
	data   []byte
	turn   uint64 // when it was last asked for
}

// store holds the open files of one reactor, and the parts of them that were
// read last. Files on disk are read, not mapped: a mapping of a file that is
// cut short meanwhile is a fault in whoever touches it, its pages count as
// ours, and a system call for each chunkSize costs no more than the faults.
type store struct {
	sources []*source  // on disk
	chunks  *list.List // of *chunk, the one used last first
	limit   int
	turn    uint64
}

func newStore(limit int) *store { return &store{chunks: list.New(), limit: limit} }

// open takes a file over. Where it is open already, that one serves.
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

// sent says that nothing waits to be sent any more: all chunks may be used
// for something else.
func (st *store) sent() { st.turn++ }

// at returns the bytes of a file from off on, at most n and as many as lie
// together. They stay until sent is called. full says that nothing was
// returned since too much waits to be sent.
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

// fetch reads n bytes of a file from off on, or as many as there are and there
// is room for. What fails is tried again, and told of, when it is asked for.
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

// spare finds a chunk to fill: a new one, or the one whose use lies longest
// back. It is nil where that still waits to be sent.
func (st *store) spare() *list.Element {
	if st.chunks.Len() < st.limit {
		return st.chunks.PushBack(&chunk{data: make([]byte, chunkSize), turn: st.turn - 1})
	}
	// Free chunks are at the back, where one released in this turn may stand
	// before another that is not: no harm, the next turn has it.
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
