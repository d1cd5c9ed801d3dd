package tracesocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
	"github.com/pxebox/pxebox/internal/serve/event"
)

var (
	self = netip.MustParseAddr("192.168.77.1")
	addr = netip.MustParseAddr("192.168.77.100")
	pc   = ether.MustParseMAC("52:54:00:77:00:10")
	t0   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// feed is a server that a test follows.
type feed struct {
	*testing.T
	*Server
	bus *event.Bus
	tap *event.Tap
}

// newFeed makes a server; serve starts it.
func newFeed(t *testing.T) *feed {
	// Not t.TempDir: a socket's path has at most 107 bytes (unix(7)).
	dir, err := os.MkdirTemp("", "feed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := &feed{T: t, bus: &event.Bus{}, tap: &event.Tap{}}
	f.Server = New(Options{
		RunDir: dir, Address: func() netip.Addr { return self }, Events: f.bus, Tap: f.tap,
		Log:    slog.New(slog.DiscardHandler),
		Holder: func(a netip.Addr) ether.MAC { return map[netip.Addr]ether.MAC{addr: pc}[a] },
		Whose:  func(a netip.Addr) ether.MAC { return map[netip.Addr]ether.MAC{addr: pc}[a] },
	})
	return f
}

// serve runs the server until the test ends, and returns when it listens.
func (f *feed) serve() {
	f.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = f.Serve(ctx) }()
	f.Cleanup(func() { cancel(); <-done })
	f.connect().Close()
}

// eventually repeats a check until it holds.
func (f *feed) eventually(what string, holds func() bool) {
	f.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			f.Fatalf("not so after 30 s: %s", what)
		}
	}
}

func (f *feed) connect() (conn net.Conn) {
	f.Helper()
	f.eventually("a reader can connect", func() bool {
		var err error
		conn, err = net.Dial("unix", filepath.Join(f.RunDir, tracestream.Socket))
		return err == nil
	})
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		f.Fatal(err)
	}
	return conn
}

// text returns a record in short.
func text(r tracestream.Record) string {
	switch {
	case r.Hello != nil:
		return "hello " + r.Hello.Address.String()
	case r.Event != nil:
		return r.Event.What
	case r.Packet != nil:
		return "packet " + string(r.Packet.Payload)
	case r.Lost > 0:
		return "lost"
	case r.Alive:
		return "alive"
	}
	return "nothing"
}

// expect reads records, and compares them in short.
func (f *feed) expect(r *tracestream.Reader, want ...string) {
	f.Helper()
	for _, w := range want {
		rec, err := r.Next()
		if err != nil || text(rec) != w {
			f.Fatalf("got %q, %v; want %q of %q", text(rec), err, w, want)
		}
	}
}

func offer(what string) trace.Event {
	return trace.Event{Time: t0, Protocol: trace.DHCP, MAC: pc, What: what, Outcome: trace.Sent}
}

// stored waits until the newest record is what it should be.
func (f *feed) stored(what string) {
	f.Helper()
	f.eventually(what+" is stored", func() bool {
		f.store.mu.Lock()
		defer f.store.mu.Unlock()
		e := f.store.all.Back()
		return e != nil && text(e.Value.(*record).Record) == what
	})
}

func TestReplayThenLive(t *testing.T) {
	f := newFeed(t)
	f.bus.Publish(offer("before the start"))
	f.serve()
	f.bus.Publish(offer("one"))
	f.stored("one")
	conn := f.connect()
	defer conn.Close()
	r := tracestream.NewReader(conn)
	f.expect(r, "hello 192.168.77.1", "before the start", "one", "alive")
	f.bus.Publish(offer("two"))
	f.expect(r, "two")
	f.eventually("packets are taken", f.tap.On)
	for _, payload := range []string{"a", "b"} {
		f.tap.Packet(netip.AddrPortFrom(addr, 68), netip.AddrPortFrom(self, 67), pc, []byte(payload))
	}
	f.bus.Publish(offer("three")) // what the packets are about
	f.expect(r, "packet a", "packet b", "three")

	second := f.connect()
	defer second.Close()
	f.expect(tracestream.NewReader(second), "hello 192.168.77.1", "before the start", "one", "two", "packet a",
		"packet b", "three", "alive")
}

