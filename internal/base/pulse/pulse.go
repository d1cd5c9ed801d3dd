// Package pulse is a daemon's sign of life: a small file in the run directory
// that the daemon touches and the appliance reads. It imports nothing of this
// module, so that a daemon shows its pulse without linking the self-test.
package pulse

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Pulse is the file of one daemon, in memory, touched by the goroutine that
// matters most.
type Pulse struct{ file string }

// New is the pulse of a daemon, in the folder that the daemons share.
func New(runDir, name string) *Pulse {
	return &Pulse{file: filepath.Join(runDir, name+".alive")}
}

// Beat shows that the daemon lives, and what it has done so far. Best effort: a
// host that has no run directory has no appliance either.
func (p *Pulse) Beat(done Progress) {
	f, err := os.OpenFile(p.file, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.WriteAt([]byte(done.line()), 0)
	now := time.Now()
	_ = os.Chtimes(p.file, now, now)
}

// Feeler feels a daemon's pulse.
type Feeler struct {
	file string
	last time.Time
	done Progress
}

// NewFeeler feels what New with the same arguments shows.
func NewFeeler(runDir, name string) *Feeler {
	return &Feeler{file: filepath.Join(runDir, name+".alive")}
}

var errNoPulse = errors.New("no sign of life")

// maxPulse is more than the file ever has, in bytes.
const maxPulse = 4096

// Feel returns what the daemon has done since the last time, and an error if it
// has shown no sign of life since. The clock may jump, so only a change counts.
func (f *Feeler) Feel() (Progress, error) {
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
	// What cannot be read excuses nothing.
	b, _ := io.ReadAll(io.LimitReader(file, maxPulse))
	before := f.done
	f.done = parseProgress(string(b))
	return Progress{f.done.DHCP.since(before.DHCP), f.done.TFTP.since(before.TFTP)}, nil
}
