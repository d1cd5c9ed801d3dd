package pulse

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Each beat is also one for systemd's watchdog, whose socket is a file or has an
// abstract name.
func TestBeatReachesSystemd(t *testing.T) {
	for situation, name := range map[string]string{
		"a file":           filepath.Join(t.TempDir(), "notify"),
		"an abstract name": "@pxebox-pulse-" + filepath.Base(t.TempDir()) + time.Now().Format("150405.000000000"),
	} {
		t.Run(situation, func(t *testing.T) {
			systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer systemd.Close()
			t.Setenv("NOTIFY_SOCKET", name)
			New(t.TempDir(), "pxed").Beat(Progress{})
			if err := systemd.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 100)
			n, err := systemd.Read(b)
			if got, want := string(b[:n]), "READY=1\nWATCHDOG=1"; err != nil || got != want {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		})
	}
}

// A host without systemd, or whose systemd does not read, has a pulse as well.
func TestBeatWithoutSystemd(t *testing.T) {
	for situation, name := range map[string]string{"no systemd": "", "no such socket": filepath.Join(t.TempDir(), "notify")} {
		t.Run(situation, func(t *testing.T) {
			t.Setenv("NOTIFY_SOCKET", name)
			dir := t.TempDir()
			New(dir, "pxed").Beat(Progress{})
			if _, err := os.Stat(filepath.Join(dir, "pxed.alive")); err != nil {
				t.Error(err)
			}
		})
	}
}
