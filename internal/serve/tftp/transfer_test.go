package tftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func ack(block uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{0, opACK}, block)
}

// brief formats an action for a table.
func brief(a Action) string {
	switch {
	case a.Done && a.Err == nil:
		return "done"
	case a.Done:
		return "failed: " + a.Err.Error()
	case a.OACK:
		return "oack"
	case a.Count == 1:
		return fmt.Sprintf("data %d, %d bytes at %d", a.Block, a.Length, a.Offset)
	case a.Count > 1:
		return fmt.Sprintf("data %d to %d, %d bytes at %d", a.Block, a.Block+uint16(a.Count-1), a.Length, a.Offset)
	}
	return "wait"
}

func TestTransfer(t *testing.T) {
	type step struct {
		in   []byte // nil: the deadline passes
		want string
	}
	timeout := []byte(nil)
	for _, tc := range []struct {
		situation string
		request   Request
		size      int64
		start     string
		steps     []step
	}{
		{situation: "no options: DATA at once", size: 600, start: "data 1, 512 bytes at 0", steps: []step{
			{ack(1), "data 2, 88 bytes at 512"},
			{ack(2), "done"},
		}},
		{situation: "a whole number of blocks ends with an empty one", size: 512,
			start: "data 1, 512 bytes at 0", steps: []step{
				{ack(1), "data 2, 0 bytes at 512"},
				{ack(2), "done"},
			}},
		{situation: "an empty file", start: "data 1, 0 bytes at 0", steps: []step{{ack(1), "done"}}},
		{situation: "options: OACK, and its ACK is number 0", request: Request{BlockSize: 1408, WantSize: true},
			size: 1409, start: "oack", steps: []step{
				{ack(0), "data 1, 1408 bytes at 0"},
				{ack(1), "data 2, 1 bytes at 1408"},
				{ack(2), "done"},
			}},
		{situation: "a lost DATA is sent again", size: 600, start: "data 1, 512 bytes at 0", steps: []step{
			{ack(1), "data 2, 88 bytes at 512"},
			{timeout, "data 2, 88 bytes at 512"},
			{ack(2), "done"},
		}},
		{situation: "the first one as well, after an OACK", request: Request{WantSize: true}, size: 100,
			start: "oack", steps: []step{
				{ack(0), "data 1, 100 bytes at 0"},
				{timeout, "data 1, 100 bytes at 0"},
				{ack(1), "done"},
			}},
		{situation: "a duplicate ACK starts nothing (Sorcerer's Apprentice)", size: 2000,
			start: "data 1, 512 bytes at 0", steps: []step{
				{ack(1), "data 2, 512 bytes at 512"},
				{ack(1), "wait"},
				{ack(2), "data 3, 512 bytes at 1024"},
				{ack(1), "wait"},
				{ack(2), "wait"},
			}},
		{situation: "an ACK from the future", size: 2000, start: "data 1, 512 bytes at 0",
			steps: []step{{ack(2), "wait"}}},
		{situation: "Windows' loader: an ACK of five bytes", size: 100, start: "data 1, 100 bytes at 0", steps: []step{
			{append(ack(1), 1), "done"},
		}},
		{situation: "an ACK cut off", size: 100, start: "data 1, 100 bytes at 0",
			steps: []step{{[]byte{0, opACK, 0}, "wait"}}},
		{situation: "the client only wanted the size", request: Request{WantSize: true}, size: 100,
			start: "oack", steps: []step{
				{[]byte("\x00\x05\x00\x08bye\x00"), `failed: error from the client: "bye" (8)`},
			}},
		{situation: "an ERROR without its NUL", size: 100, start: "data 1, 100 bytes at 0", steps: []step{
			{[]byte("\x00\x05\x00\x03full"), `failed: error from the client: "" (3)`},
		}},
		{situation: "a forged request without options draws one block", size: 1000,
			start: "data 1, 512 bytes at 0", steps: []step{
				{timeout, "failed: " + ErrNoAnswer.Error()},
			}},
		{situation: "a forged request with options draws three OACKs", request: Request{WantSize: true}, size: 100,
			start: "oack", steps: []step{
				{timeout, "oack"},
				{timeout, "oack"},
				{timeout, "failed: " + ErrNoAnswer.Error()},
			}},
		{situation: "a client that has gone", size: 1000, start: "data 1, 512 bytes at 0", steps: []step{
			{ack(1), "data 2, 488 bytes at 512"},
			{timeout, "data 2, 488 bytes at 512"},
			{timeout, "data 2, 488 bytes at 512"},
			{timeout, "data 2, 488 bytes at 512"},
			{timeout, "data 2, 488 bytes at 512"},
			{timeout, "data 2, 488 bytes at 512"},
			{timeout, "data 2, 488 bytes at 512"},
			{timeout, "data 2, 488 bytes at 512"},
			{timeout, "data 2, 488 bytes at 512"},
			{timeout, "failed: " + ErrGaveUp.Error()},
		}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			tr := NewTransfer(tc.request, tc.size, 1468, 64)
			now := t0
			a := tr.Start(now)
			if got := brief(a); got != tc.start {
				t.Fatalf("start: got %q, want %q", got, tc.start)
			}
			for i, s := range tc.steps {
				if s.in == nil {
					now = a.Deadline
					a = tr.Timeout(now)
				} else {
					now = now.Add(time.Millisecond)
					a = tr.Receive(now, s.in)
				}
				if got := brief(a); got != s.want {
					t.Fatalf("step %d: got %q, want %q", i+1, got, s.want)
				}
			}
		})
	}
}