// A file that was sent whole says whose it is, if that is known; no other event
// of a transfer does.
func TestMACOfTransfers(t *testing.T) {
	f := newFeed(t)
	sent := trace.Event{Time: t0, Protocol: trace.TFTP, Addr: addr, What: "pxelinux.0", Outcome: trace.Sent, Bytes: 9}
	begun, gone, stranger := sent, sent, sent
	begun.Outcome, begun.Bytes = trace.Begun, 0
	gone.Outcome = trace.TimedOut
	stranger.Addr = self.Next()
	for _, tc := range []struct {
		situation string
		event     trace.Event
		want      ether.MAC
	}{
		{situation: "it begins", event: begun},
		{situation: "it is whole", event: sent, want: pc},
		{situation: "the machine does not answer", event: gone},
		{situation: "an address that no machine has", event: stranger},
	} {
		f.Server.event(tc.event)
		if got := f.store.all.Back().Value.(*record).Event; got.MAC != tc.want {
			t.Errorf("%s: %v, want %v", tc.situation, got.MAC, tc.want)
		}
	}
}

func TestSocket(t *testing.T) {
	f := newFeed(t)
	file := filepath.Join(f.RunDir, tracestream.Socket)
	// An earlier pxed has left its socket.
	old, err := net.Listen("unix", file)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()
	f.serve()
	info, err := os.Stat(file)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}

	var readers []net.Conn
	f.eventually("the first connection is over", func() bool { return len(f.readers) == 0 })
	for range maxReaders {
		c := f.connect()
		defer c.Close()
		readers = append(readers, c)
		f.expect(tracestream.NewReader(c), "hello 192.168.77.1", "alive")
	}
	one := f.connect()
	defer one.Close()
	if _, err := one.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("one reader too many gets %v", err)
	}
	readers[0].Close()
	f.eventually("a reader that has gone makes room", func() bool { return len(f.readers) < maxReaders })
	if _, err := readers[1].Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	f.eventually("a reader that sends something is cut off", func() bool { return len(f.readers) < maxReaders-1 })
}

