package boxclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/verdict"
)

const password = "correct-horse"

// asGok makes this program behave like gok: it requests the URL.
const asGok = "BOXCLIENT_TEST_ASKS"

func TestMain(m *testing.M) {
	url := os.Getenv(asGok)
	if url == "" {
		os.Exit(m.Run())
	}
	resp, err := http.Get(url)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	b, _ := io.ReadAll(resp.Body)
	fmt.Printf("Updating %s\r%s %s\n", url, resp.Status, b)
}

// page simulates gokrazy's web page.
func page(log string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /update/features", func(w http.ResponseWriter,
		r *http.Request) {
		io.WriteString(w, "partuuid")
	})
	mux.HandleFunc("GET /log", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("path") == "/user/appliance" && r.FormValue("stream") == "stderr" {
			io.WriteString(w, "data: "+log+"\n\n")
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, got, _ := r.BasicAuth(); user != "gokrazy" || got != password {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// newTestBox creates what make image leaves behind, and a box from it.
func newTestBox(t *testing.T, h http.Handler) (b *box, s *httptest.Server, dir string) {
	t.Helper()
	dir = t.TempDir()
	certificate := filepath.Join(dir, "certificate.pem")
	c, err := access.Certificate(certificate)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "pxebox-amd64"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := `{"Hostname": "pxebox", "EEPROMPackage": "github.com/gokrazy/rpi-eeprom",
		"InternalCompatibilityFlags": {"Update": "https://gokrazy:` + password + `@pxebox:8080/"}}`
	if err := os.WriteFile(filepath.Join(dir, "pxebox-amd64", "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s = httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
	s.StartTLS()
	t.Cleanup(s.Close)
	if b, err = newBox(dir, "pxebox-amd64", s.Listener.Addr().String(), certificate); err != nil {
		t.Fatal(err)
	}
	return b, s, dir
}

func TestGokGetsToTheBox(t *testing.T) {
	b, _, _ := newTestBox(t, page(""))
	for _, tt := range []struct {
		situation, url string
		want           string // in its output
		ok             bool
	}{
		{situation: "the box", url: "https://gokrazy:" + password + "@pxebox:8080/update/features",
			want: "Updating https://gokrazy:…@pxebox:8080/update/features\r200 OK partuuid\n", ok: true},
		{situation: "another port", url: "https://pxebox:8443/", want: "Forbidden"},
		{situation: "someone else", url: "https://example.org/", want: "Forbidden"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			t.Setenv(asGok, tt.url)
			// The user's proxy settings do not affect it.
			t.Setenv("no_proxy", "*")
			t.Setenv("https_proxy", "http://192.0.2.1")
			var out bytes.Buffer
			err := b.gok(&out, os.Args[0])
			if (err == nil) != tt.ok || !strings.Contains(out.String(), tt.want) {
				t.Errorf("%v, %q", err, &out)
			}
		})
	}
}

func TestStrangersGetNoPassword(t *testing.T) {
	asked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s is asked, with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	})
	plain := httptest.NewServer(asked)
	defer plain.Close()
	_, other, _ := newTestBox(t, asked)
	for _, tt := range []struct{ situation, addr, want string }{
		{situation: "another certificate", addr: other.Listener.Addr().String(), want: "does not have the certificate"},
		{situation: "no TLS", addr: plain.Listener.Addr().String(), want: "HTTPS client"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			b, _, _ := newTestBox(t, page(""))
			b.addr = tt.addr
			if err := b.known(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
			t.Setenv(asGok, "https://gokrazy:"+password+"@pxebox:8080/")
			var out bytes.Buffer
			if err := b.gok(&out, os.Args[0]); err == nil {
				t.Errorf("gok: %q", &out)
			}
		})
	}
}

// What the appliance logs about an update.
const (
	trial = `time=2026-01-02T03:04:05.678Z level=INFO msg="this root is on trial" root=3`
	kept  = `time=2026-01-02T03:04:15.678Z level=INFO msg="` + verdict.Kept + `" root=3`
	back  = `time=2026-01-02T03:04:25.678Z level=ERROR msg="` + verdict.FellBack + `" root=2`
	// The same message from another start.
	backAgain = `time=2026-03-02T03:04:25.678Z level=ERROR msg="` + verdict.FellBack + `" root=2`
)

func TestOutcome(t *testing.T) {
	for _, tt := range []struct{ situation, before, log, err string }{
		{situation: "kept", log: kept},
		{situation: "fell back", log: back, err: "back on its old root"},
		{situation: "says nothing", log: trial, err: "too late"},
		{situation: "an earlier one fell back, and this one is kept", before: back, log: kept},
		{situation: "an earlier one was kept, and this one fell back", before: kept, log: back,
			err: "back on its old root"},
		{situation: "it says of an earlier one only", before: kept, log: kept, err: "too late"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			b, _, _ := newTestBox(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page(tt.log).ServeHTTP(w, r)
				if tt.err == "too late" {
					cancel(errors.New(tt.err))
				}
			}))
			err := b.outcome(ctx, "data: "+tt.before+"\n\n")
			if (tt.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// gok fails: what the box says about an earlier update does not count.
func TestGokFails(t *testing.T) {
	// This program runs in place of go, and requests a page that it does not get.
	bin := t.TempDir()
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(bin, "go"))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	t.Setenv(asGok, "https://example.org/")
	for _, tt := range []struct {
		situation, before, after string
		want, not                error
	}{
		{situation: "the box has said nothing yet", want: errBrokeOff, not: errFellBack},
		{situation: "it has told about an earlier one", before: back, after: back, want: errBrokeOff, not: errFellBack},
		{situation: "it fell back", after: back, want: errFellBack, not: errBrokeOff},
		{situation: "it fell back again", before: back, after: backAgain, want: errFellBack, not: errBrokeOff},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			asked := 0
			_, s, dir := newTestBox(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				log := tt.before
				if r.URL.Path == "/log" {
					if asked++; asked > 1 {
						log = tt.after
					}
				}
				page(log).ServeHTTP(w, r)
			}))
			err := Update{
				Host: s.Listener.Addr().String(), Instances: dir, Instance: "pxebox-amd64",
				Certificate: filepath.Join(dir, "certificate.pem"), Out: io.Discard,
			}.Send(t.Context())
			if !errors.Is(err, tt.want) || errors.Is(err, tt.not) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLeaveEEPROM(t *testing.T) {
	_, _, dir := newTestBox(t, page(""))
	file := filepath.Join(dir, "pxebox-amd64", "config.json")
	var before, after map[string]any
	for _, step := range []struct {
		do   func() error
		into *map[string]any
	}{
		{func() error { return nil }, &before},
		{func() error { return leaveEEPROM(dir, "pxebox-amd64") }, &after},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, step.into); err != nil {
			t.Fatal(err)
		}
	}
	if before["EEPROMPackage"] != "github.com/gokrazy/rpi-eeprom" {
		t.Fatalf("there was none: %v", before)
	}
	before["EEPROMPackage"] = ""
	if !reflect.DeepEqual(before, after) {
		t.Errorf("%v, want %v", after, before)
	}
}

func TestPorts(t *testing.T) {
	_, _, dir := newTestBox(t, page(""))
	for host, want := range map[string]string{"192.0.2.1": "192.0.2.1:8080", "192.0.2.1:80": "192.0.2.1:80",
		"box": "box:8080"} {
		b, err := newBox(dir, "pxebox-amd64", host, filepath.Join(dir, "certificate.pem"))
		if err != nil {
			t.Fatal(err)
		}
		if b.addr != want || b.page != "https://pxebox:8080/" {
			t.Errorf("%s: %s, %s", host, b.addr, b.page)
		}
	}
}
