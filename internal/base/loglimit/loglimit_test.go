package loglimit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

// hundred is the number of lines that gokrazy keeps of a program's log.
const hundred = 100

// testLog is a log with a simulated clock.
type testLog struct {
	t   *testing.T
	out bytes.Buffer
	now time.Time
	*Handler
}

func newTestLog(t *testing.T) *testLog {
	l := &testLog{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	l.Handler = New(slog.NewTextHandler(&l.out, nil))
	return l
}

// say logs a line to log, or to l if log is nil, at the time of the test clock.
func (l *testLog) say(log *slog.Logger, level slog.Level, msg string, args ...any) {
	l.t.Helper()
	if log == nil {
		log = slog.New(l.Handler)
	}
	r := slog.NewRecord(l.now, level, msg, 0)
	r.Add(args...)
	if err := log.Handler().Handle(context.Background(), r); err != nil {
		l.t.Fatal(err)
	}
}

func (l *testLog) lines() []string {
	return slices.Collect(strings.Lines(strings.TrimSpace(l.out.String())))
}

// last returns the lines that gokrazy still has.
func (l *testLog) last() string {
	all := l.lines()
	return strings.Join(all[max(0, len(all)-hundred):], "")
}

func TestFloodIsCutAndCounted(t *testing.T) {
	l := newTestLog(t)
	of := slog.New(l.Handler).With("mac", "x")
	for range 10_000 {
		l.say(of, slog.LevelInfo, "flood")
	}
	l.say(nil, slog.LevelError, "the disk is full")
	l.now = l.now.Add(summarizeAfter)
	for range 100 {
		l.say(nil, slog.LevelInfo, "later")
	}
	got := l.lines()
	if len(got) != burst+5 {
		t.Fatalf("%d lines, want %d of the flood, the error, three later ones and what was left out:\n%s",
			len(got), burst, l.out.String())
	}
	for i, want := range map[int]string{
		burst:     `level=ERROR msg="the disk is full"`,
		burst + 1: "msg=later", burst + 2: `msg="log: lines left out" flood=9980`,
	} {
		if !strings.Contains(got[i], want) {
			t.Errorf("line %d: %q, want %s", i, got[i], want)
		}
	}
	if !strings.Contains(got[0], "mac=x") {
		t.Errorf("the first line is %q", got[0])
	}
}

func TestBudget(t *testing.T) {
	t0 := time.Unix(0, 0)
	const s, m = time.Second, time.Minute
	type ask struct {
		after time.Duration // since the one before
		kind  string
		want  bool
	}
	for situation, asks := range map[string][]ask{
		"a burst, and then by the rate": {{0, "a", true}, {0, "a", true}, {0, "a", false}, {59 * s, "a", false},
			{s, "a", true}, {0, "a", false}},
		"another kind when nothing is left": {{0, "a", true}, {0, "a", true}, {0, "b", true}, {0, "b", false}},
		"which has to be paid back": {{0, "a", true}, {0, "a", true}, {0, "b", true}, {m, "a", false},
			{m, "a", true}},
		"the first one again in ten minutes": {{0, "a", true}, {0, "a", true}, {0, "b", true}, {0, "c", true},
			{10*m - s, "x", true}, {s, "b", true}},
		"the clock goes back": {{0, "a", true}, {0, "a", true}, {-time.Hour, "a", false},
			{time.Hour, "a", false}, {m, "a", true}},
	} {
		t.Run(situation, func(t *testing.T) {
			b, now := newBudget(2, 1), t0
			for i, a := range asks {
				now = now.Add(a.after)
				if got := b.allow(now, a.kind); got != a.want {
					t.Fatalf("step %d: %v, want %v", i, got, a.want)
				}
			}
		})
	}
}

// Kinds that a client could invent take up neither memory nor extra lines.
func TestKindsAreBounded(t *testing.T) {
	b, logged := newBudget(burst, perMinute), 0
	for i := range 10_000 {
		if b.allow(time.Unix(0, 0), fmt.Sprint("kind ", i)) {
			logged++
		}
	}
	if len(b.kinds) > maxKinds+1 || logged > maxKinds+1 {
		t.Errorf("%d kinds, %d lines", len(b.kinds), logged)
	}
	if b.allow(time.Unix(0, 0).Add(again), "new"); len(b.kinds) > maxKinds+1 {
		t.Errorf("%d kinds later", len(b.kinds))
	}
}

// The phrases in the README's troubleshooting table are separate kinds. What a
// client says about itself is not part of a kind.
func TestKindOf(t *testing.T) {
	for _, tc := range []struct {
		level    slog.Level
		msg, why string
		want     string
	}{
		{level: slog.LevelInfo, msg: "dhcp: answered", why: "offer", want: "dhcp: answered"},
		{level: slog.LevelWarn, msg: "dhcp: no answer", why: "no boot file for uefi-arm64: name one in [boot]",
			want: "dhcp: no answer: no boot file"},
		{level: slog.LevelWarn, msg: "dhcp: no answer", why: "no address left for 10.1.0.0/24",
			want: "dhcp: no answer: no address left"},
		{level: slog.LevelWarn, msg: "dhcp: no answer", why: "declined: another machine uses 10.1.0.7",
			want: "dhcp: no answer: declined: another machine"},
		{level: slog.LevelWarn, msg: "dhcp: no answer", want: "dhcp: no answer: "},
	} {
		r := slog.NewRecord(time.Time{}, tc.level, tc.msg, 0)
		r.Add("mac", "x", "why", tc.why)
		if got := kindOf(r); got != tc.want {
			t.Errorf("%s, %s: %q, want %q", tc.msg, tc.why, got, tc.want)
		}
	}
}

func TestKeptLinesAreRepeated(t *testing.T) {
	l := newTestLog(t)
	network, trusted := Keep(slog.New(l.Handler), "network"), Trusted(slog.New(l.Handler))
	l.say(network, slog.LevelInfo, "network", "address", "old")
	l.say(network, slog.LevelInfo, "network", "address", "192.0.2.1")
	l.say(Keep(slog.New(l.Handler), "settings"), slog.LevelInfo, "generation", "id", 7)
	begun := l.now
	for i := range 1000 {
		l.now = l.now.Add(time.Second)
		l.say(trusted, slog.LevelInfo, "boot", "n", i)
		if last := l.last(); !strings.Contains(last, "address=192.0.2.1") || !strings.Contains(last, "id=7") {
			t.Fatalf("after %d other lines the kept ones are gone:\n%s", i+1, last)
		}
	}
	if last := l.last(); strings.Contains(last, "address=old") ||
		!strings.Contains(last, "since="+begun.Format("2006-01-02T15:04:05")) {
		t.Errorf("the kept lines are not the latest ones, or do not say since when:\n%s", last)
	}
	if n := strings.Count(l.out.String(), "msg=boot"); n != 1000 {
		t.Errorf("of 1000 trusted lines %d are there", n)
	}
}

// A state that changes too often to be logged each time is logged in the end.
func TestLatestStateIsLogged(t *testing.T) {
	l := newTestLog(t)
	leasing := Keep(slog.New(l.Handler), "leasing")
	for i := range 1000 {
		l.say(leasing, slog.LevelInfo, "leasing", "n", i)
	}
	l.now = l.now.Add(summarizeAfter)
	l.say(nil, slog.LevelInfo, "something else")
	if got := l.lines(); len(got) > keptBurst+3 || !strings.Contains(l.out.String(), "msg=leasing n=999 since=") {
		t.Errorf("%d lines:\n%s", len(got), l.out.String())
	}
}

// A logger that cannot be limited is left alone.
func TestOtherHandlers(t *testing.T) {
	plain := slog.New(slog.DiscardHandler)
	if Keep(plain, "x") != plain || Trusted(plain) != plain || Separate(plain) != plain {
		t.Error("another logger is returned")
	}
}

// Two parts of one log have separate budgets but count its lines together.
func TestPart(t *testing.T) {
	l := newTestLog(t)
	var console bytes.Buffer
	network := slog.New(l.Part(slog.NewTextHandler(&console, nil)))
	l.say(Keep(slog.New(l.Handler), "settings"), slog.LevelInfo, "generation")
	for range 1000 {
		l.say(nil, slog.LevelInfo, "flood")
	}
	const kinds = 15
	for i := range kinds {
		l.say(network, slog.LevelInfo, fmt.Sprint("network ", i))
		l.say(network, slog.LevelInfo, "network 0")
	}
	for i := range kinds {
		if !strings.Contains(console.String(), fmt.Sprintf("msg=\"network %d\"\n", i)) {
			t.Errorf("the other part has no line of kind %d", i)
		}
	}
	if n := strings.Count(console.String(), "\n"); n > ownBurst+kinds {
		t.Errorf("%d lines of the other part", n)
	}
	if n := len(l.lines()); n != burst+1 {
		t.Errorf("%d lines, want %d", n, burst+1)
	}
}
