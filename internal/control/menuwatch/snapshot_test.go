package menuwatch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/base/netproblem"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/control/compile"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/generation"
)

// snapshot returns what Run would publish for the page now.
func (m *simulation) snapshot() *Snapshot {
	m.box.capture()
	return m.Snapshot()
}

func TestSnapshotOfNetworkProblem(t *testing.T) {
	m := simulate(t, morning)
	if err := os.MkdirAll(m.RunDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, why := range []string{"", `no network interface "eth9"`, ""} {
		if err := netproblem.Write(m.RunDir, why); err != nil {
			t.Fatal(err)
		}
		if got := m.snapshot().NetworkProblem; got != why {
			t.Errorf("got %q, want %q", got, why)
		}
	}
}

// Each situation is a series of contents of the file. The last one decides.
func TestSnapshotOfTheFile(t *testing.T) {
	broken := "[menu]\ntitel = \"x\"\ntimeout = 1\n"
	for name, tt := range map[string]struct {
		former string // title of an earlier run's generation
		steps  []string
		source Source
		errors int
		inUse  string // title of the configuration in force; empty if it is not known
	}{
		"none":    {steps: []string{"-"}, source: BuiltIn, inUse: "Network boot"},
		"valid":   {steps: []string{title("one")}, source: FromFile, inUse: "one"},
		"changed": {steps: []string{title("one"), title("two")}, source: FromFile, inUse: "two"},
		"broken":  {steps: []string{title("one"), broken}, source: LastGood, errors: 2, inUse: "one"},
		"fixed": {
			steps: []string{title("one"), broken, title("two")}, source: FromFile, inUse: "two",
		},
		"deleted":                         {steps: []string{title("one"), "-"}, source: LastGood, inUse: "one"},
		"emptied":                         {steps: []string{title("one"), "\n"}, source: LastGood, inUse: "one"},
		"broken from the start":           {steps: []string{broken}, source: BuiltIn, errors: 2, inUse: "Network boot"},
		"broken from the start, restart":  {former: "former", steps: []string{broken}, source: Earlier, errors: 2},
		"missing from the start, restart": {former: "former", steps: []string{"-"}, source: Earlier},
	} {
		t.Run(name, func(t *testing.T) {
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
			for _, content := range tt.steps {
				m.configure(content)
				m.run(time.Second)
			}
			s := m.snapshot()
			last := tt.steps[len(tt.steps)-1]
			if s.InForce.Source != tt.source || len(s.File.Errors) != tt.errors || s.File.Missing != (last == "-") {
				t.Errorf("source %v, missing %v, errors %v", s.InForce.Source, s.File.Missing, s.File.Errors)
			}
			if (s.File.Text == "") != (s.File.Problem != "") || s.File.Problem == "" && s.File.Text != last {
				t.Errorf("text %q, problem %q", s.File.Text, s.File.Problem)
			}
			inUse := ""
			if s.Config != nil {
				inUse = s.Config.Menu.Title
			}
			if inUse != tt.inUse {
				t.Errorf("in force is %q", inUse)
			}
			if g, err := generation.Read(m.RunDir); err != nil || s.InForce.ID != g.ID && s.InForce.Source != BuiltIn {
				t.Errorf("generation %s, published is %s, error %v", s.InForce.ID, g.ID, err)
			}
		})
	}
}

func TestSnapshotBeforeAndAfterPublishing(t *testing.T) {
	m := simulate(t, morning)
	if m.Snapshot() != nil {
		t.Error("a snapshot before the start")
	}
	if s := m.snapshot(); s.InForce.Source != NotYet || s.Config != nil {
		t.Errorf("before the file was read: %+v", s.InForce)
	}
	m.hold = true // no answer to any question: the grace runs
	m.configure(wdsByName)
	if s := m.snapshot(); s.InForce.Source != Following || s.Config == nil {
		t.Errorf("while names are looked up: %+v", s.InForce)
	}
	m.run(grace)
	if s := m.snapshot(); s.InForce.Source != FromFile || !s.InForce.Since.Equal(m.now) {
		t.Errorf("at %v: %+v", m.now, s.InForce)
	}
	first := m.snapshot().InForce
	m.run(time.Minute)
	if s := m.snapshot(); s.InForce != first {
		t.Errorf("nothing changed: %+v, before %+v", s.InForce, first)
	}
}

func TestSnapshotOfMenusThatAreTooLarge(t *testing.T) {
	m := simulate(t, morning)
	m.put("k", 1)
	m.configure(manyMenus())
	if s := m.snapshot(); !s.InForce.TooLarge || s.InForce.Source != FromFile || s.InForce.ID == "" {
		t.Errorf("%+v", s.InForce)
	}
}

func TestSnapshotOfServers(t *testing.T) {
	noRoute := errors.New("network is unreachable")
	for name, tt := range map[string]struct {
		file   string
		lookup []netip.Addr // nil: the query fails
		answer bootmenu.Health
		err    error // the box cannot ask
		want   string
	}{
		"up":   {file: wdsAt("10.0.0.9"), answer: up, want: "10.0.0.9 10.0.0.9 1 1"},
		"down": {file: wdsAt("10.0.0.9"), answer: down, want: "10.0.0.9 10.0.0.9 2 2"},
		"refuses": {
			file: wdsAt("10.0.0.9"), answer: refused,
			want: "10.0.0.9 10.0.0.9 3 access violation 3 access violation",
		},
		"cannot be asked": {file: wdsAt("10.0.0.9"), err: noRoute,
			want: "10.0.0.9 10.0.0.9 0 0 ask: network is unreachable"},
		"not probed": {file: wdsAt("10.0.0.9", `probe = "0s"`), want: "10.0.0.9 10.0.0.9 not probed 0 0"},
		"the box itself": {
			file: wdsAt("10.0.0.1"),
			want: "10.0.0.1 - 10.0.0.1 is this box's own address: write the WDS server's address 0 0",
		},
		"found": {
			file: wdsAt("wds.example.org"), lookup: addrs("10.0.0.9"), answer: up,
			want: "wds.example.org 10.0.0.9 1 1",
		},
		"not found": {file: wdsAt("wds.example.org"), want: "wds.example.org - 0 0 lookup: no name server"},
	} {
		t.Run(name, func(t *testing.T) {
			m := simulate(t, morning)
			m.Own = func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")} }
			if tt.lookup != nil {
				m.Lookup = func(context.Context, string) ([]netip.Addr, error) { return tt.lookup, nil }
			}
			m.Probe = func(context.Context, netip.Addr, config.WDS) (bootmenu.Server, error) {
				if tt.err != nil {
					return bootmenu.Server{}, tt.err
				}
				return bootmenu.Server{Programs: map[firmware.Kind]bootmenu.Health{"bios": tt.answer,
					"uefi-x64": tt.answer}}, nil
			}
			m.configure(tt.file)
			m.run(time.Minute)
			s := m.snapshot().Servers[0]
			if got := s.describe(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// describe writes a server and the health of its programs for a BIOS and for
// UEFI.
func (s Server) describe() string {
	out := []string{s.Host, s.Addr.String(), s.Wrong}
	if !s.Addr.IsValid() {
		out[1] = "-"
	}
	if !s.Probed {
		out = append(out, "not probed")
	}
	for _, p := range s.Programs {
		if p.Firmware == firmware.BIOS || p.Firmware == firmware.UEFIX64 {
			out = append(out, fmt.Sprint(int(p.Health.State)), p.Health.Note)
		}
	}
	if s.LookupProblem != "" {
		out = append(out, "lookup: "+s.LookupProblem)
	}
	if s.ProbeProblem != "" {
		out = append(out, "ask: "+s.ProbeProblem)
	}
	return strings.Join(strings.Fields(strings.Join(out, " ")), " ")
}

// The page reads a snapshot while the watcher goes on.
func TestSnapshotDoesNotChange(t *testing.T) {
	m, c := simulate(t, morning), &script{answers: []bootmenu.Health{up, down}}
	c.attach(m)
	m.configure(wdsAt("10.0.0.9") + debian)
	m.run(time.Second)
	before := m.snapshot()
	missing := len(before.Status.Missing)
	m.put("debian/linux", 10)
	m.put("debian/initrd.gz", 10)
	m.box.bootChanged(m.now)
	m.run(5 * time.Minute)
	after := m.snapshot()
	if got := after.Servers[0].Programs[0].Health.State; got != bootmenu.Down {
		t.Fatalf("the server is %v", got)
	}
	if got := before.Servers[0].Programs[0].Health.State; got != bootmenu.Up {
		t.Errorf("the server of an old snapshot is %v", got)
	}
	if u := after.Status.Unsigned["debian"]; len(u) != 2 || len(before.Status.Unsigned) > 0 {
		t.Errorf("without a signature are %v, in the old snapshot %v", u, before.Status.Unsigned)
	}
	if len(after.Status.Missing) != 0 || missing == 0 || len(before.Status.Missing) != missing {
		t.Errorf("missing are %v, in the old snapshot %v", after.Status.Missing, before.Status.Missing)
	}
}

// A page that never stops asking does not hold up the watcher, and the other way
// round. The race detector sees what they share.
func TestSnapshotWhileTheWatcherRuns(t *testing.T) {
	s := newSite(t)
	s.Probe = func(ctx context.Context, _ netip.Addr, _ config.WDS) (bootmenu.Server, error) {
		<-ctx.Done() // a server that is never done answering
		return bootmenu.Server{}, ctx.Err()
	}
	s.write(title("one") + wdsAt("10.0.0.9") + debian)
	seen := s.published()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil {
			if snap := s.Snapshot(); snap != nil && snap.Config != nil {
				n += len(menu.NewOverview(snap.Config, snap.Status).Rows) + len(snap.Servers)
			}
		}
		done <- n
	}()
	await(t, seen, "MENU TITLE one")
	s.write(title("two") + wdsAt("10.0.0.9") + debian)
	await(t, seen, "MENU TITLE two")
	stop()
	if n := <-done; n == 0 {
		t.Error("the page saw nothing")
	}
}
