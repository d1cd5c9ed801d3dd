package console

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/base/credential"
	"github.com/pxebox/pxebox/internal/base/netproblem"
	"github.com/pxebox/pxebox/internal/base/ownaddr"
	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/base/sitenote"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/generation"
)

const (
	// look is how often to look at the files.
	look = 2 * time.Second
	// silent is how long a daemon may show no sign of life. It shows one every
	// two seconds, and its restart takes a few.
	silent = 15 * time.Second
	// settled is how long a state must last before the serial port gets it: each
	// of its lines stays. The kernel also drops more than ten lines in five
	// seconds (printk_devkmsg=ratelimit).
	settled = 6 * time.Second
	// keep is how many lines of the log the screen has at most.
	keep = 50
)

// Console keeps a screen and a serial port up to date.
type Console struct {
	RunDir string
	// Certificate is the file of the page's certificate, which may not exist yet.
	Certificate string
	// Password is shown, unless it is empty: the one that the box has generated
	// and its owner has not replaced.
	Password string
	// Kmsg gets the state as lines, which the kernel shows on its consoles: the
	// serial port, and the first virtual terminal. It may be nil.
	Kmsg io.Writer

	pxed, menuwatch life
	mode            spec.Mode
	modeOf          time.Time // the generation's file
	fingerprint     string
}

// life is the pulse of a daemon.
type life struct {
	checker *pulse.Checker
	last    time.Time
}

// stopped reports whether the daemon has been silent for too long.
func (l *life) stopped(now time.Time) bool {
	if _, err := l.checker.Check(); err == nil {
		l.last = now
	}
	return now.Sub(l.last) > silent
}

// Run shows the state until ctx ends.
func (c *Console) Run(ctx context.Context) {
	t, log := openTerminal(), openLog()
	defer t.close()
	defer log.close()
	now := time.Now()
	c.pxed = life{pulse.NewChecker(c.RunDir, "pxed"), now}
	c.menuwatch = life{pulse.NewChecker(c.RunDir, "menuwatch"), now}
	var r reporter
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		now := time.Now()
		s := c.state(now)
		t.draw(s, log.lines())
		if lines := r.report(now, Lines(s, 0)); c.Kmsg != nil {
			for _, l := range lines {
				// One write is one line of the kernel's log.
				_, _ = io.WriteString(c.Kmsg, "pxebox: "+l+"\n")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// reporter decides when a state goes to the serial port.
type reporter struct {
	now, said []string
	since     time.Time
}

// report returns the lines to write: those of a state that is new and lasts.
func (r *reporter) report(now time.Time, lines []string) []string {
	if !slices.Equal(lines, r.now) {
		r.now, r.since = lines, now
	}
	if now.Sub(r.since) < settled || slices.Equal(lines, r.said) {
		return nil
	}
	r.said = lines
	return lines
}

// state reads the files.
func (c *Console) state(now time.Time) State {
	note := sitenote.Read(c.RunDir)
	s := State{
		Name:        firstLine(filepath.Join(c.RunDir, sitenote.NameFile)),
		Mode:        c.dhcpMode(),
		PxedStopped: c.pxed.stopped(now), MenuwatchStopped: c.menuwatch.stopped(now),
		Mistakes: note.Mistakes, Down: note.Down, Problem: netproblem.Read(c.RunDir),
	}
	if own := ownaddr.Read(c.RunDir); len(own) > 0 {
		s.Interface, s.Addr = own[0].Interface, own[0].Addr
	} else {
		s.Interface = wired()
	}
	s.Cable = carrier(s.Interface)
	s.Fingerprint, s.Password = c.identity(), c.Password
	return s
}

// identity returns the fingerprint of the page's certificate, or "" before there
// is one. The file does not change afterwards.
func (c *Console) identity() string {
	if c.fingerprint == "" {
		c.fingerprint = credential.FileFingerprint(c.Certificate)
	}
	return c.fingerprint
}

// dhcpMode returns the mode of the generation, which is read once: it may be
// large.
func (c *Console) dhcpMode() spec.Mode {
	info, err := os.Stat(filepath.Join(c.RunDir, generation.FileName))
	if err != nil {
		return c.mode
	}
	if !info.ModTime().Equal(c.modeOf) {
		if g, err := generation.Read(c.RunDir); err == nil {
			c.mode, c.modeOf = g.DHCP.Mode, info.ModTime()
		}
	}
	return c.mode
}

// firstLine returns a small file's first line, or "".
func firstLine(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 4096))
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return strings.TrimSpace(string(line))
}

const interfaces = "/sys/class/net/"

// carrier reports whether an interface's cable leads somewhere.
func carrier(name string) bool {
	return name != "" && firstLine(filepath.Join(interfaces, filepath.Base(name), "carrier")) == "1"
}

// wired returns the only interface with a device behind it, before pxed has
// noted the one that it uses; "" if there are several.
func wired() string {
	devices, err := filepath.Glob(interfaces + "*/device")
	if err != nil || len(devices) != 1 {
		return ""
	}
	return filepath.Base(filepath.Dir(devices[0]))
}
