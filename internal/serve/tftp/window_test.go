package tftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// Each case has the same setting: a window of four blocks of 512 bytes, a file
// of a little more than ten blocks, a round trip of 1 ms.
func TestWindow(t *testing.T) {
	const rtt = time.Millisecond
	type step struct {
		after time.Duration // since the previous step; 0: the deadline passes
		ack   uint16
		want  string
	}
	const first = "data 1 to 4, 2048 bytes at 0"
	for _, tc := range []struct {
		situation string
		steps     []step // after the ACK of the OACK, which draws the first window
	}{
		{"nothing is lost", []step{
			{after: rtt, ack: 4, want: "data 5 to 8, 2048 bytes at 2048"},
			{after: rtt, ack: 8, want: "data 9 to 11, 1025 bytes at 4096"},
			{after: rtt, ack: 11, want: "done"},
		}},
		{"a block in the middle is lost: from there on", []step{
			{after: rtt, ack: 2, want: "data 3 to 6, 2048 bytes at 1024"},
			{after: rtt, ack: 6, want: "data 7 to 10, 2048 bytes at 3072"},
		}},
		{"the first block is lost", []step{
			{after: rtt, want: "data 1 to 4, 2048 bytes at 0"},
			{after: rtt, ack: 4, want: "data 5 to 8, 2048 bytes at 2048"},
		}},
		{"the client complains of each block after the hole: one answer a round trip", []step{
			{after: rtt, ack: 1, want: "data 2 to 5, 2048 bytes at 512"},
			{after: 1, ack: 1, want: "wait"},
			{after: 1, ack: 1, want: "wait"},
			{after: rtt, ack: 5, want: "data 6 to 9, 2048 bytes at 2560"},
		}},
		{"the hole's repeat is lost as well", []step{
			{after: rtt, ack: 1, want: "data 2 to 5, 2048 bytes at 512"},
			{after: rtt, ack: 1, want: "data 2 to 5, 2048 bytes at 512"},
		}},
		{"the network doubles an ACK (Sorcerer's Apprentice)", []step{
			{after: rtt, ack: 4, want: "data 5 to 8, 2048 bytes at 2048"},
			{after: 1, ack: 4, want: "wait"},
			{after: rtt, ack: 8, want: "data 9 to 11, 1025 bytes at 4096"},
			{after: 1, ack: 8, want: "wait"},
		}},
		{"a reordered block: complaint, then progress; the repeat grows at its end", []step{
			{after: rtt, ack: 1, want: "data 2 to 5, 2048 bytes at 512"},
			{after: 1, ack: 2, want: "data 6, 512 bytes at 2560"},
			{after: 1, ack: 4, want: "data 7 to 8, 1024 bytes at 3072"},
			{after: rtt, ack: 8, want: "data 9 to 11, 1025 bytes at 4096"},
		}},
		{"the ACK of a window is lost: its last block asks for it", []step{
			{after: 0, want: "data 4, 512 bytes at 1536"},
			{after: rtt, ack: 4, want: "data 5 to 8, 2048 bytes at 2048"},
		}},
		{"the end of a window is lost", []step{
			{after: 0, want: "data 4, 512 bytes at 1536"},
			{after: rtt, ack: 2, want: "data 3 to 6, 2048 bytes at 1024"},
			{after: rtt, ack: 6, want: "data 7 to 10, 2048 bytes at 3072"},
		}},
		{"a whole window is lost", []step{
			{after: rtt, ack: 4, want: "data 5 to 8, 2048 bytes at 2048"},
			{after: 0, want: "data 8, 512 bytes at 3584"},
			{after: rtt, ack: 4, want: "data 5 to 8, 2048 bytes at 2048"},
			{after: rtt, ack: 8, want: "data 9 to 11, 1025 bytes at 4096"},
		}},
		{"the last block is lost", []step{
			{after: rtt, ack: 4, want: "data 5 to 8, 2048 bytes at 2048"},
			{after: rtt, ack: 8, want: "data 9 to 11, 1025 bytes at 4096"},
			{after: 0, want: "data 11, 1 bytes at 5120"},
			{after: rtt, ack: 11, want: "done"},
		}},
		{"no answer to the last block either: all that is in flight", []step{
			{after: 0, want: "data 4, 512 bytes at 1536"},
			{after: 0, want: "data 1 to 4, 2048 bytes at 0"},
			{after: 0, want: "data 1 to 4, 2048 bytes at 0"},
			{after: rtt, ack: 4, want: "data 5 to 8, 2048 bytes at 2048"},
			{after: 0, want: "data 8, 512 bytes at 3584"},
		}},
		{"a slow client has acknowledged when it is asked, and says so twice", []step{
			{after: 0, want: "data 4, 512 bytes at 1536"},
			{after: 1, ack: 4, want: "data 5 to 8, 2048 bytes at 2048"},
			{after: 1, ack: 4, want: "wait"},
			{after: rtt, ack: 8, want: "data 9 to 11, 1025 bytes at 4096"},
		}},
		{"an ACK of what was never sent", []step{{after: rtt, ack: 5, want: "wait"},
			{after: rtt, ack: 60000, want: "wait"}}},
		{"an ACK of a window long past", []step{
			{after: rtt, ack: 4, want: "data 5 to 8, 2048 bytes at 2048"},
			{after: rtt, ack: 3, want: "wait"},
		}},
		{"a client that asks for the same forever", []step{
			{after: rtt, want: first}, {after: rtt, want: first}, {after: rtt, want: first}, {after: rtt, want: "wait"},
			{after: rtt, want: "wait"},
		}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			tr := NewTransfer(Request{Window: 4}, 10*512+1, 1468, 64)
			if got := brief(tr.Start(t0)); got != "oack" {
				t.Fatalf("start: got %q", got)
			}
			now := t0.Add(rtt)
			a := tr.Receive(now, ack(0))
			if got := brief(a); got != first {
				t.Fatalf("the client answers: got %q", got)
			}
			for i, s := range tc.steps {
				if s.after == 0 {
					now = a.Deadline
					a = tr.Timeout(now)
				} else {
					now = now.Add(s.after)
					a = tr.Receive(now, ack(s.ack))
				}
				if got := brief(a); got != s.want {
					t.Fatalf("step %d: got %q, want %q", i+1, got, s.want)
				}
			}
		})
	}
}

