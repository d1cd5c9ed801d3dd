package releaseupdate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/release"
	"github.com/pxebox/pxebox/internal/box/updatepage"
	"github.com/pxebox/pxebox/internal/test/journal"
	"github.com/pxebox/pxebox/internal/test/releasetest"
)

// gokrazy records what it is told to do, in place of gokrazy's init.
type gokrazy struct {
	mu    sync.Mutex
	asked []string
	fail  string        // the path that fails
	lie   string        // the path that answers with a wrong checksum
	ended chan struct{} // closed with the request for a restart, unless it is nil
}

func (g *gokrazy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, fmt.Sprintf("%s %s %d %.8s", r.Method, r.URL, len(body), body))
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case r.URL.Path == g.fail:
		http.Error(w, "no space left", http.StatusInternalServerError)
	case r.URL.Path == g.lie:
		io.WriteString(w, "00000000")
	case r.Method == http.MethodPut:
		fmt.Fprintf(w, "%08x", crc32.ChecksumIEEE(body))
	}
	if r.URL.Path == "/reboot" && g.ended != nil {
		close(g.ended)
	}
}

func (g *gokrazy) all() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.asked, "\n")
}

// whole is what init is told for an update.
const whole = `PUT /update/root 500000 root roo
PUT /update/boot 14 boot par
PUT /update/mbr 9 boot cod
POST /update/switch 0 
POST /reboot 0 `

// box is a box that accepts updates.
type box struct {
	*Updater
	init *gokrazy
	url  string
	log  *journal.Text
	key  releasetest.Key
}

func newBox(t *testing.T) *box {
	t.Helper()
	dir := t.TempDir()
	b := &box{init: &gokrazy{}, log: &journal.Text{}, key: releasetest.NewKey(t)}
	socket := filepath.Join(t.TempDir(), "http.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: b.init}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	b.Updater = &Updater{
		System: System{Stamp: release.Stamp{Version: "1.2.0", Instance: "pxebox-amd64"}, Key: b.key.Release(t)},
		Dir:    dir, Init: updatepage.Init{Socket: socket}, OnTrial: func() bool { return false },
		Log: slog.New(slog.NewTextHandler(b.log, nil)),
	}
	server := httptest.NewServer(b.Handler())
	t.Cleanup(server.Close)
	b.url = server.URL + release.Path
	return b
}

// put returns the request for an update.
func (b *box) put(t *testing.T, query string, file, signature []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, b.url+query, bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(release.SignatureHeader, base64.StdEncoding.EncodeToString(signature))
	return r
}

