package trace

import (
	"net/netip"
	"time"
)

// Stage is how far a boot got. A boot's stage is the furthest one that an event
// of it shows.
type Stage int

// The stages, in the order of a boot.
const (
	Silent      Stage = iota // nothing was received from the machine
	Heard                    // a packet of its firmware was received
	Elsewhere                // another server answered it
	Offered                  // the box's offer was sent
	Asked                    // it took an address, or asked the box on port 4011
	Loading                  // it requests its first stage
	Loaded                   // it has the whole first stage
	InMenu                   // it has read a menu
	Started                  // it has read an entry's kernel and initrd, or its program
	Transferred              // it was handed over, or its system runs
)

// Finding names a row of the table of verdicts: "secure-boot-refused". It is
// stable: the log, the metrics and the page's translations use it.
type Finding string

// Verdict is what can be said about a boot.
type Verdict struct {
	Stage   Stage
	Finding Finding
	// Good says that there is nothing to do. Running says that the boot goes
	// on, and that the verdict is about what it has done so far.
	Good, Running bool
	// What the sentences name; zero if they do not.
	Server   netip.Addr
	File     string
	Entry    string
	Firmware string
	Why      string        // the box's reason, in English, as in the log
	Bytes    int64         // how much of File was sent
	At       time.Time     // when it happened
	After    time.Duration // how long after the event before it
}