// The first silence in a window leads to a probe soon. In a transfer block by
// block the probe would be a duplicate, which some ROMs mishandle.
func TestProbeTimer(t *testing.T) {
	for _, tc := range []struct {
		situation string
		request   Request
		rtt       time.Duration
		want      time.Duration
	}{
		{situation: "a window, nearby", request: Request{Window: 4}, rtt: time.Millisecond, want: minProbe},
		{situation: "a window, far away", request: Request{Window: 4}, rtt: 40 * time.Millisecond,
			want: 120 * time.Millisecond},
		{situation: "block by block", request: Request{Window: 1}, rtt: time.Millisecond, want: minRTO},
		{situation: "the client's own time-out (RFC 2349)", request: Request{Window: 4, Timeout: 2},
			rtt: time.Millisecond, want: 2 * time.Second},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			tr := NewTransfer(tc.request, 1<<20, 1468, 64)
			tr.Start(t0)
			now := t0.Add(tc.rtt)
			if got := tr.Receive(now, ack(0)).Deadline.Sub(now); got != tc.want {
				t.Errorf("waits %v, want %v", got, tc.want)
			}
		})
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Run("a byte a second", func(t *testing.T) {
		tr := NewTransfer(Request{}, 1<<30, 1468, 64)
		now := t0
		a := tr.Start(now)
		for !a.Done && now.Sub(t0) < time.Hour {
			now = now.Add(time.Second)
			if now.Before(a.Deadline) {
				continue
			}
			tr.Timeout(now)
			a = tr.Receive(now, ack(a.Block))
		}
		if a.Err != errTooSlow || !errors.Is(a.Err, ErrGaveUp) {
			t.Errorf("after %v: %+v", now.Sub(t0), a)
		}
	})
	t.Run("long time-outs, asked for by the client", func(t *testing.T) {
		for _, answered := range []bool{false, true} {
			tr := NewTransfer(Request{WantSize: true, Timeout: maxTimeout}, 1<<20, 1468, 64)
			a := tr.Start(t0)
			if answered {
				a = tr.Receive(t0, ack(0))
			}
			for i := 0; !a.Done; i++ {
				if d := a.Deadline.Sub(t0); d > idleLimit {
					t.Fatalf("waits %v", d)
				}
				a = tr.Timeout(a.Deadline)
			}
		}
	})
	t.Run("one block of each window", func(t *testing.T) {
		tr := NewTransfer(Request{Window: 64}, 1<<30, 1468, 64)
		now := t0
		tr.Start(now)
		a := tr.Receive(now, ack(0))
		for block := uint16(1); !a.Done; block++ {
			if block > 1000 {
				t.Fatal("goes on forever")
			}
			now = now.Add(time.Millisecond)
			a = tr.Receive(now, ack(block))
		}
		if a.Err != errTooLossy || !errors.Is(a.Err, ErrGaveUp) {
			t.Errorf("%+v", a)
		}
	})
}

// receiver is a client that follows RFC 7440 §4: it acknowledges a whole
// window, and what it has in sequence when a block is missing.
type receiver struct {
	eager             bool // acknowledges each block out of sequence, not once in 50 ms
	blockSize, window int
	got               []byte
	block             uint16
	inWindow          int
	hush              time.Duration
	done              bool
}

