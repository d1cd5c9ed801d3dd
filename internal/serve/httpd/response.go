package httpd

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/pxebox/pxebox/internal/serve/event"
)

// response keeps account of an answer, and leaves the way of the bytes as short as
// it is.
type response struct {
	http.ResponseWriter

	status int
	sent   int64 // of the file, in bytes
	err    error // the first failure
}

func newResponse(w http.ResponseWriter) *response {
	return &response{ResponseWriter: w, status: http.StatusOK}
}

// refuseBody has the connection closed after the answer, without a look at
// what the client still sends.
func (w *response) refuseBody() {
	_ = http.NewResponseController(w.ResponseWriter).SetReadDeadline(time.Now())
	w.Header().Set("Connection", "close")
}

// WriteHeader is http.ResponseWriter's.
func (w *response) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write is io.Writer's.
func (w *response) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.count(int64(n), err)
	return n, err
}

// ReadFrom takes the content of a file or a part of it from
// http.ServeContent.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	part, ok := src.(*io.LimitedReader)
	if ok {
		switch part.R.(type) {
		case *os.File, *memory:
		default:
			ok = part.N <= small
		}
	}
	if !ok {
		// A part at a time, and through a small buffer: a client may take as
		// long as it likes to read, and very many may do so at once.
		buf := buffers.Get().(*[small]byte)
		defer buffers.Put(buf)
		return io.CopyBuffer(writer{w}, reader{src}, buf[:])
	}
	// net/http hands it on to the connection's ReadFrom.
	n, err := io.Copy(w.ResponseWriter, part)
	w.count(n, err)
	return n, err
}

// writer hides ReadFrom, and reader WriteTo, so that io.CopyBuffer uses the buffer.
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

// outcome is how the answer to a request for a file ended.
func (w *response) outcome(method string) (event.Outcome, error) {
	switch {
	case isGone(w.err):
		return event.Aborted, nil
	case w.err != nil:
		return event.Failed, w.err
	case w.status == http.StatusInternalServerError:
		return event.Failed, errors.New("the file cannot be read")
	case w.status >= http.StatusBadRequest: // a range that is not there
		return event.Refused, nil
	}
	want, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
	if err == nil && method != http.MethodHead && w.sent < want {
		return event.Failed, fmt.Errorf("the file ended after %d of %d bytes", w.sent, want)
	}
	return event.Sent, nil
}
