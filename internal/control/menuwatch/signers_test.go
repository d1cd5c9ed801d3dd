package menuwatch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/secureboot"
)

const (
	x64     = `boot\x64\wdsmgfw.efi`
	x64Of23 = `boot_EX\x64\wdsmgfw_EX.efi`
)

// shim returns Debian's shim, which Microsoft has signed.
func shim(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("../../../assets/grub/usr/lib/shim/shimx64.efi.signed")
	if err != nil {
		t.Fatalf("%v: run make assets", err)
	}
	return b
}

// wdsServer is a WDS server with the given programs; it counts how often each is
// read.
type wdsServer struct {
	m     *simulation
	files map[string][]byte
	fails error
	down  bool
	read  []string
	at    []time.Time
}

func (w *wdsServer) attach(m *simulation) {
	w.m = m
	m.Probe = func(_ context.Context, _ netip.Addr, c config.WDS) (bootmenu.Server, error) {
		ask := func(programs map[firmware.Kind]string) map[firmware.Kind]bootmenu.Health {
			out := map[firmware.Kind]bootmenu.Health{}
			for kind, name := range programs {
				out[kind] = bootmenu.Health{State: bootmenu.Refused, Note: "file not found"}
				if b, ok := w.files[name]; ok {
					out[kind] = bootmenu.Health{State: bootmenu.Up, Size: int64(len(b))}
				}
				if w.down {
					out[kind] = down
				}
			}
			return out
		}
		return bootmenu.Server{Programs: ask(c.Programs), Programs2023: ask(c.Programs2023)}, nil
	}
	m.Read = func(ctx context.Context, _ netip.Addr, name string) ([]byte, error) {
		if _, ok := ctx.Deadline(); !ok {
			return nil, errors.New("a question without an end")
		}
		w.read, w.at = append(w.read, name), append(w.at, m.now)
		return w.files[name], w.fails
	}
}

func (w *wdsServer) gaps() (out []time.Duration) {
	for i := 1; i < len(w.at); i++ {
		out = append(out, w.at[i].Sub(w.at[i-1]))
	}
	return out
}

// Each situation is a server, and what happens to it; told is the log about it.
func TestSigners(t *testing.T) {
	signed := shim(t)
	flipped := slices.Clone(signed)
	flipped[len(flipped)/2] ^= 1
	one := map[string][]byte{x64: signed}
	for _, tt := range []struct {
		situation string
		files     map[string][]byte
		fails     error
		more      string // keys of the [[wds]]
		then      func(w *wdsServer)
		after     time.Duration
		gaps      []time.Duration // between readings
		told      []string        // in the log lines, in order
	}{
		{
			situation: "a server without a program of 2023", files: one, after: 50 * time.Minute,
			told: []string{`level=INFO msg="boot program's signatures read" part=signers server=a address=10.0.0.9 ` +
				`file=boot\x64\wdsmgfw.efi bytes=` + fmt.Sprint(len(signed)) +
				` signed="Microsoft Corporation UEFI CA 2011`},
		},
		{
			situation: "a server with both",
			files:     map[string][]byte{x64: signed, x64Of23: signed}, after: time.Minute,
			gaps: []time.Duration{0}, told: []string{`file=boot\x64\wdsmgfw.efi`, `file=boot_EX\x64\wdsmgfw_EX.efi`},
		},
		{
			situation: "once an hour", files: one, after: 3*time.Hour + time.Minute,
			gaps: []time.Duration{time.Hour, time.Hour, time.Hour}, told: []string{"level=INFO"},
		},
		{
			situation: "another size, a long time after it was read", files: one, after: 40 * time.Minute,
			then: func(w *wdsServer) {
				w.m.run(29*time.Minute + 50*time.Second)
				w.files = map[string][]byte{x64: []byte("MZ")}
			},
			gaps: []time.Duration{30 * time.Minute},
			told: []string{"level=INFO", `level=WARN msg="boot program's signatures read"`},
		},
		{
			situation: "another size, again and again", files: one, after: time.Minute,
			then: func(w *wdsServer) {
				for i := range 26 {
					w.files = map[string][]byte{x64: make([]byte, i)}
					w.m.run(30 * time.Second)
				}
			},
			gaps: []time.Duration{readApart, readApart}, told: []string{"level=INFO", "level=WARN"},
		},
		{
			situation: "a changed byte, of the same size", files: one, after: 2 * time.Hour,
			then: func(w *wdsServer) { w.files = map[string][]byte{x64: flipped} },
			gaps: []time.Duration{time.Hour, time.Hour},
			told: []string{"level=INFO", "level=WARN .*the file was changed"},
		},
		{
			situation: "it cannot be read", files: one, fails: errors.New("it takes too long"), after: 25 * time.Minute,
			gaps: []time.Duration{readRetry, readRetry},
			told: []string{`level=WARN msg="boot program's signatures cannot be read" .* err="it takes too long"`},
		},
		{
			situation: "it can be read again", files: one, fails: errors.New("it takes too long"),
			after: 15 * time.Minute,
			then:  func(w *wdsServer) { w.m.run(time.Minute); w.fails = nil },
			gaps:  []time.Duration{readRetry}, told: []string{"cannot be read", "level=INFO"},
		},
		{
			situation: "it goes down, and is read no more", files: one, after: 5 * time.Hour,
			then: func(w *wdsServer) { w.m.run(time.Minute); w.down = true }, told: []string{"level=INFO"},
		},
		{
			situation: "it loses the program of 2023",
			files:     map[string][]byte{x64: signed, x64Of23: signed}, after: time.Minute,
			then: func(w *wdsServer) { w.m.run(time.Minute); delete(w.files, x64Of23) },
			gaps: []time.Duration{0}, told: []string{"level=INFO", "level=INFO"},
		},
		{
			situation: "the programs of a BIOS have no signature",
			files:     map[string][]byte{`boot\x64\wdsnbp.com`: []byte("MZ")}, after: time.Hour,
		},
		{situation: "it is never asked", files: one, more: `probe = "0s"`, after: 2 * time.Hour},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			m, w := simulate(t, morning), &wdsServer{files: tt.files, fails: tt.fails}
			w.attach(m)
			m.configure(wdsAt("10.0.0.9", tt.more))
			if tt.then != nil {
				tt.then(w)
			}
			m.run(tt.after)
			// Servers are asked every 30 s, so that a change shows a little later.
			rough := func(d time.Duration) time.Duration { return d.Round(time.Minute) }
			if len(w.at) != len(tt.gaps)+1 && (len(w.at) > 0 || len(tt.told) > 0) {
				t.Fatalf("read %v, %v apart; want it %v apart", w.read, w.gaps(), tt.gaps)
			}
			for i, gap := range w.gaps() {
				if rough(gap) != rough(tt.gaps[i]) {
					t.Errorf("read %v apart, want %v", w.gaps(), tt.gaps)
				}
			}
			log := m.log.String()
			var lines []string
			for line := range strings.Lines(log) {
				if strings.Contains(line, "part=signers") {
					lines = append(lines, line)
				}
			}
			if len(lines) != len(tt.told) {
				t.Fatalf("%d lines, want %d:\n%s", len(lines), len(tt.told), log)
			}
			for i, line := range lines {
				for part := range strings.SplitSeq(tt.told[i], ".*") {
					if !strings.Contains(line, strings.TrimSpace(part)) {
						t.Errorf("line %q lacks %q", line, part)
					}
				}
			}
		})
	}
}

