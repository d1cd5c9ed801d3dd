package httpd

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// conn is a client's connection. It sends an answer in as few packets as it has:
// net/http writes the header by itself, and each write is a packet, which the
// client is woken up for.
type conn struct {
	*net.TCPConn

	// Of the answer under way, which only the goroutine that gives it touches.
	holding bool
	held    []byte // its beginning, to go out with what follows
	corked  bool
}

type connKey struct{}

// withConn is http.Server's ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf is the connection that a request came by.
func connOf(r *http.Request) (*conn, bool) {
	c, ok := r.Context().Value(connKey{}).(*conn)
	return c, ok
}

// maxHeld is room for the header and what net/http sends of a file before it
// calls ReadFrom: 512 bytes, for a look at what it may be.
const maxHeld = 4 << 10

// small is how much of a file is read and sent by one call each, in bytes. Where
// there is more on disk, sendfile(2) is the shorter way.
const small = 16 << 10

var buffers = sync.Pool{New: func() any { return new([small]byte) }}

// hold keeps back what is written from now on until more comes by ReadFrom,
// or release is called.
func (c *conn) hold() { c.holding = true }

// release sends what is left, and ends hold.
func (c *conn) release() error {
	c.holding = false
	var err error
	if len(c.held) > 0 {
		_, err = c.send(nil)
	}
	if c.corked {
		c.corked = false
		setCork(c.TCPConn, false)
	}
	return err
}

// Write is net.Conn's.
func (c *conn) Write(b []byte) (int, error) {
	if c.holding && len(c.held)+len(b) <= maxHeld {
		c.held = append(c.held, b...)
		return len(b), nil
	}
	return c.send(b)
}

// send writes what is held, and b, in one call.
func (c *conn) send(b []byte) (int, error) {
	if len(c.held) == 0 {
		return c.TCPConn.Write(b)
	}
	before := len(c.held)
	all := net.Buffers{c.held, b}
	n, err := all.WriteTo(c.TCPConn)
	c.held = c.held[:0]
	return max(0, int(n)-before), err
}

// ReadFrom is io.ReaderFrom's: net/http calls it with a part of a file, once
// the header is written.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	part, ok := src.(*io.LimitedReader)
	if !ok {
		return c.readFrom(src)
	}
	if m, ok := part.R.(*memory); ok {
		b := m.rest()
		b = b[:min(int64(len(b)), part.N)]
		n, err := c.send(b)
		m.skip(n)
		part.N -= int64(n)
		return int64(n), err
	}
	if part.N <= small {
		return c.readSmall(part)
	}
	return c.readFrom(src)
}

// readSmall has the whole of a small part read before it is sent.
func (c *conn) readSmall(part *io.LimitedReader) (int64, error) {
	buf := buffers.Get().(*[small]byte)
	defer buffers.Put(buf)
	n, err := io.ReadFull(part, buf[:part.N])
	if n == 0 {
		return 0, ignoreEOF(err)
	}
	sent, sendErr := c.send(buf[:n])
	if sendErr != nil {
		return int64(sent), sendErr
	}
	return int64(sent), ignoreEOF(err)
}

// ignoreEOF makes no error of a file's end: to a ReaderFrom it is none.
func ignoreEOF(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// readFrom has the kernel send a file by sendfile(2). That takes 16 pages at a
// time, which is 45 packets' worth and a rest: corked, the rest waits for the
// next ones, and most packets that leave are of 64 KiB.
func (c *conn) readFrom(src io.Reader) (int64, error) {
	if c.holding && !c.corked {
		c.corked = true
		setCork(c.TCPConn, true)
	}
	if len(c.held) > 0 {
		if _, err := c.send(nil); err != nil {
			return 0, err
		}
	}
	return c.TCPConn.ReadFrom(src)
}

// memory reads bytes, and shows them: they can be sent without a copy.
type memory struct {
	bytes.Reader
	all []byte
}

func newMemory(b []byte) *memory {
	m := &memory{all: b}
	m.Reset(b)
	return m
}

// rest is what was not read yet.
func (m *memory) rest() []byte { return m.all[len(m.all)-m.Len():] }

// skip takes n bytes of the rest as read.
func (m *memory) skip(n int) {
	// Within the rest a seek cannot fail.
	_, _ = m.Seek(int64(n), io.SeekCurrent)
}
