package menuwatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/control/compile"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/control/syslog"
	"github.com/pxebox/pxebox/internal/generation"
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
		Probe: func(context.Context, netip.Addr, config.WDS) (bootmenu.Server, error) {
			return bootmenu.Server{}, nil
		},
		Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	}
	for _, d := range []string{filepath.Dir(s.ConfigFile), s.BootDir} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// write writes the configuration; "-" removes it.
func (s *site) write(text string) {
	s.t.Helper()
	if text == "-" {
		os.Remove(s.ConfigFile)
		return
	}
	if err := os.WriteFile(s.ConfigFile, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// menu returns the published PXELINUX menu, or "" for none.
func (s *site) menu() string {
	g, err := generation.Read(s.RunDir)
	if err != nil {
		return ""
	}
	return string(g.Files[pxelinux.ConfigFile])
}

// expect looks for a text in the published menu.
func (s *site) expect(when, want string) {
	s.t.Helper()
	if got := s.menu(); !strings.Contains(got, want) {
		s.t.Errorf("%s: %q is not in the menu:\n%s", when, want, got)
	}
}

// told counts the log lines that contain a text, and clears the log.
func (s *site) told(text string) (n int) {
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	s.log.Reset()
	return n
}

// morning is the start time of a simulated box's clock.
var morning = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// simulation runs a state with a simulated clock, which jumps from one event to
// the next. Questions are answered at once, or held.
type simulation struct {
	*site
	box  *state
	now  time.Time
	hold bool
	held []question
}

func simulate(t *testing.T, now time.Time) *simulation {
	s := newSite(t)
	return &simulation{site: s, box: newState(s.Watcher, exactly), now: now}
}

// run lets time pass.
func (m *simulation) run(d time.Duration) {
	m.t.Helper()
	end := m.now.Add(d)
	for {
		if err := m.box.tick(m.now); err != nil {
			m.t.Fatal(err)
		}
		if m.hold {
			m.held, m.box.questions = append(m.held, m.box.questions...), nil
		}
		if len(m.box.questions) > 0 {
			ask := m.box.questions[0]
			m.box.questions = m.box.questions[1:]
			ask(m.t.Context())(m.now)
			continue
		}
		at := m.box.wake()
		if at.IsZero() || at.After(end) {
			break
		}
		if at.After(m.now) {
			m.now = at
		}
	}
	m.now = end
}

// configure makes the state read a configuration, and runs all that follows at
// once.
func (m *simulation) configure(text string) {
	m.t.Helper()
	m.write(text)
	m.box.configChanged(m.now)
	m.run(settle)
}

func title(s string) string { return "[menu]\ntitle = \"" + s + "\"\n" }

// exactly is a jitter function without jitter.
func exactly(d time.Duration) time.Duration { return d }

// Each situation is a series of steps. After each step the menu contains a text,
// and a given number of lines were logged as errors.
func TestConfigurationFile(t *testing.T) {
	type step struct {
		file   string // "-" removes it
		want   string // in the menu
		errors int
	}
	builtIn := "MENU TITLE Network boot"
	broken := "[menu]\ntitel = \"x\"\ntimeout = 1\n"
	for _, tt := range []struct {
		name   string
		former string // title of an earlier run's generation
		steps  []step
	}{
		{name: "none at first, then it appears",
			steps: []step{{file: "-", want: builtIn}, {file: "-", want: builtIn},
				{file: title("one"), want: "MENU TITLE one"}}},
		{name: "changed", steps: []step{{file: title("one"), want: "MENU TITLE one"},
			{file: title("two"), want: "MENU TITLE two"}}},
		{name: "broken and fixed", steps: []step{{file: title("one"), want: "MENU TITLE one"},
			{file: broken, want: "MENU TITLE one", errors: 2}, {file: broken, want: "MENU TITLE one"},
			{file: title("two"), want: "MENU TITLE two"}}},
		{name: "broken and put back as it was",
			steps: []step{{file: title("one"), want: "MENU TITLE one"},
				{file: broken, want: "MENU TITLE one", errors: 2}, {file: title("one"), want: "MENU TITLE one"},
				{file: broken, want: "MENU TITLE one", errors: 2}}},
		{name: "deleted", steps: []step{{file: title("one"), want: "MENU TITLE one"},
			{file: "-", want: "MENU TITLE one", errors: 1}, {file: "-", want: "MENU TITLE one"}}},
		{name: "emptied, as by an editor half-way",
			steps: []step{{file: title("one"), want: "MENU TITLE one"},
				{file: "\n", want: "MENU TITLE one", errors: 1}}},
		{name: "broken from the start", steps: []step{{file: broken, want: builtIn, errors: 2},
			{file: title("one"), want: "MENU TITLE one"}}},
		{name: "broken from the start, after a restart", former: "former",
			steps: []step{{broken, "MENU TITLE former", 2}}},
		{name: "gone from the start, after a restart", former: "former", steps: []step{{"-", "MENU TITLE former", 0}}},
		{name: "good from the start, after a restart", former: "former",
			steps: []step{{title("one"), "MENU TITLE one", 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := simulate(t, morning)
			if tt.former != "" {
				c, err := parser.Parse("f", []byte(title(tt.former)))
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := generation.Publish(m.RunDir, compile.Generation(c, menu.Status{})); err != nil {
					t.Fatal(err)
				}
			}
			for i, step := range tt.steps {
				m.configure(step.file)
				m.expect(fmt.Sprint("step ", i), step.want)
				if log := m.log.String(); m.told("level=ERROR") != step.errors {
					t.Errorf("step %d: want %d errors in the log:\n%s", i, step.errors, log)
				}
			}
		})
	}
}

// A setting that will hardly work is logged once, and used.
func TestWarningsAreLogged(t *testing.T) {
	m := simulate(t, morning)
	m.configure(title("one") + "[network]\naddress = \"192.168.77.1/24\"\n[[subnet]]\nnetwork = \"10.1.0.0/24\"\n")
	m.configure("-")
	m.expect("after the warning", "MENU TITLE one")
	if n := m.told(":4: network.gateway: is missing"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, m.log.String())
	}
}

func TestBadFormerGenerationIsReplaced(t *testing.T) {
	m := simulate(t, morning)
	if err := os.MkdirAll(m.RunDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.RunDir, generation.FileName), []byte(`{"format": 0}`), 0o644); err != nil {
		t.Fatal(err)
	}
	m.configure("-")
	m.expect("after the start", "This computer's own disk")
}

// One log line for each generation, and none for a change without effect.
func TestTheSameIsPublishedOnce(t *testing.T) {
	m := simulate(t, morning)
	m.configure(title("one"))
	m.configure(title("one") + "# a comment")
	if n := m.told(`msg="configuration published"`); n != 1 {
		t.Errorf("published %d times", n)
	}
}

// manyMenus returns a configuration of the maximum length that grows most when it
// is rendered: each machine has a menu with all of the entries.
func manyMenus() string {
	var f strings.Builder
	f.WriteString("[network]\naddress = \"192.168.77.1/24\"\n[dhcp]\nmode = \"server\"\n" +
		"range = [\"192.168.77.100-192.168.77.150\"]\n" + title("many") +
		"[[wds]]\nname = \"wds\"\nserver = \"192.168.77.2\"\n[[entry]]\nname = \"wds\"\nwds = \"wds\"\n[[machine]]\n" +
		"mac = [\"52:54:00:00:00:ff\"]\nboot = \"wds\"\n")
	for i := range 500 {
		fmt.Fprintf(&f, "[[entry]]\nname = \"e%d\"\nkernel = \"k\"\nappend = %q\n", i, strings.Repeat("'", 1950))
	}
	for i := range 2 {
		fmt.Fprintf(&f, "[[machine]]\nmac = [\"52:54:00:00:00:%02x\"]\nboot = \"menu\"\ndefault = \"e%d\"\n", i, i)
	}
	return f.String()
}

func TestMenusTooLargeToPublish(t *testing.T) {
	m := simulate(t, morning)
	m.put("k", 1) // an entry whose file is missing is short
	m.configure(manyMenus())
	if log := m.log.String(); m.told("too large to publish") != 1 {
		t.Errorf("the log is:\n%s", log)
	}
	g, err := generation.Read(m.RunDir)
	if err != nil {
		t.Fatal(err)
	}
	if g.Network.Address.String() != "192.168.77.1/24" || g.DHCP.Mode != spec.ModeServer || len(g.DHCP.Ranges) != 1 {
		t.Errorf("published %+v, %+v", g.Network, g.DHCP)
	}
	for name, must := range map[string]string{pxelinux.ConfigFile: "MENU TITLE many", grub.ConfigFile: "--id='^e499'"} {
		if text := string(g.Files[name]); !strings.Contains(text, must) || strings.Contains(text, "\nTIMEOUT ") ||
			strings.Contains(text, "timeout=") {
			t.Errorf("%s starts something by itself, or lacks %q", name, must)
		}
	}
	if len(g.Views) > 0 || len(g.Machines) != 3 || g.Machines[0].Handoff != "wds" || g.Machines[1].View != "" {
		t.Errorf("views %d, machines %+v", len(g.Views), g.Machines)
	}
	m.configure(title("two"))
	m.expect("fixed", "\nTIMEOUT 100\nMENU TITLE two")
}

// The log server is that of the last valid configuration.
func TestLogServer(t *testing.T) {
	s := newSite(t)
	var got []syslog.Target
	s.Syslog = func(target syslog.Target) { got = append(got, target) }
	box := newState(s.Watcher, func(d time.Duration) time.Duration { return d })
	for _, text := range []string{
		"[syslog]\nserver = \"10.0.0.9\"", "[syslog]\nserver = 9",
		"[syslog]\nserver = \"logs.example.org:6514\"\nprotocol = \"tcp\"", "[menu]\n",
	} {
		s.write(text)
		if err := box.read(morning); err != nil {
			t.Fatal(err)
		}
	}
	want := []syslog.Target{{Server: "10.0.0.9", Port: 514},
		{Server: "logs.example.org", Port: 6514, TCP: true}, {Port: 514}}
	if !slices.Equal(got, want) {
		t.Errorf("the targets are %+v, want %+v", got, want)
	}
}

// On a Linux host the settings choose the ports; the box keeps the usual ones.
func TestPorts(t *testing.T) {
	const text = "[tftp]\nport = 0\n[http]\nport = 8080\n[page]\nport = 8443\n"
	for situation, tc := range map[string]struct {
		box              bool
		tftp, http, page spec.Port
	}{
		"a Linux host": {false, spec.PortOff, 8080, 8443},
		"the box":      {true, 0, 0, 0},
	} {
		t.Run(situation, func(t *testing.T) {
			s := newSite(t)
			page := spec.Port(1)
			s.PagePort, s.KeepPorts = func(p spec.Port) { page = p }, tc.box
			state := newState(s.Watcher, func(d time.Duration) time.Duration { return d })
			s.write(text)
			if err := state.read(morning); err != nil {
				t.Fatal(err)
			}
			if c := state.cfg; c.TFTP.Port != tc.tftp || c.HTTP.Port != tc.http || page != tc.page {
				t.Errorf("got %d, %d and %d, want %d, %d and %d",
					c.TFTP.Port, c.HTTP.Port, page, tc.tftp, tc.http, tc.page)
			}
		})
	}
}

// The menus name the page once it has an address, and follow the address.
func TestMenusNameThePage(t *testing.T) {
	m := simulate(t, morning)
	address := ""
	m.Page = func() string { return address }
	m.configure("[menu]\ntitle = \"one\"\n")
	if text := m.menu(); strings.Contains(text, "Trouble?") {
		t.Errorf("without an address:\n%s", text)
	}
	for _, address = range []string{"https://192.168.77.1", "https://192.168.77.2"} {
		m.box.configChanged(m.now) // as the poll does
		m.run(5 * time.Second)
		m.expect(address, "Trouble? "+address+" code ")
	}
}