// A client that gets no answer repeats its request, iPXE four times a second at
// first. Each repeat is answered at once, not when the server's timer expires.
func TestRequestComesAgain(t *testing.T) {
	for _, tc := range []struct {
		situation string
		request   Request
		first     string
		answer    []byte // to the first
	}{
		{situation: "with options", request: Request{WantSize: true}, first: "oack", answer: ack(0)},
		{situation: "without", first: "data 1, 512 bytes at 0", answer: ack(1)},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			tr := NewTransfer(tc.request, 2000, 1468, 64)
			now := t0
			tr.Start(now)
			if got := brief(tr.Again(now.Add(minRTO - 1))); got != "wait" {
				t.Errorf("while the answer may be on its way: %q", got)
			}
			for range 10 {
				now = now.Add(250 * time.Millisecond)
				a := tr.Again(now)
				if got := brief(a); got != tc.first || !a.Deadline.After(now) {
					t.Fatalf("after a silence: %q, deadline %v at %v", got, a.Deadline, now)
				}
			}
			if tr.Receive(now.Add(time.Second), tc.answer); tr.rtt.smoothed != 0 {
				t.Errorf("what was sent more than once has a round-trip time: %v", tr.rtt.smoothed)
			}
			if got := brief(tr.Again(now.Add(time.Minute))); got != "wait" {
				t.Errorf("once it has answered: %q", got)
			}
		})
	}
	t.Run("forever", func(t *testing.T) {
		tr := NewTransfer(Request{}, 2000, 1468, 64)
		a := tr.Start(t0)
		for now := t0; now.Before(t0.Add(unansweredLimit)); now = now.Add(minRTO) {
			a = tr.Again(now)
		}
		if got := brief(tr.Again(t0.Add(unansweredLimit))); got != "wait" {
			t.Errorf("after %v: %q", unansweredLimit, got)
		}
		if got := brief(tr.Timeout(a.Deadline)); got != "failed: "+ErrNoAnswer.Error() {
			t.Errorf("after %v: %q", a.Deadline.Sub(t0), got)
		}
	})
}

