package httpd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

const (
	menu   = "MENU TITLE a menu\n"
	marked = "a menu of " + bootmenu.MACMark + "\n"
	forMAC = "a menu of " + mac + "\n"
	mac    = "52:54:00:77:00:10"
	kernel = "0123456789"
	piece  = 1 << 20 // larger than any buffer on the way
)

// patience is much longer than any test here takes. It ends a test that hangs.
const patience = 30 * time.Second

var longAgo = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

// newServer returns a server of a menu, a bundled program and a boot folder. It
// also returns the boot folder, and the channel that receives the events.
func newServer(t *testing.T) (s *Server, boot string, events chan trace.Event) {
	t.Helper()
	top := t.TempDir()
	boot = filepath.Join(top, "boot")
	for name, content := range map[string]string{
		"secret":                "secret",
		"boot/debian/linux":     kernel,
		"boot/Windows/boot.wim": "wim",
		"boot/a b.efi":          "program",
		"boot/disk.ISO":         "iso",
		"boot/index.html":       "no index",
		"boot/empty":            "",
	} {
		p := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, longAgo, longAgo); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret", filepath.Join(boot, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(boot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	files := bootfiles.New(bootfiles.Contents{
		Menus:   map[string][]byte{"pxelinux.cfg/default": []byte(menu), "grub/grub.cfg": []byte(marked)},
		Site:    root,
		Bundled: map[string][]byte{"pxelinux.0": bytes.Repeat([]byte("pxe"), piece)},
		Names:   spec.Files{AnyCase: true},
	})
	events = make(chan trace.Event, 256) // more than any test causes
	return &Server{
		Open: func(_ netip.Addr, name string) (bootfiles.File, error) {
			if name == "/broken" {
				return nil, errors.New("open /dev/sda: inner text")
			}
			return files.Open(name, bootfiles.Reader{MAC: ether.MustParseMAC(mac)})
		},
		Allow: func(netip.Addr) bool { return true },
		Done:  func(e trace.Event) { events <- e },
		Log:   slog.New(slog.DiscardHandler),
	}, boot, events
}

// start runs a server on loopback and returns its address.
func start(t *testing.T, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l.(*net.TCPListener)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("Serve ends with %v", err)
		}
	})
	return l.Addr().String()
}

// dial connects. The connection has a deadline, so that a test fails instead of
// hanging.
func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// reply is an answer as received.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends a request as a boot loader writes it: no library corrects the name.
func ask(t *testing.T, addr, method, target string, header ...string) reply {
	t.Helper()
	c := dial(t, addr)
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: box", "Connection: close"}, header...)
	// Send the request in one piece. net/http refuses a broken first line
	// before it has read the rest, and data after its close resets the
	// connection.
	io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return reply{r.StatusCode, r.Header, string(b)}
}