// Without a run directory the box serves all the same, and opens the socket
// when there is one.
func TestNoRunDirectory(t *testing.T) {
	f := newFeed(t)
	f.RunDir = filepath.Join(f.RunDir, "none")
	if err := f.listen(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// A reader that does not read is cut off. Meanwhile it holds nothing up.
func TestReaderThatDoesNotRead(t *testing.T) {
	f := newFeed(t)
	f.patience = 50 * time.Millisecond
	f.serve()
	f.eventually("the first connection is over", func() bool { return len(f.readers) == 0 })
	stuck := f.connect()
	defer stuck.Close()
	live := f.connect()
	defer live.Close()
	r := tracestream.NewReader(live)
	f.expect(r, "hello 192.168.77.1", "alive")
	f.eventually("both are readers", func() bool { return len(f.readers) == 2 })
	long := strings.Repeat("x", 128)
	for i := 0; len(f.readers) == 2 && i < 1_000_000; i++ {
		f.bus.Publish(offer(long))
		f.expect(r, long) // the other reader gets everything
	}
	f.eventually("it is cut off", func() bool { return len(f.readers) == 1 })
	f.bus.Publish(offer("more"))
	f.expect(r, "more")
}

// A reader that is too slow is told how many records it has missed.
func TestLost(t *testing.T) {
	f := newFeed(t)
	for i := range 10 {
		f.store.add(machine{mac: pc}, tracestream.Record{Event: &trace.Event{What: fmt.Sprint(i)}})
	}
	f.store.claimed.most = 0
	f.store.add(machine{mac: pc}, tracestream.Record{Lost: 1}) // evicts everything, and itself
	f.store.claimed.most = claimedBytes
	f.store.add(machine{mac: pc}, tracestream.Record{Event: &trace.Event{What: "last"}})
	records, last, evicted := f.store.after(5, batch)
	if len(records) != 1 || text(records[0]) != "last" || last != 12 || evicted != 6 {
		t.Errorf("%d records up to %d, %d evicted", len(records), last, evicted)
	}
	if records, last, _ := f.store.after(12, batch); len(records) != 0 || last != 12 {
		t.Errorf("after the last one there are %d, up to %d", len(records), last)
	}
}

// invented returns one of many machines.
func invented(i int) (ether.MAC, netip.Addr) {
	return ether.MAC{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)},
		netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// A flood of a hundred thousand invented machines takes a bounded amount of
// memory, and leaves the records of a machine that was sent a file.
func TestFlood(t *testing.T) {
	const machines, limit = 100_000, 16 << 20
	f := newFeed(t)
	heap := func() int {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	f.tap.Open()
	packet := func(mac ether.MAC, a netip.Addr) {
		f.tap.Packet(netip.AddrPortFrom(a, 68), netip.AddrPortFrom(self, 67), mac, make([]byte, 548))
		f.takePackets()
	}
	packet(pc, addr)
	f.event(offer("offer"))
	f.event(trace.Event{Time: t0, Protocol: trace.TFTP, Addr: addr, What: "pxelinux.0", Outcome: trace.Sent, Bytes: 42})
	for i := range machines {
		mac, a := invented(i)
		if i%50 == 0 { // the tap takes only so many in a second
			f.store.add(machine{mac: mac},
				tracestream.Record{Packet: &tracestream.Packet{MAC: mac, Payload: make([]byte, 548)}})
		}
		packet(mac, a)
		f.event(trace.Event{
			Time: t0, Protocol: trace.DHCP, MAC: mac, Addr: a, What: strings.Repeat("<script>", 16),
			File: strings.Repeat("\xff", 128),
			GUID: strings.Clone("70786562-6f78-4c61-8000-000000000010"), Why: strings.Repeat("x", 256),
			Outcome: trace.Unanswered,
		})
	}
	after := heap()
	t.Logf("%d machines take %.1f MiB; by the store's count %.1f", machines, float64(after-before)/(1<<20),
		float64(f.store.served.bytes+f.store.claimed.bytes)/(1<<20))
	if after-before > limit {
		t.Errorf("they take %d bytes, more than %d", after-before, limit)
	}
	if n := f.store.served.bytes + f.store.claimed.bytes; n > servedBytes+claimedBytes {
		t.Errorf("%d bytes are counted", n)
	}
	f.tap.Packet(netip.AddrPortFrom(addr, 68), netip.AddrPortFrom(self, 67), pc, []byte("taken amid the flood"))
	f.takePackets()
	if got := text(f.store.all.Back().Value.(*record).Record); got != "packet taken amid the flood" {
		t.Errorf("the newest record is %.40q", got)
	}
	records, _, _ := f.store.after(0, 3)
	var got []string
	for _, r := range records {
		got = append(got, text(r))
	}
	if len(got) != 3 || !strings.HasPrefix(got[0], "packet") || got[1] != "offer" || got[2] != "pxelinux.0" {
		t.Errorf("of the real machine are left: %.40q", got)
	}
	runtime.KeepAlive(f)
}

// A machine's records do not push out those of the machines that were sent a
// file before it, except the oldest ones.
func TestServedMachinesAreBounded(t *testing.T) {
	s := newStore()
	for i := range 3 * maxServed {
		mac, _ := invented(i)
		s.add(machine{mac: mac}, tracestream.Record{Event: &trace.Event{What: "offer"}})
		s.serve(machine{mac: mac})
	}
	if n := len(s.known[0]) + len(s.known[1]); n > 2*maxServed {
		t.Errorf("%d machines are known", n)
	}
	if s.served.bytes > servedBytes || s.claimed.bytes != 0 || s.all.Len() != s.served.records.Len() {
		t.Errorf("%d and %d bytes, %d and %d records", s.served.bytes, s.claimed.bytes, s.all.Len(),
			s.served.records.Len())
	}
}

// The longest record fits into a line.
func TestLongestRecords(t *testing.T) {
	hostile := strings.Repeat("\xff", 256)
	for situation, r := range map[string]tracestream.Record{
		"an event": {Event: &trace.Event{
			Time: t0, MAC: pc, GUID: hostile, Addr: addr, Firmware: hostile, What: hostile, Why: hostile, Server: self,
			File: hostile, Entry: hostile,
		}},
		"a packet": {Packet: &tracestream.Packet{Time: t0, From: netip.AddrPortFrom(addr, 1),
			To: netip.AddrPortFrom(self, 1), MAC: pc, Payload: make([]byte, 1500)}},
	} {
		line := tracestream.Append(nil, r)
		if len(line) > tracestream.MaxLine {
			t.Errorf("%s has %d bytes", situation, len(line))
		}
		if _, err := tracestream.NewReader(strings.NewReader(string(line))).Next(); err != nil {
			t.Errorf("%s: %v", situation, err)
		}
	}
}
