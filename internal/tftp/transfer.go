package tftp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	defaultBlockSize = 512 // RFC 1350 §2

	// The retransmission timer starts here and is then measured (RFC 1123
	// §4.2.3.1 asks for an adaptive time-out, RFC 6298 tells how). Below
	// minRTO a busy machine makes needless repeats, and the Raspberry Pi 4's
	// boot ROM mishandles duplicates.
	initialRTO = time.Second
	minRTO     = 100 * time.Millisecond
	maxRTO     = 4 * time.Second

	// unansweredTries is how often a transfer's first packet is sent while
	// the client has not shown that the request was its own: its source may
	// be forged, and we are not to flood whoever it names.
	unansweredTries = 3
	// answeredTries is how often any later packet is sent. With the doubling
	// time-out a client has some 20 seconds to come back.
	answeredTries = 7
)

// The ways for a transfer to end before all is sent.
var (
	errGaveUp   = errors.New("the client stopped answering")
	errNoAnswer = errors.New("the client never answered")
)

// clientError is an ERROR packet from the client: a change of mind as often
// as a failure, for PXELINUX and iPXE ask for a size and hang up.
type clientError struct {
	code    uint16
	message string
}

func (e clientError) Error() string { return fmt.Sprintf("client says: %q (%d)", e.message, e.code) }

// Transfer is the sending end of one read request: what to send next, given
// what came in and the time. It does no I/O.
type Transfer struct {
	size      int64
	blockSize int
	options   [][2]string // for the OACK; empty: begin with DATA

	block    int64 // the packet not yet acknowledged: 0 is the OACK, then DATA from 1
	sent     time.Time
	tries    int
	answered bool // the client has acknowledged something

	fixedRTO time.Duration // RFC 2349 timeout, where the client asked
	rtt      rttEstimate

	Retransmits int // packets sent more than once, so far
}

// Action is what the state machine wants done.
type Action struct {
	// OACK says to send the option acknowledgement.
	OACK bool
	// DATA says to send block Block, which is Length bytes from Offset. An
	// empty last block has Length 0.
	DATA   bool
	Block  uint16
	Offset int64
	Length int
	// Deadline is when to call Timeout unless something is received first.
	Deadline time.Time
	// Done says that the transfer has ended, well where Err is nil.
	Done bool
	Err  error
}

// NewTransfer accepts a request for size bytes. A block larger than
// maxBlockSize is answered by that (RFC 2348: the server may lower it),
// which keeps datagrams in one Ethernet frame: ROMs cannot reassemble.
func NewTransfer(r Request, size int64, maxBlockSize int) *Transfer {
	t := &Transfer{size: size, blockSize: defaultBlockSize, block: 1}
	// Only what was asked for goes into the OACK: PXELINUX rejects one with
	// an option that it did not send.
	option := func(name string, v int64) {
		t.options = append(t.options, [2]string{name, strconv.FormatInt(v, 10)})
	}
	if r.BlockSize > 0 {
		t.blockSize = min(r.BlockSize, maxBlockSize)
		option("blksize", int64(t.blockSize))
	}
	if r.WantSize {
		option("tsize", size)
	}
	if r.Timeout > 0 {
		t.fixedRTO = time.Duration(r.Timeout) * time.Second
		option("timeout", int64(r.Timeout))
	}
	if len(t.options) > 0 {
		t.block = 0
	}
	return t
}

// Start is the transfer's first step.
func (t *Transfer) Start(now time.Time) Action { return t.send(now) }

// Receive takes a packet from the client. What is not the acknowledgement
// waited for changes nothing: answering a duplicate ACK would double every
// packet to the end of the file (RFC 1123 §4.2.3.1, the Sorcerer's
// Apprentice).
func (t *Transfer) Receive(now time.Time, b []byte) Action {
	if len(b) >= 4 {
		switch binary.BigEndian.Uint16(b) {
		case opACK: // Windows' loader appends a byte; RFC 1350 has exactly 4
			// Block numbers are 16 bits and go on from 0 after 65535.
			if binary.BigEndian.Uint16(b[2:]) == uint16(t.block) {
				return t.acknowledged(now)
			}
		case opERROR:
			message, _, _ := cutString(b[4:])
			return Action{Done: true, Err: clientError{binary.BigEndian.Uint16(b[2:]), message}}
		}
	}
	return Action{Deadline: t.deadline()}
}

func (t *Transfer) acknowledged(now time.Time) Action {
	if t.tries == 1 { // Karn: the answer to a repeated packet measures nothing
		t.rtt.observe(now.Sub(t.sent))
	}
	t.answered = true
	if t.block > 0 && t.length() < t.blockSize {
		return Action{Done: true} // a short block is the last (RFC 1350 §2)
	}
	t.block++
	t.tries = 0
	return t.send(now)
}

// Timeout says that the deadline has passed.
func (t *Transfer) Timeout(now time.Time) Action {
	switch {
	case !t.answered && t.tries >= unansweredTries:
		return Action{Done: true, Err: errNoAnswer}
	case t.tries >= answeredTries:
		return Action{Done: true, Err: errGaveUp}
	}
	t.Retransmits++
	return t.send(now)
}

func (t *Transfer) send(now time.Time) Action {
	t.tries++
	t.sent = now
	a := Action{Deadline: t.deadline()}
	if t.block == 0 {
		a.OACK = true
		return a
	}
	a.DATA = true
	a.Block, a.Offset, a.Length = uint16(t.block), t.offset(), t.length()
	return a
}

func (t *Transfer) offset() int64 { return (t.block - 1) * int64(t.blockSize) }

func (t *Transfer) length() int {
	return int(min(int64(t.blockSize), t.size-t.offset()))
}

func (t *Transfer) deadline() time.Time {
	rto := t.fixedRTO
	if rto == 0 {
		rto = min(t.rtt.timeout()<<(t.tries-1), maxRTO)
	}
	return t.sent.Add(rto)
}

// rttEstimate is RFC 6298's smoothed round-trip time and its variation.
type rttEstimate struct{ smoothed, variation time.Duration }

func (e *rttEstimate) observe(rtt time.Duration) {
	if e.smoothed == 0 {
		e.smoothed, e.variation = max(rtt, 1), rtt/2
		return
	}
	e.variation += ((e.smoothed - rtt).Abs() - e.variation) / 4
	e.smoothed += (rtt - e.smoothed) / 8
}

func (e *rttEstimate) timeout() time.Duration {
	if e.smoothed == 0 {
		return initialRTO
	}
	return max(e.smoothed+4*e.variation, minRTO)
}
