package pulse

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
		{situation: "it answers, and has nothing else to do", fine: true},
		{situation: "it hangs", answer: silence},
		{situation: "it hangs, and the kernel takes no more", answer: silence, work: Work{Taken: 0, Answered: 0}},
		{situation: "it takes our own questions, and a transfer runs", answer: silence,
			work: Work{Taken: 6, Answered: 10_000}},
		{situation: "it takes what comes, and answers nothing", answer: silence, work: Work{Taken: 300}},
		{situation: "it serves a room full of machines", answer: silence,
			work: Work{Taken: 300, Answered: 200_000}, fine: true},
		{situation: "a flood, some of it answered", answer: silence,
			work: Work{Taken: 700_000, Answered: 90_000}, fine: true},
		{situation: "a flood that is to get no answer", answer: silence, work: Work{Taken: 700_000}, fine: true},
		{situation: "a flood that it does not take", answer: silence},
		{situation: "a wrong answer, amid a flood", answer: wrong, work: Work{Taken: 700_000, Answered: 90_000}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			if err := c.work.Excuse(c.answer); (err == nil) != c.fine {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestProgressByPulse(t *testing.T) {
	dir := t.TempDir()
	p, f := New(dir, "pxed"), NewChecker(dir, "pxed")
	for _, c := range []struct {
		situation  string
		done, want Progress
	}{
		{situation: "its first beat", done: Progress{Work{1, 2}, Work{3, 4}}, want: Progress{Work{1, 2}, Work{3, 4}}},
		{situation: "nothing done", done: Progress{Work{1, 2}, Work{3, 4}}},
		{situation: "some done", done: Progress{Work{1, 3}, Work{1 << 63, 4}},
			want: Progress{Work{0, 1}, Work{1<<63 - 3, 0}}},
		{situation: "restarted", done: Progress{Work{0, 0}, Work{7, 1}}, want: Progress{Work{0, 0}, Work{7, 1}}},
	} {
		p.Beat(c.done)
		if got, err := f.Check(); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.situation, got, err, c.want)
		}
	}
	if got, err := f.Check(); err == nil || got != (Progress{}) {
		t.Errorf("without a beat: %+v, %v", got, err)
	}
	for i, content := range []string{"", "x", "dhcp 1 2 tftp 3", "dhcp -1 2 tftp 3 4\n",
		"dhcp 99999999999999999999999 2 tftp 3 4\n"} {
		file := filepath.Join(dir, "pxed.alive")
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(i), 0)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Check(); err != nil || got != (Progress{}) {
			t.Errorf("%q: %+v, %v; want a pulse, and nothing done", content, got, err)
		}
	}
}
