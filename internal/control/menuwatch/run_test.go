package menuwatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/control/sitefiles"
	"github.com/pxebox/pxebox/internal/generation"
)

// published starts Run, and returns the generations as pxed would see them.
func (s *site) published() <-chan generation.Generation {
	ctx, stop := context.WithCancel(context.Background())
	seen := make(chan generation.Generation)
	ended := make(chan error, 2)
	go func() { ended <- s.Run(ctx) }()
	go func() {
		generation.Watch(ctx, s.RunDir, slog.New(slog.DiscardHandler), func(g generation.Generation) {
			select {
			case seen <- g:
			case <-ctx.Done():
			}
		})
		ended <- nil
	}()
	s.t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				s.t.Errorf("Run: %v", err)
			}
		}
	})
	return seen
}

// await returns the first generation whose menu contains a text. The deadline
// only limits a failure; a test that passes does not wait for it.
func await(t *testing.T, seen <-chan generation.Generation, want string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	last := "none"
	for {
		select {
		case g := <-seen:
			last = string(g.Files[pxelinux.ConfigFile])
			if strings.Contains(last, want) {
				return
			}
		case <-deadline:
			t.Fatalf("%q did not appear in the menu; the last was:\n%s", want, last)
		}
	}
}

func TestRunFollowsTheFile(t *testing.T) {
	s := newSite(t)
	seen := s.published()
	await(t, seen, "MENU TITLE Network boot")
	s.write(title("appeared"))
	await(t, seen, "MENU TITLE appeared")
	s.write(title("in place"))
	await(t, seen, "MENU TITLE in place")

	// Editors write a temporary file next to the original and rename it.
	if err := os.WriteFile(s.ConfigFile+"~", []byte(title("renamed")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.ConfigFile+"~", s.ConfigFile); err != nil {
		t.Fatal(err)
	}
	await(t, seen, "MENU TITLE renamed")
}

func TestRunBeforeTheFolderIsThere(t *testing.T) {
	s := newSite(t)
	folder := filepath.Dir(s.ConfigFile)
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	seen := s.published()
	await(t, seen, "MENU TITLE Network boot")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	s.write(title("mounted"))
	await(t, seen, "MENU TITLE mounted")
}

func TestRunFollowsTheBootFolder(t *testing.T) {
	s := newSite(t)
	s.write(debian)
	seen := s.published()
	await(t, seen, "(file missing)")
	s.put("debian/linux", 10)
	s.put("debian/initrd.gz", 10)
	await(t, seen, "MENU LABEL debian\n")
	s.put("debian/linux", -1)
	await(t, seen, "(file missing)")
}

func TestRunLooksNamesUpAndAsksServers(t *testing.T) {
	s := newSite(t)
	s.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
		if _, ok := ctx.Deadline(); !ok {
			return nil, errors.New("a question without an end")
		}
		return addrs("10.0.0.9"), nil
	}
	asked := make(chan netip.Addr, 1)
	s.Probe = func(ctx context.Context, a netip.Addr, _ config.WDS) (bootmenu.Server, error) {
		if _, ok := ctx.Deadline(); !ok {
			return bootmenu.Server{}, errors.New("a question without an end")
		}
		asked <- a
		return bootmenu.Server{Programs: map[firmware.Kind]bootmenu.Health{"bios": refused}}, nil
	}
	s.write(wdsAt("wds.example.org"))
	seen := s.published()
	await(t, seen, "(refuses the file)")
	if a := <-asked; a != addrs("10.0.0.9")[0] {
		t.Errorf("asked %v", a)
	}
}

func TestRunWithANameServerThatIsSilent(t *testing.T) {
	s := newSite(t)
	s.Lookup = func(ctx context.Context, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.write(wdsByName)
	await(t, s.published(), "(name not found)")
}

func TestRunEndsWhenItCannotPublish(t *testing.T) {
	s := newSite(t)
	if err := os.WriteFile(s.RunDir, []byte("a file, not a folder"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("no error")
	}
}

// A large site: a thousand entries and five thousand boot files.
func BenchmarkPublish(b *testing.B) {
	dir := b.TempDir()
	var file strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&file,
			"[[entry]]\nname = \"e%d\"\nlabel = \"Entry number %d\"\nkernel = \"k/linux-%d\"\n"+
				"initrd = [\"k/initrd-%d\"]\nappend = \"console=ttyS0,115200\"\n", i, i, i, i)
	}
	if err := os.Mkdir(filepath.Join(dir, "k"), 0o755); err != nil {
		b.Fatal(err)
	}
	for i := range 2500 {
		for _, name := range []string{"linux", "initrd"} {
			if err := os.WriteFile(filepath.Join(dir, "k", fmt.Sprintf("%s-%d", name, i)), []byte("x"),
				0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	c, err := parser.Parse("f", []byte(file.String()))
	if err != nil {
		b.Fatal(err)
	}
	w := &Watcher{BootDir: dir, RunDir: b.TempDir(), Log: slog.New(slog.DiscardHandler)}
	s := newState(w, exactly)
	s.cfg, s.published = c, true
	s.boot.follow(c, morning)
	b.Run("render and publish", func(b *testing.B) {
		for b.Loop() {
			if err := s.publish(morning); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("look at the boot folder", func(b *testing.B) {
		for b.Loop() {
			s.lookedAt(morning, c, sitefiles.Look(dir, "", c.Files, s.boot.needed))
		}
		if n := len(s.status().Missing); n > 0 {
			b.Fatalf("%d entries lack something", n)
		}
	})
	b.Run("look at a boot folder without them", func(b *testing.B) {
		for b.Loop() {
			sitefiles.Look(filepath.Join(dir, "k"), "", c.Files, s.boot.needed)
		}
	})
}
