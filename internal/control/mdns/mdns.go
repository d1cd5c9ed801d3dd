// Package mdns announces the box on its network by multicast DNS: pxebox.local,
// and the web page as a service (RFC 6762, RFC 6763). If another host has the
// name, the box takes the next one, pxebox-2.local. It answers only on the
// served link, and stays silent next to another program that answers there,
// such as avahi.
//
// github.com/pion/mdns (v2.2.2) answers questions, but it does not probe for a
// name, notice a conflict or announce, and it answers any address. So this
// package works with the codec of golang.org/x/net alone.
package mdns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pxebox/pxebox/internal/base/credential"
	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/base/sitenote"
)

// Service is what the box announces.
type Service struct {
	Label string   // of the host's name: "pxebox" for pxebox.local
	Port  uint16   // of the page, HTTPS
	Text  []string // the page's attributes: "key=value", at most 255 bytes each
}

// Responder announces a Service for as long as it runs.
type Responder struct {
	Service Service
	// Link returns the served link, and Fingerprint that of the page's
	// certificate, or "" before there is one. Both are called every few seconds.
	Link        func() Link
	Fingerprint func() string
	// RunDir is the folder for the file that holds the last name.
	RunDir string
	Log    *slog.Logger

	name atomic.Pointer[string]
}

// ForPage returns the Responder for a page that listens on an address such as
// ":443". certificate is the file of its certificate. What hosts on the link can
// have it log is limited.
func ForPage(address, certificate, runDir string, log *slog.Logger) (*Responder, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n, err := net.LookupPort("tcp", port)
	if err != nil {
		return nil, err
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		addr = netip.IPv4Unspecified() // all addresses, or a name
	}
	return &Responder{
		Service: Service{Label: "pxebox", Port: uint16(n)},
		Link:    OwnLink(runDir, addr), RunDir: runDir, Log: slog.New(loglimit.New(log.Handler())),
		Fingerprint: func() string { return credential.FileFingerprint(certificate) },
	}, nil
}

const (
	// look is how often to look at the link, and for another program.
	look = 2 * time.Second
	// perSecond is how many packets a second are read. The kernel drops the
	// others, so that a flood of the worst packets takes a twentieth of a
	// processor. Clients repeat their questions.
	perSecond = 500
	// maxPacket is the longest message, in bytes (RFC 6762 §17).
	maxPacket = 9000
)

// Name returns the box's name, such as "pxebox.local", or "" while it has none.
// Any goroutine may call it.
func (r *Responder) Name() string {
	if n := r.name.Load(); n != nil {
		return *n
	}
	return ""
}

// Run announces the service until ctx ends. It has no error to return: without
// a name, the box is still reachable by its address.
func (r *Responder) Run(ctx context.Context) {
	random := func(most time.Duration) time.Duration { return rand.N(most) }
	s := &state{service: r.Service, number: r.remembered(), random: random}
	said := ""
	for ctx.Err() == nil {
		why := ""
		if err := r.attempt(ctx, s); err != nil {
			why = err.Error()
		}
		if r.Name() != "" {
			said = "" // what was wrong before is over
		}
		r.has("")
		if why != said && why != "" { // once, not every two seconds
			r.Log.Warn("the box's name is not announced by mDNS", "why", why)
		}
		said = why
		select {
		case <-ctx.Done():
		case <-time.After(look):
		}
	}
}

var (
	errOther  = errors.New("another program answers on UDP port 5353")
	errSocket = errors.New("the socket for UDP port 5353 failed")
)

// attempt announces the service on one link, until the link changes or another
// program appears. It returns nil if there is no link, or another one.
func (r *Responder) attempt(ctx context.Context, s *state) error {
	link, fingerprint := r.Link(), r.Fingerprint()
	if !link.Addr.IsValid() {
		return nil
	}
	s.service.Text = attributes(fingerprint)
	if err := alone(0); err != nil {
		return err
	}
	conn, err := listen(link)
	if err != nil {
		return fmt.Errorf("UDP port 5353 of %s: %w", link.Interface, err)
	}
	packets, stop := make(chan received), make(chan struct{})
	go receive(conn, packets, stop)
	defer func() { close(stop); conn.Close() }()
	send := func(out []packet) {
		for _, p := range out {
			_, _ = conn.WriteToUDPAddrPort(p.data, p.to) // best effort, as UDP is
		}
	}

	s.use(time.Now(), link.Addr)
	check := time.NewTicker(look)
	defer check.Stop()
	for {
		var alarm <-chan time.Time
		if at := s.wake(); !at.IsZero() {
			alarm = time.After(time.Until(at))
		}
		select {
		case <-ctx.Done():
			send(s.goodbye())
			return nil
		case p, ok := <-packets:
			if !ok {
				return errSocket
			}
			send(s.receive(time.Now(), p.from, p.data))
		case <-alarm:
			send(s.tick(time.Now()))
		case <-check.C:
			if r.Link() != link || r.Fingerprint() != fingerprint {
				return nil
			}
			if err := alone(1); err != nil {
				send(s.goodbye())
				return err
			}
		}
		r.has(s.name())
	}
}

// received is a packet from the link.
type received struct {
	from netip.AddrPort
	data []byte
}

// receive hands on what arrives, until stop or an error of the socket, which
// closes the channel.
func receive(conn *net.UDPConn, to chan<- received, stop <-chan struct{}) {
	defer close(to)
	b := make([]byte, maxPacket)
	second, n := time.Now(), 0
	for {
		size, from, err := conn.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		now := time.Now()
		if now.Sub(second) >= time.Second {
			second, n = now, 0
		}
		// An error counts too: if it repeats, it does not keep a processor busy.
		if n++; n > perSecond {
			time.Sleep(time.Second - now.Sub(second))
		}
		if err != nil {
			continue
		}
		select {
		case to <- received{netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), append([]byte(nil), b[:size]...)}:
		case <-stop:
			return
		}
	}
}

// has notes the name, and logs a new one.
func (r *Responder) has(name string) {
	if name == r.Name() {
		return
	}
	r.name.Store(&name)
	if name == "" {
		return
	}
	r.Log.Info("the box's name on this network", "name", name)
	if err := os.WriteFile(r.file(), []byte(name+"\n"), 0o644); err != nil {
		r.Log.Warn("cannot note the box's name", "err", err)
	}
}

func (r *Responder) file() string { return filepath.Join(r.RunDir, sitenote.NameFile) }

// remembered returns the number of the last name.
func (r *Responder) remembered() int {
	b, err := os.ReadFile(r.file())
	if err != nil {
		return 1
	}
	return numberOf(strings.TrimSpace(string(b)), r.Service.Label)
}

// numberOf returns the number in a name that the box once had, or 1.
func numberOf(name, label string) int {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(name, ".local"), label+"-")
	n, err := strconv.Atoi(rest)
	if !ok || err != nil || n < 1 || n > maxNumber {
		return 1
	}
	return n
}
