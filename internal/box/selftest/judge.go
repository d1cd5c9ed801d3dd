package selftest

import "time"

const (
	// Every is how often a daemon is checked.
	Every = 10 * time.Second
	// strikes is how many checks in a row must fail before a daemon is killed.
	// A single check may fail on a very busy box.
	strikes = 3
	// rebootAfter is how long a daemon may fail, even across restarts, before
	// the machine is restarted.
	rebootAfter = 5 * time.Minute
	// rebootEvery is how long a machine must have run before it may be
	// restarted. If a restart does not help, the machine must not keep
	// restarting.
	rebootEvery = time.Hour
)

// Verdict is what to do about a daemon.
type Verdict int

const (
	Fine Verdict = iota
	Wait
	End    // kill the process; gokrazy starts it again
	Reboot // restart the machine
)

// Judge remembers how a daemon did. The zero value has seen nothing.
type Judge struct {
	// Reboots is set for a daemon without which the machine is useless.
	Reboots bool

	failures int
	since    time.Duration
}

// Look records the result of one check. uptime is the time since the kernel
// started.
func (j *Judge) Look(uptime time.Duration, ok bool) Verdict {
	if ok {
		j.failures = 0
		return Fine
	}
	if j.failures == 0 {
		j.since = uptime
	}
	j.failures++
	switch {
	case j.Reboots && uptime-j.since >= rebootAfter && uptime >= rebootEvery:
		return Reboot
	case j.failures%strikes == 0:
		return End
	}
	return Wait
}
