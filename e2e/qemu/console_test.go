package qemu

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestConsoleText(t *testing.T) {
	for _, test := range []struct{ situation, wrote, want string }{
		{situation: "plain lines", wrote: "one\r\ntwo\r\n", want: "one\ntwo\n"},
		{situation: "colours", wrote: "\x1b[1;37;44mtitle\x1b[0m", want: "title"},
		{situation: "a menu drawn by position", wrote: "\x1b[2J\x1b[3;5HLab\x1b[5;5Hentry", want: "Lab\nentry"},
		{situation: "no empty lines", wrote: "\n\n\x1b[1;1Ha\n\n\nb", want: "a\nb"},
		{situation: "character sets", wrote: "\x1b%@a\x1b)0\x0elqqk\x0fl\x1b(B.", want: "a+--+l."},
		{situation: "a single-letter sequence", wrote: "\x1b7a\x1b8b", want: "ab"},
		{situation: "bell and backspace", wrote: "a\a\bb", want: "ab"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			c := newConsole(io.Discard, nil)
			for _, b := range []byte(test.wrote) { // a sequence may be split anywhere
				c.Write([]byte{b})
			}
			if got := c.Text(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestWaitForTextThatComesInPieces(t *testing.T) {
	c := newConsole(io.Discard, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		for _, s := range []string{"noise WDS-ST", "ANDIN: ", "OK x\r", "\nmore"} {
			c.Write([]byte(s))
		}
	}()
	m, err := c.WaitFor(ctx, "STANDIN: .*\n")
	if err != nil || m.Text != "STANDIN: OK x\n" || m.Time.IsZero() {
		t.Errorf("got %q at %v, %v", m.Text, m.Time, err)
	}
}

func TestWaitForAfterLeavesOutWhatWasBefore(t *testing.T) {
	c := newConsole(io.Discard, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c.Write([]byte("boot 1\n"))
	before := len(c.Text())
	go c.Write([]byte("boot 2\n"))
	m, err := c.WaitForAfter(ctx, before, `boot \d`)
	if err != nil || m.Text != "boot 2" || m.Time.IsZero() {
		t.Errorf("got %q at %v, %v", m.Text, m.Time, err)
	}
}

func TestWaitForTellsWhyItEnded(t *testing.T) {
	t.Run("the guest ended", func(t *testing.T) {
		c := newConsole(io.Discard, nil)
		c.Write([]byte("last words\n"))
		why := errors.New("killed")
		c.end(why)
		_, err := c.WaitFor(t.Context(), "never")
		if !errors.Is(err, why) || !strings.Contains(err.Error(), "last words") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the context ended", func(t *testing.T) {
		c := newConsole(io.Discard, nil)
		why := errors.New("too slow")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		if _, err := c.WaitFor(ctx, "never"); !errors.Is(err, why) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what came before the end counts", func(t *testing.T) {
		c := newConsole(io.Discard, nil)
		c.Write([]byte("done\n"))
		c.end(io.EOF)
		if _, err := c.WaitFor(t.Context(), "done"); err != nil {
			t.Errorf("got %v", err)
		}
	})
}

func TestConsoleLogHasTimes(t *testing.T) {
	var log strings.Builder
	c := newConsole(io.Discard, &log)
	c.Write([]byte("one\r\ntwo\r\nthr"))
	c.Write([]byte("ee"))
	if strings.Contains(log.String(), "thr") {
		t.Errorf("a line is logged before it is whole: %q", log.String())
	}
	c.end(io.EOF)
	want := regexp.MustCompile(`^ +\d+\.\d{3} one\n +\d+\.\d{3} two\n +\d+\.\d{3} three\n$`)
	if !want.MatchString(log.String()) {
		t.Errorf("got %q", log.String())
	}
}

func TestType(t *testing.T) {
	var keys strings.Builder
	c := newConsole(&keys, nil)
	if err := c.Type("\x1b[B\r"); err != nil || keys.String() != "\x1b[B\r" {
		t.Errorf("typed %q, %v", keys.String(), err)
	}
}
