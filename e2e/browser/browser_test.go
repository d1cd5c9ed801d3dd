//go:build e2e

package browser

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/pxebox/pxebox/internal/base/credential"
)

// limit is far above what a page takes, for a busy machine.
const limit = time.Minute

// host is the name of the pages in the tests below. It resolves nowhere else.
const host = "box.test:443"

// script is what the page of a test runs.
type script string

func (s script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>a page</title><link rel="icon" href="data:,"><script>%s</script>`, s)
	case "/there":
		fmt.Fprint(w, "it is there")
	default:
		http.NotFound(w, r)
	}
}

// start starts a browser for a site of one page.
func start(t *testing.T, page http.Handler, c Config) *Browser {
	t.Helper()
	s := httptest.NewTLSServer(page)
	t.Cleanup(s.Close)
	if c.Hosts == nil {
		c.Hosts = map[string]string{host: s.Listener.Addr().String()}
	}
	if c.Pin == "" {
		c.Pin = credential.Pin(s.Certificate())
	}
	b, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("it takes more than %v", limit))
	t.Cleanup(cancel)
	return ctx
}

// TestProblems shows one browser pages with one fault each.
func TestProblems(t *testing.T) {
	// The address that another host would have. No request reaches it.
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	elsewhere := "https://127.0.0.1:" + strconv.Itoa(other.Addr().(*net.TCPAddr).Port)

	pages := []struct {
		situation string
		script    string
		want      []string // a part of each problem; none for a page without one
	}{
		{situation: "nothing wrong", script: `console.log("fine")`},
		{situation: "a request to itself", script: `fetch("/there").then(done)`},
		{
			situation: "an error on the console", script: `console.error("no", 7)`,
			want: []string{`console.error: "no" 7`},
		},
		{situation: "a warning", script: `console.warn("hm")`, want: []string{`console.warning: "hm"`}},
		{
			situation: "an exception", script: `throw new Error("thrown")`,
			want: []string{"exception: Uncaught Error: thrown"},
		},
		{
			situation: "a missing file", script: `fetch("/missing").then(done)`,
			want: []string{"answer: 404 to https://box.test/missing", "console, network: Failed to load resource"},
		},
		{
			situation: "another host", script: `fetch("https://example.org/x").catch(done)`,
			want: []string{
				"external request: https://example.org/x",
				"request failed: https://example.org/x: net::ERR_NAME_NOT_RESOLVED",
				"console, network: Failed to load resource: net::ERR_NAME_NOT_RESOLVED",
			},
		},
		{
			situation: "another port of this machine", script: `fetch("` + elsewhere + `/x").catch(done)`,
			want: []string{
				"external request: " + elsewhere, "request failed", "console, network: Failed to load resource",
			},
		},
		{
			situation: "an image of another host",
			script:    `let i = new Image; i.onerror = done; i.src = "http://example.org/i.png"`,
			want: []string{
				"console, ", "external request: http", "request failed", "console, network: Failed to load resource",
			},
		},
		{
			situation: "a socket to another host", script: `new WebSocket("wss://example.org/s").onerror = done`,
			want: []string{"external request: wss://example.org/s", "console, "},
		},
		{situation: "a dialog", script: `alert("look"); done()`, want: []string{"dialog: alert: look"}},
	}
	s := http.NewServeMux()
	for i, p := range pages {
		page := script("let over = false; function done() { over = true }\n" + p.script)
		s.Handle(fmt.Sprintf("/%d/", i), http.StripPrefix(fmt.Sprintf("/%d", i), page))
	}
	s.Handle("/", script(""))
	b := start(t, s, Config{})
	for i, p := range pages {
		t.Run(p.situation, func(t *testing.T) {
			b.Problems()
			ctx := within(t)
			if err := b.Do(ctx, chromedp.Navigate(fmt.Sprintf("https://box.test/%d/", i))); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(p.script, "done") {
				if err := b.Wait(ctx, "over"); err != nil {
					t.Fatal(err)
				}
			}
			got := b.Problems()
			for _, want := range p.want {
				if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, want) }) {
					t.Errorf("no problem %q", want)
				}
			}
			if len(got) != len(p.want) {
				t.Errorf("%d problems, want %d: %q", len(got), len(p.want), got)
			}
		})
	}
}

// TestOtherCertificate checks that the browser accepts one certificate, not any.
func TestOtherCertificate(t *testing.T) {
	page := httptest.NewUnstartedServer(script(""))
	page.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake fails
	page.StartTLS()
	t.Cleanup(page.Close)
	// httptest gives all servers the same certificate; the browser expects
	// another key here.
	other := *page.Certificate()
	other.RawSubjectPublicKeyInfo = []byte("another key")
	b := start(t, script(""), Config{
		Hosts: map[string]string{host: page.Listener.Addr().String()}, Pin: credential.Pin(&other),
	})
	err := b.Do(within(t), chromedp.Navigate("https://box.test/"))
	if err == nil || !strings.Contains(err.Error(), "ERR_CERT_AUTHORITY_INVALID") {
		t.Errorf("it opens the page of a host with another certificate: %v", err)
	}
}

// TestViewports checks what a page's style sheet sees.
func TestViewports(t *testing.T) {
	b := start(t, script(""), Config{})
	for _, test := range []struct {
		situation string
		action    chromedp.Action[chromedp.Void]
		want      string // a media query
	}{
		{situation: "desktop", action: Desktop(), want: "(width: 1280px) and (height: 800px)"},
		{situation: "phone", action: Phone(), want: "(width: 360px) and (height: 740px) and (pointer: coarse)"},
		{situation: "dark", action: ColorScheme("dark"), want: "(prefers-color-scheme: dark)"},
		{situation: "light", action: ColorScheme("light"), want: "(prefers-color-scheme: light)"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			// Without the width in a viewport tag, a phone shows 980 pixels.
			page := chromedp.Navigate(`data:text/html,<meta name=viewport content=width=device-width>`)
			ctx := within(t)
			if err := b.Do(ctx, test.action, page); err != nil {
				t.Fatal(err)
			}
			if err := b.Wait(ctx, `matchMedia("`+test.want+`").matches`); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestClose checks that a browser leaves no process and no profile behind.
func TestClose(t *testing.T) {
	b := start(t, script(""), Config{})
	profile := profileOf(t, b.PID())
	if len(using(t, profile)) == 0 {
		t.Fatalf("no process uses %s", profile)
	}
	b.Close()
	// The kernel ends the browser's children a moment after the browser itself.
	left := using(t, profile)
	for end := time.Now().Add(30 * time.Second); len(left) > 0 && time.Now().Before(end); left = using(t, profile) {
		time.Sleep(10 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	if _, err := os.Stat(profile); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", profile, err)
	}
}

// profileOf returns the folder of a browser's profile.
func profileOf(t *testing.T, pid int) string {
	t.Helper()
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		t.Fatal(err)
	}
	for word := range strings.SplitSeq(string(line), "\x00") {
		if dir, ok := strings.CutPrefix(word, "--user-data-dir="); ok {
			return dir
		}
	}
	t.Fatalf("no profile in %q", line)
	return ""
}

// using returns the processes whose command line names a profile.
func using(t *testing.T, profile string) []string {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(lines, func(file string) bool {
		line, err := os.ReadFile(file)
		return err != nil || !strings.Contains(string(line), profile)
	})
}
