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

	// unansweredTries is how often an OACK is sent while the client has not
	// shown that the request was its own: its source may be forged, and we are
	// not to flood whoever it names. An OACK is hardly longer than the request;
	// a block is, by far, and goes out once for each request (see Start).
	// unansweredLimit ends the wait.
	unansweredTries = 3
	unansweredLimit = 10 * time.Second
	// answeredTries is how often any later packet is sent when its time is
	// out. With the doubling time-out a client has some 18 seconds to come
	// back, atftp among them, which repeats nothing for 5 s after each
	// duplicate that it hears; and never more than idleLimit.
	answeredTries = 9
	idleLimit     = 30 * time.Second
	// maxTimeout is the longest time between repeats that a client may ask for
	// (RFC 2349), in seconds: three come before idleLimit, and one of the OACK
	// before unansweredLimit. curl asks for 6.
	maxTimeout = 7
	// repeatTries is how often the same blocks are sent again because the
	// client says that it misses the first of them.
	repeatTries = 3

	// A client may be slow, but not for ever: after slowGrace it must have
	// taken slowRate bytes a second on the whole.
	slowGrace = time.Minute
	slowRate  = 1 << 10

	// A client that acknowledges a block of each window and asks again for
	// the rest draws many bytes with few. Where a window is as long as 64
	// blocks, a quarter of all datagrams may be lost before this ends it.
	maxSentPerAcked = 16
)

// The ways for a transfer to end before all is sent.
var (
	ErrGaveUp   = errors.New("the client stopped answering")
	ErrNoAnswer = errors.New("the client never answered")
	errTooSlow  = error(gaveUp("the client is too slow"))
	errTooLossy = error(gaveUp("the client misses nearly everything"))
	// errSuperseded: from the same port, so that it waits for the new one.
	errSuperseded = errors.New("the client asked again")
)

// gaveUp is an ErrGaveUp that says what the client did instead of nothing.
type gaveUp string

func (e gaveUp) Error() string { return string(e) }

// Is is errors.Is's.
func (gaveUp) Is(target error) bool { return target == ErrGaveUp }

// clientError is an ERROR packet from the client: a change of mind as often
// as a failure, for PXELINUX and iPXE ask for a size and hang up.
type clientError struct {
	code    uint16
	message string
}

func (e clientError) Error() string { return fmt.Sprintf("client says: %q (%d)", e.message, e.code) }

// Transfer is the sending end of one read request: what to send next, given
// what came in and the time. It does no I/O. Blocks are counted from 1 in 64
// bits here; on the wire their numbers go on from 0 after 65535.
type Transfer struct {
	size      int64
	blockSize int
	window    int
	last      int64       // the last block, the one that is not full
	options   [][2]string // for the OACK; empty: begin with DATA

	oack     bool  // the OACK waits for its acknowledgement
	acked    int64 // blocks the client has in sequence
	sent     int64 // blocks sent; those after acked are in flight
	tries    int   // how often what follows acked was sent for want of an answer
	probed   bool  // the last block alone was, before that
	repeats  int   // how often because the client asked for it again
	answered bool  // the client has acknowledged something

	sentAt   time.Time // of the newest datagram
	fresh    bool      // nothing in flight was sent twice (Karn)
	hushed   time.Time // until then, an ACK speaks of what was sent before
	chatty   bool      // the client acknowledges each block that is not the next
	stale    int64     // how many such ACKs may still come of what was sent before
	began    time.Time
	progress time.Time // when acked last grew
	total    int64     // blocks sent, repeats included
	fixedRTO time.Duration
	rtt      rttEstimate

	Retransmits int // datagrams sent again, so far
}