// checkEmpty checks that no file is left.
func (b *box) checkEmpty(t *testing.T) {
	t.Helper()
	if left, err := os.ReadDir(b.Dir); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

func TestUpdates(t *testing.T) {
	file := releasetest.File(t, releasetest.Entries()...)
	tampered := bytes.Clone(file)
	tampered[len(tampered)/2] ^= 1
	sign := func(comment string) func(*testing.T, *box) []byte {
		return func(t *testing.T, b *box) []byte { return b.key.Sign(t, bytes.NewReader(file), comment) }
	}
	newer, older := sign("pxebox 1.3.0 pxebox-amd64"), sign("pxebox 1.1.9 pxebox-amd64")
	for situation, tt := range map[string]struct {
		change    func(t *testing.T, b *box)
		file      []byte // instead of the right one
		signature func(t *testing.T, b *box) []byte
		query     string
		header    map[string]string
		code      int
		answer    string
		refused   string // the header for programs
		asked     string // what init is told; "" is nothing
	}{
		"newer": {signature: newer, code: 200, answer: "the box restarts", asked: whole},
		"the same again": {signature: sign("pxebox 1.2.0 pxebox-amd64"), code: 200, answer: "the box restarts",
			asked: whole},
		"older": {signature: older, code: 409, answer: "is version 1.1.9, and the box runs 1.2.0", refused: "older"},
		"older, and the owner says so": {signature: older, query: "?older=yes", code: 200, answer: "the box restarts",
			asked: whole},
		"older, and the owner says no":  {signature: older, query: "?older=no", code: 409, refused: "older"},
		"a release candidate after all": {signature: sign("pxebox 1.2.0~rc9 pxebox-amd64"), code: 409, refused: "older"},
		"of other hardware": {signature: sign("pxebox 1.3.0 pxebox-rpi"), query: "?older=yes", code: 422,
			answer: "is for pxebox-rpi, and this box is pxebox-amd64"},
		"tampered": {signature: newer, file: tampered, code: 403, answer: "the signature is not valid for this file"},
		"cut off, as a whole": {signature: newer, file: file[:1000], code: 403,
			answer: "the signature is not valid for this file"},
		"empty": {signature: newer, file: []byte{}, code: 403, answer: "the signature is not valid for this file"},
		"a tampered comment": {signature: func(t *testing.T, b *box) []byte {
			return bytes.Replace(newer(t, b), []byte("1.3.0"), []byte("1.4.0"), 1)
		}, code: 403, answer: "not valid for its trusted comment"},
		"of another key": {signature: func(t *testing.T, b *box) []byte {
			return releasetest.NewKey(t).Sign(t, bytes.NewReader(file), "pxebox 1.3.0 pxebox-amd64")
		}, code: 403, answer: "is of another key"},
		"without a signature": {signature: func(*testing.T, *box) []byte { return nil }, code: 400,
			answer: "Pxebox-Signature must have"},
		"a signature that is not in base64": {signature: newer, header: map[string]string{release.SignatureHeader: "\"*\""},
			code: 400, answer: "Pxebox-Signature must have"},
		"a signature of which only the beginning is in base64": {signature: newer,
			header: map[string]string{release.SignatureHeader: "AAAA*"}, code: 400, answer: "Pxebox-Signature must have"},
		"signed, but no update file": {file: []byte("an image"), signature: func(t *testing.T, b *box) []byte {
			return b.key.Sign(t, strings.NewReader("an image"), "pxebox 1.3.0 pxebox-amd64")
		}, code: 422, answer: "is not an update file"},
		"an image built from source": {signature: newer, change: func(_ *testing.T, b *box) { b.System.Key = nil },
			code: 409, refused: "no-key", answer: "make update"},
		"while the running root is on trial": {signature: newer,
			change: func(_ *testing.T, b *box) { b.OnTrial = func() bool { return true } },
			code:   409, answer: "on trial"},
		"while another arrives": {signature: newer, change: func(_ *testing.T, b *box) { b.mu.Lock() },
			code: 409, answer: "another update is arriving"},
		"a full disk": {signature: newer, change: func(t *testing.T, b *box) {
			b.free = func(string) (int64, error) { return reserve + int64(len(file)) - 1, nil }
		}, code: 413, answer: "delete boot files first"},
		"just enough room": {signature: newer, change: func(t *testing.T, b *box) {
			b.free = func(string) (int64, error) { return reserve + int64(len(file)), nil }
		}, code: 200, asked: whole},
		"a disk that cannot be read": {signature: newer, change: func(t *testing.T, b *box) {
			b.free = func(string) (int64, error) { return 0, errors.New("input/output error") }
		}, code: 500, answer: "input/output error"},
		"a folder that is not there": {signature: newer, change: func(_ *testing.T, b *box) {
			b.Dir = filepath.Join(b.Dir, "none")
			b.free = func(string) (int64, error) { return 1 << 40, nil }
		}, code: 500, answer: "cannot store the update"},
		"another site's page": {signature: newer, header: map[string]string{"Sec-Fetch-Site": "cross-site"}, code: 403,
			answer: "cross-origin"},
		"init does not write the root": {signature: newer,
			change: func(_ *testing.T, b *box) { b.init.fail = "/update/root" },
			code:   500, answer: "the running system is untouched", asked: "PUT /update/root 500000 root roo"},
		"init writes the root wrongly": {signature: newer,
			change: func(_ *testing.T, b *box) { b.init.lie = "/update/root" },
			code:   500, answer: "something else", asked: "PUT /update/root 500000 root roo"},
		"init does not write the boot partition": {signature: newer,
			change: func(_ *testing.T, b *box) { b.init.fail = "/update/boot" },
			code:   500, answer: "do not switch the box off",
			asked: "PUT /update/root 500000 root roo\nPUT /update/boot 14 boot par"},
		"init does not name the new root": {signature: newer,
			change: func(_ *testing.T, b *box) { b.init.fail = "/update/switch" },
			code:   500, answer: "could not be changed", asked: strings.TrimSuffix(whole, "\nPOST /reboot 0 ")},
		"init does not restart the box": {signature: newer, change: func(_ *testing.T, b *box) { b.init.fail = "/reboot" },
			code: 500, answer: "switch it off and on", asked: whole},
	} {
		t.Run(situation, func(t *testing.T) {
			t.Parallel() // refusing a body takes the server half a second
			b := newBox(t)
			dir := b.Dir
			if tt.change != nil {
				tt.change(t, b)
			}
			if tt.file == nil {
				tt.file = file
			}
			r := b.put(t, tt.query, tt.file, tt.signature(t, b))
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			answer, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.code || !strings.Contains(string(answer), tt.answer) ||
				resp.Header.Get(release.RefusedHeader) != tt.refused {
				t.Errorf("%s %v: %s", resp.Status, resp.Header, answer)
			}
			if got := b.init.all(); got != tt.asked {
				t.Errorf("init was told:\n%s\nwant:\n%s", got, tt.asked)
			}
			b.Dir = dir
			b.checkEmpty(t)
			log := b.log.String()
			refused := tt.code >= 400 && tt.code < 500 && tt.header["Sec-Fetch-Site"] == ""
			if got := strings.Contains(log, `msg="an update is refused"`) && strings.Contains(log, "why="); got != refused {
				t.Errorf("the log: %s", log)
			}
			if failed := strings.Contains(log, `msg="an update failed"`); failed != (tt.code == 500) {
				t.Errorf("the log: %s", log)
			}
			if tt.code == 200 {
				checkLog(t, log)
			}
		})
	}
}

// checkLog checks what is logged of a successful update.
func checkLog(t *testing.T, log string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(log), "\n")
	want := []string{"an update arrives", "signature is valid", "the box restarts"}
	if len(lines) != len(want) {
		t.Fatalf("the log: %s", log)
	}
	for i, line := range lines {
		if !strings.Contains(line, want[i]) || !strings.Contains(line, " client=127.0.0.1:") ||
			!strings.Contains(line, " version=1.") {
			t.Errorf("line %d lacks %q, the client or the version: %s", i+1, want[i], line)
		}
	}
}

