package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Console is a guest's serial port: the guest's output with times, and a way to
// type.
type Console struct {
	keys    io.Writer
	log     io.Writer // may be nil
	started time.Time

	mu     sync.Mutex
	escape escape
	text   []byte
	logged int // how much of text is in log
	chunks []chunk
	grown  chan struct{} // closed and replaced when text grows or the guest ends
	err    error         // the guest has ended
}

// chunk records when the text from an offset on arrived.
type chunk struct {
	offset int
	time   time.Time
}

func newConsole(keys, log io.Writer) *Console {
	return &Console{keys: keys, log: log, started: time.Now(), grown: make(chan struct{})}
}

// Write takes the guest's output. Positioning sequences become line ends, and
// all others are dropped, so that a menu reads as lines. The log gets each line
// when it is complete, with the seconds since the guest's start.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.chunks = append(c.chunks, chunk{len(c.text), time.Now()})
	for _, b := range p {
		c.text = c.escape.append(c.text, b)
	}
	close(c.grown)
	c.grown = make(chan struct{})
	if whole := bytes.LastIndexByte(c.text, '\n') + 1; whole > c.logged {
		if err := c.writeLog(whole); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// writeLog writes the text up to an offset to the log.
func (c *Console) writeLog(upTo int) error {
	lines := strings.TrimRight(string(c.text[c.logged:upTo]), "\n")
	c.logged = upTo
	if c.log == nil || lines == "" {
		return nil
	}
	for line := range strings.SplitSeq(lines, "\n") {
		if _, err := fmt.Fprintf(c.log, "%8.3f %s\n", time.Since(c.started).Seconds(), line); err != nil {
			return err
		}
	}
	return nil
}

func (c *Console) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = errors.Join(err, c.writeLog(len(c.text)))
	close(c.grown)
	c.grown = make(chan struct{})
}

// Type sends keys to the guest.
func (c *Console) Type(keys string) error {
	_, err := io.WriteString(c.keys, keys)
	return err
}

// Text returns all of the guest's output so far, without escape sequences.
func (c *Console) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}

// Match is a match in a console's text.
type Match struct {
	Text string
	Time time.Time // when its last byte arrived
}

// WaitFor returns the first match of a regular expression since the guest
// started. It waits for one until ctx ends or the guest does; the error then
// shows the end of the text.
func (c *Console) WaitFor(ctx context.Context, expression string) (Match, error) {
	return c.WaitForAfter(ctx, 0, expression)
}

// WaitForAfter is WaitFor for the text after an offset, for example the length
// of Text when the guest was reset.
func (c *Console) WaitForAfter(ctx context.Context, offset int, expression string) (Match, error) {
	re, err := regexp.Compile(expression)
	if err != nil {
		return Match{}, err
	}
	for {
		c.mu.Lock()
		grown, ended := c.grown, c.err
		text := c.text[min(offset, len(c.text)):]
		if at := re.FindIndex(text); at != nil {
			m := Match{string(text[at[0]:at[1]]), c.timeOf(len(c.text) - len(text) + at[1] - 1)}
			c.mu.Unlock()
			return m, nil
		}
		end := lastLines(string(c.text), 12)
		c.mu.Unlock()
		if ended != nil {
			return Match{}, fmt.Errorf("waiting for %q: %w; the console's end:\n%s", expression, ended, end)
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return Match{}, fmt.Errorf("waiting for %q: %w; the console's end:\n%s", expression, context.Cause(ctx),
				end)
		}
	}
}

func (c *Console) timeOf(offset int) time.Time {
	t := time.Time{}
	for _, k := range c.chunks {
		if k.offset > offset {
			break
		}
		t = k.time
	}
	return t
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// escape removes escape sequences (ECMA-48, ECMA-35) from a stream of bytes.
type escape struct {
	state    escapeState
	graphics bool // letters are line drawing
}

type escapeState int

const (
	plain    escapeState = iota
	begun                // after ESC
	sequence             // after ESC [
	charset              // after ESC ( and similar: one more byte
)

// lineDrawing maps letters to DEC's graphics set, in which menu.c32 draws its
// frame, as far as ASCII can represent it.
var lineDrawing = map[byte]byte{'l': '+', 'k': '+', 'm': '+', 'j': '+', 't': '+', 'u': '+', 'q': '-', 'x': '|'}

// append appends the meaning of b to text.
func (e *escape) append(text []byte, b byte) []byte {
	const shiftOut, shiftIn, esc = 0x0e, 0x0f, 0x1b
	switch e.state {
	case begun:
		switch b {
		case '[':
			e.state = sequence
		case '(', ')', '%':
			e.state = charset
		default:
			e.state = plain
		}
		return text
	case charset:
		e.state = plain
		return text
	case sequence:
		if b < 0x40 || b > 0x7e { // parameters; the final byte ends it
			return text
		}
		e.state = plain
		if b == 'H' || b == 'f' { // a new position
			return newline(text)
		}
		return text
	}
	switch {
	case b == esc:
		e.state = begun
	case b == shiftOut:
		e.graphics = true
	case b == shiftIn:
		e.graphics = false
	case b == '\n':
		return newline(text)
	case b >= ' ' || b == '\t':
		if d, ok := lineDrawing[b]; ok && e.graphics {
			b = d
		}
		return append(text, b)
	}
	return text
}

// newline ends a line, unless it is ended already.
func newline(text []byte) []byte {
	if n := len(text); n == 0 || text[n-1] == '\n' {
		return text
	}
	return append(text, '\n')
}