// Action is what the state machine wants done.
type Action struct {
	// OACK says to send the option acknowledgement.
	OACK bool
	// Count is how many DATA packets to send, in one go: the blocks from
	// number Block on, which are the Length bytes of the file from Offset.
	// All but a file's last block are full; that may be empty.
	Count  int
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
// which keeps datagrams in one Ethernet frame: ROMs cannot reassemble. So is
// a window of more than maxWindow blocks (RFC 7440 §3).
func NewTransfer(r Request, size int64, maxBlockSize, maxWindow int) *Transfer {
	t := &Transfer{size: size, blockSize: defaultBlockSize, window: 1}
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
	// "The timeout specified in the OACK must match" (RFC 2349): what is not
	// granted is left out.
	if r.Timeout > 0 && r.Timeout <= maxTimeout {
		t.fixedRTO = time.Duration(r.Timeout) * time.Second
		option("timeout", int64(r.Timeout))
	}
	if r.Window > 0 {
		t.window = min(r.Window, maxWindow)
		option("windowsize", int64(t.window))
	}
	t.last = size/int64(t.blockSize) + 1
	t.oack = len(t.options) > 0
	return t
}

// Start is the transfer's first step: one datagram, for a window begins only
// after the client has answered, which shows that the request was its own. A
// block is not repeated before that unless the request is (Again): it is the
// recipient who times out and repeats "his last packet", which has "the sender
// of the lost packet" repeat that (RFC 1350 §2).
func (t *Transfer) Start(now time.Time) Action {
	t.began, t.progress = now, now
	if t.oack {
		return t.sendOACK(now)
	}
	return t.send(now, 1, 1)
}

// Again says that the client has sent its request once more: the answer is lost,
// or takes longer than the client waits. A request draws one datagram, as the
// first has; but not while the last answer may still be on its way.
func (t *Transfer) Again(now time.Time) Action {
	if t.answered || now.Sub(t.sentAt) < minRTO || now.Sub(t.began) >= unansweredLimit {
		return t.wait()
	}
	t.Retransmits++
	t.fresh = false
	if t.oack {
		t.sentAt = now
		return Action{OACK: true, Deadline: t.deadline()}
	}
	return t.send(now, 1, 1)
}

// Receive takes a packet from the client.
func (t *Transfer) Receive(now time.Time, b []byte) Action {
	if len(b) >= 4 {
		switch binary.BigEndian.Uint16(b) {
		case opACK: // Windows' loader appends a byte; RFC 1350 has exactly 4
			return t.acknowledge(now, binary.BigEndian.Uint16(b[2:]))
		case opERROR:
			message, _, _ := cutString(b[4:])
			return Action{Done: true, Err: clientError{binary.BigEndian.Uint16(b[2:]), message}}
		}
	}
	return t.wait()
}

// acknowledge takes an ACK: in a window it names the last block that came in
// sequence, and what follows it is wanted (RFC 7440 §4).
func (t *Transfer) acknowledge(now time.Time, block uint16) Action {
	if t.oack && block == 0 {
		t.oack = false
		t.progressed(now)
		return t.sendWindow(now)
	}
	// The distance on the ring of 16-bit numbers; what is not in flight was
	// acknowledged long ago, or never sent.
	step := int64(int16(block - uint16(t.acked)))
	switch {
	case t.oack || step < 0 || step > t.sent-t.acked:
		return t.wait()
	case step == 0:
		return t.repeated(now)
	}
	whole := step == t.sent-t.acked
	t.acked += step
	t.progressed(now)
	t.fresh = t.fresh && whole
	switch slow := now.Sub(t.began) - slowGrace; {
	case t.acked == t.last:
		return Action{Done: true}
	case slow > 0 && t.ackedBytes() < int64(slow.Seconds()*slowRate):
		return Action{Done: true, Err: errTooSlow}
	case t.total > maxSentPerAcked*(t.acked+int64(t.window)):
		return Action{Done: true, Err: errTooLossy}
	case whole:
		return t.sendWindow(now)
	case t.hush(now):
		// The missing blocks are on their way again. The client counts its
		// window from this ACK on, so it waits for some more at the end.
		if more := min(t.acked+int64(t.window), t.last) - t.sent; more > 0 {
			return t.send(now, t.sent+1, int(more))
		}
		return t.wait()
	}
	return t.resend(now)
}

// progressed notes that the client has more than before.
func (t *Transfer) progressed(now time.Time) {
	if t.fresh { // Karn: the answer to a repeated packet measures nothing
		t.rtt.observe(now.Sub(t.sentAt))
	}
	t.answered, t.progress, t.tries, t.repeats, t.probed = true, now, 1, 0, false
}

// repeated takes an ACK that came before. Answering it would, in a transfer
// block by block, double every packet to the end of the file (RFC 1123
// §4.2.3.1, the Sorcerer's Apprentice). In a window it says that the first
// block is missing, and may say so once for each block that came after the
// hole: it counts once in a round trip.
func (t *Transfer) repeated(now time.Time) Action {
	if t.window == 1 {
		return t.wait()
	}
	t.chatty = t.chatty || !t.fresh && now.Before(t.hushed)
	if t.hush(now) || t.repeats >= repeatTries {
		return t.wait()
	}
	t.repeats++
	t.probed = false
	return t.resend(now)
}

// hush tells whether an ACK that would have blocks sent again is to be
// ignored, since it may speak of an earlier sending. Where a window takes
// longer to send than a round trip, complaints of its rest go on after that:
// they are counted.
func (t *Transfer) hush(now time.Time) bool {
	t.stale--
	return now.Before(t.hushed) || t.chatty && t.stale >= 0 && now.Before(t.sentAt.Add(minRTO/2))
}

// Timeout says that the deadline has passed.
func (t *Transfer) Timeout(now time.Time) Action {
	switch {
	case !t.answered && (!t.oack || t.tries >= unansweredTries || now.Sub(t.began) >= unansweredLimit):
		return Action{Done: true, Err: ErrNoAnswer}
	case t.tries >= answeredTries || now.Sub(t.progress) >= idleLimit:
		return Action{Done: true, Err: ErrGaveUp}
	case t.oack:
		t.Retransmits++
		return t.sendOACK(now)
	case t.probes():
		return t.probe(now)
	}
	t.tries++
	return t.resend(now)
}

// probes tells whether a silence is to be asked about before all is sent
// again. A window whose end is lost, or the ACK of a whole one, is followed by
// nothing that would show the client a gap: without that it costs a full
// time-out. Block by block there is nothing smaller to ask with, nor where the
// client has said how long to wait.
func (t *Transfer) probes() bool {
	return t.window > 1 && !t.oack && !t.probed && t.fixedRTO == 0 && t.rtt.smoothed > 0
}

// probe sends the last block in flight once more, as TCP's tail loss probe does
// (RFC 8985 §7). Whatever the client has, it answers that: with an ACK of all,
// or of what it has in sequence (RFC 7440 §4). If the silence was only a slow
// client's, a single datagram was spent, and not a window.
func (t *Transfer) probe(now time.Time) Action {
	t.probed, t.fresh = true, false
	t.Retransmits++
	t.stale = max(t.stale, 0) + 1
	return t.send(now, t.sent, 1)
}

func (t *Transfer) wait() Action { return Action{Deadline: t.deadline()} }

func (t *Transfer) sendOACK(now time.Time) Action {
	t.fresh = t.tries == 0
	t.tries++
	t.sentAt = now
	return Action{OACK: true, Deadline: t.deadline()}
}

// sendWindow sends the next window, when nothing is in flight.
func (t *Transfer) sendWindow(now time.Time) Action {
	// No answer to it can be here before a round trip, and the shortest was
	// measured with the OACK, alone on the wire. After a repeat there may be
	// late answers to the first sending.
	t.hushed = now.Add(t.rtt.shortest / 2)
	if !t.fresh {
		t.hushed = now.Add(t.rtt.typical())
	}
	t.fresh, t.stale = true, 0
	return t.send(now, t.acked+1, t.window)
}

// resend sends what follows the last acknowledged block again.
func (t *Transfer) resend(now time.Time) Action {
	t.Retransmits += int(t.sent - t.acked)
	t.stale = min(max(t.stale, 0)+t.sent-t.acked, 4*int64(t.window))
	t.fresh = false
	t.hushed = now.Add(t.rtt.typical())
	return t.send(now, t.acked+1, t.window)
}

// send sends count blocks from first on, or those there are.
func (t *Transfer) send(now time.Time, first int64, count int) Action {
	end := min(first+int64(count)-1, t.last)
	t.sent = max(t.sent, end)
	t.total += end - first + 1
	t.tries = max(t.tries, 1)
	t.sentAt = now
	offset := (first - 1) * int64(t.blockSize)
	return Action{
		Count:    int(end - first + 1),
		Block:    uint16(first),
		Offset:   offset,
		Length:   int(min(end*int64(t.blockSize), t.size) - offset),
		Deadline: t.deadline(),
	}
}

// ackedBytes is how much of the file the client has.
func (t *Transfer) ackedBytes() int64 { return min(t.acked*int64(t.blockSize), t.size) }

func (t *Transfer) deadline() time.Time {
	rto := t.fixedRTO
	if rto == 0 {
		rto = min(t.rtt.timeout()<<(t.tries-1), maxRTO)
	}
	if t.probes() {
		rto = min(rto, t.rtt.probe())
	}
	d, end := t.sentAt.Add(rto), t.progress.Add(idleLimit)
	if !t.answered {
		end = t.began.Add(unansweredLimit)
		if !t.oack {
			return end
		}
	}
	if end.Before(d) {
		return end
	}
	return d
}