// The program of 2023 is an alternative for as long as the server has it, and its
// absence changes nothing about the server.
func TestProgramOf2023ComesAndGoes(t *testing.T) {
	m := simulate(t, morning)
	w := &wdsServer{files: map[string][]byte{x64: []byte("MZ"), `boot\x64\wdsnbp.com`: []byte("x")}}
	w.attach(m)
	m.configure(wdsAt("10.0.0.9"))
	alternatives := func() []string {
		g, err := generation.Read(m.RunDir)
		if err != nil {
			t.Fatal(err)
		}
		return g.Handoffs["a"].Alternatives["uefi-x64"]
	}
	m.run(time.Minute)
	if got := alternatives(); got != nil {
		t.Errorf("the server has none: %v", got)
	}
	m.expect("without it", "MENU LABEL a\n")
	if log := m.log.String(); strings.Contains(log, "wdsmgfw_EX") {
		t.Errorf("the log:\n%s", log)
	}
	w.files[x64Of23] = []byte("MZ")
	m.run(time.Minute)
	if got := alternatives(); !slices.Equal(got, []string{x64Of23}) {
		t.Errorf("it has one: %v", got)
	}
	delete(w.files, x64Of23)
	m.run(time.Minute)
	if got := alternatives(); got != nil {
		t.Errorf("it has lost it: %v", got)
	}
	if m.told("WDS server no longer serves its boot program of 2023") != 1 {
		t.Error("its loss is not in the log once")
	}
	m.expect("without it again", "MENU LABEL a\n")
}

// A new size is no new health: it is not in the log, and changes no menu.
func TestSizeIsNotHealth(t *testing.T) {
	m, w := simulate(t, morning), &wdsServer{files: map[string][]byte{x64: []byte("MZ")}}
	w.attach(m)
	m.configure(wdsAt("10.0.0.9"))
	m.run(time.Minute)
	published := m.box.publishedAt
	m.told("")
	w.files[x64] = []byte("MZ of another size")
	m.run(time.Minute)
	if m.told("part=probe") > 0 || !m.box.publishedAt.Equal(published) {
		t.Error("it is logged or published")
	}
}