// body is a body that has served its caller once it was read.
type body struct {
	read bool
	size int
}

func (b *body) Read(p []byte) (int, error) {
	b.read = true
	if b.size == 0 {
		return 0, io.EOF
	}
	n := min(len(p), b.size)
	b.size -= n
	return n, nil
}

// What the signature and the size tell is refused before the file is sent.
func TestRefusesBeforeTheFileArrives(t *testing.T) {
	for situation, tt := range map[string]struct {
		comment string
		size    int64
		code    int
	}{
		"older":           {comment: "pxebox 1.1.0 pxebox-amd64", size: 1 << 20, code: 409},
		"other hardware":  {comment: "pxebox 1.3.0 pxebox-rpi", size: 1 << 20, code: 422},
		"an image":        {comment: "pxebox 1.3.0 pxebox-amd64", size: release.MaxFile + 1, code: 413},
		"unknown length":  {comment: "pxebox 1.3.0 pxebox-amd64", size: -1, code: 411},
		"another product": {comment: "linux 1.3.0", size: 1 << 20, code: 403},
	} {
		t.Run(situation, func(t *testing.T) {
			b := newBox(t)
			sent := &body{size: int(max(tt.size, 1<<20))}
			r := b.put(t, "", nil, b.key.Sign(t, strings.NewReader("x"), tt.comment))
			r.Body, r.ContentLength = io.NopCloser(sent), tt.size
			r.Header.Set("Expect", "100-continue")
			client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 1 << 40}}
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tt.code || sent.read || b.init.all() != "" {
				t.Errorf("%s; sent: %v; init was told %q", resp.Status, sent.read, b.init.all())
			}
			b.checkEmpty(t)
		})
	}
}

// What may be stored, apart from the signature.
func TestRoom(t *testing.T) {
	for situation, tt := range map[string]struct {
		size, free int64
		dir        string // instead of the box's
		code       int    // of the refusal; 0: none
		err        string
	}{
		"the largest update file": {size: release.MaxFile, free: 1 << 40},
		"larger":                  {size: release.MaxFile + 1, free: 1 << 40, code: 413, err: "and not an image"},
		"empty":                   {size: 0, free: 1 << 40},
		"unknown":                 {size: -1, free: 1 << 40, code: 411, err: "send Content-Length"},
		"on the box's disk":       {size: 1},
		"on no disk":              {size: 1, dir: "none", err: "none: no such file"},
	} {
		t.Run(situation, func(t *testing.T) {
			u := &Updater{Dir: filepath.Join(t.TempDir(), tt.dir)}
			if tt.free > 0 {
				u.free = func(string) (int64, error) { return tt.free, nil }
			}
			err := u.room(tt.size)
			var no refusal
			if errors.As(err, &no); no.code != tt.code || (err == nil) != (tt.err == "") ||
				err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%d, %v", no.code, err)
			}
		})
	}
}