func (c *receiver) receive(now time.Duration, b []byte) (reply []byte) {
	if binary.BigEndian.Uint16(b) == opOACK {
		return ack(0)
	}
	block := binary.BigEndian.Uint16(b[2:])
	if c.done || block != c.block+1 {
		if c.eager || now >= c.hush {
			c.hush, c.inWindow = now+50*time.Millisecond, 0
			return ack(c.block)
		}
		return nil
	}
	c.got = append(c.got, b[4:]...)
	c.block, c.hush = block, 0
	c.inWindow++
	c.done = len(b)-4 < c.blockSize
	if c.done || c.inWindow == c.window {
		c.inWindow = 0
		return ack(c.block)
	}
	return nil
}

// Thousands of runs over a link that loses, duplicates and reorders packets:
// the file arrives whole.
func TestLossyLink(t *testing.T) {
	type packet struct {
		at       time.Duration
		data     []byte
		toServer bool
	}
	file := make([]byte, 100_000)
	for i := range file {
		file[i] = byte(rand.Uint32())
	}
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 7))
		size := random.IntN(len(file))
		r := Request{BlockSize: 8 + random.IntN(1460), Window: 1 << random.IntN(7)}
		if size/r.BlockSize > 3000 {
			r.BlockSize = 512
		}
		loss, double, reorder := random.Float64()*0.1, random.Float64()*0.05, random.Float64()*0.05
		tr := NewTransfer(r, int64(size), 1468, 64)
		c := &receiver{blockSize: tr.blockSize, window: tr.window, eager: seed%2 == 0}
		var wire []packet
		now, free := time.Duration(0), map[bool]time.Duration{}
		send := func(toServer bool, data []byte) {
			for random.Float64() >= loss {
				free[toServer] = max(free[toServer], now) + 12*time.Microsecond // an Ethernet frame at 1 Gb/s
				at := free[toServer] + 100*time.Microsecond
				if random.Float64() < reorder {
					at += time.Duration(random.IntN(1000)) * time.Microsecond
				}
				wire = append(wire, packet{at, data, toServer})
				if random.Float64() >= double {
					return
				}
			}
		}
		var a Action
		do := func(next Action) {
			a = next
			if a.OACK {
				send(false, appendOACK(nil, tr.options))
			}
			for i, left := 0, a.Length; i < a.Count; i++ {
				off := int(a.Offset) + i*tr.blockSize
				n := min(left, tr.blockSize)
				b := make([]byte, dataHeader, dataHeader+n)
				putDATA(b, a.Block+uint16(i))
				send(false, append(b, file[off:off+n]...))
				left -= n
			}
		}
		do(tr.Start(t0))
		for steps := 0; !a.Done || a.Err == ErrNoAnswer; steps++ {
			if steps > 1_000_000 {
				t.Fatalf("seed %d: does not end", seed)
			}
			if a.Err == ErrNoAnswer { // a client sends its request again
				tr = NewTransfer(r, int64(size), 1468, 64)
				do(tr.Start(t0.Add(now)))
			}
			next := -1
			for i := range wire {
				if next < 0 || wire[i].at < wire[next].at {
					next = i
				}
			}
			if next < 0 || t0.Add(wire[next].at).After(a.Deadline) {
				now = a.Deadline.Sub(t0)
				do(tr.Timeout(a.Deadline))
				continue
			}
			p := wire[next]
			wire[next] = wire[len(wire)-1]
			wire = wire[:len(wire)-1]
			now = p.at
			if p.toServer {
				do(tr.Receive(t0.Add(now), p.data))
			} else if reply := c.receive(now, p.data); reply != nil {
				send(true, reply)
			}
		}
		// The last ACK may be lost: the client has everything and has gone.
		if !bytes.Equal(c.got, file[:size]) || !c.done {
			t.Fatalf("seed %d: %+v, loss %.3f: %d of %d bytes, ended with %v, after %d of %d blocks",
				seed, r, loss, len(c.got), size, a.Err, tr.total, tr.acked)
		}
	}
}

// BenchmarkTransfer measures only the state machine: a block sent and its part
// of an acknowledgement.
func BenchmarkTransfer(b *testing.B) {
	for _, bc := range []struct {
		situation string
		window    int
	}{{"Window1", 1}, {"Window16", 16}, {"Window64", 64}} {
		b.Run(bc.situation, func(b *testing.B) {
			b.ReportAllocs()
			tr := NewTransfer(Request{BlockSize: 1468, Window: bc.window}, 1<<60, 1468, 64)
			tr.Start(t0)
			now := t0
			in := ack(0)
			for i := 0; i < b.N; {
				now = now.Add(time.Microsecond)
				a := tr.Receive(now, in)
				if a.Count == 0 {
					b.Fatalf("stopped: %+v", a)
				}
				binary.BigEndian.PutUint16(in[2:], a.Block+uint16(a.Count-1))
				i += a.Count
			}
		})
	}
}
