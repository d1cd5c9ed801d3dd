// Package access decides who may change the box over the network, and proves
// the box's identity to them: it holds the box's password, a limit on guessing
// it, and the box's keys. What is changed, and by which protocol, is decided
// elsewhere.
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/pxebox/pxebox/internal/base/connlimit"
	"github.com/pxebox/pxebox/internal/base/credential"
)

// User is the user name, the same one that gok update sends.
const User = credential.User

// MinPassword is the minimum length of a password that a person chooses: that
// of three words. The box has two gates, the appliance's and the page's. At each
// one address may guess 1,440 times a day, all addresses together 283 times a
// second (see below). It takes 26 years to try all 4.7e11 combinations of three
// words from a list of 7,776 at both, and a week to try all passwords of six
// random letters.
const MinPassword = 12

const (
	// A person who mistypes gets it right before the tenth attempt; an address
	// that guesses has 1,440 attempts a day after that.
	burst = 10
	every = time.Minute
	// maxSources is how many addresses have separate limits, about 1.5 MiB. All
	// others share one limit, so that memory stays bounded.
	maxSources = 16384
	restBurst  = 10
	restEvery  = 100 * time.Millisecond
	// maxOwners is how many addresses that have logged in are remembered. Their
	// limits are separate from those of strangers: however many addresses
	// guess, the owner gets in.
	maxOwners = 64
)

// The errors that Check returns.
var (
	ErrWrong = errors.New("wrong user or password")
	ErrWait  = errors.New("too many wrong passwords from this address; wait a minute")
)

// Gate checks passwords. Any goroutine may use it.
type Gate struct {
	want [sha256.Size]byte

	mu      sync.Mutex
	sources map[netip.Addr]limit // addresses with wrong passwords, by connlimit.Client
	purged  time.Time            // when sources was last cleaned up
	rest    limit                // shared by those that sources has no room for
	owners  map[netip.Addr]*owner
}

// owner is an address that has logged in.
type owner struct {
	limit limit
	seen  time.Time
}

// NewGate returns a gate that accepts password, which must not be empty.
func NewGate(password string) *Gate {
	return &Gate{
		want:    credentials(User, password),
		sources: map[netip.Addr]limit{},
		owners:  map[netip.Addr]*owner{},
	}
}

// OpenGate returns a gate for the password that Password returns.
func OpenGate(own, first string, log *slog.Logger) (*Gate, error) {
	password, _, err := Password(own, first, log)
	if err != nil {
		return nil, err
	}
	return NewGate(password), nil
}

// Password returns the password in the file own, which a person has chosen.
// Without that file, or if its password is too short, the one in the file first
// counts, which the box has generated: it lets the owner in. isFirst reports
// that. Outside of a box, the argument first is empty, and Password fails
// instead.
func Password(own, first string, log *slog.Logger) (password string, isFirst bool, err error) {
	password, err = credential.ReadPassword(own)
	short := err == nil && len(password) < MinPassword || first != "" && errors.Is(err, credential.ErrEmpty)
	switch {
	case short && first == "":
		return "", false, fmt.Errorf("the password in %s has %d characters; write one of at least %d",
			own, len(password), MinPassword)
	case short:
		log.Error("the password is too short, so the box's first password applies: write a longer one and restart the box",
			"file", own, "characters", len(password), "at_least", MinPassword)
	case err == nil:
		return password, false, nil
	case first == "" || !errors.Is(err, fs.ErrNotExist):
		return "", false, err
	}
	if password, err = credential.ReadPassword(first); err != nil {
		return "", false, err
	}
	if len(password) < MinPassword {
		// It is the one of an image from before there was a minimum.
		log.Error("the password of the earlier image is too short: write a longer one and restart the box",
			"file", own, "characters", len(password), "at_least", MinPassword)
	}
	return password, true, nil
}

// credentials hashes its arguments so that a comparison takes the same time
// whatever their length.
func credentials(user, password string) [sha256.Size]byte {
	return sha256.Sum256([]byte(user + "\x00" + password))
}

// limit is the time at which all wrong passwords are forgiven. Each wrong one
// postpones it.
type limit time.Time

// reached reports whether as many wrong passwords were tried as are allowed.
func (l limit) reached(now time.Time, burst int, every time.Duration) bool {
	return time.Time(l).Sub(now) > time.Duration(burst-1)*every
}

// wrong returns the limit after another wrong password.
func (l limit) wrong(now time.Time, every time.Duration) limit {
	if time.Time(l).Before(now) {
		l = limit(now)
	}
	return limit(time.Time(l).Add(every))
}

// Check returns nil for the right user and password, otherwise ErrWrong or
// ErrWait. While ErrWait applies, it rejects even the right password: otherwise
// a client could still tell a right guess from a wrong one.
func (g *Gate) Check(now time.Time, from netip.Addr, user, password string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	from = from.Unmap()
	counted, burst, every := g.limit(now, from)
	if counted.reached(now, burst, every) {
		return ErrWait
	}
	got := credentials(user, password)
	if subtle.ConstantTimeCompare(got[:], g.want[:]) == 1 {
		g.admit(now, from)
		return nil
	}
	g.count(from, counted.wrong(now, every))
	return ErrWrong
}

// limit returns the limit that applies to an address.
func (g *Gate) limit(now time.Time, from netip.Addr) (l limit, most int, pause time.Duration) {
	if o := g.owners[from]; o != nil {
		return o.limit, burst, every
	}
	if l, ok := g.sources[connlimit.Client(from)]; ok {
		return l, burst, every
	}
	if len(g.sources) >= maxSources {
		g.forget(now)
	}
	if len(g.sources) >= maxSources {
		return g.rest, restBurst, restEvery
	}
	return limit{}, burst, every
}

// count stores the limit of an address.
func (g *Gate) count(from netip.Addr, l limit) {
	client := connlimit.Client(from)
	_, counted := g.sources[client]
	switch o := g.owners[from]; {
	case o != nil:
		o.limit = l
	case counted || len(g.sources) < maxSources:
		g.sources[client] = l
	default:
		g.rest = l
	}
}

// forget drops the addresses whose wrong passwords are forgiven. It scans all
// addresses, so it runs at most once a second.
func (g *Gate) forget(now time.Time) {
	if now.Sub(g.purged) < time.Second {
		return
	}
	g.purged = now
	for from, l := range g.sources {
		if !time.Time(l).After(now) {
			delete(g.sources, from)
		}
	}
}

// Admit remembers an address that has logged in by other means, for example
// with a key.
func (g *Gate) Admit(now time.Time, from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.admit(now, from.Unmap())
}

func (g *Gate) admit(now time.Time, from netip.Addr) {
	if o := g.owners[from]; o != nil {
		o.seen = now
		return
	}
	if len(g.owners) >= maxOwners {
		var oldest netip.Addr
		for a, o := range g.owners {
			if !oldest.IsValid() || o.seen.Before(g.owners[oldest].seen) {
				oldest = a
			}
		}
		delete(g.owners, oldest)
	}
	g.owners[from] = &owner{seen: now}
}

// Known reports whether an address has logged in since the program started.
func (g *Gate) Known(from netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.owners[from.Unmap()] != nil
}