// The programs of the site's own are read when they change.
func TestSignersOfTheSitesFiles(t *testing.T) {
	m := simulate(t, morning)
	write := func(name string, b []byte) {
		t.Helper()
		m.put(name, 1)
		if err := os.WriteFile(filepath.Join(m.BootDir, filepath.FromSlash(name)), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("tools/shim.efi", shim(t))
	write("tools/unsigned.efi", []byte("MZ"))
	write("linux", []byte("MZ"))
	m.configure("[boot]\nuefi-arm64 = \"tools/unsigned.efi\"\nuefi-x64 = \"shimx64.efi\"\n" +
		"[[entry]]\nname = \"a\"\nefi = \"Tools/Shim.EFI\"\n[[entry]]\nname = \"b\"\nkernel = \"linux\"\n")
	m.run(3 * time.Hour)
	for want, n := range map[string]int{
		"part=signers": 2,
		"file=" + filepath.Join(m.BootDir, "Tools", "Shim.EFI") + " bytes=":       1,
		"file=" + filepath.Join(m.BootDir, "tools", "unsigned.efi") + " bytes=2 ": 1,
	} {
		if got := strings.Count(m.log.String(), want); got != n {
			t.Errorf("%q is in the log %d times, want %d:\n%s", want, got, n, m.log.String())
		}
	}
	m.told("")
	m.put("tools/shim.efi", 7)
	m.box.bootChanged(m.now)
	m.run(time.Minute)
	if m.told("bytes=7 signed=") != 1 {
		t.Error("the changed file was not read")
	}
	m.configure("[[entry]]\nname = \"a\"\ndisk = true\n[[entry]]\nname = \"b\"\nefi = \"tools/unsigned.efi\"\n")
	if len(m.box.signers.known) > 1 {
		t.Errorf("%d programs are still known", len(m.box.signers.known))
	}
}

// The page shows what is known of each program, and since when.
func TestSignersInTheSnapshot(t *testing.T) {
	m, w := simulate(t, morning), &wdsServer{files: map[string][]byte{x64: shim(t)}, fails: errors.New("no")}
	w.attach(m)
	m.put("a.efi", 5)
	const entry = "[[entry]]\nname = \"efi\"\nefi = \"a.efi\"\n"
	m.configure(wdsAt("10.0.0.9") + entry)
	signed := func() (x64, of2023 Program) {
		for _, p := range m.snapshot().Servers[0].Programs {
			if p.Firmware == firmware.UEFIX64 {
				x64 = p
			}
		}
		of2023 = m.snapshot().Servers[0].Programs2023[0]
		return x64, of2023
	}
	if p, of2023 := signed(); !p.Signed.Read.IsZero() || of2023.File != x64Of23 ||
		of2023.Health.State != bootmenu.Refused {
		t.Errorf("before it was read: %+v, %+v", p, of2023)
	}
	if f := m.snapshot().Files; len(f) != 1 || f[0].File != "a.efi" || f[0].Signed.Problem == "" {
		t.Errorf("the site's files are %+v", f)
	}
	w.fails = nil
	m.run(readRetry)
	p, _ := signed()
	if !p.Signed.By(secureboot.UEFICA2011) || p.Signed.Size != int64(len(w.files[x64])) || !p.Signable() {
		t.Errorf("got %+v", p)
	}
	w.fails = errors.New("no")
	m.run(2 * time.Hour)
	if again, _ := signed(); !again.Signed.Equal(p.Signed.Signers) || !again.Signed.Read.Equal(p.Signed.Read) {
		t.Errorf("after a failure: %+v", again)
	}
	// Another server has the address now.
	m.configure(wdsAt("10.0.0.10") + entry)
	if p, _ := signed(); !p.Signed.Read.IsZero() {
		t.Errorf("of another server: %+v", p)
	}
}

// One program is read at a time.
func TestOneProgramAtATime(t *testing.T) {
	m, w := simulate(t, morning), &wdsServer{files: map[string][]byte{x64: shim(t), x64Of23: shim(t)}}
	w.attach(m)
	read := m.Read
	m.Read = func(ctx context.Context, a netip.Addr, name string) ([]byte, error) {
		m.box.readPrograms(m.now)
		if len(m.box.questions) > 0 || !m.box.signers.wake().IsZero() {
			t.Error("the next one starts while this one is read")
		}
		return read(ctx, a, name)
	}
	m.configure(wdsAt("10.0.0.9"))
	if len(w.read) != 2 {
		t.Errorf("read %v", w.read)
	}
}

func TestWhichProgramIsNext(t *testing.T) {
	later := morning.Add(time.Hour)
	size := stamp{size: 1}
	for _, tt := range []struct {
		situation string
		known     *signed
		is        stamp
		want      time.Time
	}{
		{situation: "it was never read: before all others", is: size, want: longAgo},
		{situation: "it was read", known: &signed{stamp: size, again: later}, is: size, want: later},
		{situation: "a file that was read", known: &signed{stamp: size}, is: size},
		{situation: "it has another size", known: &signed{stamp: size, again: later, notBefore: morning},
			is: stamp{size: 2}, want: morning},
		{situation: "the server says no size any more",
			known: &signed{stamp: size, again: later, notBefore: morning}, want: morning},
		{situation: "a file with another time", known: &signed{stamp: size, notBefore: morning},
			is: stamp{1, later}, want: morning},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := tt.known.due(tt.is); !got.Equal(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
