package menuwatch

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/menu"
)

// site is a box's folders, with a log that tests read.
type site struct {
	*Watcher
	t   *testing.T
	log strings.Builder
}

func newSite(t *testing.T) *site {
	dir := t.TempDir()
	s := &site{t: t}
	s.Watcher = &Watcher{
		ConfigFile: filepath.Join(dir, "perm", "pxebox.toml"),
		BootDir:    filepath.Join(dir, "boot"),
		RunDir:     filepath.Join(dir, "run"),
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return nil, errors.New("no name server")
		},
		Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	}
	if err := os.Mkdir(filepath.Dir(s.ConfigFile), 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.ConfigFile, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) state() *state {
	return &state{Watcher: s.Watcher, addresses: map[string]netip.Addr{}, asked: map[string]bool{}, problems: map[string]string{}}
}

// menu is the published PXELINUX menu, or "" for none.
func (s *site) menu() string {
	g, err := generation.Read(s.RunDir)
	if err != nil {
		return ""
	}
	return string(g.Files[menu.PXELINUXConfig])
}

func title(s string) string { return "[menu]\ntitle = \"" + s + "\"\n" }

const wdsByName = `
[[wds]]
name = "a"
server = "wds.example.org"
[[entry]]
name = "a"
wds = "a"
[[entry]]
name = "disk"
disk = true
`