func TestNames(t *testing.T) {
	s, _, _ := newServer(t)
	addr := start(t, s)
	for _, tc := range []struct {
		situation, target string
		status            int
		body              string
	}{
		{situation: "a menu, in memory", target: "/pxelinux.cfg/default", status: 200, body: menu},
		{situation: "a menu with the machine's address", target: "/grub/grub.cfg", status: 200, body: forMAC},
		{situation: "a site file", target: "/debian/linux", status: 200, body: kernel},
		{situation: "a prefix that ends in a slash", target: "//debian//linux", status: 200, body: kernel},
		{situation: "Windows' backslashes", target: `/windows\boot.wim`, status: 200, body: "wim"},
		{situation: "backslashes, encoded", target: "/WINDOWS%5CBOOT.WIM", status: 200, body: "wim"},
		{situation: "a space, encoded", target: "/a%20b.efi", status: 200, body: "program"},
		{situation: "with the server's name, as to a proxy", target: "http://box/debian/linux",
			status: 200, body: kernel},
		{situation: "a query", target: "/debian/linux?uuid=1", status: 200, body: kernel},
		{situation: "an empty file", target: "/empty", status: 200},
		{situation: "an index is a file like any other", target: "/index.html", status: 200, body: "no index"},

		{situation: "not there", target: "/pxelinux.cfg/C0A84D10", status: 404, body: "not found\n"},
		{situation: "a folder", target: "/debian", status: 404, body: "not found\n"},
		{situation: "a folder, with a slash", target: "/debian/", status: 404, body: "not found\n"},
		{situation: "a link that leaves the folder", target: "/link", status: 404, body: "not found\n"},
		{situation: "encoded twice", target: "/%2564ebian/linux", status: 404, body: "not found\n"},
		{situation: "the root", target: "/", status: 403, body: "forbidden\n"},
		{situation: "the parent", target: "/../secret", status: 403, body: "forbidden\n"},
		{situation: "the parent, encoded", target: "/%2e%2e/secret", status: 403, body: "forbidden\n"},
		{situation: "the parent, its slash encoded", target: "/debian/..%2f..%2fsecret",
			status: 403, body: "forbidden\n"},
		{situation: "the parent by backslashes", target: `/..\secret`, status: 403, body: "forbidden\n"},
		{situation: "a drive", target: "/C:/secret", status: 403, body: "forbidden\n"},
		{situation: "a control character", target: "/debian/linux%0a", status: 403, body: "forbidden\n"},
		{situation: "NUL in the middle", target: "/debian%00/linux", status: 403, body: "forbidden\n"},
		{situation: "too long a name", target: "/" + strings.Repeat("x", 2000), status: 403, body: "forbidden\n"},
		{situation: "a broken encoding", target: "/%zz", status: 400, body: "400 Bad Request"},
		{situation: "too long a header", target: "/" + strings.Repeat("x", 2*maxHeader), status: 431,
			body: "431 Request Header Fields Too Large"},
		{situation: "the box's own trouble keeps its inner text", target: "/broken", status: 500,
			body: "internal server error\n"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got := ask(t, addr, "GET", tc.target)
			if got.status != tc.status || got.body != tc.body {
				t.Errorf("GET %s: %d %q, want %d %q", tc.target, got.status, got.body, tc.status, tc.body)
			}
		})
	}
}

