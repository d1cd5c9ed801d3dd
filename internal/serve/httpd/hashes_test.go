package httpd

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
)

// tag asks for a file and returns the ETag that it came with.
func tag(s *Server, target string) string {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w.Header().Get("ETag")
}

func TestHashOfFileOnDisk(t *testing.T) {
	s, boot, _ := newServer(t)
	sum := sha256.Sum256([]byte(kernel))

	if got := tag(s, "/debian/linux"); got != "" {
		t.Errorf("the first answer waited for its tag %s", got)
	}
	tag(s, "/DEBIAN/linux") // under any name it is the same file
	if n := len(s.hashes.queue); n != 1 {
		t.Fatalf("%d wait for a hash", n)
	}
	s.hashes.compute(t.Context(), s.Open, <-s.hashes.queue)
	if got := tag(s, "/debian/linux"); got != etag(sum[:]) {
		t.Errorf("then its tag is %q, want %s", got, etag(sum[:]))
	}
	if n := len(s.hashes.queue); n != 0 {
		t.Errorf("%d wait again", n)
	}

	// The same size, at another time.
	linux := filepath.Join(boot, "debian/linux")
	if err := os.WriteFile(linux, []byte("9876543210"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(linux, longAgo, longAgo.Add(time.Nanosecond)); err != nil {
		t.Fatal(err)
	}
	if got := tag(s, "/debian/linux"); got != "" {
		t.Errorf("changed, it still has the tag %s", got)
	}
	s.hashes.compute(t.Context(), s.Open, <-s.hashes.queue)
	sum = sha256.Sum256([]byte("9876543210"))
	if got := tag(s, "/debian/linux"); got != etag(sum[:]) {
		t.Errorf("changed, its tag is %q, want %s", got, etag(sum[:]))
	}
}

// Serve computes what is waited for.
func TestServeComputesHashes(t *testing.T) {
	s, _, _ := newServer(t)
	opened := make(chan string, 4)
	open := s.Open
	s.Open = func(client netip.Addr, name string) (bootfiles.File, error) {
		opened <- name
		return open(client, name)
	}
	addr := start(t, s)
	ask(t, addr, "GET", "/debian/linux")
	for range 2 { // for the answer, and for the hash
		if got := <-opened; got != "/debian/linux" {
			t.Errorf("opened %q", got)
		}
	}
}

func TestNoHash(t *testing.T) {
	for _, tc := range []struct {
		situation string
		// between happens after the request and before the hash.
		between func(t *testing.T, s *Server, linux string) context.Context
	}{
		{"another content meanwhile", func(t *testing.T, _ *Server, linux string) context.Context {
			if err := os.WriteFile(linux, []byte("new"), 0o644); err != nil {
				t.Fatal(err)
			}
			return t.Context()
		}},
		{"the content changes while it is read", func(t *testing.T, s *Server, linux string) context.Context {
			open := s.Open
			s.Open = func(client netip.Addr, name string) (bootfiles.File, error) {
				f, err := open(client, name)
				if err := os.WriteFile(linux, []byte("new"), 0o644); err != nil {
					t.Fatal(err)
				}
				return f, err
			}
			return t.Context()
		}},
		{"the file has gone", func(t *testing.T, _ *Server, linux string) context.Context {
			if err := os.Remove(linux); err != nil {
				t.Fatal(err)
			}
			return t.Context()
		}},
		{"the server ends", func(t *testing.T, _ *Server, _ string) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx
		}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			s, boot, _ := newServer(t)
			tag(s, "/debian/linux")
			j := <-s.hashes.queue
			ctx := tc.between(t, s, filepath.Join(boot, "debian/linux"))
			s.hashes.compute(ctx, s.Open, j)
			if len(s.hashes.known) != 0 || len(s.hashes.waiting) != 0 {
				t.Errorf("%d known, %d waiting", len(s.hashes.known), len(s.hashes.waiting))
			}
		})
	}
}

func TestHashesAreBounded(t *testing.T) {
	s, boot, _ := newServer(t)
	info, err := os.Stat(filepath.Join(boot, "debian/linux"))
	if err != nil {
		t.Fatal(err)
	}
	now := longAgo.Add(time.Hour)
	for i := range 2 * maxWaiting {
		s.hashes.of("/debian/linux", resized{info, int64(1000 + i)}, now)
	}
	if len(s.hashes.queue) != maxWaiting || len(s.hashes.waiting) != maxWaiting {
		t.Errorf("%d wait, the bound is %d", len(s.hashes.queue), maxWaiting)
	}
	for i := range maxHashes {
		s.hashes.known[version{size: int64(i)}] = nil
	}
	s.hashes.compute(t.Context(), s.Open, job{"/debian/linux", versionOf(info)})
	if _, ok := s.hashes.known[versionOf(info)]; !ok || len(s.hashes.known) != maxHashes {
		t.Errorf("%d are kept, the bound is %d; the new one is among them: %v", len(s.hashes.known), maxHashes, ok)
	}
}

// A file that has just changed may change again with nothing to show for it.
func TestHashOfFreshFile(t *testing.T) {
	info, err := os.Stat(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		situation string
		age       time.Duration
		waits     int
	}{
		{"just written", 0, 0},
		{"a second old", time.Second, 0},
		{"settled", settled, 1},
		{"of next year, by a clock without a battery", -settled, 1},
	} {
		var h hashes
		h.of("x", info, info.ModTime().Add(tc.age))
		if len(h.queue) != tc.waits {
			t.Errorf("%s: %d wait, want %d", tc.situation, len(h.queue), tc.waits)
		}
	}
}

// resized is a file of another size.
type resized struct {
	fs.FileInfo
	size int64
}

func (r resized) Size() int64 { return r.size }
