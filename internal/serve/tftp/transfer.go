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

	// unansweredTries is how often an OACK is sent before the client has
	// answered. Until then the source address may be forged, and the server
	// must not flood its owner. An OACK is hardly longer than the request. A
	// block is far longer, and is sent once for each request (see Start).
	// unansweredLimit ends the wait.
	unansweredTries = 3
	unansweredLimit = 10 * time.Second
	// answeredTries is how often any later packet is sent when no answer comes.
	// With the doubling time-out a client has some 18 seconds to come back, but
	// never more than idleLimit. atftp needs that long: it repeats nothing for
	// 5 s after each duplicate that it receives.
	answeredTries = 9
	idleLimit     = 30 * time.Second
	// maxTimeout is the longest time between repeats that a client may request
	// (RFC 2349), in seconds. It leaves room for three repeats before
	// idleLimit, and for one of the OACK before unansweredLimit. curl asks for
	// 6.
	maxTimeout = 7
	// repeatTries is how often the same blocks are sent again because the
	// client reports that the first of them is missing.
	repeatTries = 3

	// A client may be slow, but not without limit: after slowGrace it must have
	// received slowRate bytes a second on average.
	slowGrace = time.Minute
	slowRate  = 1 << 10

	// A client that acknowledges one block of each window and asks again for
	// the rest draws many bytes with few. With a window of 64 blocks, a quarter
	// of all datagrams may be lost before this limit ends the transfer.
	maxSentPerAcked = 16
)

// The reasons for a transfer to end before everything is sent.
var (
	ErrGaveUp   = errors.New("the client stopped answering")
	ErrNoAnswer = errors.New("the client never answered")
	errTooSlow  = error(gaveUp("the client is too slow"))
	errTooLossy = error(gaveUp("the client loses nearly every packet"))
	// The new request comes from the same port, so the client waits for its
	// answer.
	errSuperseded = errors.New("the client asked again")
)

// gaveUp is an ErrGaveUp that says what the client did instead of falling
// silent.
type gaveUp string

func (e gaveUp) Error() string { return string(e) }

// Is is the method that errors.Is calls.
func (gaveUp) Is(target error) bool { return target == ErrGaveUp }

// clientError is an ERROR packet from the client. It is as often a change of
// mind as a failure: PXELINUX and iPXE ask for a size and hang up.
type clientError struct {
	code    uint16
	message string
}

func (e clientError) Error() string {
	return fmt.Sprintf("error from the client: %q (%d)", e.message, e.code)
}

// Transfer is the sending side of one read request. From the packets received
// and the time, it decides what to send next. It does no I/O. It counts blocks
// from 1 in 64 bits; on the wire, the number after 65535 is 0.
type Transfer struct {
	size      int64
	blockSize int
	window    int
	last      int64       // the number of the last block, which is not full
	options   [][2]string // for the OACK; without any, the transfer begins with DATA

	oack     bool  // the OACK is not acknowledged yet
	acked    int64 // blocks that the client has in sequence
	sent     int64 // blocks sent; those after acked are in flight
	tries    int   // how often the blocks after acked were sent because no answer came
	probed   bool  // the last block alone was sent again before that
	repeats  int   // how often the blocks after acked were sent because the client asked again
	answered bool  // the client has acknowledged something

	sentAt   time.Time // of the newest datagram
	fresh    bool      // nothing in flight was sent twice (Karn)
	hushed   time.Time // until then, an ACK refers to an earlier sending
	chatty   bool      // the client sends an ACK for each block that is out of sequence
	stale    int64     // how many such ACKs of earlier sendings may still arrive
	began    time.Time
	progress time.Time // when acked last grew
	total    int64     // blocks sent, repeats included
	fixedRTO time.Duration
	rtt      rttEstimate

	Retransmits int // datagrams sent again, so far
}

// Action is what the state machine wants done.
type Action struct {
	// OACK says that the option acknowledgement is to be sent.
	OACK bool
	// Count is how many DATA packets to send at once: the blocks from number
	// Block on, which hold the Length bytes of the file from Offset. All blocks
	// are full except a file's last, which may be empty.
	Count  int
	Block  uint16
	Offset int64
	Length int
	// Deadline is when to call Timeout unless something is received first.
	Deadline time.Time
	// Done says that the transfer has ended. Err is nil if it succeeded.
	Done bool
	Err  error
}