// PXELINUX speaks HTTP/1.0 and sends no Host header.
func TestHTTP10(t *testing.T) {
	s, _, _ := newServer(t)
	c := dial(t, start(t, s))
	io.WriteString(c, "GET /debian/linux HTTP/1.0\r\n\r\n")
	b, err := io.ReadAll(c) // the end of the connection ends the file
	if err != nil || !strings.HasPrefix(string(b), "HTTP/1.0 200 OK\r\n") ||
		!strings.HasSuffix(string(b), "\r\n\r\n"+kernel) {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestMethods(t *testing.T) {
	s, _, _ := newServer(t)
	addr := start(t, s)
	for _, tc := range []struct {
		method, target string
		header         []string
		status         int
		allow, body    string
	}{
		{method: "GET", target: "/debian/linux", status: 200, body: kernel},
		{method: "HEAD", target: "/debian/linux", status: 200},
		{method: "HEAD", target: "/nothing", status: 404},
		{method: "POST", target: "/debian/linux", status: 405, allow: "GET, HEAD", body: "method not allowed\n"},
		{method: "PUT", target: "/new", header: []string{"Content-Length: 1000"}, status: 405, allow: "GET, HEAD",
			body: "method not allowed\n"},
		{method: "PUT", target: "/new", header: []string{"Transfer-Encoding: chunked"}, status: 405, allow: "GET, HEAD",
			body: "method not allowed\n"},
		{method: "DELETE", target: "/debian/linux", status: 405, allow: "GET, HEAD", body: "method not allowed\n"},
		{method: "OPTIONS", target: "*", status: 405, allow: "GET, HEAD", body: "method not allowed\n"},
		{method: "PROPFIND", target: "/", status: 405, allow: "GET, HEAD", body: "method not allowed\n"},
		{method: "CONNECT", target: "/debian/linux", status: 405, allow: "GET, HEAD", body: "method not allowed\n"},
		{method: "get", target: "/debian/linux", status: 405, allow: "GET, HEAD", body: "method not allowed\n"},
		{method: "GET", target: "/debian/linux", header: []string{"Content-Length: 1000"}, status: 400,
			body: "bad request\n"},
	} {
		t.Run(strings.Join(append([]string{tc.method, tc.target}, tc.header...), " "), func(t *testing.T) {
			// The body is never sent, so a server that waits for it hangs.
			got := ask(t, addr, tc.method, tc.target, tc.header...)
			if got.status != tc.status || got.header.Get("Allow") != tc.allow || got.body != tc.body {
				t.Errorf("%d, Allow %q, %q; want %d, %q, %q",
					got.status, got.header.Get("Allow"), got.body, tc.status, tc.allow, tc.body)
			}
		})
	}
}

func TestContentType(t *testing.T) {
	s, _, _ := newServer(t)
	addr := start(t, s)
	for target, want := range map[string]string{
		"/a%20b.efi":            "application/efi",
		"/A%20B.EFI":            "application/efi", // EDK2 does not recognize this extension
		"/disk.iso":             "application/vnd.efi-iso",
		"/debian/linux":         "application/octet-stream",
		"/index.html":           "application/octet-stream", // a boot file, not a page
		"/pxelinux.cfg/default": "application/octet-stream",
		"/empty":                "application/octet-stream",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			if got := ask(t, addr, method, target).header.Get("Content-Type"); got != want {
				t.Errorf("%s %s is %q, want %q", method, target, got, want)
			}
		}
	}
}

// Ranges and conditions work in memory and on disk. A file in memory has no
// validator.
func TestRangesAndConditions(t *testing.T) {
	s, boot, _ := newServer(t)
	s.now = func() time.Time { return time.Now().Add(settled) }
	addr := start(t, s)
	linux, err := os.Stat(filepath.Join(boot, "debian/linux"))
	if err != nil {
		t.Fatal(err)
	}
	tag := etag(linux, s.now())
	const date = "Thu, 02 Jan 2020 03:04:05 GMT"
	for _, file := range []struct{ target, content, tag, modified string }{
		{target: "/pxelinux.cfg/default", content: menu},
		{target: "/grub/grub.cfg", content: forMAC},
		{target: "/debian/linux", content: kernel, tag: tag, modified: date},
	} {
		whole, size := file.content, len(file.content)
		type situation struct {
			situation     string
			method        string
			header        []string
			status        int
			body          string
			length        string
			contentRanges string
		}
		cases := []situation{
			{situation: "all", method: "GET", status: 200, body: whole, length: fmt.Sprint(size)},
			{situation: "the size", method: "HEAD", status: 200, length: fmt.Sprint(size)},
			{situation: "the start", method: "GET", header: []string{"Range: bytes=0-3"}, status: 206, body: whole[:4],
				length: "4", contentRanges: fmt.Sprintf("bytes 0-3/%d", size)},
			{situation: "the middle", method: "GET", header: []string{"Range: bytes=2-4"}, status: 206,
				body: whole[2:5], length: "3", contentRanges: fmt.Sprintf("bytes 2-4/%d", size)},
			{situation: "resumed", method: "GET", header: []string{"Range: bytes=6-"}, status: 206, body: whole[6:],
				length: fmt.Sprint(size - 6), contentRanges: fmt.Sprintf("bytes 6-%d/%d", size-1, size)},
			{situation: "the last bytes", method: "GET", header: []string{"Range: bytes=-2"}, status: 206,
				body: whole[size-2:], length: "2", contentRanges: fmt.Sprintf("bytes %d-%d/%d", size-2, size-1, size)},
			{situation: "more than there is", method: "GET", header: []string{"Range: bytes=6-999"}, status: 206,
				body: whole[6:], length: fmt.Sprint(size - 6),
				contentRanges: fmt.Sprintf("bytes 6-%d/%d", size-1, size)},
			{situation: "behind the end", method: "GET", header: []string{"Range: bytes=100-"}, status: 416,
				body: "invalid range: failed to overlap\n", contentRanges: fmt.Sprintf("bytes */%d", size)},
			{situation: "several ranges are answered by all", method: "GET", header: []string{"Range: bytes=0-0,2-2"},
				status: 200, body: whole, length: fmt.Sprint(size)},
			{situation: "another is known", method: "GET", header: []string{`If-None-Match: "other"`}, status: 200,
				body: whole, length: fmt.Sprint(size)},
			{situation: "resumed, changed", method: "GET", header: []string{"Range: bytes=6-", `If-Range: "other"`},
				status: 200, body: whole, length: fmt.Sprint(size)},
			{situation: "only if unchanged, and it is not", method: "GET",
				header: []string{`If-Match: "other"`}, status: 412},
		}
		if file.tag != "" {
			cases = append(cases,
				situation{"known already", "GET", []string{"If-None-Match: " + file.tag}, 304, "", "", ""},
				situation{"not modified since", "GET", []string{"If-Modified-Since: " + date}, 304, "", "", ""},
				situation{"resumed, unchanged", "GET", []string{"Range: bytes=6-", "If-Range: " + file.tag}, 206,
					whole[6:], fmt.Sprint(size - 6), fmt.Sprintf("bytes 6-%d/%d", size-1, size)},
			)
		}
		for _, tc := range cases {
			t.Run(file.target+" "+tc.situation, func(t *testing.T) {
				got := ask(t, addr, tc.method, file.target, tc.header...)
				if got.status != tc.status || got.body != tc.body ||
					got.header.Get("Content-Range") != tc.contentRanges {
					t.Errorf("%d %q %q, want %d %q %q", got.status, got.body, got.header.Get("Content-Range"),
						tc.status, tc.body, tc.contentRanges)
				}
				if tc.length != "" && got.header.Get("Content-Length") != tc.length {
					t.Errorf("Content-Length %q, want %q", got.header.Get("Content-Length"), tc.length)
				}
				if got.status < 400 && got.header.Get("ETag") != file.tag {
					t.Errorf("ETag %q, want %q", got.header.Get("ETag"), file.tag)
				}
				if got.status == 200 && (got.header.Get("Last-Modified") != file.modified ||
					got.header.Get("Accept-Ranges") != "bytes") {
					t.Errorf("Last-Modified %q, want %q; Accept-Ranges %q",
						got.header.Get("Last-Modified"), file.modified, got.header.Get("Accept-Ranges"))
				}
			})
		}
	}
}

// A client resumes with an ETag, but a file of the same size and time has
// replaced the original. The client gets the new file from its start.
func TestResumedAfterReplacement(t *testing.T) {
	s, boot, _ := newServer(t)
	s.now = func() time.Time { return time.Now().Add(settled) }
	addr := start(t, s)
	tag := ask(t, addr, "GET", "/debian/linux").header.Get("ETag")
	linux, other := filepath.Join(boot, "debian/linux"), strings.Repeat("x", len(kernel))
	if err := os.WriteFile(linux+".part", []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(linux+".part", longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(linux+".part", linux); err != nil {
		t.Fatal(err)
	}
	got := ask(t, addr, "GET", "/debian/linux", "Range: bytes=6-", "If-Range: "+tag)
	if tag == "" || got.status != 200 || got.body != other {
		t.Errorf("ETag %s, then %d %q, want all of the new file", tag, got.status, got.body)
	}
}

func TestEvents(t *testing.T) {
	s, _, events := newServer(t)
	begun := make(chan trace.Event, 1)
	var began int64
	s.Began = func(e trace.Event, size int64) {
		began = size
		begun <- e
	}
	addr := start(t, s)
	for _, tc := range []struct {
		situation, method, target string
		header                    []string
		what                      string
		outcome                   trace.Outcome
		bytes                     int64
		begins                    int64 // the file's size; 0: it does not begin
	}{
		{situation: "a file on disk", method: "GET", target: "/debian/linux", what: "debian/linux", outcome: trace.Sent,
			bytes: 10, begins: 10},
		{situation: "a part of it", method: "GET", target: "/debian/linux", header: []string{"Range: bytes=1-3"},
			what: "debian/linux", outcome: trace.Sent, bytes: 3, begins: 10},
		{situation: "a file in memory of several pieces", method: "GET", target: "/pxelinux.0", what: "pxelinux.0",
			outcome: trace.Sent, bytes: 3 * piece, begins: 3 * piece},
		{situation: "a part of it", method: "GET", target: "/pxelinux.0",
			header: []string{fmt.Sprintf("Range: bytes=5-%d", 2*piece)}, what: "pxelinux.0", outcome: trace.Sent,
			bytes: 2*piece - 4, begins: 3 * piece},
		{situation: "not there", method: "GET", target: "/Nothing%20here",
			what: "Nothing here", outcome: trace.NotFound},
		{situation: "not there, by HEAD", method: "HEAD", target: "/nothing", what: "nothing", outcome: trace.NotFound},
		{situation: "a link that leaves the folder", method: "GET", target: "/link", what: "link",
			outcome: trace.Refused},
		{situation: "a hostile name", method: "GET", target: "/../" + strings.Repeat("x", 1000),
			what: "../" + strings.Repeat("x", 125), outcome: trace.Refused},
		{situation: "a range that is not there", method: "GET", target: "/debian/linux",
			header: []string{"Range: bytes=99-"}, what: "debian/linux", outcome: trace.Refused, begins: 10},
		{situation: "a write", method: "PUT", target: "/debian/linux", what: "debian/linux", outcome: trace.Refused},
		{situation: "the box's own trouble", method: "GET", target: "/broken", what: "broken", outcome: trace.Failed},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			ask(t, addr, "HEAD", "/debian/linux") // not a transfer
			ask(t, addr, tc.method, tc.target, tc.header...)
			e := <-events
			if e.Protocol != trace.HTTP || e.What != tc.what || e.Outcome != tc.outcome || e.Bytes != tc.bytes ||
				e.Addr != netip.MustParseAddr("127.0.0.1") || e.Took <= 0 || e.Time.IsZero() {
				t.Errorf("got %+v, want %q, %q, %d bytes", e, tc.what, tc.outcome, tc.bytes)
			}
			if tc.begins == 0 {
				if len(begun) != 0 {
					t.Errorf("it begins: %+v", <-begun)
				}
				return
			}
			want := trace.Event{Time: e.Time.Add(-e.Took), Protocol: e.Protocol, Addr: e.Addr, What: e.What,
				Outcome: trace.Begun}
			if b := <-begun; !b.Time.Equal(want.Time) {
				t.Errorf("begins at %v, want %v", b.Time, want.Time)
			} else if b.Time = want.Time; b != want {
				t.Errorf("begins: %+v, want %+v", b, want)
			}
			if began != tc.begins {
				t.Errorf("begins with a file of %d bytes, want %d", began, tc.begins)
			}
		})
	}
	if n := s.Running(); n != 0 {
		t.Errorf("%d are still running", n)
	}
}

func TestMetricsPath(t *testing.T) {
	s, _, events := newServer(t)
	h := httptest.NewRequest("GET", "/metrics", nil)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, h)
	if w.Code != 404 || (<-events).Outcome != trace.NotFound {
		t.Errorf("without metrics: %d", w.Code)
	}
	s.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "up 1\n") })
	w = httptest.NewRecorder()
	s.ServeHTTP(w, h)
	if w.Code != 200 || w.Body.String() != "up 1\n" || len(events) != 0 {
		t.Errorf("with metrics: %d %q, %d events", w.Code, w.Body, len(events))
	}
}

