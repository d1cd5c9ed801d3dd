package page

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// maxSessions bounds the sessions, and with them the memory that logins
	// use.
	maxSessions = 256
	// A session ends after sessionIdle without a request, and after
	// sessionLongest in any case.
	sessionIdle    = 2 * time.Hour
	sessionLongest = 24 * time.Hour
)

// sessions are the people who have logged in since menuwatch's start. Any
// goroutine may use them.
type sessions struct {
	mu  sync.Mutex
	all map[key]*session
}

// key is the hash of a token, so that how long a lookup takes says nothing about
// the tokens.
type key [sha256.Size]byte

// session is one login.
type session struct {
	began, used time.Time       // guarded by sessions.mu
	over        context.Context // ends with the session
	end         context.CancelFunc
}

// start begins a session and returns its token.
func (s *sessions) start(now time.Time) (token string) {
	token = rand.Text() + rand.Text() // 256 bits
	ctx, cancel := context.WithTimeout(context.Background(), sessionLongest)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[key]*session{}
	}
	if len(s.all) >= maxSessions {
		s.makeRoom(now)
	}
	s.all[sha256.Sum256([]byte(token))] = &session{began: now, used: now, over: ctx, end: cancel}
	return token
}

// makeRoom ends what has expired, or else the least recently used session.
func (s *sessions) makeRoom(now time.Time) {
	var oldest key
	for k, session := range s.all {
		if session.expired(now) {
			s.drop(k)
		} else if o := s.all[oldest]; o == nil || session.used.Before(o.used) {
			oldest = k
		}
	}
	if len(s.all) >= maxSessions {
		s.drop(oldest)
	}
}

// find returns the session of a token, and nil if it has none. It counts as a
// use.
func (s *sessions) find(now time.Time, token string) *session {
	k := key(sha256.Sum256([]byte(token)))
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.all[k]
	if session == nil {
		return nil
	}
	if session.expired(now) {
		s.drop(k)
		return nil
	}
	session.used = now
	return session
}

// touch counts as a use of a session.
func (s *sessions) touch(now time.Time, session *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session.used = now
}

// end ends the session of a token, if it has one.
func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(sha256.Sum256([]byte(token)))
}

func (s *sessions) drop(k key) {
	if session := s.all[k]; session != nil {
		session.end()
		delete(s.all, k)
	}
}

// expired compares times by the monotonic clock: the box's wall clock jumps.
func (s *session) expired(now time.Time) bool {
	return now.Sub(s.used) >= sessionIdle || now.Sub(s.began) >= sessionLongest
}
