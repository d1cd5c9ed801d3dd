// Package pulse is a daemon's sign of life: a small file in the run directory
// that the daemon touches and the appliance reads, and a message to systemd where
// that started the daemon. It imports nothing from this
// module, so that a daemon can show its pulse without linking the self-test.
package pulse

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Pulse writes one daemon's file, which is in memory. The daemon's most
// important goroutine touches it.
type Pulse struct{ file string }

// New returns the pulse of a daemon. runDir is the folder that the daemons
// share.
func New(runDir, name string) *Pulse {
	return &Pulse{file: filepath.Join(runDir, name+".alive")}
}

// Beat shows that the daemon is alive, and what it has done so far: to the
// appliance by the file, and to systemd. Best effort: a host without a run
// directory has no appliance either.
func (p *Pulse) Beat(done Progress) {
	notify()
	f, err := os.OpenFile(p.file, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.WriteAt([]byte(done.line()), 0)
	now := time.Now()
	_ = os.Chtimes(p.file, now, now)
}

// Checker checks a daemon's pulse.
type Checker struct {
	file string
	last time.Time
	done Progress
}

// NewChecker checks the pulse that New creates with the same arguments.
func NewChecker(runDir, name string) *Checker {
	return &Checker{file: filepath.Join(runDir, name+".alive")}
}

var errNoPulse = errors.New("no sign of life")

// maxPulse is larger than the file ever is, in bytes.
const maxPulse = 4096

// Check returns what the daemon has done since the last call, and an error if it
// has shown no sign of life since. The clock may jump, so only a change counts.
func (f *Checker) Check() (Progress, error) {
	file, err := os.Open(f.file)
	if err != nil {
		return Progress{}, fmt.Errorf("%w: %w", errNoPulse, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Progress{}, fmt.Errorf("%w: %w", errNoPulse, err)
	}
	if info.ModTime().Equal(f.last) {
		return Progress{}, errNoPulse
	}
	f.last = info.ModTime()
	// An unreadable file excuses nothing.
	b, _ := io.ReadAll(io.LimitReader(file, maxPulse))
	before := f.done
	f.done = parseProgress(string(b))
	return Progress{f.done.DHCP.since(before.DHCP), f.done.TFTP.since(before.TFTP)}, nil
}
