package cli

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/box/settings"
)

// pxebox runs a command line, without a terminal.
func pxebox(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	in, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var o, e strings.Builder
	code = Main(args, in, &o, &e)
	return code, o.String(), e.String()
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PXEBOX_PASSWORD", "")
	t.Setenv("XDG_CONFIG_HOME", dir)
	right := write(t, dir, "right.toml", "[menu]\ntitle = \"x\"\n")
	elsewhere := write(t, t.TempDir(), "readme.txt", "no menus\n")
	wrong := write(t, dir, "wrong.toml", "[menu]\ntitel = \"x\"\n")
	for _, tt := range []struct {
		situation    string
		args         []string
		code         int
		out, problem string // parts of its output
	}{
		{situation: "nothing", code: 0, out: "Usage:"},
		{situation: "help", args: []string{"help", "upload"}, code: 0, out: "Examples:"},
		{situation: "version", args: []string{"version"}, code: 0, out: "pxebox "},
		{situation: "version, as a flag", args: []string{"--version"}, code: 0, out: "pxebox "},
		{situation: "completion", args: []string{"completion", "bash"}, code: 0, out: "__start_pxebox"},
		{situation: "a right file", args: []string{"check", right}, code: 0, out: right + ": OK\n"},
		{situation: "a wrong file", args: []string{"check", wrong}, code: 1, problem: wrong + ":2: menu.titel"},
		{situation: "no such file", args: []string{"check", right + "x"}, code: 1, problem: "no such file"},
		{situation: "a boot folder", args: []string{"check", "--boot", dir, right}, code: 0, out: ": OK\n"},
		{situation: "no WDS server to ask", args: []string{"check", "--probe", right}, code: 0, out: ": OK\n"},
		{situation: "render", args: []string{"render", right, filepath.Join(dir, "menus")}, code: 0},
		{
			situation: "adopt what is no tree",
			args:      []string{"adopt", filepath.Dir(elsewhere), filepath.Join(dir, "site")},
			code:      1, problem: "adopt: ",
		},
		{situation: "an empty password", args: []string{"hash-password"}, code: 1, problem: "EOF"},
		{
			situation: "no password for a box", args: []string{"upload", "192.0.2.1", right}, code: 1,
			problem: "no password: set PXEBOX_PASSWORD, or ",
		},
		{
			situation: "a password file that is not there",
			args:      []string{"upload", "--password-file", "x", "192.0.2.1", right}, code: 1,
			problem: "no password in x",
		},
		{
			situation: "an update outside a checkout", args: []string{"update", "192.0.2.1"}, code: 1,
			problem: "root of a checkout",
		},
		{
			situation: "no password for a release", args: []string{"update", "192.0.2.1", right}, code: 1,
			problem: "no password: set PXEBOX_PASSWORD, or ",
		},
		{situation: "find with an argument", args: []string{"find", "192.0.2.1"}, code: 2,
			problem: "Run 'pxebox find --help'"},
		{situation: "find with a wrong time", args: []string{"find", "--wait", "3"}, code: 2,
			problem: "Run 'pxebox find --help'"},
		{situation: "no such command", args: []string{"chekc"}, code: 2, problem: "unknown command \"chekc\""},
		{
			situation: "no such flag", args: []string{"check", "--bot", "x", right}, code: 2,
			problem: "Run 'pxebox check --help'",
		},
		{situation: "no file", args: []string{"check"}, code: 2, problem: "Run 'pxebox check --help'"},
		{
			situation: "a file too many", args: []string{"check", right, right}, code: 2,
			problem: "Run 'pxebox check --help'",
		},
		{situation: "no host", args: []string{"upload", right}, code: 2, problem: "Run 'pxebox upload --help'"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			code, out, problem := pxebox(t, tt.args...)
			if code != tt.code || !strings.Contains(out, tt.out) || !strings.Contains(problem, tt.problem) {
				t.Errorf("code %d, want %d; it prints\n%s\nand complains\n%s", code, tt.code, out, problem)
			}
			if (code == 0) != (problem == "") {
				t.Errorf("code %d, and it complains %q", code, problem)
			}
		})
	}
}

func TestEachCommandHasAnExample(t *testing.T) {
	n := 0
	for _, c := range new(app).root().Commands() {
		n++
		if c.Example == "" || c.Short == "" {
			t.Errorf("%s has no example, or no summary", c.Name())
		}
	}
	if n != 9 {
		t.Errorf("%d commands", n)
	}
}