func addrs(s ...string) (out []netip.Addr) {
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// Each situation is a series of steps; after each of them the menu holds a
// text, and a given number of lines were logged as errors.
func TestConfigurationFile(t *testing.T) {
	type step struct {
		file   string // "-" removes it
		want   string // in the menu
		errors int
	}
	builtIn := "MENU TITLE Network boot\n"
	broken := "[menu]\ntitel = \"x\"\ntimeout = 1\n"
	for _, tt := range []struct {
		name   string
		former string // title of the generation of a run before
		steps  []step
	}{
		{"none at first, then it appears", "", []step{{"-", builtIn, 0}, {"-", builtIn, 0}, {title("one"), "MENU TITLE one\n", 0}}},
		{"changed", "", []step{{title("one"), "MENU TITLE one\n", 0}, {title("two"), "MENU TITLE two\n", 0}}},
		{"broken and mended", "", []step{{title("one"), "MENU TITLE one\n", 0}, {broken, "MENU TITLE one\n", 2}, {broken, "MENU TITLE one\n", 0}, {title("two"), "MENU TITLE two\n", 0}}},
		{"broken and put back as it was", "", []step{{title("one"), "MENU TITLE one\n", 0}, {broken, "MENU TITLE one\n", 2}, {title("one"), "MENU TITLE one\n", 0}, {broken, "MENU TITLE one\n", 2}}},
		{"deleted", "", []step{{title("one"), "MENU TITLE one\n", 0}, {"-", "MENU TITLE one\n", 1}, {"-", "MENU TITLE one\n", 0}}},
		{"emptied, as by an editor half-way", "", []step{{title("one"), "MENU TITLE one\n", 0}, {"\n", "MENU TITLE one\n", 1}}},
		{"broken from the start", "", []step{{broken, builtIn, 2}, {title("one"), "MENU TITLE one\n", 0}}},
		{"broken from the start, after a restart", "former", []step{{broken, "MENU TITLE former\n", 2}}},
		{"gone from the start, after a restart", "former", []step{{"-", "MENU TITLE former\n", 0}}},
		{"good from the start, after a restart", "former", []step{{title("one"), "MENU TITLE one\n", 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			if tt.former != "" {
				c, err := config.Parse("f", []byte(title(tt.former)))
				if err != nil {
					t.Fatal(err)
				}
				if err := generation.Publish(s.RunDir, generation.Build(c, menu.Status{})); err != nil {
					t.Fatal(err)
				}
			}
			st := s.state()
			for i, step := range tt.steps {
				if step.file == "-" {
					os.Remove(s.ConfigFile)
				} else {
					s.write(step.file)
				}
				s.log.Reset()
				if err := st.read(); err != nil {
					t.Fatal(err)
				}
				if got := s.menu(); !strings.Contains(got, step.want) {
					t.Errorf("step %d: %q is not in the menu:\n%s", i, step.want, got)
				}
				if n := strings.Count(s.log.String(), "level=ERROR"); n != step.errors {
					t.Errorf("step %d: %d errors in the log, want %d:\n%s", i, n, step.errors, &s.log)
				}
			}
		})
	}
}

func TestBadFormerGenerationIsReplaced(t *testing.T) {
	s := newSite(t)
	if err := os.MkdirAll(s.RunDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.RunDir, generation.FileName), []byte(`{"format": 0}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.state().read(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.menu(), "This computer's own disk") {
		t.Errorf("the menu is %q, want the built-in one", s.menu())
	}
}

func TestNames(t *testing.T) {
	fails := answer{host: "wds.example.org", err: errors.New("no such host")}
	says := func(a ...string) answer { return answer{host: "wds.example.org", addrs: addrs(a...)} }
	for _, tt := range []struct {
		name    string
		answers []answer
		want    string        // in the menu
		again   time.Duration // to the next question
	}{
		{"found", []answer{says("10.0.0.9")}, `APPEND 10.0.0.9::boot\x64\wdsnbp.com -W`, lookupAgain},
		{"not found", []answer{fails}, "MENU LABEL a (name not found)\n  MENU DISABLE", lookupRetry},
		{"found later", []answer{fails, fails, says("10.0.0.9")}, "APPEND 10.0.0.9::", lookupAgain},
		{"found, then the name server is down", []answer{says("10.0.0.9"), fails}, "APPEND 10.0.0.9::", lookupRetry},
		{"has moved", []answer{says("10.0.0.9"), says("10.0.0.7")}, "APPEND 10.0.0.7::", lookupAgain},
		{"two addresses in turning order", []answer{says("10.0.0.9", "10.0.0.7"), says("10.0.0.7", "10.0.0.9"), says("10.0.0.9", "10.0.0.7")}, "APPEND 10.0.0.7::", lookupAgain},
		{"a lower address comes up beside the one in use", []answer{says("10.0.0.9"), says("10.0.0.7", "10.0.0.9")}, "APPEND 10.0.0.9::", lookupAgain},
		{"IPv6 only", []answer{says("fd00::9")}, "(name not found)", lookupRetry},
		{"IPv4 written as IPv6", []answer{says("::ffff:10.0.0.9")}, "APPEND 10.0.0.9::", lookupAgain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.write(wdsByName)
			st := s.state()
			if err := st.read(); err != nil {
				t.Fatal(err)
			}
			if !st.waiting || s.menu() != "" {
				t.Error("published before the first answer")
			}
			for i, a := range tt.answers {
				if !slices.Equal(st.toAsk, []string{a.host}) {
					t.Fatalf("answer %d: asked for %v, want %s", i, st.toAsk, a.host)
				}
				st.toAsk = nil
				if err := st.answered(a); err != nil {
					t.Fatal(err)
				}
				if i < len(tt.answers)-1 {
					st.ask()
				}
			}
			if got := s.menu(); !strings.Contains(got, tt.want) {
				t.Errorf("%q is not in the menu:\n%s", tt.want, got)
			}
			if st.again != tt.again {
				t.Errorf("asks again after %v, want %v", st.again, tt.again)
			}
		})
	}
}

func TestSlowNameDoesNotHoldUpTheRest(t *testing.T) {
	s := newSite(t)
	s.write(wdsByName)
	st := s.state()
	if err := st.read(); err != nil {
		t.Fatal(err)
	}
	if err := st.publish(); err != nil { // the grace is over
		t.Fatal(err)
	}
	if got := s.menu(); !strings.Contains(got, "LABEL disk") || !strings.Contains(got, "(name not found)") {
		t.Errorf("the menu is:\n%s", got)
	}
}

func TestAnswerForANameThatIsNoLongerThere(t *testing.T) {
	s := newSite(t)
	s.write(wdsByName)
	st := s.state()
	if err := st.read(); err != nil {
		t.Fatal(err)
	}
	s.write(title("without"))
	if err := st.read(); err != nil {
		t.Fatal(err)
	}
	if err := st.answered(answer{host: "wds.example.org", err: errors.New("late")}); err != nil {
		t.Fatal(err)
	}
	if len(st.problems) > 0 || !strings.Contains(s.menu(), "MENU TITLE without") {
		t.Errorf("problems %v, menu:\n%s", st.problems, s.menu())
	}
}

func TestMissingBootFilesAreNamed(t *testing.T) {
	s := newSite(t)
	if err := os.MkdirAll(filepath.Join(s.BootDir, "debian"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.BootDir, "debian", "linux"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("f", []byte("[[entry]]\nname = \"d\"\nkernel = \"debian/linux\"\ninitrd = [\"debian/initrd.gz\"]\n[[entry]]\nname = \"m\"\nfile = \"memdisk\""))
	if err != nil {
		t.Fatal(err)
	}
	if got := missing(s.BootDir, c); !slices.Equal(got, []string{"debian/initrd.gz"}) {
		t.Errorf("missing are %v", got)
	}
}

// published lets Run work, and returns the generations as pxed would see them.
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

// await returns the first generation with a text in its menu. The deadline
// bounds a failure; a test that passes does not wait for it.
func await(t *testing.T, seen <-chan generation.Generation, want string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	last := "none"
	for {
		select {
		case g := <-seen:
			last = string(g.Files[menu.PXELINUXConfig])
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

	// Editors write beside the file and rename.
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

func TestRunLooksNamesUp(t *testing.T) {
	s := newSite(t)
	s.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
		if _, ok := ctx.Deadline(); !ok {
			return nil, errors.New("a question without an end")
		}
		return addrs("10.0.0.9"), nil
	}
	s.write(wdsByName)
	await(t, s.published(), "APPEND 10.0.0.9::")
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

func TestRender(t *testing.T) {
	s := newSite(t)
	s.write(wdsByName)
	out := t.TempDir()
	err := Render(t.Context(), s.ConfigFile, out, func(context.Context, string) ([]netip.Addr, error) {
		return addrs("10.0.0.9"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(out, "pxelinux.cfg", "default"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), `APPEND 10.0.0.9::boot\x64\wdsnbp.com -W`) {
		t.Errorf("rendered:\n%s", got)
	}
}

func TestCheck(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct{ name, file, want string }{
		{"right", title("x"), ""},
		{"wrong", "[menu]\ntimeout = 10\ntitel = \"x\"\n", ":2: menu.timeout: "},
		{"empty", "", "is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.write(tt.file)
			_, err := Check(s.ConfigFile)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
