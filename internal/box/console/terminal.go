package console

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// terminal is a virtual terminal on the HDMI or VGA screen. The kernel writes
// its log to the first one (console=tty1), so the state has the second, where
// no other program writes. A box without a screen has none.
type terminal struct {
	file  *os.File
	drawn string
}

const (
	terminalFile = "/dev/tty2"
	number       = 2

	vtActivate = 0x5606 // VT_ACTIVATE, linux/vt.h
)

// openTerminal shows the terminal instead of the kernel's log.
func openTerminal() *terminal {
	f, err := os.OpenFile(terminalFile, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return &terminal{}
	}
	// Best effort: Alt+F2 shows it, too.
	_ = unix.IoctlSetInt(int(f.Fd()), vtActivate, number)
	return &terminal{file: f}
}

// draw shows the state, if anything has changed.
func (t *terminal) draw(s State, log []string) {
	if t.file == nil {
		return
	}
	width, height := 80, 25
	size, err := unix.IoctlGetWinsize(int(t.file.Fd()), unix.TIOCGWINSZ)
	if err == nil && size.Col >= 20 && size.Row >= 5 {
		width, height = int(size.Col), int(size.Row)
	}
	text := strings.Join(screen(s, log, width-1, height), "\x1b[K\r\n")
	if text == t.drawn {
		return
	}
	t.drawn = text
	// The last column stays free: what erases the rest of a full line would erase
	// its last character. No cursor, the top left corner, and each line to its end: without erasing
	// the screen first, it does not flicker. No line end after the last line,
	// which would scroll.
	fmt.Fprint(t.file, "\x1b[?25l\x1b[H"+text+"\x1b[K")
}

func (t *terminal) close() {
	if t.file != nil {
		t.file.Close()
	}
}

// kernelLog reads the kernel's log, where the box's programs write what a
// person in front of it should see.
type kernelLog struct {
	file *os.File
	last []string
}

func openLog() *kernelLog {
	// Without waiting for more.
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return &kernelLog{}
	}
	return &kernelLog{file: os.NewFile(uintptr(fd), "/dev/kmsg")}
}

// lines returns the newest lines for the screen.
func (l *kernelLog) lines() []string {
	if l.file == nil {
		return nil
	}
	b := make([]byte, 8192) // a record has at most that much
	for range 1000 {
		n, err := unix.Read(int(l.file.Fd()), b)
		switch {
		case errors.Is(err, unix.EPIPE): // records were overwritten
			continue
		case err != nil || n <= 0:
			return l.last
		}
		if line, ok := shown(b[:n]); ok {
			l.last = append(l.last, line)
			if len(l.last) > keep {
				l.last = slices.Delete(l.last, 0, 1)
			}
		}
	}
	return l.last
}

// shown returns the line of a record of /dev/kmsg, "6,1234,5678,-;text" with
// further lines, if it is one of the box's programs.
func shown(record []byte) (string, bool) {
	_, text, _ := bytes.Cut(record, []byte(";"))
	text, _, _ = bytes.Cut(text, []byte("\n"))
	line := string(text)
	if !strings.Contains(line, "program=") {
		return "", false
	}
	// The screen has little room, and the box may have no clock.
	if rest, ok := strings.CutPrefix(line, "time="); ok {
		if _, after, found := strings.Cut(rest, " "); found {
			line = after
		}
	}
	return line, true
}

func (l *kernelLog) close() {
	if l.file != nil {
		l.file.Close()
	}
}
