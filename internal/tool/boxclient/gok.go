package boxclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/base/credential"
)

// dials is how long a box may take to accept a connection: while the box
// restarts, the client retries repeatedly.
const dials = 5 * time.Second

// box is the destination of an update.
type box struct {
	name        string // in its certificate, with the port of its web page
	addr        string // host and port
	page        string
	password    string
	certificate string // the absolute path
	client      *http.Client
}

// newBox returns the box at a host, with an instance's password and a
// certificate.
func newBox(instances, instance, host, certificate string) (*box, error) {
	file := filepath.Join(instances, instance, "config.json")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var config struct {
		// gok's name for the destination of updates.
		InternalCompatibilityFlags struct{ Update string }
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	page, err := url.Parse(config.InternalCompatibilityFlags.Update)
	if err != nil || page.Scheme != "https" || page.Port() == "" || page.User == nil {
		const want = "InternalCompatibilityFlags.Update is not https://USER:PASSWORD@NAME:PORT/"
		return nil, fmt.Errorf("%s: %s: run make image", file, want)
	}
	if certificate, err = filepath.Abs(certificate); err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(certificate)
	if err != nil {
		return nil, err
	}
	known := x509.NewCertPool()
	if !known.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s contains no certificate", certificate)
	}
	b := &box{
		name:        page.Host,
		addr:        host,
		page:        "https://" + page.Host + "/",
		certificate: certificate,
	}
	b.password, _ = page.User.Password()
	if !strings.Contains(host, ":") {
		b.addr = net.JoinHostPort(host, page.Port())
	}
	b.client = &http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return b.dial(ctx) },
		DisableKeepAlives: true, // the box restarts
		TLSClientConfig:   &tls.Config{RootCAs: known},
	}}
	return b, nil
}

// leaveEEPROM removes the Raspberry Pi's EEPROM program from gok's copy of an
// instance. An image installs it once. If an update contained it too, a Pi 4
// would write its EEPROM at each update, because the pinned version of gok never
// detects that it is already there. That would overwrite settings that an owner
// made in the EEPROM.
func leaveEEPROM(instances, instance string) error {
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
	if text, err = json.MarshalIndent(config, "", "    "); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}

// known checks, before anything is built, that this is the right box and that it
// accepts the password. The password is sent to no other host.
func (b *box) known(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*dials)
	defer cancel()
	resp, err := b.get(ctx, "update/features")
	if err != nil {
		var stranger *tls.CertificateVerificationError
		if errors.As(err, &stranger) {
			return fmt.Errorf("%w: the host at %s does not have the certificate in %s, which the boxes built here have",
				err, b.addr, b.certificate)
		}
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
	resp, err := b.client.Do(r)
	if err != nil {
		return nil, err
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

// gok runs a command that connects to the box by its name, and to no other host.
// The command's output goes to out, without the password.
func (b *box) gok(out io.Writer, name string, args ...string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	proxy := &http.Server{Handler: http.HandlerFunc(b.tunnel), ReadHeaderTimeout: dials}
	go proxy.Serve(l)
	defer proxy.Close()

	cmd := exec.Command(name, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		key, _, _ := strings.Cut(v, "=")
		return strings.HasSuffix(strings.ToLower(key), "_proxy")
	})
	cmd.Env = append(cmd.Env,
		"HTTPS_PROXY=http://"+l.Addr().String(),
		// Instead of the system's certificates.
		"SSL_CERT_FILE="+b.certificate,
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
		out.Write(bytes.ReplaceAll(lines.Bytes(), []byte(b.password), []byte("…")))
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

// tunnel is a CONNECT proxy (RFC 9110 §9.3.6) that connects to the box.
func (b *box) tunnel(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || r.Host != b.name {
		http.Error(w, "this proxy connects to "+b.name+" only", http.StatusForbidden)
		return
	}
	out, err := b.dial(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer out.Close()
	in, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer in.Close()
	if _, err := io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return // gok has exited
	}
	go func() {
		io.Copy(out, buffered)
		out.Close()
	}()
	io.Copy(in, out)
}
