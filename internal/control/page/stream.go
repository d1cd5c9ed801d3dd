package page

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxStreams and maxOwnStreams bound the event streams, in total and of one
	// session. A browser has one for each open page, and opens at most six
	// connections.
	maxStreams, maxOwnStreams = 32, 4
	// streamWrite is how long a browser may take to read what was sent on a
	// stream.
	streamWrite = 15 * time.Second
)

// streams are the open event streams. Any goroutine may use them.
type streams struct {
	mu   sync.Mutex
	open []*stream // oldest first
}

type stream struct {
	owner any
	end   context.CancelFunc
}

// add adds a stream, and ends the oldest one of its owner, or of all, where
// there are too many. The caller calls remove in the end.
func (s *streams) add(owner any, end context.CancelFunc) (remove func()) {
	added := &stream{owner, end}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, added)
	var own []*stream
	for _, o := range s.open {
		if o.owner == owner {
			own = append(own, o)
		}
	}
	switch {
	case len(own) > maxOwnStreams:
		s.drop(own[0])
	case len(s.open) > maxStreams:
		s.drop(s.open[0])
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(added)
	}
}

func (s *streams) drop(st *stream) {
	if i := slices.Index(s.open, st); i >= 0 {
		s.open = slices.Delete(s.open, i, i+1)
	}
	st.end()
}

// isStream reports whether a request is that of an EventSource.
func isStream(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// serve passes a request for a stream on to next. over ends with the session,
// and touch is called when something was sent.
func (s *streams) serve(
	w http.ResponseWriter, r *http.Request, next http.Handler, owner any, over context.Context, touch func(),
) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(over, cancel)()
	defer s.add(owner, cancel)()
	next.ServeHTTP(&streamWriter{w, http.NewResponseController(w), touch}, r.WithContext(ctx))
}

// streamWriter bounds the time of each write instead of the whole answer's.
type streamWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	touch   func()
}

func (w *streamWriter) Write(b []byte) (int, error) {
	if err := w.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return 0, err
	}
	w.touch()
	return w.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (w *streamWriter) Flush() { _ = w.FlushError() } // the next write fails as well

// FlushError is what http.ResponseController calls.
func (w *streamWriter) FlushError() error {
	if err := w.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	return w.control.Flush()
}
