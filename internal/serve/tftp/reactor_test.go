package tftp

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestHeardUntil(t *testing.T) {
	const ms = time.Millisecond
	for _, tc := range []struct {
		situation string
		last, now time.Duration // since t0
		more      bool
		want      time.Duration
	}{
		{situation: "all has been read", now: 5 * ms, want: 5 * ms},
		{situation: "all has been read, after a pause", now: time.Hour, want: time.Hour},
		{situation: "more waits: no one's time goes on", last: 3 * ms, now: 5 * ms, more: true, want: 3 * ms},
		{situation: "more waits always: a flood puts it off, but not forever", now: time.Second, more: true,
			want: time.Second - maxBehind},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got := heardUntil(t0.Add(tc.last), t0.Add(tc.now), tc.more).Sub(t0); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// idleReactor returns a reactor that only the test drives.
func idleReactor(t *testing.T, lim limits) *reactor {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l, err := openLink(conn, socketsPerReactor)
	if err != nil {
		t.Fatal(err)
	}
	r := newReactor(l, &Server{MaxBlockSize: 1468, MaxWindow: 64, Log: slog.New(slog.DiscardHandler)}, lim, 8)
	t.Cleanup(func() { r.close(context.Canceled) })
	return r
}

func clientAt(i byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, i}), 1000)
}

// requestFrom returns a client's request for a file of 600 bytes.
func requestFrom(i byte) arrival {
	return arrival{
		Request: Request{Name: "a", WantSize: true}, client: clientAt(i), local: netip.IPv4Unspecified(),
		file: memFile{bytes.NewReader(make([]byte, 600))},
	}
}

// A repeated request is answered again, and begins no second transfer.
func TestRequestArrivesAgain(t *testing.T) {
	r := idleReactor(t, defaultLimits())
	r.arrive(t0, requestFrom(1))
	s := r.sessions[clientAt(1)]
	r.arrive(t0.Add(250*time.Millisecond), requestFrom(1))
	if len(r.sessions) != 1 || r.sessions[clientAt(1)] != s || s.Retransmits != 1 {
		t.Errorf("%d sessions, %d answers more", len(r.sessions), s.Retransmits)
	}
}

// With other options it is a new request. A client that lost the OACK may try
// without options, and could not handle an OACK then.
func TestRequestArrivesWithOtherOptions(t *testing.T) {
	plain := func() arrival {
		a := requestFrom(1)
		a.Request = Request{Name: "a"}
		return a
	}
	t.Run("before it has answered", func(t *testing.T) {
		r := idleReactor(t, defaultLimits())
		r.arrive(t0, requestFrom(1))
		r.arrive(t0.Add(time.Second), plain())
		s := r.sessions[clientAt(1)]
		if len(r.sessions) != 1 || s.oack || s.sent != 1 || r.admission.total != 1 {
			t.Errorf("%d sessions on %d places, an OACK: %v, %d blocks sent",
				len(r.sessions), r.admission.total, s.oack, s.sent)
		}
	})
	t.Run("after that it is an old one that was late", func(t *testing.T) {
		r := idleReactor(t, defaultLimits())
		r.arrive(t0, plain())
		s := r.sessions[clientAt(1)]
		r.do(t0, s, s.Receive(t0, ack(1)))
		r.arrive(t0.Add(time.Millisecond), requestFrom(1))
		if r.sessions[clientAt(1)] != s {
			t.Error("the transfer under way is broken off")
		}
	})
	t.Run("while it waits for a place", func(t *testing.T) {
		r := idleReactor(t, limits{running: 1, perAddress: 1, backlog: 10, patience: time.Minute, grace: time.Second})
		r.arrive(t0, requestFrom(2))
		r.arrive(t0, requestFrom(1))
		r.arrive(t0, plain())
		if len(r.admission.queue) != 1 {
			t.Fatalf("%d wait", len(r.admission.queue))
		}
		r.finish(t0, r.sessions[clientAt(2)], ErrNoAnswer)
		if s := r.sessions[clientAt(1)]; s == nil || s.oack {
			t.Errorf("it is answered by %+v", s)
		}
	})
}

// Each slot is taken once and released once, also by transfers that had to give
// up their slots before they were answered.
func TestPlaces(t *testing.T) {
	r := idleReactor(t, limits{running: 1, perAddress: 1, backlog: 10, patience: time.Minute, grace: time.Second})
	check := func(situation string, running, aside, waiting int) {
		t.Helper()
		a := r.admission
		if a.total != running || r.aside.Len() != aside || len(a.queue) != waiting {
			t.Fatalf("%s: %d places taken, %d transfers aside, %d waiting; want %d, %d, %d",
				situation, a.total, r.aside.Len(), len(a.queue), running, aside, waiting)
		}
	}
	now := t0
	for i := byte(1); i <= 3; i++ {
		r.arrive(now, requestFrom(i))
	}
	check("three requests", 1, 0, 2)
	now = now.Add(time.Second)
	r.relieve(now)
	check("the first one has not answered", 1, 1, 1)
	speak := func(i byte, block uint16) {
		now = now.Add(time.Millisecond)
		s := r.sessions[clientAt(i)]
		r.do(now, s, s.Receive(now, ack(block)))
	}
	speak(1, 0)
	check("it does", 2, 0, 1)
	speak(1, 1)
	speak(1, 2)
	check("it has its file", 1, 0, 1)
	now = now.Add(time.Second)
	r.relieve(now)
	check("the second one has not answered", 1, 1, 0)
	s := r.sessions[clientAt(2)]
	r.finish(now, s, ErrNoAnswer)
	check("and never does", 1, 0, 0)
	for block := range uint16(3) {
		speak(3, block)
	}
	check("all have ended", 0, 0, 0)
	if len(r.admission.share) != 0 || r.silent.Len() != 0 || len(r.sessions) != 0 {
		t.Errorf("left are %v, %d that were silent, %d sessions", r.admission.share, r.silent.Len(), len(r.sessions))
	}
}
