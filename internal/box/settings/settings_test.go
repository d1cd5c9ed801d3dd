package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/base/boxstatus"
)

const (
	mine   = "[menu]\ntitle = \"Mine\"\n"
	theirs = "[menu]\ntitle = \"Theirs\"\n"
	wrong  = "[menu]\ntitle = \"Mine\"\ntimeuot = \"5s\"\n"
)

// medium is a volume in memory. It counts the writes.
type medium struct {
	files  map[string][]byte
	writes int
	// fault, if set, is called before each file of a write and after the last
	// one. It may panic, because a box whose power is cut does nothing more.
	fault func() error
}

func (m *medium) Read(name string) ([]byte, error) {
	b, ok := m.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return b, nil
}

func (m *medium) Write(files map[string][]byte) error {
	m.writes++
	for name, content := range files { // in random order, as Go iterates
		if m.fault != nil {
			if err := m.fault(); err != nil {
				return err
			}
		}
		m.files[name] = content
	}
	if m.fault != nil {
		return m.fault()
	}
	return nil
}

func fresh() *medium {
	return &medium{files: map[string][]byte{FileName: dos(config.DefaultFile()), readmeName: dos(Readme)}}
}

// box is a store, and the record of what was on the volume.
type box struct {
	*Store
	seen string
}

