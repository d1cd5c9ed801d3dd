package pulse

import (
	"errors"
	"fmt"
	"os"
)

// Progress is the work that pxed has done, in total or between two checks.
type Progress struct{ DHCP, TFTP Work }

// Work is what a server has done. Both counts stop while any part of the server
// hangs, however busy the other parts are.
type Work struct {
	Taken    uint64 // packets read from its port
	Answered uint64 // packets sent
}

const (
	// few is more than the number of packets that one check sends.
	few = 16
	// flood is more packets between two checks than machines send. A server
	// that reads so many does not hang, even if none of them deserves an
	// answer.
	flood = 5000
)

// Excuse forgives silence if the server worked meanwhile. In a flood its port
// drops most of what arrives, including the check's request. Killing the server
// would break running transfers, and the flood would go on.
func (w Work) Excuse(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && w.Taken > few && (w.Answered > 0 || w.Taken >= flood) {
		return nil
	}
	return err
}

// since returns the work done from one check to the next. A program or server
// that was started in between has counted from zero.
func (w Work) since(before Work) Work {
	if w.Taken < before.Taken || w.Answered < before.Answered {
		return w
	}
	return Work{w.Taken - before.Taken, w.Answered - before.Answered}
}

// line returns the content of a Pulse's file. Its length is constant, so that
// it can be overwritten in place and no reader finds the file empty.
func (p Progress) line() string {
	return fmt.Sprintf("dhcp %020d %020d tftp %020d %020d\n",
		p.DHCP.Taken, p.DHCP.Answered, p.TFTP.Taken, p.TFTP.Answered)
}

// parseProgress parses a line. A malformed line excuses nothing.
func parseProgress(line string) (p Progress) {
	n, err := fmt.Sscanf(line, "dhcp %d %d tftp %d %d\n", &p.DHCP.Taken, &p.DHCP.Answered, &p.TFTP.Taken,
		&p.TFTP.Answered)
	if n != 4 || err != nil {
		return Progress{}
	}
	return p
}
