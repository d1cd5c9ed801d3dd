package view

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/control/boots"
)

// An eventStream is an open stream of events.
type eventStream struct {
	t     *testing.T
	lines *bufio.Scanner
	close func()
}

// open requests the events that a page names.
func open(t *testing.T, url string, lastID string) eventStream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	client := &http.Client{Timeout: 30 * time.Second}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("%s answers %d with %s", url, answer.StatusCode, got)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	return eventStream{t, lines, func() { answer.Body.Close() }}
}

// next returns the next event of one of some kinds: its kind and its data.
func (s eventStream) next(kinds ...string) (kind, data string) {
	s.t.Helper()
	for s.lines.Scan() {
		key, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch key {
		case "event":
			kind = value
		case "data":
			for _, k := range kinds {
				if k == kind {
					return kind, value
				}
			}
		case "", "id", "retry":
		default:
			s.t.Fatalf("a line that is no part of an event: %q", s.lines.Text())
		}
	}
	s.t.Fatalf("the stream ended before an event %v: %v", kinds, s.lines.Err())
	return "", ""
}

// liveLink returns the address of the events of a page.
func liveLink(t *testing.T, server *httptest.Server, path string) string {
	t.Helper()
	body := get(t, server.Config.Handler, path).Body.String()
	link := regexp.MustCompile(`data-live="([^"]*)"`).FindStringSubmatch(body)
	if link == nil {
		t.Fatalf("%s names no events", path)
	}
	return server.URL + strings.ReplaceAll(link[1], "&amp;", "&")
}

func serve(t *testing.T, s *boots.Store) (*httptest.Server, *Pages) {
	p := New(Options{Boots: s})
	server := httptest.NewServer(p.Handler())
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server, p
}

// The list receives each change: of a machine that is on it, of a new one, and
// of one that is not looked for any more.
func TestLiveList(t *testing.T) {
	s := site()
	server, _ := serve(t, s)
	all := open(t, liveLink(t, server, "/"), "")
	failed := open(t, liveLink(t, server, "/?failed=1&lang=de"), "")
	if _, data := all.next("state"); !strings.Contains(data, "6 machines.") {
		t.Errorf("the summary: %s", data)
	}
	failed.next("state")

	row := func(data string) (r liveRow) {
		t.Helper()
		if err := json.Unmarshal([]byte(data), &r); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		return r
	}
	record(s, dhcp(200, 20, "offer"))
	if _, data := all.next("state"); !strings.Contains(data, "7 machines.") {
		t.Errorf("the summary: %s", data)
	}
	_, data := all.next("row")
	if r := row(data); !strings.Contains(r.HTML, "52:54:00:00:00:14") ||
		!strings.Contains(r.HTML, `id="machine-`+r.Machine+`"`) || r.Boot != latest(t, s, 20).ID {
		t.Errorf("a new machine: %+v", r)
	}
	// A machine that did not boot tries again: it is no longer one of those.
	record(s, dhcp(210, refusesShim, "offer"))
	for {
		_, data := failed.next("row")
		if r := row(data); r.Machine == latest(t, s, refusesShim).Machine {
			if r.HTML != "" {
				t.Errorf("a machine that boots is among those that did not: %+v", r)
			}
			break
		}
	}
}

// A page of one boot or machine is told when it has changed, and of nothing else.
func TestLiveBoot(t *testing.T) {
	s := site()
	server, _ := serve(t, s)
	b := latest(t, s, bootsNow)
	streams := []eventStream{
		open(t, liveLink(t, server, "/boot/"+b.ID), ""), open(t, liveLink(t, server, "/machine/"+b.Machine), ""),
	}
	for _, one := range streams {
		one.next("state")
	}
	record(s, dhcp(200, 20, "offer"))
	for i, one := range streams {
		if kind, _ := one.next("change", "version"); kind != "version" {
			t.Errorf("page %d changes with another machine", i)
		}
	}
	record(s, file(201, bootsNow, "grubx64.efi", trace.SecondStage, 1000))
	for i, one := range streams {
		if kind, _ := one.next("change", "version"); kind != "change" {
			t.Errorf("page %d does not change with its boot", i)
		}
	}
}

// A page that is too far behind, or that another menuwatch made, loads again.
func TestLiveReload(t *testing.T) {
	s := site()
	server, _ := serve(t, s)
	link := liveLink(t, server, "/")
	for n := range byte(maxChanges + 1) {
		record(s, dhcp(200, 30+n, "offer"))
	}
	for situation, one := range map[string]eventStream{
		"too many changes":     open(t, link, ""),
		"an earlier menuwatch": open(t, server.URL+"/events?list=1&since=1", ""),
		"a later one, by ID":   open(t, link, "99999999999999999"),
		"no version":           open(t, server.URL+"/events?list=1", ""),
	} {
		if kind, _ := one.next("row", "reload"); kind != "reload" {
			t.Errorf("%s: got the event %s", situation, kind)
		}
	}
	// The browser's own ID counts more than the page's address.
	current := open(t, link, fmt.Sprint(s.Version()))
	record(s, dhcp(300, 20, "offer"))
	if kind, data := current.next("row", "reload"); kind != "row" || !strings.Contains(data, "00:00:14") {
		t.Errorf("got the event %s: %s", kind, data)
	}
}

// A stream ends after a time, so that a session that has ended sees no more.
func TestLiveStreamEnds(t *testing.T) {
	server, p := serve(t, site())
	link := liveLink(t, server, "/")
	p.streamTime = time.Millisecond
	one := open(t, link, "")
	for one.lines.Scan() {
		// until the server ends it
	}
	if err := one.lines.Err(); err != nil {
		t.Errorf("the stream ends with %v", err)
	}
}

// What machines send cannot end an event, or begin another.
func TestHostileEvents(t *testing.T) {
	s := hostileSite()
	server, _ := serve(t, s)
	since := s.Version()
	one := open(t, fmt.Sprintf("%s/events?list=1&since=%d", server.URL, since), "")
	one.next("state")
	for i, bad := range hostile {
		missing := file(float64(i)+10, byte(100+i), bad, trace.Kernel, 0)
		missing.Outcome, missing.Entry = trace.NotFound, bad
		record(s, missing)
	}
	for range hostile {
		_, data := one.next("row", "reload")
		var r liveRow
		if err := json.Unmarshal([]byte(data), &r); err != nil || strings.ContainsAny(data, "<>\r") {
			t.Errorf("%v: %s", err, data)
		}
		if strings.Contains(r.HTML, "<script") || strings.Contains(r.HTML, "<svg") ||
			strings.Count(r.HTML, "<li class=\"boot") != 1 {
			t.Errorf("the row: %s", r.HTML)
		}
	}
}