// The hosts that may read the metrics need not be those that may read files.
func TestWhoReadsTheMetrics(t *testing.T) {
	machine, monitor, stranger := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("10.9.0.5"),
		netip.MustParseAddr("10.8.0.5")
	isMonitor := func(a netip.Addr) bool { return a == monitor }
	none := func(netip.Addr) bool { return false }
	for _, tc := range []struct {
		situation string
		allow     func(netip.Addr) bool
		client    netip.Addr
		metrics   int // the status
		file      int
	}{
		{situation: "a machine, by default", client: machine, metrics: 200, file: 200},
		{situation: "a stranger, by default", client: stranger, metrics: 403, file: 403},
		{situation: "the monitoring host", allow: isMonitor, client: monitor, metrics: 200, file: 403},
		{situation: "a machine, with a monitoring host", allow: isMonitor, client: machine, metrics: 403, file: 200},
		{situation: "a stranger, with a monitoring host", allow: isMonitor, client: stranger, metrics: 403, file: 403},
		{situation: "a machine, if no host may read them", allow: none, client: machine, metrics: 403, file: 200},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			s := &Server{
				Open: func(netip.Addr, string) (bootfiles.File, error) {
					return bootfiles.New(bootfiles.Contents{Bundled: map[string][]byte{"x": {1}}}).Open("x",
						bootfiles.Reader{})
				},
				Allow: func(a netip.Addr) bool { return a == machine }, AllowMetrics: tc.allow,
				Metrics: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
				Done:    func(trace.Event) {}, Log: slog.New(slog.DiscardHandler),
			}
			for path, want := range map[string]int{"/metrics": tc.metrics, "/x": tc.file} {
				r, w := httptest.NewRequest("GET", path, nil), httptest.NewRecorder()
				r.RemoteAddr = netip.AddrPortFrom(tc.client, 40000).String()
				s.ServeHTTP(w, r)
				if w.Code != want {
					t.Errorf("%s: %d, want %d", path, w.Code, want)
				}
			}
		})
	}
}

