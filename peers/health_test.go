//go:build peers

package peers

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/box/selftest"
)

// TestHealthAmidFlood checks pxed's health as the appliance does while port 69
// is flooded. A pxed that serves must not be killed; one that hangs must be
// killed at once.
func TestHealthAmidFlood(t *testing.T) {
	s := newFileSite(t, cable)
	s.must(s.client.Run("ip", "route", "add", "local", crowd.String(), "dev", "lo"))
	s.must(s.client.Run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_ratemask=0"))
	s.must(os.WriteFile(filepath.Join(s.boot, "boot"), make([]byte, 1<<20), 0o644))
	checker := pulse.NewChecker(s.box.Run(), "pxed")
	// Shorter than the appliance's, but still several beats of pxed.
	const pause = 5 * time.Second
	look := func() (err, alone error) {
		var since pulse.Progress
		if since, err = checker.Check(); err != nil {
			return err, err
		}
		t.Logf("done since the last look: %+v", since)
		s.must(s.host.Do(func() error {
			err, alone = selftest.Pxed(t.Context(), "", since), selftest.Pxed(t.Context(), "", pulse.Progress{})
			return nil
		}))
		return err, alone
	}
	begun, enough, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := s.flood(200_000, begun, enough)
		ended <- err
	}()
	<-begun
	checker.Check()
	lost := 0
	const looks = 4
	for range looks {
		time.Sleep(pause)
		err, alone := look()
		if err != nil {
			t.Errorf("amid the flood: %v", err)
		}
		if alone != nil {
			lost++
		}
	}
	t.Logf("in %d looks the question was lost %d times; all of them had been failures", looks, lost)

	s.must(syscall.Kill(s.box.PID(), syscall.SIGSTOP))
	checker.Check() // the last beat before it hangs
	time.Sleep(pause)
	if err, _ := look(); err == nil {
		t.Error("it hangs amid the flood, and passes for one that serves")
	}
	s.must(syscall.Kill(s.box.PID(), syscall.SIGCONT))
	close(enough)
	s.must(<-ended)
}
