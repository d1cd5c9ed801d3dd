package selftest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestExcuse(t *testing.T) {
	silence := fmt.Errorf("self-test: eth0, port 69: %w", os.ErrDeadlineExceeded)
	wrong := errors.New(`self-test: eth0, port 69: "f" is not served`)
	for _, c := range []struct {
		situation string
		answer    error
		work      Work
		fine      bool
	}{
		{"it answers, and has nothing else to do", nil, Work{}, true},
		{"it hangs", silence, Work{}, false},
		{"it hangs, and the kernel takes no more", silence, Work{Taken: 0, Answered: 0}, false},
		{"it takes our own questions, and a transfer runs", silence, Work{Taken: 6, Answered: 10_000}, false},
		{"it takes what comes, and answers nobody", silence, Work{Taken: 300}, false},
		{"it serves a room full of machines", silence, Work{Taken: 300, Answered: 200_000}, true},
		{"a flood, some of it answered", silence, Work{Taken: 700_000, Answered: 90_000}, true},
		{"a flood that is to get no answer", silence, Work{Taken: 700_000}, true},
		{"a flood that it does not take", silence, Work{}, false},
		{"a wrong answer, amid a flood", wrong, Work{Taken: 700_000, Answered: 90_000}, false},
	} {
		t.Run(c.situation, func(t *testing.T) {
			if err := c.work.excuse(c.answer); (err == nil) != c.fine {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The verdicts of ten minutes, by what pxed does in them.
func TestVerdictsByProgress(t *testing.T) {
	silence := fmt.Errorf("port 69: %w", os.ErrDeadlineExceeded)
	for _, c := range []struct {
		situation string
		look      func(i int) (Work, error)
		ends      bool
		want      Verdict // of the last look
	}{
		{"a flood for ten minutes", func(int) (Work, error) { return Work{700_000, 90_000}, silence }, false, Fine},
		{"a flood, and the answer comes now and then", func(i int) (Work, error) {
			return Work{700_000, 90_000}, []error{nil, silence}[i%2]
		}, false, Fine},
		{"it hangs amid a flood", func(i int) (Work, error) {
			if i < 10 {
				return Work{700_000, 90_000}, silence
			}
			return Work{}, silence
		}, true, Reboot},
		{"it hangs on a quiet network", func(int) (Work, error) { return Work{}, silence }, true, Reboot},
	} {
		t.Run(c.situation, func(t *testing.T) {
			j := Judge{Reboots: true}
			ends, last := false, Fine
			for i := range 60 {
				work, err := c.look(i)
				last = j.Look(24*time.Hour+time.Duration(i)*Every, work.excuse(err) == nil)
				ends = ends || last == End
			}
			if ends != c.ends || last != c.want {
				t.Errorf("ended: %v, and at last %v; want %v and %v", ends, last, c.ends, c.want)
			}
		})
	}
}

func TestProgressByPulse(t *testing.T) {
	dir := t.TempDir()
	p, f := NewPulse(dir, "pxed"), NewFeeler(dir, "pxed")
	for _, c := range []struct {
		situation  string
		done, want Progress
	}{
		{"its first beat", Progress{Work{1, 2}, Work{3, 4}}, Progress{Work{1, 2}, Work{3, 4}}},
		{"nothing done", Progress{Work{1, 2}, Work{3, 4}}, Progress{}},
		{"some done", Progress{Work{1, 3}, Work{1 << 63, 4}}, Progress{Work{0, 1}, Work{1<<63 - 3, 0}}},
		{"started anew", Progress{Work{0, 0}, Work{7, 1}}, Progress{Work{0, 0}, Work{7, 1}}},
	} {
		p.Beat(c.done)
		if got, err := f.Feel(); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.situation, got, err, c.want)
		}
	}
	if got, err := f.Feel(); err == nil || got != (Progress{}) {
		t.Errorf("without a beat: %+v, %v", got, err)
	}
	for i, content := range []string{"", "x", "dhcp 1 2 tftp 3", "dhcp -1 2 tftp 3 4\n", "dhcp 99999999999999999999999 2 tftp 3 4\n"} {
		file := filepath.Join(dir, "pxed.alive")
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(i), 0)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Feel(); err != nil || got != (Progress{}) {
			t.Errorf("%q: %+v, %v; want a pulse, and nothing done", content, got, err)
		}
	}
}
