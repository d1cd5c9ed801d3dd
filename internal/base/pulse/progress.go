package pulse

import (
	"errors"
	"fmt"
	"os"
)

// Progress is what pxed has done by itself, or between two looks at it.
type Progress struct{ DHCP, TFTP Work }

// Work is what a server has done. Both counts stand still while any part of it
// hangs, however busy the others are.
type Work struct {
	Taken    uint64 // packets that were taken from its port
	Answered uint64 // packets that it has sent
}

const (
	// few is more packets than the questions of one look are.
	few = 16
	// flood is how many packets between two looks are more than machines send:
	// a server that takes so many does not hang, even if none of them is to be
	// answered.
	flood = 5000
)

// Excuse forgives silence where the server worked meanwhile: in a flood its
// port loses most of what arrives, the question too. To end it would lose the
// transfers that run, and the flood goes on.
func (w Work) Excuse(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && w.Taken > few && (w.Answered > 0 || w.Taken >= flood) {
		return nil
	}
	return err
}

// since is what was done from one look to the next. A program that was started
// in between, or a server, has begun at zero.
func (w Work) since(before Work) Work {
	if w.Taken < before.Taken || w.Answered < before.Answered {
		return w
	}
	return Work{w.Taken - before.Taken, w.Answered - before.Answered}
}

// line is what the file of a Pulse holds: always of the same length, so that it
// is written over and no reader finds it empty.
func (p Progress) line() string {
	return fmt.Sprintf("dhcp %020d %020d tftp %020d %020d\n", p.DHCP.Taken, p.DHCP.Answered, p.TFTP.Taken, p.TFTP.Answered)
}

// parseProgress reads a line. What is none excuses nothing.
func parseProgress(line string) (p Progress) {
	n, err := fmt.Sscanf(line, "dhcp %d %d tftp %d %d\n", &p.DHCP.Taken, &p.DHCP.Answered, &p.TFTP.Taken, &p.TFTP.Answered)
	if n != 4 || err != nil {
		return Progress{}
	}
	return p
}
