package updatepage

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// serveInit answers with h in place of gokrazy's init, and returns the socket.
func serveInit(t *testing.T, h http.Handler) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "http.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return socket
}

var silent = slog.New(slog.DiscardHandler)

func TestWhatIsPassedOn(t *testing.T) {
	var asked atomic.Int32
	socket := serveInit(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "" {
			t.Errorf("%s %s has the password", r.Method, r.URL)
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		body, _ := io.ReadAll(r.Body)
		io.WriteString(w, strings.Join([]string{
			r.Method, r.Host, r.URL.String(), r.Header.Get("X-Gokrazy-Update-Hash"), string(body),
		}, " "))
	}))
	box := httptest.NewServer(Handler(socket, silent))
	defer box.Close()
	host := strings.TrimPrefix(box.URL, "http://")
	for situation, tt := range map[string]struct {
		method, path string
		header       map[string]string
		body         string
		code         int
		want         string // the answer; unless the code is 200, init must not get the request
	}{
		"gok asks for the features": {
			method: "GET", path: "/update/features",
			header: map[string]string{"Accept": "application/json"},
			code:   200, want: "GET " + host + " /update/features  ",
		},
		"gok sends a root": {
			method: "PUT", path: "/update/root", body: "root",
			header: map[string]string{"X-Gokrazy-Update-Hash": "crc32"},
			code:   200, want: "PUT " + host + " /update/root crc32 root",
		},
		"gok names the new root": {method: "POST", path: "/update/switch", code: 200,
			want: "POST " + host + " /update/switch  "},
		"gok restarts the box": {
			method: "POST", path: "/reboot?kexec=off", code: 200, want: "POST " + host + " /reboot?kexec=off  ",
		},
		"a browser shows the page": {method: "GET", path: "/",
			header: map[string]string{"Sec-Fetch-Site": "none"}, code: 200},
		"a browser shows a program": {method: "GET", path: "/status?path=/user/pxed", code: 200},
		"a form of the page": {
			method: "POST", path: "/restart", body: "path=%2Fuser%2Fpxed",
			header: map[string]string{"Sec-Fetch-Site": "same-origin",
				"Content-Type": "application/x-www-form-urlencoded"},
			code: 200, want: "POST " + host + " /restart  path=%2Fuser%2Fpxed",
		},
		"a form of the page in an old browser": {
			method: "POST", path: "/reboot", header: map[string]string{"Origin": box.URL}, code: 200,
		},
		"another site's form switches the root": {
			method: "POST", path: "/update/switch",
			header: map[string]string{"Sec-Fetch-Site": "cross-site"}, code: 403,
		},
		"another site's form restarts the box": {
			method: "POST", path: "/reboot", header: map[string]string{"Sec-Fetch-Site": "cross-site"}, code: 403,
		},
		"another site's form in an old browser": {
			method: "POST", path: "/reboot", header: map[string]string{"Origin": "https://example.org"}, code: 403,
		},
		"another port's form": {
			method: "POST", path: "/reboot", header: map[string]string{"Sec-Fetch-Site": "same-site"}, code: 403,
		},
		"a link to bootonly":            {method: "GET", path: "/update/bootonly", code: 405},
		"a link to bootonly, disguised": {method: "GET", path: "//update/./bootonly", code: 405},
		"a link to reboot":              {method: "GET", path: "/reboot", code: 405},
		"a HEAD of bootonly":            {method: "HEAD", path: "/update/bootonly", code: 405},
	} {
		t.Run(situation, func(t *testing.T) {
			before := asked.Load()
			r, err := http.NewRequest(tt.method, box.URL+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth("gokrazy", "secret")
			for key, value := range tt.header {
				r.Header.Set(key, value)
			}
			resp, err := box.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.code || tt.want != "" && string(text) != tt.want {
				t.Errorf("%s %q, want %d %q", resp.Status, text, tt.code, tt.want)
			}
			if got := asked.Load() > before; got != (tt.code == 200) {
				t.Errorf("init is asked: %v", got)
			}
			open := resp.Header.Get("Access-Control-Allow-Origin") != "" || resp.Header.Get("X-Frame-Options") != "DENY"
			if tt.code == 200 && open {
				t.Errorf("other sites may use the page: %v", resp.Header)
			}
		})
	}
}

// A log does not end: its lines are sent as they are written.
func TestLogComesAsItIsWritten(t *testing.T) {
	socket := serveInit(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a line\n")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	box := httptest.NewServer(Handler(socket, silent))
	defer box.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, box.URL+"/log?path=/user/pxed&stream=stderr", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := box.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); line != "a line\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
}

func TestInitDoesNotAnswer(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "none")
	box := httptest.NewServer(Handler(socket, silent))
	defer box.Close()
	for method, path := range map[string]string{http.MethodGet: "/", http.MethodPost: "/reboot"} {
		r, err := http.NewRequest(method, box.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := box.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%s %s: %s", method, path, resp.Status)
		}
	}
	if err := Answers(t.Context(), socket); err == nil {
		t.Error("it is said to answer")
	}
	socket = serveInit(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/update/features" {
			http.NotFound(w, r)
		}
	}))
	if err := Answers(t.Context(), socket); err != nil {
		t.Errorf("it answers: %v", err)
	}
}

// pipes is a listener for connections within the test.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

// gokrazy accepts one update at a time: one whose client is gone must end.
func TestUploadThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan error, 1)
		l := make(pipes)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, &timedBody{r.Body, http.NewResponseController(w)})
			done <- err
		})}
		go server.Serve(l)
		here, there := net.Pipe()
		l <- there
		go io.Copy(io.Discard, here)
		start := time.Now()
		const head = "PUT /update/root HTTP/1.1\r\nHost: box\r\nContent-Length: 1000\r\n\r\n"
		if _, err := io.WriteString(here, head); err != nil {
			t.Fatal(err)
		}
		for range 10 { // slow but steady: longer in total than a pause may be
			time.Sleep(pause / 2)
			if _, err := io.WriteString(here, "some"); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("it ends with %v", err)
		}
		if took := time.Since(start); took != 6*pause {
			t.Errorf("it ends after %v", took)
		}
		here.Close()
		server.Close()
	})
}

// The time that init takes after it has a body is not limited.
func TestUploadThatIsWrittenSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := make(pipes)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, &timedBody{r.Body, http.NewResponseController(w)}); err != nil {
				t.Error(err)
			}
			select {
			case <-r.Context().Done():
				t.Error("the request is given up")
			case <-time.After(10 * pause):
			}
			io.WriteString(w, "written")
		})}
		go server.Serve(l)
		here, there := net.Pipe()
		l <- there
		const request = "PUT /update/root HTTP/1.1\r\nHost: box\r\nContent-Length: 4\r\n\r\nroot"
		if _, err := io.WriteString(here, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(here), nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(resp.Body); string(text) != "written" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		here.Close()
		server.Close()
	})
}
