package httpd

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// conn is a client's connection. It sends an answer in as few packets as
// possible. net/http writes the header separately, and each write is a packet
// that wakes the client up.
type conn struct {
	*net.TCPConn

	// The state of the current answer. Only the goroutine that sends the answer
	// uses it.
	holding bool
	held    []byte // its beginning, to be sent with what follows
	corked  bool
}

type connKey struct{}

// withConn implements ConnContext of http.Server.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection of a request.
func connOf(r *http.Request) (*conn, bool) {
	c, ok := r.Context().Value(connKey{}).(*conn)
	return c, ok
}

// maxHeld fits the header, and the 512 bytes of a file that net/http sends, to
// detect the type, before it calls ReadFrom.
const maxHeld = 4 << 10

// small is the largest part of a file, in bytes, that is read with one call and
// sent with another. For larger parts on disk, sendfile(2) is faster.
const small = 16 << 10

var buffers = sync.Pool{New: func() any { return new([small]byte) }}

// hold keeps back what is written until more comes through ReadFrom, or release
// is called.
func (c *conn) hold() { c.holding = true }

// release sends what is held, and ends hold.
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

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	if c.holding && len(c.held)+len(b) <= maxHeld {
		c.held = append(c.held, b...)
		return len(b), nil
	}
	return c.send(b)
}

// send writes what is held and b in one call.
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

// ReadFrom implements io.ReaderFrom. net/http calls it with a part of a file
// after it has written the header.
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

// readSmall reads a whole small part before it sends it.
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

// ignoreEOF drops the error of a file's end: it is not an error to a
// ReaderFrom.
func ignoreEOF(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// readFrom makes the kernel send a file with sendfile(2). sendfile takes 16
// pages at a time, which make 45 packets and a remainder. On a corked socket,
// the remainder waits for the next pages, and most packets that leave have 64
// KiB.
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

// memory reads bytes and exposes them, so that they can be sent without a copy.
type memory struct {
	bytes.Reader
	all []byte
}

func newMemory(b []byte) *memory {
	m := &memory{all: b}
	m.Reset(b)
	return m
}

// rest returns what has not been read yet.
func (m *memory) rest() []byte { return m.all[len(m.all)-m.Len():] }

// skip marks n bytes of the rest as read.
func (m *memory) skip(n int) {
	// A seek within the rest cannot fail.
	_, _ = m.Seek(int64(n), io.SeekCurrent)
}
