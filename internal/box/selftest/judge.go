package selftest

import "time"

const (
	// Every is how often a daemon is looked at.
	Every = 10 * time.Second
	// strikes is how many looks in a row have to fail before it is ended:
	// one may, on a box that is very busy.
	strikes = 3
	// rebootAfter is how long a daemon may fail, started anew or not, before
	// the machine is restarted.
	rebootAfter = 5 * time.Minute
	// rebootEvery is how long a machine has to run before that: if it does not
	// help, the machine is not to do nothing else.
	rebootEvery = time.Hour
)

// Verdict is what is to be done about a daemon.
type Verdict int

const (
	Fine Verdict = iota
	Wait
	End    // the process; gokrazy starts it again
	Reboot // the machine
)

// Judge remembers how a daemon did. One that is new has seen nothing.
type Judge struct {
	// Reboots is set for a daemon without which the machine is of no use.
	Reboots bool

	failures int
	since    time.Duration
}

// Look takes up how one look went. uptime is the time since the kernel's
// start.
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
