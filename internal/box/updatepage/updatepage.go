// Package updatepage serves gokrazy's page, which shows the state of the box
// and accepts updates. gokrazy's init itself listens only on a Unix socket: it
// is process 1, and clients on the network must not make it run out of
// descriptors or memory. Who may use the page, and how many connections there
// may be, is decided elsewhere.
package updatepage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"time"
)

// Socket is the socket on which gokrazy's init listens
// (gokrazy.HTTPUnixSocket).
const Socket = "/run/gokrazy-http.sock"

const (
	// pause is how long a client may stay silent while it sends a body. gokrazy
	// accepts one update at a time, so a client that has gone away would block
	// the next one.
	pause = time.Minute
	// maxForm bounds the size of a form that is kept in memory, in bytes.
	maxForm = 64 << 10
)

// Handler passes requests on to gokrazy's init at socket.
func Handler(socket string, logger *slog.Logger) http.Handler {
	h := &handler{
		proxy: &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(&url.URL{Scheme: "http", Host: "gokrazy"})
				r.Out.Host = r.In.Host // its redirects contain it
				r.Out.Header.Del("Authorization")
			},
			ModifyResponse: func(r *http.Response) error {
				// gokrazy lets scripts from all sites read the page.
				r.Header.Del("Access-Control-Allow-Origin")
				return nil
			},
			FlushInterval: -1, // send logs as they are written
			Transport:     transport(socket),
			ErrorLog:      log.New(io.Discard, "", 0),
			ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
				if r.Context().Err() == nil {
					logger.Error("gokrazy's init does not answer", "path", r.URL.Path, "err", err)
				}
				http.Error(w, "gokrazy's init does not answer: "+err.Error(), http.StatusBadGateway)
			},
		},
		log: logger,
	}
	return http.NewCrossOriginProtection().Handler(h)
}

func transport(socket string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives:  true, // no connection stays open in init for longer than needed
		DisableCompression: true,
	}
}

type handler struct {
	proxy *httputil.ReverseProxy
	log   *slog.Logger
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Another site could embed the page in a frame and trick people into
	// pressing its buttons.
	w.Header().Set("X-Frame-Options", "DENY")
	// The browser also sends the password when it follows a link from another
	// site, so no GET may change anything. gokrazy's /update/bootonly ignores
	// the method.
	name := path.Clean(r.URL.Path)
	if changes(name) {
		if r.Method != http.MethodPut && r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST, PUT")
			http.Error(w, r.Method+" is not allowed for "+name, http.StatusMethodNotAllowed)
			return
		}
		h.log.Info("the owner is changing the box", "path", name, "client", r.RemoteAddr)
	}
	if endsUs(name) {
		h.end(w, r)
		return
	}
	BoundPauses(w, r)
	h.proxy.ServeHTTP(w, r)
}

// changes reports whether gokrazy does more at a path than show something.
func changes(name string) bool {
	return strings.HasPrefix(name, "/update/") && name != "/update/features" ||
		strings.HasPrefix(name, "/uploadtemp/") || name == "/divert" || endsUs(name)
}

// endsUs reports whether gokrazy may stop this program before it answers a
// request.
func endsUs(name string) bool {
	return name == "/reboot" || name == "/poweroff" || name == "/stop" || name == "/restart"
}

// end passes on a request for which gokrazy may stop this program. gok update
// waits for the answer, and treats a broken connection as a failure.
func (h *handler) end(w http.ResponseWriter, r *http.Request) {
	form, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// Drop the values of r's context: with them the proxy would panic if the
	// answer breaks off, which is allowed only in a goroutine of the server.
	out := r.Clone(context.Background())
	out.Body = io.NopCloser(bytes.NewReader(form))
	answer := &answer{header: http.Header{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.proxy.ServeHTTP(answer, out)
	}()
	select {
	case <-done:
		answer.copyTo(w)
	case <-r.Context().Done():
		// gokrazy has begun, or the client is gone.
		io.WriteString(w, "gokrazy is stopping the programs\n")
	}
}

// answer buffers a short answer.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(code int) {
	if a.code == 0 && code >= http.StatusOK {
		a.code = code
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.body.Len()+len(b) > maxForm {
		return 0, errors.New("the answer is too long")
	}
	return a.body.Write(b)
}

func (a *answer) copyTo(w http.ResponseWriter) {
	for key, values := range a.header {
		w.Header()[key] = values
	}
	w.WriteHeader(max(a.code, http.StatusOK))
	w.Write(a.body.Bytes())
}

// BoundPauses makes reading a request's body fail if no data arrives for a while.
func BoundPauses(w http.ResponseWriter, r *http.Request) {
	if r.Body != nil {
		r.Body = &timedBody{ReadCloser: r.Body, control: http.NewResponseController(w)}
	}
}

// timedBody is a request body whose Read fails if no data arrives for a while.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	if err := b.control.SetReadDeadline(time.Now().Add(pause)); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		// From here on gokrazy takes the time: it writes to the disk.
		b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
