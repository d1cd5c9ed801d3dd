package tftp

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTestLink opens the sockets of a reactor on loopback.
func openTestLink(t *testing.T, sockets int) *link {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l, err := openLink(conn, sockets)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

// With one processor the reactor waits by the runtime's poller, which must find
// the same packets at the same times.
func TestWaits(t *testing.T) {
	const soon = 20 * time.Millisecond
	for _, tc := range []struct {
		situation string
		before    bool          // a packet arrives before the wait
		during    bool          // a packet arrives while it waits
		woken     bool          // while it waits
		until     time.Duration // the deadline; 0: none
		want      int
	}{
		{situation: "a packet is there", before: true, until: time.Minute, want: 1},
		{situation: "a packet is there, and no deadline", before: true, want: 1},
		{situation: "a packet is there, and the deadline has passed", before: true, until: -soon, want: 1},
		{situation: "a packet comes", during: true, until: time.Minute, want: 1},
		{situation: "a packet comes, and no deadline", during: true, want: 1},
		{situation: "none comes until the deadline", until: soon},
		{situation: "none is there, and the deadline has passed", until: -soon},
		{situation: "woken", woken: true},
	} {
		for _, processors := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s; GOMAXPROCS %d", tc.situation, processors), func(t *testing.T) {
				before := runtime.GOMAXPROCS(processors)
				defer runtime.GOMAXPROCS(before)
				l := openTestLink(t, 2)
				send := func() {
					c, err := net.Dial("udp4", fmt.Sprint("127.0.0.1:", l.socks[1].port))
					if err == nil {
						_, err = c.Write(ack(1))
						c.Close()
					}
					if err != nil {
						t.Error(err)
					}
				}
				if tc.before {
					send()
				}
				later := make(chan struct{})
				time.AfterFunc(soon, func() {
					defer close(later)
					if tc.during {
						send()
					}
					if tc.woken {
						l.wake()
					}
				})
				var deadline time.Time
				if tc.until != 0 {
					deadline = time.Now().Add(tc.until)
				}
				// Twice: what one wait has found, the next one must not find.
				for _, want := range []int{tc.want, 0} {
					got, _, err := l.receive(deadline, false, false)
					if err != nil || len(got) != want {
						t.Errorf("got %d packets, %v, want %d", len(got), err, want)
					}
					deadline = time.Now().Add(time.Millisecond)
				}
				<-later
			})
		}
	}
}

// A kernel or an interface that refuses to segment costs one message, but not
// the transfers.
func TestSegmentationRefused(t *testing.T) {
	const small, large = 1472, 4004
	for _, tc := range []struct {
		situation    string
		errno        unix.Errno
		small, large []int // how three blocks are split into messages after the refusal
	}{
		{situation: "nothing is refused", small: []int{3}, large: []int{3}},
		{situation: "the interface leaves checksums to us", errno: unix.EIO, small: []int{1, 1, 1},
			large: []int{1, 1, 1}},
		{situation: "a path that cannot segment", errno: unix.EOPNOTSUPP, small: []int{1, 1, 1}, large: []int{1, 1, 1}},
		{situation: "blocks larger than the MTU", errno: unix.EMSGSIZE, small: []int{3}, large: []int{1, 1, 1}},
		{situation: "blocks larger than the MTU, an older kernel", errno: unix.EINVAL, small: []int{3},
			large: []int{1, 1, 1}},
		{situation: "a network that is away for a moment", errno: unix.ENETUNREACH, small: []int{3}, large: []int{3}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			l := openTestLink(t, 1)
			to := peer{addr: netip.MustParseAddrPort("127.0.0.1:9"), local: netip.IPv4Unspecified()}
			three := func(size int) (blocks []int) {
				for i := range 3 {
					l.block(to, uint16(i+1), size, i > 0)
					if i < 2 { // the last one is empty, like a file's last block
						l.bytes(to, make([]byte, size-dataHeader))
					}
				}
				blocks = slices.Clone(l.socks[0].blocks[:l.socks[0].n])
				l.flush()
				return blocks
			}
			answer := tc.errno
			l.sendmmsg = func(_ int, msgs []unix.Mmsghdr) (int, unix.Errno) {
				if e := answer; e != 0 {
					answer = 0
					return -1, e
				}
				return len(msgs), 0
			}
			if got := three(large); !slices.Equal(got, []int{3}) {
				t.Fatalf("at first: messages of %v blocks", got)
			}
			if got := three(large); !slices.Equal(got, tc.large) {
				t.Errorf("blocks of %d bytes: messages of %v, want %v", large, got, tc.large)
			}
			if got := three(small); !slices.Equal(got, tc.small) {
				t.Errorf("blocks of %d bytes: messages of %v, want %v", small, got, tc.small)
			}
		})
	}
}

