package menuwatch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// put writes a boot file; a negative size removes it.
func (s *site) put(name string, size int) {
	s.t.Helper()
	file := filepath.Join(s.BootDir, filepath.FromSlash(name))
	if size < 0 {
		if err := os.Remove(file); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, make([]byte, size), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

const debian = "[[entry]]\nname = \"debian\"\nkernel = \"debian/linux\"\ninitrd = [\"debian/initrd.gz\"]\n"

func TestBootFiles(t *testing.T) {
	const lacks, complete = "MENU LABEL debian (file missing)", "MENU LABEL debian\n"
	type step struct {
		what  func(*site)
		after time.Duration
		want  string // in the menu
		told  string // in the log
	}
	put := func(name string, size int) func(*site) { return func(s *site) { s.put(name, size) } }
	both := func(s *site) { s.put("debian/linux", 10); s.put("debian/initrd.gz", 10) }
	nothing := func(*site) {}
	for _, tt := range []struct {
		name   string
		before func(*site)
		first  string
		steps  []step
	}{
		{name: "there from the start", before: both, first: complete},
		{name: "no boot folder", before: func(s *site) { os.Remove(s.BootDir) }, first: lacks, steps: []step{
			{what: both, after: time.Second, want: lacks, told: `msg="boot file is still being written"`},
			{what: nothing, after: 2 * steady, want: complete, told: `msg="boot file found"`},
		}},
		{name: "another case", before: func(s *site) { s.put("Debian/LINUX", 10); s.put("Debian/Initrd.gz", 10) },
			first: complete},
		{name: "one file is missing", before: put("debian/linux", 10), first: lacks, steps: []step{
			{what: nothing, after: time.Minute, want: lacks},
			{what: put("debian/initrd.gz", 10), after: 2 * steady, want: complete, told: "boot file found"},
		}},
		{name: "one vanishes", before: both, first: complete, steps: []step{
			{put("debian/initrd.gz", -1), time.Second + gather, lacks, "boot file is missing"},
		}},
		{name: "one comes slowly", before: put("debian/linux", 10), first: lacks, steps: []step{
			{what: put("debian/initrd.gz", 0), after: time.Second, want: lacks, told: "still being written"},
			{what: put("debian/initrd.gz", 10), after: steady, want: lacks},
			{what: put("debian/initrd.gz", 20), after: steady, want: lacks},
			{what: put("debian/initrd.gz", 30), after: 2 * steady, want: complete, told: "boot file found"},
		}},
		{name: "one is replaced in place", before: both, first: complete, steps: []step{
			{what: put("debian/initrd.gz", 5), after: time.Second + gather, want: lacks, told: "still being written"},
			{what: nothing, after: 2 * steady, want: complete, told: "boot file found"},
		}},
		{name: "one is replaced by another of the same size", before: both, first: complete, steps: []step{
			{func(s *site) {
				now := time.Now()
				if err := os.Chtimes(filepath.Join(s.BootDir, "debian", "linux"), now,
					now.Add(time.Minute)); err != nil {
					s.t.Fatal(err)
				}
			}, time.Second + gather, lacks, "still being written"},
		}},
		{name: "one is empty from the start",
			before: func(s *site) { both(s); s.put("debian/linux", 0) }, first: lacks},
		{name: "one is emptied", before: both, first: complete, steps: []step{
			{what: put("debian/initrd.gz", 0), after: time.Minute, want: lacks, told: "still being written"},
			{what: nothing, after: time.Minute, want: lacks},
		}},
		{name: "a folder in its place",
			before: func(s *site) { both(s); s.put("debian/initrd.gz", -1); s.put("debian/initrd.gz/x", 1) },
			first:  lacks},
		{name: "a link that leads out", before: func(s *site) {
			both(s)
			s.put("debian/initrd.gz", -1)
			os.Symlink("/proc/version", filepath.Join(s.BootDir, "debian", "initrd.gz"))
		}, first: lacks},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := simulate(t, morning)
			tt.before(m.site)
			m.configure(debian)
			m.expect("at first", tt.first)
			m.told("")
			for i, step := range tt.steps {
				step.what(m.site)
				m.box.bootChanged(m.now)
				m.run(step.after)
				m.expect(fmt.Sprint("step ", i), step.want)
				if log := m.log.String(); step.told == "" && strings.Contains(log, "part=files") ||
					m.told(step.told) == 0 && step.told != "" {
					t.Errorf("step %d: the log is %q, want %q", i, log, step.told)
				}
			}
		})
	}
}

