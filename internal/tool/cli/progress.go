package cli

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"
)

const (
	// redraw is the minimum time between two updates of a bar.
	redraw = 100 * time.Millisecond
	// barWidth is the width of the bar alone, in characters.
	barWidth = 30
)

// bar shows how much of a file is sent, in the last line of a terminal. Lines
// written to it appear above. Without a terminal it only shows these lines.
type bar struct {
	out      io.Writer
	terminal bool
	now      func() time.Time

	shown   bool // the last line is a bar
	name    string
	first   int64 // bytes that were sent earlier
	started time.Time
	drawn   time.Time
}

func newBar(out io.Writer) *bar {
	b := &bar{out: out, now: time.Now}
	if f, ok := out.(*os.File); ok {
		b.terminal = term.IsTerminal(int(f.Fd()))
	}
	return b
}

// show shows progress, in bytes.
func (b *bar) show(name string, done, total int64) {
	if !b.terminal {
		return
	}
	now := b.now()
	if name != b.name || done < b.first {
		b.name, b.first, b.started, b.drawn = name, done, now, time.Time{}
	}
	if done < total && now.Sub(b.drawn) < redraw {
		return
	}
	b.drawn = now
	part := 1.0
	if total > 0 {
		part = float64(done) / float64(total)
	}
	rate := ""
	if took := now.Sub(b.started); took > 0 {
		rate = fmt.Sprintf("  %.1f MiB/s", float64(done-b.first)/(1<<20)/took.Seconds())
	}
	b.draw(name, part, fmt.Sprintf("%.1f of %.1f MiB%s", float64(done)/(1<<20), float64(total)/(1<<20), rate))
}

// draw replaces the last line.
func (b *bar) draw(name string, part float64, text string) {
	full := int(min(max(part, 0), 1) * barWidth)
	// The spaces at the end overwrite a longer line.
	fmt.Fprintf(b.out, "\r%s [%s%s] %3.0f%%  %s   ", name,
		strings.Repeat("#", full), strings.Repeat(".", barWidth-full), 100*part, text)
	b.shown = true
}

// end keeps the bar, and starts a new line.
func (b *bar) end() {
	if b.shown {
		fmt.Fprintln(b.out)
		b.shown = false
	}
	b.name = ""
}

// Write writes whole lines.
func (b *bar) Write(lines []byte) (int, error) {
	b.end()
	return b.out.Write(lines)
}

// gokOutput shows gok's output on a bar. A line that gok would overwrite ends
// with a carriage return.
type gokOutput struct{ bar *bar }

var gokProgress = regexp.MustCompile(`^\[(.+)\] ([0-9.]+)% of (.+, uploading at .+?)\s*$`)

// Write receives a line, or temporary text that replaces it for a while.
func (g gokOutput) Write(line []byte) (int, error) {
	text := strings.TrimRight(string(line), "\r\n")
	if m := gokProgress.FindStringSubmatch(text); m != nil {
		if percent, err := strconv.ParseFloat(m[2], 64); err == nil && g.bar.terminal {
			g.bar.draw(m[1], percent/100, m[3])
		}
		return len(line), nil
	}
	if strings.HasSuffix(string(line), "\r") || text == "" {
		return len(line), nil
	}
	_, err := g.bar.Write([]byte(text + "\n"))
	return len(line), err
}