func TestReceiveSaysThatThereIsMore(t *testing.T) {
	l := openTestLink(t, 2)
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send := func(socket, n int) {
		t.Helper()
		name, err := unix.Getsockname(l.socks[socket].fd)
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if _, err := c.WriteTo(ack(1), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1),
				Port: name.(*unix.SockaddrInet4).Port}); err != nil {
				t.Fatal(err)
			}
		}
	}
	type call struct {
		packets int
		more    bool
	}
	for _, tc := range []struct {
		situation string
		packets   [2]int // on each socket
		want      []call
	}{
		{situation: "nothing", packets: [2]int{}, want: []call{{0, false}}},
		{situation: "one socket", packets: [2]int{3, 0}, want: []call{{3, false}, {0, false}}},
		{situation: "both sockets", packets: [2]int{3, 3}, want: []call{{3, true}, {3, false}}},
		{situation: "as many as a call can take", packets: [2]int{0, inBatch},
			want: []call{{inBatch, true}, {0, false}}},
		{situation: "more than that", packets: [2]int{inBatch + 1, 0}, want: []call{{inBatch, true}, {1, false}}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			for i, n := range tc.packets {
				send(i, n) // on loopback they have arrived when the call returns
			}
			for i, want := range tc.want {
				got, more, err := l.receive(t0, true, false)
				if err != nil || len(got) != want.packets || more != want.more {
					t.Errorf("call %d: %d packets, more %t, %v; want %+v", i+1, len(got), more, err, want)
				}
			}
		})
	}
}

// A request to the broadcast address of a network gets no answer.
func TestBroadcastIsIgnored(t *testing.T) {
	asked := make(chan string, 8)
	conn, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	addr := serveOn(t, conn, &Server{
		Open: func(_ netip.AddrPort, name string) (File, error) {
			asked <- name
			return nil, fs.ErrNotExist
		},
		Allow: func(a netip.Addr) bool { return a.IsLoopback() },
	})
	port := netip.MustParseAddrPort(addr).Port()
	c := dial(t, addr, "127.0.0.1")
	ask := func(to, name string) {
		t.Helper()
		if _, err := c.conn.WriteToUDPAddrPort(rrq(name, "octet"),
			netip.AddrPortFrom(netip.MustParseAddr(to), port)); err != nil {
			t.Fatal(err)
		}
	}
	ask("127.0.0.1", "first") // a request from before the server is ready is not recognized as a broadcast
	<-asked
	for _, to := range []string{"127.255.255.255", "255.255.255.255"} {
		ask(to, to)
	}
	ask("127.0.0.5", "last")
	if name := <-asked; name != "last" {
		t.Errorf("the request to %s is looked at", name)
	}
}

// A reactor spins as long as that works, and hardly ever where it does not.
func TestSpinner(t *testing.T) {
	for _, tc := range []struct {
		situation string
		works     func(wait int) bool
		min, max  int // spins in 1000 waits
	}{
		{situation: "every answer is fast", works: func(int) bool { return true }, min: 1000, max: 1000},
		{situation: "no answer is fast", works: func(int) bool { return false }, min: 8, max: 12},
		{situation: "one answer of ten is slow", works: func(w int) bool { return w%10 != 0 }, min: 890, max: 910},
		{situation: "the answers become fast", works: func(w int) bool { return w >= 500 }, min: 240, max: 500},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			spins := 0
			var s spinner
			for wait := range 1000 {
				if !s.worthwhile() {
					continue
				}
				spins++
				if tc.works(wait) {
					s.worked()
				} else {
					s.failed()
				}
			}
			if spins < tc.min || spins > tc.max {
				t.Errorf("%d spins in 1000 waits, want %d to %d", spins, tc.min, tc.max)
			}
		})
	}
}
