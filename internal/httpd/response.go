package httpd

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/pxebox/pxebox/internal/event"
)

// piece is how much of a file goes out under one deadline, in bytes. A whole
// file under one would either break off slow clients or let silent ones wait;
// each piece costs a turn through the runtime.
const piece = 1 << 20

// response keeps account of an answer, gives each piece of it a deadline, and
// leaves the way of the bytes as short as it is.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration

	status int
	sent   int64 // of the file, in bytes
	err    error // the first failure
}

func newResponse(w http.ResponseWriter, stall time.Duration) *response {
	r := &response{ResponseWriter: w, control: http.NewResponseController(w), stall: stall, status: http.StatusOK}
	r.extend() // an answer that is all header is written at the end, by net/http
	return r
}

// extend gives the client time to accept one more piece. What cannot have a
// deadline is no connection.
func (w *response) extend() { _ = w.control.SetWriteDeadline(time.Now().Add(w.stall)) }

// refuseBody has the connection closed after the answer, without a look at
// what the client still sends.
func (w *response) refuseBody() {
	_ = w.control.SetReadDeadline(time.Now())
	w.Header().Set("Connection", "close")
}

// WriteHeader is http.ResponseWriter's.
func (w *response) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write is io.Writer's.
func (w *response) Write(b []byte) (int, error) {
	var written int
	for {
		next := b[written:min(len(b), written+piece)]
		w.extend()
		n, err := w.ResponseWriter.Write(next)
		written += n
		w.count(int64(n), err)
		if err != nil || written == len(b) {
			return written, err
		}
	}
}

// ReadFrom takes the content of a file or a part of it from
// http.ServeContent.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	part, ok := src.(*io.LimitedReader)
	if !ok {
		return io.Copy(writer{w}, src)
	}
	var read int64
	for part.N > 0 {
		w.extend()
		// net/http hands it on to the connection's ReadFrom.
		n, err := io.CopyN(w.ResponseWriter, part.R, min(part.N, piece))
		read += n
		part.N -= n
		if err == io.EOF { // the file is shorter than it was
			return read, nil
		}
		w.count(n, err)
		if err != nil {
			return read, err
		}
	}
	return read, nil
}

// writer hides ReadFrom.
type writer struct{ io.Writer }

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
	case errors.Is(w.err, os.ErrDeadlineExceeded):
		return event.TimedOut, nil
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
