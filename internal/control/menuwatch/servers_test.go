package menuwatch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

func wdsAt(addr string, more ...string) string {
	return "[[wds]]\nname = \"a\"\nserver = \"" + addr + "\"\n" + strings.Join(more, "\n") +
		"\n[[entry]]\nname = \"a\"\nwds = \"a\"\n"
}

var (
	up      = bootmenu.Health{State: bootmenu.Up}
	down    = bootmenu.Health{State: bootmenu.Down}
	refused = bootmenu.Health{State: bootmenu.Refused, Note: "access violation"}
)

func TestHealth(t *testing.T) {
	first, later := morning, morning.Add(30*time.Second)
	unset := time.Date(1970, 1, 1, 0, 0, 40, 0, time.UTC)
	at := func(h bootmenu.Health, since time.Time) bootmenu.Health { h.Since = since; return h }
	for _, tt := range []struct {
		name    string
		answers []bootmenu.Health
		now     []time.Time // at each answer; the last holds for the rest
		want    bootmenu.Health
	}{
		{name: "up at once", answers: []bootmenu.Health{up}, now: []time.Time{first}, want: at(up, first)},
		{name: "not down at once", answers: []bootmenu.Health{down}, now: []time.Time{first}},
		{name: "down from the start", answers: []bootmenu.Health{down, down}, now: []time.Time{first, later},
			want: at(down, later)},
		{name: "one lost question", answers: []bootmenu.Health{up, down}, now: []time.Time{first, later},
			want: at(up, first)},
		{name: "lost questions, not in a row", answers: []bootmenu.Health{up, down, up, down},
			now: []time.Time{first, later}, want: at(up, first)},
		{name: "went down", answers: []bootmenu.Health{up, down, down}, now: []time.Time{first, later},
			want: at(down, later)},
		{name: "is down for long", answers: []bootmenu.Health{down, down, down, down},
			now: []time.Time{first, first, later}, want: at(down, first)},
		{name: "came back", answers: []bootmenu.Health{down, down, up}, now: []time.Time{first, first, later},
			want: at(up, later)},
		{name: "refuses at once", answers: []bootmenu.Health{up, refused}, now: []time.Time{first, later},
			want: at(refused, later)},
		{name: "refuses for another reason", answers: []bootmenu.Health{{State: bootmenu.Refused, Note: "not found"},
			refused}, now: []time.Time{first, later}, want: at(refused, first)},
		{name: "refused, then one lost question", answers: []bootmenu.Health{refused, down},
			now: []time.Time{first, later}, want: at(refused, first)},
		{name: "the clock was not set", answers: []bootmenu.Health{down, down}, now: []time.Time{unset}, want: down},
		{name: "the clock was set later", answers: []bootmenu.Health{down, down, down},
			now: []time.Time{unset, unset, first}, want: down},
		{name: "went down after the clock was set", answers: []bootmenu.Health{up, down, down},
			now: []time.Time{unset, first}, want: at(down, first)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p program
			for i, h := range tt.answers {
				p = p.after(h, tt.now[min(i, len(tt.now)-1)])
			}
			if p.Health != tt.want {
				t.Errorf("got %+v, want %+v", p.Health, tt.want)
			}
		})
	}
}

// script makes a server give the listed answers, and then repeat the last.
type script struct {
	answers []bootmenu.Health
	asked   []time.Time
}

func (c *script) attach(m *simulation) {
	m.Probe = func(_ context.Context, _ netip.Addr, w config.WDS) (bootmenu.Server, error) {
		c.asked = append(c.asked, m.now)
		h := c.answers[min(len(c.asked), len(c.answers))-1]
		return bootmenu.Server{Programs: map[firmware.Kind]bootmenu.Health{"bios": h, "uefi-x64": h}}, nil
	}
}

func (c *script) gaps() (out []time.Duration) {
	for i := 1; i < len(c.asked); i++ {
		out = append(out, c.asked[i].Sub(c.asked[i-1]))
	}
	return out
}

func TestWhenServersAreAsked(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		name    string
		probe   string
		answers []bootmenu.Health
		want    []time.Duration // between the questions
	}{
		{name: "up", probe: `probe = "30s"`, answers: []bootmenu.Health{up}, want: []time.Duration{30 * s, 30 * s}},
		{name: "the default interval", answers: []bootmenu.Health{up}, want: []time.Duration{30 * s, 30 * s}},
		{name: "down: confirmed soon", probe: `probe = "30s"`, answers: []bootmenu.Health{down},
			want: []time.Duration{confirm, 30 * s, 30 * s}},
		{name: "one lost question", probe: `probe = "30s"`, answers: []bootmenu.Health{up, down, up},
			want: []time.Duration{30 * s, confirm, 30 * s}},
		{name: "down: an interval that is shorter", probe: `probe = "3s"`, answers: []bootmenu.Health{down},
			want: []time.Duration{3 * s, 3 * s}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, c := simulate(t, morning), &script{answers: tt.answers}
			c.attach(m)
			m.configure(wdsAt("10.0.0.9", tt.probe))
			m.run(100 * time.Second)
			got := c.gaps()
			if len(got) < len(tt.want) || fmt.Sprint(got[:len(tt.want)]) != fmt.Sprint(tt.want) {
				t.Errorf("asked at intervals of %v, want them to begin with %v", got, tt.want)
			}
		})
	}
}

