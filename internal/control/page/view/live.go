package view

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/pxebox/pxebox/internal/control/boots"
)

const (
	// together is how long changes are gathered before they are sent.
	together = 500 * time.Millisecond
	// heartbeat keeps a quiet stream open, and detects a browser that is gone.
	heartbeat = 15 * time.Second
	// streamTime ends a stream, and the browser opens another one: so that a
	// session that has ended sees no more.
	streamTime = 5 * time.Minute
	// patience is how long a browser may take to accept an event.
	patience = 10 * time.Second
	// maxChanges is how many rows are sent at a time. If more have changed, the
	// page is told to load again.
	maxChanges = 60
)

// liveQuery is what a page that is kept current shows.
type liveQuery struct {
	search
	list          bool // rows of the list, of its first page
	machine, boot string
}

// A liveRow is a row of the list that has changed.
type liveRow struct {
	Machine string `json:"machine"`
	Boot    string `json:"boot"`
	HTML    string `json:"html"` // empty: it is not on the list any more
}

// liveState is the summary above the list.
type liveState struct {
	HTML string `json:"html"`
}

// events streams changes by server-sent events, of these kinds:
//
//	row     a liveRow for the list
//	state   the summary
//	change  the machine or boot that the page shows has changed
//	reload  more has changed than is sent
//
// Package page bounds how many streams there are.
func (p *Pages) events(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	query := liveQuery{search: p.searchOf(r), list: q.Get("list") == "1", machine: q.Get("machine"),
		boot: q.Get("boot")}
	since, err := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil {
		since, _ = strconv.ParseUint(q.Get("since"), 10, 64)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	ctx, cancel := context.WithTimeout(r.Context(), p.streamTime)
	defer cancel()
	s := stream{w: w, c: http.NewResponseController(w), boots: p.Boots, query: query, since: since}
	s.run(ctx)
}

// stream is one connection of a page that is kept current.
type stream struct {
	w     http.ResponseWriter
	c     *http.ResponseController
	boots *boots.Store
	query liveQuery
	since uint64
	state string // sent last
}

func (s *stream) run(ctx context.Context) {
	if !s.send([]byte("retry: 2000\n\n")) {
		return
	}
	for {
		// The channel first: a change while the rows are made closes it.
		changed := s.boots.Changed()
		if !s.update() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(heartbeat):
			if !s.send([]byte(": still here\n\n")) {
				return
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(together):
		}
	}
}

// update sends what has changed since the last time. It reports whether the
// browser accepted it.
func (s *stream) update() bool {
	var b bytes.Buffer
	if html := part(s.query.lang, "summary", summary{s.boots.State()}); html != s.state {
		s.state = html
		event(&b, "state", liveState{html})
	}
	rows, now, complete := s.boots.Since(s.since, maxChanges)
	if now < s.since {
		complete = false // another menuwatch
	}
	switch {
	case !complete:
		event(&b, "reload", struct{}{})
	case s.query.list:
		for i := len(rows) - 1; i >= 0; i-- {
			s.row(&b, rows[i])
		}
	default:
		for _, one := range rows {
			if one.ID == s.query.boot || one.Machine == s.query.machine {
				event(&b, "change", struct{}{})
				break
			}
		}
	}
	if now != s.since {
		fmt.Fprintf(&b, "id: %d\nevent: version\ndata: {}\n\n", now)
		s.since = now
	}
	return b.Len() == 0 || s.send(b.Bytes())
}

// row adds the event for a changed row of the list. A boot that is not its
// machine's latest is on the list only if a person searched for it; such a list
// does not change by itself.
func (s *stream) row(b *bytes.Buffer, one boots.Row) {
	if !one.Latest {
		return
	}
	change := liveRow{Machine: one.Machine, Boot: one.ID}
	if s.query.match(&one.Boot, true) {
		change.HTML = part(s.query.lang, "row", newRow(s.query.lang, s.query.hosts, one))
	}
	event(b, "row", change)
}

// event adds an event. JSON has no line break, which would end the event's data,
// and no character that HTML gives a meaning.
func event(b *bytes.Buffer, kind string, data any) {
	line, err := json.Marshal(data)
	if err != nil {
		panic(err) // plain values
	}
	fmt.Fprintf(b, "event: %s\ndata: %s\n\n", kind, line)
}

func (s *stream) send(b []byte) bool {
	// A test's recorder has no deadlines.
	_ = s.c.SetWriteDeadline(time.Now().Add(patience))
	if _, err := s.w.Write(b); err != nil {
		return false
	}
	return s.c.Flush() == nil
}

// part renders one of the parts that a page and its events share.
func part(lang, name string, data any) string {
	var b bytes.Buffer
	if err := sets[lang]["machines"].ExecuteTemplate(&b, name, data); err != nil {
		panic(err) // a mistake in a template, which the tests find
	}
	return b.String()
}