// NewTransfer accepts a request for a file of size bytes. It lowers a larger
// block size to maxBlockSize (RFC 2348: the server may lower it). That keeps
// datagrams in one Ethernet frame, because ROMs cannot reassemble. It lowers a
// larger window to maxWindow blocks (RFC 7440 §3).
func NewTransfer(r Request, size int64, maxBlockSize, maxWindow int) *Transfer {
	t := &Transfer{size: size, blockSize: defaultBlockSize, window: 1}
	// The OACK has only options that the client asked for: PXELINUX rejects an
	// OACK with an option that it did not send.
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
	// "The timeout specified in the OACK must match" (RFC 2349), so a value
	// that is not granted is left out.
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

// Start is the transfer's first step. It sends one datagram. A window begins
// only after the client has answered, which shows that the client did send the
// request. Until then, a block is repeated only if the request is (Again): the
// recipient times out and repeats "his last packet", which makes "the sender of
// the lost packet" repeat that (RFC 1350 §2).
func (t *Transfer) Start(now time.Time) Action {
	t.began, t.progress = now, now
	if t.oack {
		return t.sendOACK(now)
	}
	return t.send(now, 1, 1)
}

// Again handles a repeat of the request: the answer is lost, or takes longer
// than the client waits. Each repeat draws one datagram, like the first
// request, but none while the last answer may still be on its way.
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

// Receive handles a packet from the client.
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

// acknowledge handles an ACK. In a window it names the last block that came in
// sequence, and asks for what follows (RFC 7440 §4).
func (t *Transfer) acknowledge(now time.Time, block uint16) Action {
	if t.oack && block == 0 {
		t.oack = false
		t.progressed(now)
		return t.sendWindow(now)
	}
	// step is the distance in 16-bit arithmetic. A block that is not in flight
	// was acknowledged long ago, or never sent.
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
		// The missing blocks were sent again already. The client counts its
		// window from this ACK on, so it expects some more blocks at the end.
		if more := min(t.acked+int64(t.window), t.last) - t.sent; more > 0 {
			return t.send(now, t.sent+1, int(more))
		}
		return t.wait()
	}
	return t.resend(now)
}

// progressed notes that the client has received something new.
func (t *Transfer) progressed(now time.Time) {
	if t.fresh { // Karn: an answer to a repeated packet measures nothing
		t.rtt.observe(now.Sub(t.sentAt))
	}
	t.answered, t.progress, t.tries, t.repeats, t.probed = true, now, 1, 0, false
}

// repeated handles an ACK that came before. In a transfer block by block, an
// answer to it would double every packet to the end of the file (RFC 1123
// §4.2.3.1, the Sorcerer's Apprentice). In a window it says that the first
// block is missing. A client may say so once for each block that arrives after
// the gap, so only one counts in each round trip.
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

// hush reports whether to ignore an ACK that asks for blocks again, because it
// may refer to an earlier sending. If a window takes longer to send than a
// round trip, ACKs that complain about the rest of it arrive after that; they
// are counted.
func (t *Transfer) hush(now time.Time) bool {
	t.stale--
	return now.Before(t.hushed) || t.chatty && t.stale >= 0 && now.Before(t.sentAt.Add(minRTO/2))
}

// Timeout handles a deadline that has passed.
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

// probes reports whether to probe after a silence, before everything is sent
// again. If the end of a window or the ACK of a whole window is lost, no later
// block shows the client a gap. Without a probe, that costs a full time-out.
// Block by block, there is nothing smaller to probe with. A client that has set
// the time-out is not probed either.
func (t *Transfer) probes() bool {
	return t.window > 1 && !t.oack && !t.probed && t.fixedRTO == 0 && t.rtt.smoothed > 0
}

// probe sends the last block in flight once more, as TCP's tail loss probe does
// (RFC 8985 §7). The client answers it in any case: with an ACK of everything,
// or of what it has in sequence (RFC 7440 §4). If the client was only slow, the
// probe has cost a single datagram and not a window.
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

// sendWindow sends the next window. Nothing is in flight.
func (t *Transfer) sendWindow(now time.Time) Action {
	// No answer to the window can arrive before a round trip, and the shortest
	// one was measured with the OACK, alone on the wire. After a repeat, late
	// answers to the first sending may arrive.
	t.hushed = now.Add(t.rtt.shortest / 2)
	if !t.fresh {
		t.hushed = now.Add(t.rtt.typical())
	}
	t.fresh, t.stale = true, 0
	return t.send(now, t.acked+1, t.window)
}

// resend sends the blocks after the last acknowledged one again.
func (t *Transfer) resend(now time.Time) Action {
	t.Retransmits += int(t.sent - t.acked)
	t.stale = min(max(t.stale, 0)+t.sent-t.acked, 4*int64(t.window))
	t.fresh = false
	t.hushed = now.Add(t.rtt.typical())
	return t.send(now, t.acked+1, t.window)
}

// send sends count blocks from first on, or as many as there are.
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