func TestServersThatAreNotAsked(t *testing.T) {
	for name, file := range map[string]string{
		"the site does not want it": wdsAt("10.0.0.9", `probe = "0s"`),
		"its name is not found":     wdsAt("wds.example.org"),
	} {
		t.Run(name, func(t *testing.T) {
			m, c := simulate(t, morning), &script{answers: []bootmenu.Health{down}}
			c.attach(m)
			m.configure(file)
			m.run(time.Hour)
			if len(c.asked) > 0 {
				t.Errorf("asked at %v", c.asked)
			}
		})
	}
}

func TestQuestionsAreSpread(t *testing.T) {
	m, c := simulate(t, morning), &script{answers: []bootmenu.Health{up}}
	m.box.jitter = func(d time.Duration) time.Duration { return d - d/10 }
	c.attach(m)
	m.configure(wdsAt("10.0.0.9"))
	m.run(time.Minute)
	if got := c.gaps(); len(got) == 0 || got[0].Round(time.Millisecond) != 27*time.Second {
		t.Errorf("asked at intervals of %v, want 27s", got)
	}
}

func TestServerGoesDownAndComesBack(t *testing.T) {
	m, c := simulate(t, morning), &script{answers: []bootmenu.Health{up, down, down, down, up}}
	c.attach(m)
	m.configure(wdsAt("10.0.0.9"))
	m.run(time.Second)
	m.expect("at first", "MENU LABEL a\n")
	if n := m.told("serves its boot program"); n != 1 {
		t.Errorf("told %d times that it is there, want once for all programs", n)
	}
	m.run(30 * time.Second)
	m.expect("after one lost question", "MENU LABEL a\n")
	if log := m.log.String(); log != "" {
		t.Errorf("one lost question was told:\n%s", log)
	}
	m.run(10 * time.Second)
	m.expect("after two", "MENU LABEL a (down since 08:00)")
	if log := m.log.String(); m.told("does not answer") != 1 {
		t.Errorf("want one line that it is down:\n%s", log)
	}
	m.run(time.Minute)
	m.expect("when it is back", "MENU LABEL a\n")
	if log := m.log.String(); m.told(`msg="configuration published"`) != 1 {
		t.Errorf("want one generation:\n%s", log)
	}
}

func TestServerThatRefuses(t *testing.T) {
	m, c := simulate(t, morning), &script{answers: []bootmenu.Health{refused}}
	c.attach(m)
	m.configure(wdsAt("10.0.0.9"))
	m.run(apart + gather)
	m.expect("after the first answer", "(refuses the file)")
	if log := m.log.String(); m.told(`note="access violation"`) != 1 {
		t.Errorf("the log is:\n%s", log)
	}
}

func TestServerThatRefusesForAnotherReason(t *testing.T) {
	fixed := bootmenu.Health{State: bootmenu.Refused, Note: "file not found"}
	m, c := simulate(t, morning), &script{answers: []bootmenu.Health{refused, fixed}}
	c.attach(m)
	m.configure(wdsAt("10.0.0.9"))
	m.run(time.Minute)
	if got := m.box.status().WDS["a"].Programs["bios"].Note; got != fixed.Note {
		t.Errorf("menus are told %q", got)
	}
	if log := m.log.String(); m.told(`note="file not found"`) != 1 {
		t.Errorf("the log is:\n%s", log)
	}
}

// A failure of the box says nothing of the server.
func TestServerThatCannotBeAsked(t *testing.T) {
	m := simulate(t, morning)
	failing := true
	m.Probe = func(context.Context, netip.Addr, config.WDS) (bootmenu.Server, error) {
		if failing {
			return bootmenu.Server{}, errors.New("network is unreachable")
		}
		return bootmenu.Server{Programs: map[firmware.Kind]bootmenu.Health{"bios": up}}, nil
	}
	m.configure(wdsAt("10.0.0.9"))
	m.run(time.Minute)
	m.expect("without a network", "MENU LABEL a\n")
	if n := m.told("cannot be queried"); n != 1 {
		t.Errorf("told %d times", n)
	}
	failing = false
	m.run(confirm)
	if n := m.told("serves its boot program"); n != 1 {
		t.Errorf("with the network back it was not asked soon")
	}
}

