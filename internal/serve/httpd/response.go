package httpd

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// response records how an answer went. It keeps the fast path that net/http has
// for the bytes.
type response struct {
	http.ResponseWriter

	status int
	sent   int64 // of the file, in bytes
	err    error // the first failure
}

func newResponse(w http.ResponseWriter) *response {
	return &response{ResponseWriter: w, status: http.StatusOK}
}

// refuseBody closes the connection after the answer, without reading what the
// client still sends.
func (w *response) refuseBody() {
	_ = http.NewResponseController(w.ResponseWriter).SetReadDeadline(time.Now())
	w.Header().Set("Connection", "close")
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *response) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.count(int64(n), err)
	return n, err
}

// ReadFrom sends the content of a file, or a part of it, for http.ServeContent.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	part, ok := src.(*io.LimitedReader)
	if ok {
		_, ok = part.R.(*os.File)
	}
	if !ok || part.N <= small {
		// Copy it in parts, through a small buffer: a client may read as slowly
		// as it likes, and very many may do so at once.
		buf := buffers.Get().(*[small]byte)
		defer buffers.Put(buf)
		return io.CopyBuffer(writer{w}, reader{src}, buf[:])
	}
	// net/http passes it on to the connection's ReadFrom.
	n, err := io.Copy(w.ResponseWriter, part)
	w.count(n, err)
	return n, err
}

// writer hides ReadFrom, and reader hides WriteTo, so that io.CopyBuffer uses
// the buffer.
type (
	writer struct{ io.Writer }
	reader struct{ io.Reader }
)

func (w *response) count(n int64, err error) {
	if w.status < http.StatusBadRequest {
		w.sent += n
	}
	if w.err == nil {
		w.err = err
	}
}

// outcome returns how the answer to a request for a file ended.
func (w *response) outcome(method string) (trace.Outcome, error) {
	switch {
	case isGone(w.err):
		return trace.Aborted, nil
	case w.err != nil:
		return trace.Failed, w.err
	case w.status == http.StatusInternalServerError:
		return trace.Failed, errors.New("the file cannot be read")
	case w.status >= http.StatusBadRequest: // a range outside the file
		return trace.Refused, nil
	}
	want, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
	if err == nil && method != http.MethodHead && w.sent < want {
		return trace.Failed, fmt.Errorf("the file ended after %d of %d bytes", w.sent, want)
	}
	return trace.Sent, nil
}