// Who is to blame if a file does not arrive: the client, its connection, or the
// box's disk.
func TestCopyBody(t *testing.T) {
	file := func(name string, flag int) func(t *testing.T) *os.File {
		return func(t *testing.T) *os.File {
			t.Helper()
			f, err := os.OpenFile(cmp.Or(name, filepath.Join(t.TempDir(), "file")), flag, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			return f
		}
	}
	ordinary := file("", os.O_RDWR|os.O_CREATE)
	for situation, tt := range map[string]struct {
		file   func(t *testing.T) *os.File
		length int64
		code   int // of the refusal; 0: none
		err    string
	}{
		"whole":                      {file: ordinary, length: 5},
		"shorter than announced":     {file: ordinary, length: 6, code: 400, err: "broke off after 5 of 6 bytes"},
		"the disk is full":           {file: file("/dev/full", os.O_WRONLY), length: 5, code: 413, err: "delete boot files"},
		"the disk cannot be written": {file: file("/dev/null", os.O_RDONLY), length: 5, err: "cannot store the update"},
	} {
		t.Run(situation, func(t *testing.T) {
			f := tt.file(t)
			r := httptest.NewRequest(http.MethodPut, release.Path, strings.NewReader("12345"))
			r.ContentLength = tt.length
			err := new(Updater).copyBody(f, r)
			var no refusal
			if errors.As(err, &no); no.code != tt.code || (err == nil) != (tt.err == "") ||
				err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("%d, %v", no.code, err)
			}
			if err == nil {
				if got, err := io.ReadAll(f); string(got) != "12345" || err != nil {
					t.Errorf("the file has %q from its beginning, %v", got, err)
				}
			}
		})
	}
}

// A connection that is cut while the file arrives leaves nothing, and the next
// update is accepted.
func TestConnectionIsCut(t *testing.T) {
	b := newBox(t)
	file := releasetest.File(t, releasetest.Entries()...)
	signature := b.key.Sign(t, bytes.NewReader(file), "pxebox 1.3.0 pxebox-amd64")
	ended := make(chan struct{})
	update := b.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		update.ServeHTTP(w, r)
	}))
	defer server.Close()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "PUT %s HTTP/1.1\r\nHost: box\r\nContent-Length: %d\r\n%s: %s\r\n\r\n", release.Path, len(file),
		release.SignatureHeader, base64.StdEncoding.EncodeToString(signature))
	c.Write(file[:len(file)-1])
	c.Close()
	<-ended
	if got := b.init.all(); got != "" || !strings.Contains(b.log.String(), "the update broke off after") {
		t.Errorf("init was told %q; the log: %s", got, b.log)
	}
	b.checkEmpty(t)
	resp, err := http.DefaultClient.Do(b.put(t, "", file, signature))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := b.init.all(); resp.StatusCode != 200 || got != whole {
		t.Errorf("sent again: %s; init was told %s", resp.Status, got)
	}
}

// Once the whole file is here and valid, a client that goes away changes
// nothing: half a boot partition helps no one. If the box cannot be restarted
// then, the log says so.
func TestClientGoesAwayWhileTheDiskIsWritten(t *testing.T) {
	for situation, fail := range map[string]string{"the box restarts": "", "init does not restart the box": "/reboot"} {
		t.Run(situation, func(t *testing.T) {
			b := newBox(t)
			lines := &journal.Journal[string]{}
			b.Log = slog.New(slog.NewTextHandler(journal.Lines(lines), nil))
			file := releasetest.File(t, releasetest.Entries()...)
			b.init.ended, b.init.fail = make(chan struct{}), fail
			ctx, cancel := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, http.MethodPut, release.Path, bytes.NewReader(file))
			r.Header.Set(release.SignatureHeader,
				base64.StdEncoding.EncodeToString(b.key.Sign(t, bytes.NewReader(file), "pxebox 1.3.0 pxebox-amd64")))
			cancel()
			w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			b.Handler().ServeHTTP(w, r)
			<-b.init.ended
			if got := b.init.all(); got != whole {
				t.Errorf("init was told:\n%s", got)
			}
			if w.set == 0 {
				t.Error("a client may be silent for as long as it likes")
			}
			if fail == "" {
				return
			}
			ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, _, err := lines.Await(ctx, 0, func(line string) bool {
				return strings.Contains(line, "an update failed") && strings.Contains(line, "switch it off and on")
			})
			if err != nil {
				t.Errorf("%v; the log: %q", err, lines.From(0))
			}
		})
	}
}