func newBox(t *testing.T, settings string) box {
	t.Helper()
	dir := t.TempDir()
	b := box{&Store{File: filepath.Join(dir, FileName), Check: Parses}, filepath.Join(dir, "seen")}
	if settings != "" {
		if err := os.WriteFile(b.File, []byte(settings), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b box) start(t *testing.T, m *medium) {
	t.Helper()
	if err := Exchange(m, b.Store, b.seen, nil, func() {}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
}

func (b box) inForce(t *testing.T) string {
	t.Helper()
	text, err := b.Read()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func stated(text, state string) notes { return notes{{sum([]byte(text)), state}} }

func TestDecide(t *testing.T) {
	builtIn := string(config.DefaultFile())
	for _, tt := range []struct {
		situation      string
		found, inForce string
		known          notes
		want           step
	}{
		{situation: "first boot", found: builtIn, inForce: builtIn, want: leave},
		{situation: "edited before the first boot", found: mine, inForce: builtIn, want: take},
		{situation: "edited, as Windows writes", found: "\xef\xbb\xbf" + strings.ReplaceAll(mine, "\n", "\r\n"),
			inForce: builtIn, want: take},
		{situation: "nothing changed since", found: mine, inForce: mine, known: notesOf([]byte(mine)), want: leave},
		{situation: "nothing changed but the ends of lines", found: strings.ReplaceAll(mine, "\n", "\r\n"),
			inForce: mine, known: notesOf([]byte(mine)), want: leave},
		{situation: "edited again", found: theirs, inForce: mine, known: notesOf([]byte(mine)), want: take},
		{situation: "edited, with a mistake", found: wrong, inForce: mine, known: notesOf([]byte(mine)), want: take},
		{situation: "the mistake is known", found: wrong, inForce: mine, known: stated(wrong, refused), want: leave},
		{situation: "the mistake is known to an older program", found: wrong, inForce: mine,
			known: notesOf([]byte(wrong)), want: leave},
		{situation: "the power went during the check", found: theirs, inForce: mine,
			known: stated(theirs, checking), want: take},
		{situation: "the power went during the check, and twice", found: theirs, inForce: mine,
			known: stated(theirs, checkingAgain), want: giveUp},
		{situation: "the power went right after they were taken", found: theirs, inForce: theirs,
			known: stated(theirs, checking), want: leave},
		{situation: "edited after two checks that did not end", found: mine, inForce: theirs,
			known: stated(wrong, checkingAgain), want: take},
		{situation: "changed over the network", found: mine, inForce: theirs, known: notesOf([]byte(mine)), want: show},
		{situation: "changed over the network, not shown yet for a power cut", found: mine, inForce: theirs,
			known: notesOf([]byte(mine), []byte(theirs)), want: show},
		{situation: "shown, then a power cut, then changed over the network", found: theirs, inForce: mine,
			known: notesOf([]byte(builtIn), []byte(theirs)), want: show},
		{situation: "image written again, /perm kept", found: builtIn, inForce: mine,
			known: notesOf([]byte(mine)), want: show},
		{situation: "deleted", inForce: mine, known: notesOf([]byte(mine)), want: show},
		{situation: "emptied by pulling the medium out", found: "\r\n", inForce: mine,
			known: notesOf([]byte(mine)), want: show},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := decide([]byte(tt.found), []byte(tt.inForce), tt.known, Parses); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestFirstBootWritesNothing(t *testing.T) {
	m, b := fresh(), newBox(t, string(config.DefaultFile()))
	b.start(t, m)
	b.start(t, m)
	if m.writes != 0 {
		t.Errorf("%d writes", m.writes)
	}
}

// The life of a box: each start finds the medium as a person left it.
func TestExchange(t *testing.T) {
	m, b := fresh(), newBox(t, string(config.DefaultFile()))
	result := func() string { return string(plain(m.files[resultName])) }

	m.files[FileName] = []byte("\xef\xbb\xbf" + strings.ReplaceAll(mine, "\n", "\r\n"))
	b.start(t, m)
	if b.inForce(t) != mine || result() != resultTaken || m.writes != 2 {
		t.Fatalf("after an edit: %q in force, %d writes, result %q", b.inForce(t), m.writes, result())
	}
	if old, err := os.ReadFile(b.File + ".old"); string(old) != string(config.DefaultFile()) {
		t.Errorf("the settings before are not kept: %v", err)
	}
	b.start(t, m)
	if m.writes != 2 { // that it is being checked, and the result
		t.Errorf("a start without an edit writes")
	}

	m.files[FileName] = []byte(wrong)
	b.start(t, m)
	if b.inForce(t) != mine {
		t.Errorf("a mistake puts %q in force", b.inForce(t))
	}
	if r := result(); !strings.Contains(r, "line 3: menu.timeuot:") || !strings.Contains(r, "write timeout") {
		t.Errorf("the result does not say what is wrong:\n%s", r)
	}
	writes := m.writes
	b.start(t, m)
	if m.writes != writes || string(m.files[FileName]) != wrong {
		t.Error("a mistake that is known is written over, or told again")
	}

	m.files[FileName] = []byte(mine)
	b.start(t, m)
	if result() != resultTaken {
		t.Errorf("after the fix the result is %q", result())
	}

	if _, err := b.Apply([]byte(theirs)); err != nil {
		t.Fatal(err)
	}
	b.start(t, m)
	if b.inForce(t) != theirs || string(m.files[FileName]) != string(dos([]byte(theirs))) || result() != resultShown {
		t.Errorf("after a change over the network: %q in force, %q on the medium, result %q",
			b.inForce(t), m.files[FileName], result())
	}
	writes = m.writes
	b.start(t, m)
	if m.writes != writes {
		t.Error("and it is written again")
	}

	if _, err := b.Apply([]byte(mine)); err != nil {
		t.Fatal(err)
	}
	m.files = map[string][]byte{}
	b.start(t, m)
	if b.inForce(t) != mine || string(m.files[FileName]) != string(dos([]byte(mine))) ||
		!bytes.Equal(m.files[readmeName], dos(Readme)) {
		t.Errorf("on an empty volume: %q in force, files %v", b.inForce(t), slices.Collect(maps.Keys(m.files)))
	}
}

// A person wants the built-in settings back. Neither the file of a new image
// nor a missing file does that, and the result says what does.
func TestBackToBuiltIn(t *testing.T) {
	const sign = "#\n"
	if c, err := parser.Parse(FileName, []byte(sign)); err != nil || !reflect.DeepEqual(c, parser.Default()) {
		t.Fatalf("%q is not what is built in: %v", sign, err)
	}
	m, b := fresh(), newBox(t, string(config.DefaultFile()))
	b.start(t, m)
	m.files[FileName] = []byte(mine)
	b.start(t, m)
	for _, tt := range []struct{ situation, found, result string }{
		{situation: "the original file", found: string(dos(config.DefaultFile())), result: resultBuiltIn},
		{situation: "no file", result: resultNone},
		{situation: "an empty file", found: "\r\n", result: resultNone},
	} {
		m.files[FileName] = []byte(tt.found)
		if tt.found == "" {
			delete(m.files, FileName)
		}
		b.start(t, m)
		if r := string(plain(m.files[resultName])); b.inForce(t) != mine || r != tt.result ||
			!strings.HasSuffix(r, wayBack) {
			t.Errorf("%s: %q in force, result %q", tt.situation, b.inForce(t), r)
		}
		if string(m.files[FileName]) != string(dos([]byte(mine))) {
			t.Errorf("%s: the volume shows %q", tt.situation, m.files[FileName])
		}
	}
	for range 2 { // it works every time
		m.files[FileName] = []byte("\xef\xbb\xbf#\r\n")
		b.start(t, m)
		if r := string(plain(m.files[resultName])); b.inForce(t) != sign || r != resultTaken {
			t.Errorf("%q in force, result %q", b.inForce(t), r)
		}
		if _, err := b.Apply([]byte(theirs)); err != nil {
			t.Fatal(err)
		}
		b.start(t, m)
		if r := string(plain(m.files[resultName])); b.inForce(t) != theirs || r != resultShown {
			t.Errorf("after a change over the network: %q in force, result %q", b.inForce(t), r)
		}
	}
}

// Settings that are both on the volume and in force are known: when they are
// changed over the network, the volume must not look edited.
func TestSameSettingsByBothWays(t *testing.T) {
	m, b := fresh(), newBox(t, mine)
	m.files[FileName] = []byte(mine)
	b.start(t, m)
	if _, err := b.Apply([]byte(theirs)); err != nil {
		t.Fatal(err)
	}
	b.start(t, m)
	if b.inForce(t) != theirs {
		t.Errorf("%q in force", b.inForce(t))
	}
}

// errPower is what a fault panics with to end a boot.
var errPower = errors.New("the power is cut")

// Whatever interrupts a start, and however a volume refuses writes: settings
// that a person wrote to the volume are adopted once, and later changes over
// the network stay until a person writes to the volume again.
func TestHistories(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	for seed := range uint64(100) { // each has about sixty writes that wait for the disk
		chance := rand.New(rand.NewPCG(seed, 0))
		m, b := fresh(), newBox(t, "")
		cutCheck, lastCut := false, ""
		b.Check = func(text []byte) (config.Errors, error) {
			if cutCheck {
				cutCheck = false
				panic(errPower)
			}
			return Parses(text)
		}
		// start starts the box once. It reports whether the start finished.
		start := func() (whole bool) {
			defer func() {
				if r := recover(); r != nil && r != errPower {
					panic(r)
				}
			}()
			Exchange(m, b.Store, b.seen, nil, func() {}, log)
			return true
		}
		want, made := string(config.DefaultFile()), 0
		another := func() string {
			made++
			return fmt.Sprintf("[menu]\ntitle = \"%d\"\n", made)
		}
		var history []string
		for range 12 {
			if chance.IntN(3) == 0 {
				want = another()
				m.files[FileName] = dos([]byte(want))
				history = append(history, "edit "+want)
			}
			var fault error
			cutCheck = false
			switch chance.IntN(4) {
			case 0:
				history = append(history, "start")
			case 1:
				fault = errPower
				history = append(history, "start, cut")
			case 2:
				fault = fs.ErrPermission
				history = append(history, "start, write-protected")
			case 3: // a second time in a row would be blamed on the settings
				if cutCheck = lastCut != want; cutCheck {
					lastCut = want
				}
				history = append(history, fmt.Sprintf("start, check cut: %v", cutCheck))
			}
			after := chance.IntN(4)
			m.fault = func() error {
				if after--; after >= 0 || fault == nil {
					return nil
				}
				if fault == errPower {
					panic(errPower)
				}
				return fault
			}
			whole := start()
			if cutCheck = false; !whole {
				continue
			}
			if got := b.inForce(t); got != want {
				t.Fatalf("seed %d: %q in force, want %q, after\n%s", seed, got, want, strings.Join(history, "\n"))
			}
			if chance.IntN(2) == 0 {
				want = another()
				if _, err := b.Apply([]byte(want)); err != nil {
					t.Fatal(err)
				}
				history = append(history, "put "+want)
			}
		}
		m.fault, cutCheck = nil, false
		if start(); b.inForce(t) != want {
			t.Fatalf("seed %d: %q in force at the end, want %q, after\n%s",
				seed, b.inForce(t), want, strings.Join(history, "\n"))
		}
		if got := string(plain(m.files[FileName])); got != want && len(history) > 0 {
			t.Fatalf("seed %d: the volume shows %q at the end, want %q, after\n%s",
				seed, got, want, strings.Join(history, "\n"))
		}
	}
}

// A check that takes the box down happens at most twice. Then the volume says
// so, and a person's next edit counts again.
func TestCheckThatTheBoxDoesNotSurvive(t *testing.T) {
	m, b := fresh(), newBox(t, mine)
	checks := 0
	b.Check = func(text []byte) (config.Errors, error) {
		if !strings.Contains(string(text), "Theirs") {
			return Parses(text)
		}
		checks++
		if r := string(plain(m.files[resultName])); r != resultChecking {
			t.Errorf("during the check the volume says %q", r)
		}
		panic(errPower)
	}
	m.files[FileName] = []byte(theirs)
	for range 5 {
		func() {
			defer func() { _ = recover() }()
			b.start(t, m)
		}()
	}
	if r := string(plain(m.files[resultName])); checks != 2 || r != resultDied || b.inForce(t) != mine {
		t.Errorf("after %d checks the result is %q, and %q in force", checks, r, b.inForce(t))
	}
	const another = "[menu]\ntitle = \"Another\"\n"
	m.files[FileName] = []byte(another)
	b.start(t, m)
	if r := string(plain(m.files[resultName])); r != resultTaken || b.inForce(t) != another {
		t.Errorf("after an edit the result is %q, and %q in force", r, b.inForce(t))
	}
}

// A check that cannot run is not a mistake in the settings: the next start
// tries again.
func TestCheckThatCannotBegin(t *testing.T) {
	m, b := fresh(), newBox(t, mine)
	b.Check = func([]byte) (config.Errors, error) { return nil, errors.New("no more processes") }
	m.files[FileName] = []byte(theirs)
	err := Exchange(m, b.Store, b.seen, nil, func() {}, slog.New(slog.DiscardHandler))
	r := string(plain(m.files[resultName]))
	if err == nil || !strings.Contains(r, "NOT accepted") || !strings.Contains(r, "no more processes") {
		t.Errorf("%v, and the result is %q", err, r)
	}
	b.Check = nil
	b.start(t, m)
	if r := string(plain(m.files[resultName])); r != resultTaken || b.inForce(t) != theirs {
		t.Errorf("at the next start the result is %q, and %q in force", r, b.inForce(t))
	}
}

// The box serves with the last good settings before it checks new ones. It
// waits for that only if there are new ones.
func TestServesBeforeItChecks(t *testing.T) {
	for _, tt := range []struct{ situation, found, want string }{
		{situation: "edited", found: theirs, want: "serves checks"},
		{situation: "edited, with a mistake", found: wrong, want: "serves checks"},
		{situation: "not edited", found: mine},
		{situation: "no file"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			m, b := fresh(), newBox(t, mine)
			m.files[FileName] = []byte(tt.found)
			var order []string
			b.Check = func(text []byte) (config.Errors, error) {
				order = append(order, "checks")
				return Parses(text)
			}
			serving := func() { order = append(order, "serves") }
			if err := Exchange(m, b.Store, b.seen, nil, serving, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(order, " "); got != tt.want {
				t.Errorf("it %s", got)
			}
		})
	}
}

func TestDamagedPerm(t *testing.T) {
	m, b := fresh(), newBox(t, "")
	log := slog.New(slog.DiscardHandler)
	for range 2 {
		if err := Exchange(m, b.Store, b.seen, errors.New("read-only file system"), func() {}, log); err != nil {
			t.Fatal(err)
		}
	}
	if r := string(m.files[resultName]); !strings.HasPrefix(r, damagedStart) ||
		!strings.Contains(r, "read-only file system") || m.writes != 1 {
		t.Errorf("%d writes, result %q", m.writes, r)
	}
	b.start(t, m)
	if r := string(plain(m.files[resultName])); r != resultTaken {
		t.Errorf("once it works again the result is %q", r)
	}
}

func TestTakeKeepsOldOnMistake(t *testing.T) {
	b := newBox(t, mine)
	var mistakes config.Errors
	if _, err := b.Apply([]byte(wrong)); !errors.As(err, &mistakes) {
		t.Errorf("got %v", err)
	}
	if b.inForce(t) != mine {
		t.Errorf("%q in force", b.inForce(t))
	}
	if _, err := os.Stat(b.File + ".old"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was kept: %v", err)
	}
}

// Settings without a mistake that the box still could not use.
func TestTakeRefusesWhatCannotBePublished(t *testing.T) {
	var f strings.Builder
	for i := range 300 {
		fmt.Fprintf(&f, "[[entry]]\nname = \"e%d\"\nkernel = \"k\"\nappend = %q\n", i, strings.Repeat("x", 1000))
	}
	for i := range 20 {
		fmt.Fprintf(&f, "[[machine]]\nmac = [\"52:54:00:00:00:%02x\"]\ndefault = \"e%d\"\n", i, i)
	}
	b := newBox(t, mine)
	_, err := b.Apply([]byte(f.String()))
	if !errors.As(err, new(config.Errors)) ||
		!strings.Contains(err.Error(), FileName+":1201: machine: all menus together exceed ") {
		t.Errorf("got %v", err)
	}
	if now, err := b.Read(); err != nil || string(now) != mine {
		t.Errorf("in force are %d bytes, %v", len(now), err)
	}
}

// The files that Windows shows have its line ends, and no characters that an
// old Notepad could not show.
func TestReadmeIsPlain(t *testing.T) {
	for i, c := range Readme {
		if c >= 0x80 || c == '\r' {
			t.Fatalf("byte %d is %q", i, c)
		}
	}
}

// The page shows the results of both ways.
func TestResults(t *testing.T) {
	b, m := newBox(t, mine), fresh()
	h := Handler(b.Store, slog.New(slog.DiscardHandler))
	put := func(text string) {
		r := httptest.NewRequest(http.MethodPut, "/"+FileName, strings.NewReader(text))
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	b.start(t, m)
	if r := b.Results(); r.Network != nil || r.Volume == nil || r.Volume.Time.IsZero() ||
		!strings.Contains(r.Volume.Text, "was the one that comes with a new image") {
		t.Errorf("a new volume: %+v", r.Volume)
	}
	b.start(t, m)
	if r := b.Results(); r.Volume == nil || !r.Volume.Time.IsZero() {
		t.Errorf("nothing new on the volume: %+v", r.Volume)
	}
	put(wrong)
	if r := b.Results().Network; r == nil || r.Taken || r.Client != "192.0.2.1:1234" ||
		!strings.Contains(r.Text, "menu.timeuot") {
		t.Errorf("a mistake: %+v", r)
	}
	put(theirs)
	if r := b.Results().Network; r == nil || !r.Taken || r.Text != "" {
		t.Errorf("no mistake: %+v", r)
	}
	long := &Store{Check: func([]byte) (config.Errors, error) {
		return nil, errors.New(strings.Repeat("é", boxstatus.MaxText))
	}}
	if _, err := long.Apply([]byte(mine)); err == nil {
		t.Fatal("it is taken")
	} else {
		long.record("", nil, err)
	}
	if r := long.Results().Network; len(r.Text) > boxstatus.MaxText || !utf8.ValidString(r.Text) ||
		!strings.HasSuffix(r.Text, "…") {
		t.Errorf("a long text has %d bytes", len(r.Text))
	}
}