// spy is an http.ResponseWriter that records how it was fed.
type spy struct {
	header http.Header
	writes [][]byte
	reads  []io.Reader
}

func (s *spy) Header() http.Header { return s.header }
func (s *spy) WriteHeader(int)     {}
func (s *spy) Write(b []byte) (int, error) {
	s.writes = append(s.writes, b)
	return len(b), nil
}
func (s *spy) ReadFrom(r io.Reader) (int64, error) {
	s.reads = append(s.reads, r)
	return io.Copy(io.Discard, r)
}

// A file on disk that is not small reaches net/http as an *os.File, which the
// kernel can send directly.
func TestNothingIsCopied(t *testing.T) {
	s, boot, _ := newServer(t)
	if err := os.WriteFile(filepath.Join(boot, "initrd"), make([]byte, small+10), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"", "bytes=2-"} {
		w, r := &spy{header: http.Header{}}, httptest.NewRequest("GET", "/initrd", nil)
		r.Header.Set("Range", header)
		s.ServeHTTP(w, r)
		if len(w.writes) != 0 || len(w.reads) != 1 {
			t.Fatalf("on disk, range %q: %d writes and %d reads", header, len(w.writes), len(w.reads))
		}
		limited, ok := w.reads[0].(*io.LimitedReader)
		if !ok {
			t.Fatalf("on disk, range %q: fed from a %T", header, w.reads[0])
		}
		if _, ok := limited.R.(*os.File); !ok {
			t.Errorf("on disk, range %q: fed from a part of a %T", header, limited.R)
		}
	}
}

// The kernel can still feed the connections that net/http gets.
var _ io.ReaderFrom = (*conn)(nil)

// BenchmarkMenu measures our code between net/http and a file in memory.
func BenchmarkMenu(b *testing.B) {
	files := bootfiles.New(bootfiles.Contents{Menus: map[string][]byte{"menu": make([]byte, 4096)}})
	open := func(_ netip.Addr, name string) (bootfiles.File, error) { return files.Open(name, bootfiles.Reader{}) }
	s := &Server{Open: open, Allow: func(netip.Addr) bool { return true }, Done: func(trace.Event) {},
		Log: slog.New(slog.DiscardHandler)}
	r := httptest.NewRequest("GET", "/menu", nil)
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		s.ServeHTTP(w, r)
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