// deadlines adds what a server's connection has, and counts how often it is used.
type deadlines struct {
	*httptest.ResponseRecorder
	set int
}

func (d *deadlines) SetReadDeadline(time.Time) error {
	d.set++
	return nil
}

// Init stops this program before it answers the request for a restart. The
// client gets its answer all the same.
func TestInitEndsThisProgram(t *testing.T) {
	b := newBox(t)
	file := releasetest.File(t, releasetest.Entries()...)
	b.init.ended = make(chan struct{})
	update := b.Handler()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		update.ServeHTTP(w, r.WithContext(ctx))
	}))
	server.Start()
	defer server.Close()
	go func() {
		<-b.init.ended
		cancel()
	}()
	b.url = server.URL + release.Path
	signature := b.key.Sign(t, bytes.NewReader(file), "pxebox 1.3.0 pxebox-amd64")
	resp, err := http.DefaultClient.Do(b.put(t, "", file, signature))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err := io.ReadAll(resp.Body); resp.StatusCode != 200 || !strings.Contains(string(answer), "restarts") {
		t.Errorf("%s %s, %v", resp.Status, answer, err)
	}
}

func TestClean(t *testing.T) {
	b := newBox(t)
	for range 2 { // the second time there is nothing
		if err := b.Clean(); err != nil {
			t.Fatal(err)
		}
		b.checkEmpty(t)
		if err := os.WriteFile(filepath.Join(b.Dir, partFile), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Clean(); err != nil {
		t.Fatal(err)
	}
	b.checkEmpty(t)
	if err := os.MkdirAll(filepath.Join(b.Dir, partFile, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := b.Clean(); err == nil {
		t.Error("what cannot be removed is no error")
	}
}

func TestShow(t *testing.T) {
	b := newBox(t)
	for _, key := range []*release.Key{b.System.Key, nil} {
		b.System.Key = key
		resp, err := http.Get(b.url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var got release.Box
		err = json.NewDecoder(resp.Body).Decode(&got)
		want := release.Box{Stamp: b.System.Stamp}
		if key != nil {
			want.Key = key.String()
		}
		if err != nil || got != want || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%+v, %v, %v", got, err, resp.Header)
		}
	}
}

func TestRunning(t *testing.T) {
	key := releasetest.NewKey(t)
	for situation, tt := range map[string]struct {
		files   map[string]string
		version string
		key     bool
		err     string
	}{
		"a release": {files: map[string]string{versionFile: "1.2.0\n", keyFile: string(key.Public(t))},
			version: "1.2.0", key: true},
		"built from source": {},
		"a damaged key": {files: map[string]string{versionFile: "1.2.0\n", keyFile: "?"}, version: "1.2.0",
			err: keyFile},
		"without a key":        {files: map[string]string{versionFile: "1.2.0\n"}, version: "1.2.0"},
		"a key and no version": {files: map[string]string{keyFile: string(key.Public(t))}},
		"a folder":             {files: map[string]string{versionFile + "/x": ""}, err: "is a directory"},
	} {
		t.Run(situation, func(t *testing.T) {
			etc := t.TempDir()
			for name, text := range tt.files {
				name = filepath.Join(etc, name)
				err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600))
				if err != nil {
					t.Fatal(err)
				}
			}
			s, err := Running(etc)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v", err)
			}
			if s.Version != tt.version || (s.Key != nil) != tt.key || s.Instance == "" {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// The names in gokrazy, one for each processor that an image is built for.
func TestInstance(t *testing.T) {
	for arch, want := range map[string]string{"amd64": "pxebox-amd64", "arm64": "pxebox-rpi"} {
		text, err := os.ReadFile(filepath.Join("../../../gokrazy", want, "config.json"))
		if got := instance(arch); got != want || err != nil || !strings.Contains(string(text), "GOARCH="+arch) {
			t.Errorf("%s: %s, %v", arch, got, err)
		}
	}
}
