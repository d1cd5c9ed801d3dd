package boxclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/credential"
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

// newTestBox creates what make image leaves behind, and a box with its own
// certificate.
func newTestBox(t *testing.T, h http.Handler) (u Update, s *httptest.Server) {
	t.Helper()
	dir := t.TempDir()
	c, err := access.Certificate(filepath.Join(dir, "certificate.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "pxebox-amd64"), 0o755); err != nil {
		t.Fatal(err)
	}
	const config = `{"Hostname": "pxebox", "EEPROMPackage": "github.com/gokrazy/rpi-eeprom"}`
	if err := os.WriteFile(filepath.Join(dir, "pxebox-amd64", "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s = httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return Update{
		Host: s.Listener.Addr().String(), Password: password, Instances: dir, Instance: "pxebox-amd64",
		Known: filepath.Join(dir, "known_boxes"), Certificate: filepath.Join(dir, "none"), Out: io.Discard,
	}, s
}

func (u Update) box(t *testing.T) *box {
	t.Helper()
	b, err := newBox(u)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// gok reaches the box with its password, without having it. Others on this
// machine reach nothing.
func TestGokGetsToTheBox(t *testing.T) {
	for _, tt := range []struct {
		situation string
		change    func(url string) string
		want      string // in its output
		ok        bool
	}{
		{situation: "gok", change: func(url string) string { return url + "update/features" },
			want: "@127.0.0.1:PORT/update/features\r200 OK partuuid\n", ok: true},
		{situation: "another program on this machine", change: func(url string) string {
			_, host, _ := strings.Cut(url, "@")
			return "http://gokrazy:guess@" + host + "update/features"
		}, want: "403 Forbidden"},
		{situation: "one without a password", change: func(url string) string {
			_, host, _ := strings.Cut(url, "@")
			return "http://" + host + "update/features"
		}, want: "403 Forbidden"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			asked := 0
			u, _ := newTestBox(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				page("").ServeHTTP(w, r)
			}))
			// The user's proxy settings do not affect it.
			t.Setenv("http_proxy", "http://192.0.2.1")
			var out bytes.Buffer
			token := ""
			config := func(to string) error {
				t.Setenv(asGok, tt.change(to))
				parsed, err := url.Parse(to)
				if err == nil {
					token, _ = parsed.User.Password()
				}
				return err
			}
			err := u.box(t).gok(&out, config, os.Args[0])
			got := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(out.String(), "127.0.0.1:PORT")
			if err != nil || !strings.Contains(got, tt.want) || (asked > 0) != tt.ok {
				t.Errorf("%v, the box was asked %d times: %q", err, asked, got)
			}
			if token == "" || strings.Contains(got, token) || strings.Contains(got, password) {
				t.Errorf("the token %q, or the password, is in the output: %q", token, got)
			}
		})
	}
}

// The password goes to the box that was there before, to one with the
// certificate of an earlier build, and to a new one.
func TestWhoGetsThePassword(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for _, tt := range []struct {
		situation string
		change    func(t *testing.T, u *Update, pin string)
		err       string
		isNew     bool
	}{
		{situation: "a new box", isNew: true},
		{situation: "a known box", change: func(t *testing.T, u *Update, pin string) {
			writeKnown(t, u, u.Host+" "+pin)
		}},
		{situation: "another box in its place", change: func(t *testing.T, u *Update, pin string) {
			writeKnown(t, u, u.Host+" sha256//another")
		}, err: "this is not the box that was at"},
		{situation: "a box of an earlier build", change: func(t *testing.T, u *Update, pin string) {
			u.Certificate = filepath.Join(u.Instances, "certificate.pem")
		}},
		{situation: "another box than that of an earlier build", change: func(t *testing.T, u *Update, pin string) {
			u.Certificate = filepath.Join(u.Instances, "other.pem")
			if _, err := access.Certificate(u.Certificate); err != nil {
				t.Fatal(err)
			}
			writeKnown(t, u, u.Host+" sha256//another")
		}, err: "this is not the box that was at"},
		{situation: "no TLS", change: func(t *testing.T, u *Update, pin string) {
			u.Host = plain.Listener.Addr().String()
		}, err: "HTTPS client"},
		{situation: "a wrong password", change: func(t *testing.T, u *Update, pin string) { u.Password = "guess" },
			err: "refuses the password", isNew: true},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			asked := false
			u, s := newTestBox(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = true
				page("").ServeHTTP(w, r)
			}))
			if tt.change != nil {
				tt.change(t, &u, credential.Pin(s.Certificate()))
			}
			var out bytes.Buffer
			u.Out = &out
			err := u.box(t).check(t.Context())
			if (tt.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v", err)
			}
			if asked != (tt.err == "" || tt.isNew) {
				t.Errorf("the host was asked: %v", asked)
			}
			if isNew := strings.Contains(out.String(), " is new: "); isNew != tt.isNew {
				t.Errorf("it says %q", &out)
			}
		})
	}
}

