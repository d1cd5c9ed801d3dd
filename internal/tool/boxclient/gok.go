package boxclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pxebox/pxebox/internal/base/credential"
)

// dials is how long a box may take to accept a connection: while the box
// restarts, the client retries repeatedly.
const dials = 5 * time.Second

// box is the destination of an update.
type box struct {
	addr     string   // host and port
	also     []string // other addresses of the same box, which has the same key there
	page     string
	password string
	known    knownBoxes
	// built has the certificate that images of earlier builds have in common, or
	// none. Their boxes show another one after the update: next is its pin.
	built     [][]byte
	transport *http.Transport

	mu      sync.Mutex // guards the rest
	next    string
	trusted []string // the pins of this box so far: it may go back to its old root
}

// newBox returns the box that an update is for.
func newBox(u Update) (*box, error) {
	b := &box{addr: u.Host, password: u.Password, known: knownBoxes{u.Known, u.Out}}
	if !strings.Contains(u.Host, ":") {
		b.addr = net.JoinHostPort(u.Host, updatePort)
		b.also = []string{net.JoinHostPort(u.Host, pagePort), net.JoinHostPort(u.Host, oldSettingsPort)}
	}
	b.page = "https://" + b.addr + "/"
	text, err := os.ReadFile(u.Certificate)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for len(text) > 0 {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			b.built = append(b.built, block.Bytes)
		}
	}
	b.transport = &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return b.dial(ctx) },
		DisableKeepAlives: true, // the box restarts
		TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true, // no authority vouches for a box: see trust
			VerifyConnection: func(state tls.ConnectionState) error {
				return b.trust(state.PeerCertificates[0])
			},
		},
	}
	return b, nil
}

// trust returns nil for the certificate of the right box. The password is sent
// to no other host.
func (b *box) trust(c *x509.Certificate) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.isBuilt(c) {
		return nil
	}
	pin := credential.Pin(c)
	switch {
	case slices.Contains(b.trusted, pin):
		return nil
	case b.next == "":
		if err := b.known.trust(pin, b.addr, b.also...); err != nil {
			return err
		}
	case pin != b.next:
		return notTheSame(b.addr, b.next, pin, b.known.file)
	default:
		if err := b.known.replace(pin, b.addr); err != nil {
			return err
		}
	}
	b.trusted = append(b.trusted, pin)
	return nil
}

// isBuilt reports whether a box has the certificate of an earlier build.
func (b *box) isBuilt(c *x509.Certificate) bool {
	return slices.ContainsFunc(b.built, func(der []byte) bool { return bytes.Equal(der, c.Raw) })
}

// keysLine is the line in which the appliance logs the key that the box has on
// its other ports, and after an update on this one.
var keysLine = regexp.MustCompile(`msg="the box's keys"[^\n]* https="?(sha256//[A-Za-z0-9+/]+=*)`)

// expect notes by which key the box can be known after the update, if its log
// says so: the connection on which the log came is trusted.
func (b *box) expect(log string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m := keysLine.FindAllStringSubmatch(log, -1); m != nil {
		b.next = m[len(m)-1][1]
	}
}

// prepare writes the destination of updates into gok's copy of an instance, and
// removes the Raspberry Pi's EEPROM program. An image installs it once. If an
// update contained it too, a Pi 4 would write its EEPROM at each update, because
// the pinned version of gok never detects that it is already there. That would
// overwrite settings that an owner made in the EEPROM.
func prepare(instances, instance, destination string) error {
	file := filepath.Join(instances, instance, "config.json")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	config["EEPROMPackage"] = ""
	// gok knows no other setting for that where there is NoPassword.
	config["InternalCompatibilityFlags"] = map[string]any{"Update": destination}
	if text, err = json.MarshalIndent(config, "", "    "); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}

// check checks, before anything is built, that this is the right box and that it
// accepts the password.
func (b *box) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*dials)
	defer cancel()
	resp, err := b.get(ctx, "update/features")
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// get requests a path of gokrazy's web page.
func (b *box) get(ctx context.Context, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.page+path, nil)
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(credential.User, b.password)
	resp, err := (&http.Client{Transport: b.transport}).Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized {
		resp.Body.Close()
		return nil, fmt.Errorf("%s refuses the password: give the one of this box, in PXEBOX_PASSWORD or by --password-file",
			b.addr)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s: %s", r.URL, resp.Status)
	}
	return resp, nil
}

func (b *box) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{Timeout: dials}).DialContext(ctx, "tcp", b.addr)
}

// gok runs a command that sends an update. The command reaches the box, and no
// other host, by a URL on this machine, which config is called with. The
// password is not in it. The command's output goes to out.
func (b *box) gok(out io.Writer, config func(url string) error, name string, args ...string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	token := rand.Text() // other users of this machine do not have it
	proxy := &http.Server{Handler: b.proxy(token), ReadHeaderTimeout: dials}
	go proxy.Serve(l)
	defer proxy.Close()
	if err := config("http://" + credential.User + ":" + token + "@" + l.Addr().String() + "/"); err != nil {
		return err
	}

	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(),
		// The image was built from the same modules, so all of them are in the
		// local cache.
		"GOPROXY=off",
		// A workspace would override the instance's module versions.
		"GOWORK=off",
	)
	words, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(words)
	lines.Split(scanLines)
	for lines.Scan() {
		out.Write(bytes.ReplaceAll(lines.Bytes(), []byte(token), []byte("…")))
	}
	_, err = io.Copy(io.Discard, words) // the rest of a line that is too long
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// scanLines splits terminal output, where a carriage return may overwrite a line.
func scanLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexAny(data, "\r\n"); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// proxy passes requests with the token on to the box, with its password.
func (b *box) proxy(token string) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "https", Host: b.addr})
			r.Out.SetBasicAuth(credential.User, b.password)
		},
		Transport: b.transport,
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, got, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(got), []byte(token)) != 1 {
			http.Error(w, "this port is for gok", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}