func TestMissingFileIsNamedInFull(t *testing.T) {
	m := simulate(t, morning)
	m.configure(debian + "[[entry]]\nname = \"other\"\nkernel = \"debian/linux\"\n")
	log := m.log.String()
	for _, want := range []string{
		"file=" + filepath.Join(m.BootDir, "debian", "linux") + ` used="entry debian, entry other"`,
		"file=" + filepath.Join(m.BootDir, "debian", "initrd.gz") + ` used="entry debian"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
}

// The box's built-in programs count as present, and the files that firmware loads
// first are checked too.
func TestFilesOfTheBoxItself(t *testing.T) {
	m := simulate(t, morning)
	m.configure("[boot]\nbios = \"lpxelinux.0\"\nuefi-x64 = \"none.efi\"\n" +
		"uefi-arm64-http = \"http://10.0.0.9/a.efi\"\n[[entry]]\nname = \"m\"\nfile = \"reboot.c32\"\n")
	if got := m.box.status().Missing; len(got) > 0 {
		t.Errorf("missing are %v", got)
	}
	if log := m.log.String(); strings.Count(log, "part=files") != 1 || m.told("none.efi used=boot.uefi-x64") != 1 {
		t.Errorf("the log is:\n%s", log)
	}
}

// A boot folder that is not mounted does not push everything else out of a log of
// a hundred lines.
func TestManyMissingFiles(t *testing.T) {
	var file strings.Builder
	for i := range 200 {
		fmt.Fprintf(&file, "[[entry]]\nname = \"e%d\"\nkernel = \"k%d\"\n", i, i)
	}
	m := simulate(t, morning)
	m.configure(file.String())
	log := m.log.String()
	if n := strings.Count(log, "part=files"); n != maxTold+1 || !strings.Contains(log, "count=190") {
		t.Errorf("%d lines:\n%s", n, log)
	}
	if n := len(m.box.status().Missing); n != 200 {
		t.Errorf("%d entries lack something", n)
	}
}

// A copy in progress reports each write; the folder is looked at only now and
// then.
func TestBusyFolder(t *testing.T) {
	m := simulate(t, morning)
	m.configure(debian)
	m.told("")
	looks := 0
	for range 100 { // ten seconds
		m.box.bootChanged(m.now)
		last := m.box.boot.lastAt
		m.run(100 * time.Millisecond)
		if !m.box.boot.lastAt.Equal(last) {
			looks++
		}
	}
	if looks > 11 {
		t.Errorf("looked %d times in ten seconds", looks)
	}
}

// The longer a look takes, the longer the next one waits.
func TestLooksTakeASmallPartOfTheTime(t *testing.T) {
	m := simulate(t, morning)
	m.hold = true
	m.configure(debian)
	start := m.box.boot.lastAt
	m.run(2 * time.Second) // the look ends only then
	m.box.questions, m.hold = m.held, false
	m.run(0)
	for range 100 {
		m.box.bootChanged(m.now)
		m.run(time.Second)
		if took := m.box.boot.lastAt.Sub(start); took > 0 {
			if took < lookShare*2*time.Second {
				t.Errorf("looked again after %v", took)
			}
			return
		}
	}
	t.Error("not looked at again")
}

// The result of a look for the previous configuration does not count for the
// files that the new one needs.
func TestLookForTheConfigurationBefore(t *testing.T) {
	m := simulate(t, morning)
	m.put("debian/linux", 10)
	m.put("debian/initrd.gz", 10)
	m.hold = true
	m.configure(title("before"))
	m.configure(debian)
	m.box.questions, m.hold = m.held, false
	m.run(time.Second)
	if log := m.log.String(); m.told("part=files") > 0 {
		t.Errorf("the log is:\n%s", log)
	}
	m.expect("in the end", "MENU LABEL debian\n")
}

// A medium that hangs delays the first menu for a moment, and nothing else.
func TestSlowMedium(t *testing.T) {
	m := simulate(t, morning)
	m.put("debian/linux", 10)
	m.hold = true
	m.configure(debian)
	if m.menu() != "" {
		t.Error("published before the first look")
	}
	m.run(grace)
	m.expect("after a moment", "MENU LABEL debian\n")
	m.configure(title("two") + debian)
	m.run(grace)
	m.expect("after a change", "MENU TITLE two")
	m.box.questions, m.hold = m.held, false
	m.run(2 * time.Second)
	m.expect("when the medium is back", "(file missing)")
}
