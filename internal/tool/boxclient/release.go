package boxclient

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/base/credential"
	"github.com/pxebox/pxebox/internal/base/release"
)

// Release is the update file of a release, and its destination. The file's
// signature is next to it. The box verifies it.
type Release struct {
	Host        string // or HOST:PORT
	Password    string
	Known       string // the file of known boxes
	Certificate string // as in Update
	File        string
	// Older lets the box install an older version than the running one.
	Older bool
	// Key is the file of the release's public key, for a box that has none: it
	// then gets the file as gok would send it, once this program has verified it.
	// Instance is such a box's hardware. A box with a key verifies by its own.
	Key, Instance string
	Out           io.Writer
	Progress      func(name string, done, total int64) // may be nil
}

// ErrOlder is in the error of a box that runs a newer version.
var ErrOlder = release.ErrOlder

// asks is how long a box may take to decide by the signature whether it wants the
// file.
const asks = 30 * time.Second

// Send sends the file, and waits until the box has kept the new root or has gone
// back to its old one.
func (r Release) Send(ctx context.Context) error {
	signature, err := release.ReadSignature(r.File)
	if err != nil {
		return err
	}
	file, err := os.Open(r.File)
	if err != nil {
		return err
	}
	defer file.Close()
	b, err := newBox(Update{Host: r.Host, Password: r.Password, Known: r.Known, Certificate: r.Certificate, Out: r.Out})
	if err != nil {
		return err
	}
	b.transport.ExpectContinueTimeout = asks
	running, err := b.system(ctx)
	if err != nil {
		return err
	}
	before, err := b.log(ctx)
	if err != nil {
		return err
	}
	b.expect(before)
	if running.Key == "" {
		err = r.sendParts(ctx, b, running, file, signature)
	} else {
		err = r.sendFile(ctx, b, running, file, signature)
	}
	if err != nil {
		return err
	}
	return b.awaitOutcome(ctx, before, r.Out)
}

// system returns what runs on the box: nothing if its version is from before
// there were releases.
func (b *box) system(ctx context.Context) (release.Box, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*dials)
	defer cancel()
	var none release.Box
	// Another path on the box would answer this one with a page.
	if err := b.check(ctx); err != nil {
		return none, err
	}
	resp, err := b.request(ctx, http.MethodGet, release.Path, nil, nil)
	var status statusError
	if errors.As(err, &status) && (status.code == http.StatusNotFound || status.code == http.StatusMethodNotAllowed) {
		return none, nil
	} else if err != nil {
		return none, err
	}
	defer resp.Body.Close()
	// gokrazy's init answers every path that it does not know with its page.
	if resp.Header.Get("Content-Type") != "application/json" {
		return none, nil
	}
	var running release.Box
	return running, json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&running)
}

// sendFile sends the whole file, which the box verifies.
func (r Release) sendFile(
	ctx context.Context, b *box, running release.Box, file *os.File, signature []byte,
) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(r.Out, "%s runs version %s; sending %s\n", b.addr, running.Version, filepath.Base(r.File))
	path := release.Path
	if r.Older {
		path += "?" + url.Values{release.OlderParam: {release.OlderYes}}.Encode()
	}
	resp, err := b.request(ctx, http.MethodPut, path, r.progress(filepath.Base(r.File), file, info.Size()), http.Header{
		release.SignatureHeader: {base64.StdEncoding.EncodeToString(signature)},
		"Expect":                {"100-continue"}, // the box refuses before it is sent
	})
	if err != nil {
		var status statusError
		if errors.As(err, &status) {
			return err
		}
		return fmt.Errorf("the update could not be sent: %w", err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(r.Out, io.LimitReader(resp.Body, 1<<16))
	return err
}

// sendParts verifies the file, and sends its parts as gok does.
func (r Release) sendParts(
	ctx context.Context, b *box, running release.Box, file *os.File, signature []byte,
) error {
	if r.Key == "" {
		return fmt.Errorf("%s cannot verify an update: its system was built from source, or is older than update files. "+
			"Name the release's public key with --key, and the file is verified here and sent all the same", b.addr)
	}
	key, err := release.ReadKey(r.Key)
	if err != nil {
		return err
	}
	s, err := release.ParseSignature(key, signature)
	if err != nil {
		return err
	}
	if running.Instance == "" {
		running.Instance = r.Instance
	}
	if err := release.Check(running.Stamp, s.Stamp, r.Older); err != nil {
		return err
	}
	if err := s.Verify(file); err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	parts, err := release.Parts(file, info.Size())
	if err != nil {
		return err
	}
	fmt.Fprintf(r.Out, "the signature of %s is valid: version %s for %s\n", filepath.Base(r.File), s.Stamp.Version,
		s.Stamp.Instance)
	for _, p := range parts {
		if err := r.sendPart(ctx, b, p); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", p.Name, err), errBrokeOff)
		}
	}
	if err := b.post(ctx, "/update/switch"); err != nil {
		return errors.Join(err, errBrokeOff)
	}
	// A box may restart before it answers.
	var status statusError
	if err := b.post(ctx, "/reboot"); errors.As(err, &status) {
		return err
	}
	return nil
}

// sendPart sends the content of one place of the box's disk.
func (r Release) sendPart(ctx context.Context, b *box, p release.Part) error {
	resp, err := b.request(ctx, http.MethodPut, "/update/"+p.Name, r.progress(p.Name, p, p.Size()),
		http.Header{"X-Gokrazy-Update-Hash": {"crc32"}})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	sum, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if want := fmt.Sprintf("%08x", p.CRC); err == nil && strings.TrimSpace(string(sum)) != want {
		err = fmt.Errorf("the box has received something else: checksum %.16q instead of %s", sum, want)
	}
	return err
}

// post sends a request without a body.
func (b *box) post(ctx context.Context, path string) error {
	resp, err := b.request(ctx, http.MethodPost, path, nil, nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// content is a body of a known length.
type content struct {
	io.Reader
	size int64
}

// progress reports how much of a body has been read.
func (r Release) progress(name string, body io.Reader, size int64) *content {
	done := int64(0)
	return &content{size: size, Reader: readerFunc(func(p []byte) (int, error) {
		n, err := body.Read(p)
		if done += int64(n); r.Progress != nil {
			r.Progress(name, done, size)
		}
		return n, err
	})}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// statusError is what a box says when it refuses a request.
type statusError struct {
	code    int
	text    string
	refused string // release.RefusedHeader
}

func (e statusError) Error() string {
	if e.text == "" || strings.Contains(e.text, "<html") {
		return fmt.Sprintf("the box says: %d %s", e.code, http.StatusText(e.code))
	}
	return "the box says: " + e.text
}

// Is lets errors.Is find ErrOlder.
func (e statusError) Is(target error) bool {
	return target == ErrOlder && e.refused == release.RefusedOlder
}

// request sends a request, and returns an answer with the status OK, or a
// statusError.
func (b *box) request(
	ctx context.Context, method, path string, body *content, header http.Header,
) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		reader = body
	}
	r, err := http.NewRequestWithContext(ctx, method, "https://"+b.addr+path, reader)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.ContentLength = body.size
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.SetBasicAuth(credential.User, b.password)
	resp, err := (&http.Client{Transport: b.transport}).Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return nil, err
	}
	return nil, statusError{resp.StatusCode, strings.TrimSpace(string(text)), resp.Header.Get(release.RefusedHeader)}
}