func TestChangesOfTheConfigurationAndHealth(t *testing.T) {
	for _, tt := range []struct {
		name, next string
		state      bootmenu.State // right after the change
		asked      int            // in total
	}{
		{name: "another title", next: title("x") + wdsAt("10.0.0.9"), state: bootmenu.Down, asked: 2},
		{name: "another address", next: wdsAt("10.0.0.8"), state: bootmenu.Unknown, asked: 3},
		{name: "another program", next: wdsAt("10.0.0.9", `bios = 'boot\x86\wdsnbp.com'`),
			state: bootmenu.Unknown, asked: 3},
		{name: "another interval", next: wdsAt("10.0.0.9", `probe = "60s"`), state: bootmenu.Unknown, asked: 3},
		{name: "another way to show it", next: wdsAt("10.0.0.9", `on_down = "hide"`), state: bootmenu.Down, asked: 2},
		{name: "not to be asked any more", next: wdsAt("10.0.0.9", `probe = "0s"`), state: bootmenu.Unknown, asked: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, c := simulate(t, morning), &script{answers: []bootmenu.Health{down}}
			c.attach(m)
			m.configure(wdsAt("10.0.0.9"))
			m.run(2 * confirm)
			m.configure(tt.next)
			if got := m.box.status().WDS["a"].Programs["bios"].State; got != tt.state {
				t.Errorf("state %d, want %d", got, tt.state)
			}
			if len(c.asked) != tt.asked {
				t.Errorf("asked %d times, want %d", len(c.asked), tt.asked)
			}
		})
	}
}

// An answer about an address that the server no longer has.
func TestLateAnswerOfAFormerServer(t *testing.T) {
	m, c := simulate(t, morning), &script{answers: []bootmenu.Health{refused}}
	c.attach(m)
	m.hold = true
	m.configure(wdsAt("10.0.0.9"))
	late := m.held
	m.hold = false
	c.answers = []bootmenu.Health{up}
	m.configure(wdsAt("10.0.0.8"))
	c.answers = []bootmenu.Health{refused}
	m.box.questions = late
	m.run(time.Second)
	if got := m.box.status().WDS["a"].Programs["bios"].State; got != bootmenu.Up {
		t.Errorf("state %d", got)
	}
	if m.told("refuses") > 0 {
		t.Error("the answer was told")
	}
	if m.box.servers.rounds != 0 {
		t.Errorf("%d questions are thought to be under way", m.box.servers.rounds)
	}
}

func TestManyServersAreAskedSomeAtATime(t *testing.T) {
	var file strings.Builder
	for i := range 3 * maxRounds {
		fmt.Fprintf(&file, "[[wds]]\nname = \"w%d\"\nserver = \"10.0.0.%d\"\n", i, i+1)
	}
	m := simulate(t, morning)
	asked := map[netip.Addr]bool{}
	m.Probe = func(_ context.Context, a netip.Addr, _ config.WDS) (bootmenu.Server, error) {
		asked[a] = true
		return bootmenu.Server{}, nil
	}
	m.hold = true
	m.configure(file.String() + "[[entry]]\nname = \"disk\"\ndisk = true\n")
	if n := m.box.servers.rounds; n != maxRounds {
		t.Errorf("%d are asked at one time, want %d", n, maxRounds)
	}
	m.box.questions, m.hold = m.held, false
	m.run(0)
	if len(asked) != 3*maxRounds {
		t.Errorf("%d were asked, want all", len(asked))
	}
}

func TestNewsComeApart(t *testing.T) {
	m := simulate(t, morning)
	m.configure(title("one"))
	m.box.news(m.now)
	if got := m.box.publishAt.Sub(m.box.publishedAt); got != apart {
		t.Errorf("right after a generation, the next comes after %v, want %v", got, apart)
	}
	m.run(time.Minute)
	m.box.news(m.now)
	if got := m.box.publishAt.Sub(m.now); got != gather {
		t.Errorf("long after a generation, news wait for %v, want %v", got, gather)
	}
}

// Twenty servers that go down one after the other do not make twenty generations.
func TestNewsAreGathered(t *testing.T) {
	var file strings.Builder
	for i := range 20 {
		fmt.Fprintf(&file,
			"[[wds]]\nname = \"w%d\"\nserver = \"10.0.0.%d\"\n[[entry]]\nname = \"e%d\"\nwds = \"w%d\"\n", i, i+1, i, i)
	}
	m := simulate(t, morning)
	m.Probe = func(context.Context, netip.Addr, config.WDS) (bootmenu.Server, error) {
		return bootmenu.Server{Programs: map[firmware.Kind]bootmenu.Health{"bios": down}}, nil
	}
	n := time.Duration(0)
	m.box.jitter = func(d time.Duration) time.Duration { n = (n + 1) % 20; return d - d/10 + n*d/100 }
	m.configure(file.String())
	m.told("")
	m.run(time.Minute)
	if log := m.log.String(); strings.Count(log, "does not answer") != 20 ||
		m.told(`msg="configuration published"`) > 2 {
		t.Errorf("the log is:\n%s", log)
	}
}