// The settings reach a box; the password comes from the environment or from a
// file.
func TestSettings(t *testing.T) {
	const secret = "correct horse"
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	store := &settings.Store{File: write(t, dir, "box.toml", "# old\n")}
	log := slog.New(slog.DiscardHandler)
	box := httptest.NewTLSServer(access.Require(access.NewGate(secret), settings.Handler(store, log), log))
	defer box.Close()
	host := box.Listener.Addr().String()
	file := write(t, dir, "mine.toml", "[menu]\ntitle = \"Mine\"\n")
	for _, tt := range []struct {
		situation, env string
		flags          []string
		code           int
	}{
		{situation: "from the environment", env: secret, code: 0},
		{situation: "from a file", flags: []string{"--password-file", write(t, dir, "password", secret+"\n")}, code: 0},
		{
			situation: "the environment comes first", env: secret,
			flags: []string{"--password-file", write(t, dir, "old", "guess")}, code: 0,
		},
		{situation: "a wrong one", env: "guess", code: 1},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			t.Setenv("PXEBOX_PASSWORD", tt.env)
			if code, out, problem := pxebox(t,
				append([]string{"settings", host, file}, tt.flags...)...); code != tt.code {
				t.Errorf("code %d: %s%s", code, out, problem)
			}
		})
	}
	if known, err := os.ReadFile(filepath.Join(dir, "config", "pxebox", "known_boxes")); err != nil ||
		!strings.HasPrefix(string(known), host+" sha256//") {
		t.Errorf("the known boxes are %q, %v", known, err)
	}
}

func TestBar(t *testing.T) {
	const mib = 1 << 20
	var out bytes.Buffer
	clock := time.Unix(0, 0)
	b := &bar{out: &out, terminal: true, now: func() time.Time { return clock }}
	for i, step := range []struct {
		done  int64
		after time.Duration
		want  string
	}{
		{done: 4 * mib, want: "\rlinux [############..................]  40%  4.0 of 10.0 MiB   "}, // it resumes
		{done: 5 * mib, after: redraw / 2, want: ""},
		{done: 6 * mib, after: time.Second - redraw/2,
			want: "\rlinux [##################............]  60%  6.0 of 10.0 MiB  2.0 MiB/s   "},
		{done: 10 * mib, after: 0,
			want: "\rlinux [##############################] 100%  10.0 of 10.0 MiB  6.0 MiB/s   "},
	} {
		clock = clock.Add(step.after)
		b.show("linux", step.done, 10*mib)
		if got := out.String(); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
		out.Reset()
	}
	b.Write([]byte("it is there\n"))
	b.show("empty", 0, 0)
	b.end()
	b.end()
	const want = "\nit is there\n\rempty [##############################] 100%  0.0 of 0.0 MiB   \n"
	if got := out.String(); got != want {
		t.Errorf("then %q, want %q", got, want)
	}
	out.Reset()
	b = newBar(&out)
	b.show("linux", 0, mib)
	b.show("linux", mib, mib)
	b.end()
	if out.Len() > 0 {
		t.Errorf("where there is no terminal it draws %q", &out)
	}
}

// Without a terminal there are only whole lines, both ours and gok's.
func TestGokOutput(t *testing.T) {
	said := []string{
		"building\n", "\r", "[updating root] 12.50% of 53 MiB, uploading at 11 MiB/s                 \r",
		"2026/01/02 03:04:05 \r", "Transferred 53 MiB\n", "last words",
	}
	for _, tt := range []struct {
		situation string
		terminal  bool
		want      string
	}{
		{situation: "a file", want: "building\nTransferred 53 MiB\nlast words\n"},
		{situation: "a terminal", terminal: true, want: "building\n" +
			"\rupdating root [###...........................]  12%  53 MiB, uploading at 11 MiB/s   \n" +
			"Transferred 53 MiB\nlast words\n"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			var out bytes.Buffer
			g := gokOutput{&bar{out: &out, terminal: tt.terminal, now: time.Now}}
			for _, line := range said {
				if n, err := g.Write([]byte(line)); n != len(line) || err != nil {
					t.Errorf("%q: %d, %v", line, n, err)
				}
			}
			if got := out.String(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
