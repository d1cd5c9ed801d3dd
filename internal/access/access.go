// Package access says who may change the box over the network, and proves to
// them that it is the box: the password of gokrazy's update page, a limit on
// guessing it, and the keys of the box. What is changed, and by which protocol,
// is decided elsewhere.
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// User is the name that goes with the password, as on gokrazy's update page.
const User = "gokrazy"

const (
	// A person who mistypes gets it right before the tenth time; whoever
	// guesses has 8,640 tries a day.
	burst = 10
	every = 10 * time.Second
	// maxSources is how many addresses are told apart. The rest share one
	// limit, so that memory stays bounded.
	maxSources = 1024
)

// The errors of Check.
var (
	ErrWrong = errors.New("wrong user or password")
	ErrWait  = errors.New("too many wrong passwords from this address: wait a minute")
)

// Gate checks passwords. Any goroutine may use it.
type Gate struct {
	want [sha256.Size]byte

	mu      sync.Mutex
	sources map[netip.Addr]*rate.Limiter // of those that were wrong
	rest    *rate.Limiter
}

// NewGate makes a gate that opens to a password, which is not empty.
func NewGate(password string) *Gate {
	return &Gate{want: credentials(User, password), sources: map[netip.Addr]*rate.Limiter{}, rest: newLimiter()}
}

// credentials are hashed so that a comparison takes as long whatever their
// lengths are.
func credentials(user, password string) [sha256.Size]byte {
	return sha256.Sum256([]byte(user + "\x00" + password))
}

func newLimiter() *rate.Limiter { return rate.NewLimiter(rate.Every(every), burst) }

// Check returns nil for the right user and password, and else ErrWrong or
// ErrWait. After ErrWait even the right ones have to wait: otherwise a guess
// would be told apart all the same.
func (g *Gate) Check(now time.Time, from netip.Addr, user, password string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	from = from.Unmap()
	limiter := g.sources[from]
	if limiter == nil {
		limiter = newLimiter()
		if len(g.sources) >= maxSources {
			g.forget(now)
		}
		if len(g.sources) >= maxSources {
			limiter = g.rest
		}
	}
	if limiter.TokensAt(now) < 1 {
		return ErrWait
	}
	got := credentials(user, password)
	if subtle.ConstantTimeCompare(got[:], g.want[:]) == 1 {
		return nil
	}
	limiter.AllowN(now, 1)
	if limiter != g.rest {
		g.sources[from] = limiter
	}
	return ErrWrong
}

// forget drops the addresses whose mistakes are made good.
func (g *Gate) forget(now time.Time) {
	for from, limiter := range g.sources {
		if limiter.TokensAt(now) >= burst {
			delete(g.sources, from)
		}
	}
}

// ReadPassword returns the update password from the first of the files that
// is there. gokrazy's init looks for gokr-pw.txt in /perm, then in /etc; an
// image without one in /etc has no password at all.
func ReadPassword(files ...string) (string, error) {
	for _, name := range files {
		b, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if password := strings.TrimSpace(string(b)); password != "" {
			return password, nil
		}
		return "", fmt.Errorf("%s is empty: this box has no update password", name)
	}
	return "", fmt.Errorf("none of %s is there: this box has no update password", strings.Join(files, ", "))
}