func TestOptionsAcknowledged(t *testing.T) {
	for _, tc := range []struct {
		situation string
		request   Request
		want      string
	}{
		{situation: "block size fits", request: Request{BlockSize: 1408}, want: "\x00\x06blksize\x001408\x00"},
		{situation: "block size larger than the link takes", request: Request{BlockSize: 65464},
			want: "\x00\x06blksize\x001468\x00"},
		{situation: "size only: nothing that was not asked for", request: Request{WantSize: true},
			want: "\x00\x06tsize\x001234\x00"},
		{situation: "window as asked for", request: Request{Window: 4}, want: "\x00\x06windowsize\x004\x00"},
		{situation: "window larger than the server's", request: Request{Window: 65535},
			want: "\x00\x06windowsize\x0064\x00"},
		{situation: "a time-out that leaves room for repeats", request: Request{Timeout: maxTimeout},
			want: "\x00\x06timeout\x007\x00"},
		{situation: "one that does not", request: Request{WantSize: true, Timeout: maxTimeout + 1},
			want: "\x00\x06tsize\x001234\x00"},
		{situation: "all", request: Request{BlockSize: 8, WantSize: true, Timeout: 6, Window: 1},
			want: "\x00\x06blksize\x008\x00tsize\x001234\x00timeout\x006\x00windowsize\x001\x00"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got := appendOACK(nil, NewTransfer(tc.request, 1234, 1468, 64).options); string(got) != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// In a file of more than 65,535 blocks, the number wraps to 0, within a window
// as well as between two.
func TestBlockNumberWraps(t *testing.T) {
	const blocks = 1<<16 + 3
	for _, window := range []int64{1, 7} {
		tr := NewTransfer(Request{BlockSize: 8, Window: int(window)}, blocks*8+5, 1468, 64)
		tr.Start(t0)
		a := tr.Receive(t0, ack(0))
		var sum int64
		for i := int64(0); !a.Done; i += window {
			if a.Count != int(min(window, blocks+1-i)) || a.Block != uint16(i+1) || a.Offset != i*8 {
				t.Fatalf("window %d, after %d blocks: got %+v", window, i, a)
			}
			sum += int64(a.Length)
			a = tr.Receive(t0, ack(a.Block+uint16(a.Count-1)))
		}
		if a.Err != nil || sum != blocks*8+5 {
			t.Fatalf("window %d, after %d bytes: %+v", window, sum, a)
		}
	}
}

func TestRetransmissionTimer(t *testing.T) {
	wait := func(a Action, now time.Time) time.Duration { return a.Deadline.Sub(now) }
	t.Run("doubles from a second until the client is known", func(t *testing.T) {
		tr := NewTransfer(Request{WantSize: true}, 100, 1468, 64)
		a := tr.Start(t0)
		first := wait(a, t0)
		a2 := tr.Timeout(a.Deadline)
		if second := wait(a2, a.Deadline); first != time.Second || second != 2*time.Second {
			t.Errorf("waits %v, then %v", first, second)
		}
	})
	t.Run("follows a fast link down to its floor, a slow one up", func(t *testing.T) {
		for rtt, want := range map[time.Duration][2]time.Duration{
			200 * time.Microsecond: {minRTO, minRTO},
			300 * time.Millisecond: {300 * time.Millisecond, 500 * time.Millisecond},
		} {
			tr := NewTransfer(Request{}, 1<<20, 1468, 64)
			now := t0
			a := tr.Start(now)
			for range 50 {
				now = now.Add(rtt)
				a = tr.Receive(now, ack(a.Block))
			}
			if w := wait(a, now); w < want[0] || w > want[1] {
				t.Errorf("round trip %v: waits %v, want %v to %v", rtt, w, want[0], want[1])
			}
		}
	})
	t.Run("an answer after a repeat measures nothing (Karn)", func(t *testing.T) {
		tr := NewTransfer(Request{WantSize: true}, 1<<20, 1468, 64)
		a := tr.Start(t0)
		a = tr.Timeout(a.Deadline)
		now := a.Deadline.Add(-1)
		a = tr.Receive(now, ack(0))
		if w := wait(a, now); w != initialRTO {
			t.Errorf("waits %v", w)
		}
	})
	t.Run("the client's own timeout (RFC 2349)", func(t *testing.T) {
		tr := NewTransfer(Request{Timeout: 7}, 100, 1468, 64)
		if w := wait(tr.Start(t0), t0); w != 7*time.Second {
			t.Errorf("waits %v", w)
		}
	})
}

// Whatever time-out a client requests, a lost packet is sent again.
func TestTimeoutLeavesRoomForRepeats(t *testing.T) {
	for timeout := 1; timeout <= 255; timeout++ {
		tr := NewTransfer(Request{WantSize: true, Timeout: timeout}, 1<<20, 1468, 64)
		a := tr.Start(t0)
		if a = tr.Timeout(a.Deadline); !a.OACK {
			t.Fatalf("timeout %d, the OACK is lost: %s", timeout, brief(a))
		}
		now := a.Deadline.Add(-1)
		a = tr.Receive(now, ack(0))
		for range 3 {
			if a = tr.Timeout(a.Deadline); a.Count != 1 {
				t.Fatalf("timeout %d, a block is lost: %s", timeout, brief(a))
			}
		}
	}
}

// The answers to an unanswered request are a small multiple of its size,
// whatever it requests. Without options, one block is the smallest possible
// answer.
func TestUnansweredBytes(t *testing.T) {
	const most = 4
	for _, options := range [][]string{
		{"tsize", "0"},
		{"tsize", "0", "tsize", "0"},
		{"blksize", "8"},
		{"blksize", "65464"},
		{"timeout", "1"},
		{"windowsize", "65535"},
		{"blksize", "65464", "windowsize", "65535", "tsize", "0", "timeout", "1"},
	} {
		request := rrq(append([]string{"a", "octet"}, options...)...)
		r, err := parseRequest(request)
		if err != nil {
			t.Fatal(err)
		}
		tr := NewTransfer(r, 1<<40, maxBlockSize, 65535)
		drawn := 0
		for a := tr.Start(t0); !a.Done; a = tr.Timeout(a.Deadline) {
			if !a.OACK || a.Count > 0 {
				t.Fatalf("%q: %s", request, brief(a))
			}
			drawn += len(appendOACK(nil, tr.options))
		}
		if drawn > most*len(request) {
			t.Errorf("%q: %d bytes draw %d", request, len(request), drawn)
		}
	}
}

// FuzzTransfer lets a hostile client choose packets and silences. The transfer
// must end, stay inside the file, and send little for what it receives.
func FuzzTransfer(f *testing.F) {
	f.Add(rrq("a", "octet", "blksize", "8"), int64(100), []byte{0, 1, 2, 3})
	f.Add(rrq("a", "octet"), int64(0), []byte{255, 255})
	f.Add(rrq("a", "octet", "tsize", "0", "timeout", "1"), int64(1<<33), []byte{0, 0, 255, 1})
	f.Add(rrq("a", "octet", "windowsize", "64"), int64(1<<20), []byte{0, 64, 0, 0, 3, 128, 3, 3, 255, 9})
	f.Add(rrq("a", "octet", "blksize", "8", "windowsize", "64"), int64(1<<20), bytes.Repeat([]byte{128, 1}, 100))
	f.Add(rrq("a", "octet"), int64(9), []byte{254, 253, 254, 255, 254, 3})
	f.Fuzz(func(t *testing.T, request []byte, size int64, script []byte) {
		r, err := parseRequest(request)
		if err != nil || size < 0 {
			return
		}
		tr := NewTransfer(r, size, 1468, 64)
		now, sent, requests := t0, int64(0), int64(1)
		check := func(a Action) Action {
			if a.Done {
				return a
			}
			if a.OACK {
				sent++
			}
			sent += int64(a.Count)
			if a.Count > 0 && (a.Count > 64 || a.Offset < 0 || a.Length < 0 || a.Offset+int64(a.Length) > size ||
				a.Length > a.Count*tr.blockSize || a.Length < (a.Count-1)*tr.blockSize) {
				t.Fatalf("of a file of %d bytes: %+v", size, a)
			}
			most := requests // a block for each request
			if tr.oack {
				most += unansweredTries - 1
			}
			if !tr.answered && sent > most {
				t.Fatalf("%d datagrams for %d requests without an acknowledgement", sent, requests)
			}
			// What one window of blocks can draw without progress, and the most
			// that an acknowledged block may have cost.
			most = int64(maxSentPerAcked+1)*(tr.acked+int64(tr.window)) + 2*unansweredTries + requests
			if sent > most {
				t.Fatalf("%d datagrams for %d blocks acknowledged, window %d", sent, tr.acked, tr.window)
			}
			if !a.Deadline.After(tr.sentAt) && !a.Deadline.After(now) && a.Deadline.Before(tr.progress.Add(idleLimit)) {
				t.Fatalf("deadline passed already: %+v at %v", a, now)
			}
			return a
		}
		a := check(tr.Start(now))
		for _, c := range script {
			switch {
			case c == 255:
				now = a.Deadline
				a = check(tr.Timeout(now))
			case c == 254:
				requests++
				a = check(tr.Again(now))
			case c >= 128:
				now = now.Add(time.Duration(c-127) * time.Millisecond)
			default:
				a = check(tr.Receive(now, ack(uint16(tr.acked)+uint16(c)-2)))
			}
			if a.Done && a.Err == nil && tr.acked != tr.last {
				t.Fatalf("done after %d of %d blocks", tr.acked, tr.last)
			}
			if a.Done {
				return
			}
		}
		for i := 0; !a.Done; i++ {
			if i > answeredTries {
				t.Fatal("does not end when the client is gone")
			}
			now = a.Deadline
			a = check(tr.Timeout(now))
		}
		for _, end := range []error{ErrGaveUp, ErrNoAnswer, errTooLossy, errTooSlow} {
			if errors.Is(a.Err, end) {
				return
			}
		}
		t.Fatalf("ended with %v", a.Err)
	})
}
