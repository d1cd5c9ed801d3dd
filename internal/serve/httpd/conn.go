package httpd

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// conn is a client's connection.
type conn struct {
	*net.TCPConn

	// corked: the kernel keeps back what fills no packet. Only the goroutine that
	// sends the answer uses it.
	corked bool
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

// small is the largest part of a file, in bytes, that is copied through a buffer.
// For larger parts on disk, sendfile(2) is faster.
const small = 16 << 10

var buffers = sync.Pool{New: func() any { return new([small]byte) }}

// ReadFrom implements io.ReaderFrom. net/http calls it with a part of a file
// after it has written the header, and the kernel sends it with sendfile(2).
// sendfile takes 16 pages at a time, which make 45 packets and a remainder. On a
// corked socket, the remainder waits for the next pages, and most packets that
// leave have 64 KiB.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	if !c.corked {
		c.corked = true
		setCork(c.TCPConn, true)
	}
	return c.TCPConn.ReadFrom(src)
}

// release sends what is kept back.
func (c *conn) release() {
	if c.corked {
		c.corked = false
		setCork(c.TCPConn, false)
	}
}