func writeKnown(t *testing.T, u *Update, line string) {
	t.Helper()
	if err := os.WriteFile(u.Known, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A box from an earlier build has the certificate of the build. After the update
// it has its own, which it logs before.
func TestBoxHasAnotherCertificateAfterTheUpdate(t *testing.T) {
	for _, tt := range []struct {
		situation string
		has       bool // the person has the certificate of the build
	}{
		{situation: "updated from where it was built", has: true},
		{situation: "updated from elsewhere, and trusted at first sight"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			u, s := newTestBox(t, page(""))
			file := filepath.Join(u.Instances, "built.pem")
			if tt.has {
				u.Certificate = file
			}
			built, err := access.Certificate(file)
			if err != nil {
				t.Fatal(err)
			}
			own := s.Certificate()
			other, err := access.Certificate(filepath.Join(u.Instances, "other.pem"))
			if err != nil {
				t.Fatal(err)
			}
			const neighbor = "192.0.2.9:8080 sha256//its"
			writeKnown(t, &u, neighbor)
			b := u.box(t)
			if err := b.trust(built.Leaf); err != nil {
				t.Fatalf("the build's certificate: %v", err)
			}
			b.expect(`data: level=INFO msg=refused err="msg=\"the box's keys\" https=\"` + access.Pin(other) + `\""` + "\n" +
				`data: level=INFO msg="the box's keys" program=appliance part=access certificate=AB:CD https="` +
				credential.Pin(own) + `" ssh=SHA256:x` + "\n" + `data: msg=other https="sha256//x"` + "\n")
			// Not restarted yet, or back on the old root.
			if err := b.trust(built.Leaf); err != nil {
				t.Errorf("the old root: %v", err)
			}
			if err := b.trust(other.Leaf); err == nil || !strings.Contains(err.Error(), "this is not the box") {
				t.Errorf("a stranger during the restart: %v", err)
			}
			for range 2 {
				if err := b.trust(own); err != nil {
					t.Errorf("the box after the restart: %v", err)
				}
			}
			if err := b.trust(other.Leaf); err == nil || !strings.Contains(err.Error(), "this is not the box") {
				t.Errorf("a stranger after the restart: %v", err)
			}
			if err := b.trust(built.Leaf); err != nil {
				t.Errorf("the new root fell back to the old one: %v", err)
			}
			want := neighbor + "\n" + u.Host + " " + credential.Pin(own) + "\n"
			if known, err := os.ReadFile(u.Known); err != nil || string(known) != want {
				t.Errorf("known from now on: %q, %v", known, err)
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
			u, _ := newTestBox(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page(tt.log).ServeHTTP(w, r)
				if tt.err == "too late" {
					cancel(errors.New(tt.err))
				}
			}))
			err := u.box(t).outcome(ctx, "data: "+tt.before+"\n\n")
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
			u, _ := newTestBox(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				log := tt.before
				if r.URL.Path == "/log" {
					if asked++; asked > 1 {
						log = tt.after
					}
				}
				page(log).ServeHTTP(w, r)
			}))
			err := u.Send(t.Context())
			if !errors.Is(err, tt.want) || errors.Is(err, tt.not) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPrepare(t *testing.T) {
	u, _ := newTestBox(t, page(""))
	const to = "http://gokrazy:token@127.0.0.1:1234/"
	if err := prepare(u.Instances, u.Instance, to); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(u.Instances, u.Instance, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"Hostname": "pxebox", "EEPROMPackage": "",
		"InternalCompatibilityFlags": map[string]any{"Update": to}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestPorts(t *testing.T) {
	u, _ := newTestBox(t, page(""))
	for host, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:8080 192.0.2.1:443 192.0.2.1:8443", "192.0.2.1:80": "192.0.2.1:80",
		"box": "box:8080 box:443 box:8443",
	} {
		u.Host = host
		b := u.box(t)
		if got := strings.Join(append([]string{b.addr}, b.also...), " "); got != want || b.page != "https://"+b.addr+"/" {
			t.Errorf("%s: %s, %s", host, got, b.page)
		}
	}
}
