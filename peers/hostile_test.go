//go:build peers

package peers

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/peers/proc"
	"github.com/pxebox/pxebox/peers/tftpload"
)

// crowd is the source range of forged requests. All of it routes to the client,
// so that the answers have a destination, but no program there listens for
// them.
var crowd = netip.MustParsePrefix("192.168.77.128/25")

// TestHostilePackets sends a million packets to port 69 that no firmware sends,
// and continues until a machine that boots at the same time has its file.
func TestHostilePackets(t *testing.T) {
	s := newFileSite(t, cable)
	s.must(s.client.Run("ip", "route", "add", "local", crowd.String(), "dev", "lo"))
	// The kernel must not tell the box that the ports are closed: a host whose
	// address is forged may also be silent.
	s.must(s.client.Run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_ratemask=0"))
	boot := tftpload.Random(5, 1<<20)
	s.must(os.WriteFile(filepath.Join(s.boot, "boot"), boot, 0o644))
	// A lookup of a missing name searches all existing names.
	s.must(os.Mkdir(filepath.Join(s.boot, "drivers"), 0o755))
	for i := range 5000 {
		s.must(os.WriteFile(filepath.Join(s.boot, "drivers", fmt.Sprintf("package%d.cab", i)), nil, 0o644))
	}
	lines := s.box.Log.Len()
	before, err := proc.Resident(s.box.PID())
	s.must(err)
	received, sentBefore := s.traffic()

	const packets = 1_000_000
	begun, enough, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var flooded int
	go func() {
		var err error
		flooded, err = s.flood(packets, begun, enough)
		ended <- err
	}()
	slow := s.slowReaders()
	select {
	case <-begun: // a tenth is sent
	case err := <-ended:
		t.Fatalf("the flood is over already: %v", err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, errors.New("not within 10 s"))
	defer cancel()
	r, err := tftpload.Load{
		Server: tftpPort, Name: "boot", Content: boot, Clients: 1, BlockSize: 1468, Window: 4, In: s.client.Do,
		Tries: 40, // more than there is time for
		// Otherwise it would receive packets that are meant for the crowd.
		From: []netip.Addr{netip.MustParsePrefix(clientAddr).Addr()},
	}.Run(ctx)
	close(enough)
	if err != nil || r.Files != 1 {
		t.Errorf("amid the flood a machine does not boot: %+v, %v", r, errors.Join(err, context.Cause(ctx)))
	}
	t.Logf("amid the flood a machine had its file of 1 MiB in %v, after %d repeats", r.Elapsed, r.Repeats)
	s.must(<-ended) // reports a flood that ended before enough was closed
	slow()

	after, err := proc.Peak(s.box.PID())
	s.must(err)
	nowReceived, sent := s.traffic()
	answers, questions := nowReceived-received-r.Bytes, sent-sentBefore
	t.Logf("%d packets, %d bytes sent; %d bytes came back; resident: %d KiB before, %d KiB at most; %d lines of log",
		flooded, questions, answers, before>>10, after>>10, s.box.Log.Len()-lines)
	if after > before+64<<20 {
		t.Errorf("the flood grew pxed from %d to %d KiB", before>>10, after>>10)
	}
	if answers > 2*questions {
		t.Errorf("the box answered %d bytes with %d", questions, answers)
	}
	if n := s.box.Log.Len() - lines; n > 100 { // gokrazy keeps the last hundred lines
		t.Errorf("the flood wrote %d lines of log", n)
	}
}

// flood sends the given number of packets, of every hostile kind, and continues
// until enough is closed. It closes begun when a tenth is sent, and returns the
// number of packets sent. It returns an error if it ends before enough is
// closed.
func (s *fileSite) flood(packets int, begun chan<- struct{}, enough <-chan struct{}) (int, error) {
	var fd int
	if err := s.client.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	}); err != nil {
		return 0, fmt.Errorf("raw socket: %w", err)
	}
	defer unix.Close(fd)
	random := rand.New(rand.NewPCG(1, 1))
	garbage := make([]byte, 600)
	last := crowd.Addr().As4()
	last[3] += 126
	one := netip.AddrFrom4(last)
	to := &unix.SockaddrInet4{Addr: boxAddr.As4()}
	for i := 0; ; i++ {
		if i == packets/10 {
			close(begun)
		}
		if i >= packets {
			select {
			case <-enough:
				return i, nil
			default:
			}
		}
		onLink := crowd.Addr().As4()
		onLink[3] += byte(1 + random.IntN(125))
		from, port := netip.AddrFrom4(onLink), uint16(1024+random.IntN(64000))
		var payload []byte
		switch random.IntN(10) {
		case 0: // not TFTP at all
			for k := range garbage {
				garbage[k] = byte(random.Uint32())
			}
			payload = garbage[:random.IntN(len(garbage))]
		case 1: // truncated somewhere
			whole := []byte("\x00\x01boot\x00octet\x00blksize\x001468\x00windowsize\x0064\x00")
			payload = whole[:random.IntN(len(whole))]
		case 2: // out-of-range numbers
			payload = []byte("\x00\x01boot\x00octet\x00tsize\x00" + strings.Repeat("9", 300) +
				"\x00windowsize\x00-1\x00")
		case 3: // forged, with the largest possible answer
			payload = []byte("\x00\x01boot\x00octet\x00blksize\x0065464\x00windowsize\x0065535\x00")
		case 4: // forged, without options: DATA at once
			payload = []byte("\x00\x01boot\x00octet\x00")
		case 5: // from another address
			from = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
			payload = []byte("\x00\x01boot\x00octet\x00")
		case 6: // all from one address
			from = one
			payload = []byte("\x00\x01boot\x00octet\x00tsize\x000\x00blksize\x001468\x00")
		case 7: // names
			payload = []byte("\x00\x01../../etc/shadow\x00octet\x00")
		case 8: // forged, for a menu, which is different for each machine
			payload = []byte("\x00\x01pxelinux.cfg/default\x00octet\x00timeout\x007\x00")
		case 9: // a file that does not exist
			payload = []byte("\x00\x01drivers/x\x00octet\x00")
		}
		if err := unix.Sendto(fd, datagram(from, port, payload), 0, to); err != nil && err != unix.ENOBUFS &&
			err != unix.EAGAIN {
			return i, os.NewSyscallError("sendto", err)
		}
	}
}

// datagram returns a UDP datagram to port 69 of the box with its IPv4 header.
// The kernel fills in the header's checksum; UDP over IPv4 does not require one
// (RFC 768).
func datagram(from netip.Addr, port uint16, payload []byte) []byte {
	b := make([]byte, 28, 28+len(payload))
	b[0], b[8], b[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(payload)))
	src, dst := from.As4(), boxAddr.As4()
	copy(b[12:], src[:])
	copy(b[16:], dst[:])
	binary.BigEndian.PutUint16(b[20:], port)
	binary.BigEndian.PutUint16(b[22:], tftpPort.Port())
	binary.BigEndian.PutUint16(b[24:], uint16(8+len(payload)))
	return append(b, payload...)
}

// slowReaders starts transfers, several from each of a few addresses, whose
// clients acknowledge one block per second. The returned function ends them.
func (s *fileSite) slowReaders() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var conns []*net.UDPConn
	for i := range 200 {
		from := crowd.Addr().As4()
		from[3] += byte(1 + i%20)
		s.must(s.client.Do(func() error {
			c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: from[:]})
			if err == nil {
				conns = append(conns, c)
			}
			return err
		}))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		buf := make([]byte, 2048)
		for _, c := range conns {
			c.WriteToUDPAddrPort([]byte("\x00\x01boot\x00octet\x00blksize\x008\x00"), tftpPort)
		}
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for _, c := range conns {
				c.SetReadDeadline(time.Now())
				n, port, err := c.ReadFromUDPAddrPort(buf)
				switch {
				case err != nil || n < 4:
				case buf[1] == 6: // OACK
					c.WriteToUDPAddrPort([]byte{0, 4, 0, 0}, port)
				case buf[1] == 3: // DATA
					c.WriteToUDPAddrPort([]byte{0, 4, buf[2], buf[3]}, port)
				}
			}
		}
	}()
	return func() {
		cancel()
		<-done
		for _, c := range conns {
			c.Close()
		}
	}
}

// traffic returns the number of bytes, including all headers, that the client
// has received from the box and sent to it.
func (s *fileSite) traffic() (received, sent int64) {
	s.t.Helper()
	s.must(s.client.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(b)) {
			name, counters, _ := strings.Cut(strings.TrimSpace(line), ":")
			f := strings.Fields(counters)
			if name != link || len(f) < 9 {
				continue
			}
			var err2 error
			received, err = strconv.ParseInt(f[0], 10, 64)
			sent, err2 = strconv.ParseInt(f[8], 10, 64)
			return errors.Join(err, err2)
		}
		return fmt.Errorf("no %s in %q", link, b)
	}))
	return received, sent
}

// TestUnansweredRequest counts the bytes sent in answer to a request whose
// sender then stays silent: its address may be forged.
func TestUnansweredRequest(t *testing.T) {
	for _, tt := range []struct {
		situation, request string
		datagrams          int
		most               int // limit on the bytes of payload received in total
	}{
		// The shortest possible answer to it.
		{situation: "no options", request: "\x00\x01boot\x00octet\x00", datagrams: 1, most: 516},
		{situation: "none that is known", request: "\x00\x01boot\x00octet\x00multicast\x00\x00",
			datagrams: 1, most: 516},
		{situation: "a time-out that is not granted", request: "\x00\x01boot\x00octet\x00timeout\x00255\x00",
			datagrams: 1, most: 516},
		{situation: "options",
			request:   "\x00\x01boot\x00octet\x00blksize\x0065464\x00windowsize\x0065535\x00tsize\x000\x00",
			datagrams: 3, most: 3 * 52},
		{situation: "the size alone", request: "\x00\x01boot\x00octet\x00tsize\x000\x00", datagrams: 3, most: 4 * 21},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			t.Parallel()
			s := newFileSite(t, cable)
			s.must(os.WriteFile(filepath.Join(s.boot, "boot"), make([]byte, 1<<20), 0o644))
			var c *net.UDPConn
			s.must(s.client.Do(func() (err error) {
				c, err = net.ListenUDP("udp4", nil)
				return err
			}))
			defer c.Close()
			place := s.box.Log.Len()
			_, err := c.WriteToUDPAddrPort([]byte(tt.request), tftpPort)
			s.must(err)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, _, err = s.box.Log.Await(ctx, place,
				func(line string) bool { return strings.Contains(line, "tftp: transfer failed") })
			if err != nil {
				t.Fatalf("the box does not give up: %v", err)
			}
			datagrams, size := 0, 0
			buf := make([]byte, 64<<10)
			raw, err := c.SyscallConn()
			s.must(err)
			s.must(raw.Control(func(fd uintptr) {
				for {
					n, _, err := unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
					if err != nil {
						if err != syscall.EAGAIN {
							t.Error(err)
						}
						return
					}
					datagrams++
					size += n
				}
			}))
			if datagrams != tt.datagrams || size > tt.most {
				t.Errorf("%d bytes drew %d datagrams of %d bytes, not %d of %d",
					len(tt.request), datagrams, size, tt.datagrams, tt.most)
			}
		})
	}
}

// TestRefusals requests files that are off limits with a third-party client.
func TestRefusals(t *testing.T) {
	s := newFileSite(t, cable)
	s.must(os.WriteFile(filepath.Join(s.boot, "there"), []byte("x"), 0o644))
	s.must(os.Symlink("/etc/passwd", filepath.Join(s.boot, "passwd")))
	for _, url := range []string{
		"tftp://ADDR/missing", "tftp://ADDR/..%2f..%2f..%2f..%2fetc%2fpasswd",
		"tftp://ADDR//../../etc/passwd", "tftp://ADDR/passwd", "tftp://ADDR/c:%5cboot",
		"http://ADDR/missing", "http://ADDR/..%2f..%2f..%2f..%2fetc%2fpasswd",
		"http://ADDR/../../etc/passwd", "http://ADDR/passwd", "http://ADDR/",
	} {
		t.Run(url, func(t *testing.T) {
			var out bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			url = strings.ReplaceAll(url, "ADDR", boxAddr.String())
			err := s.run(ctx, &out, "curl", "--silent", "--show-error", "--fail", "--path-as-is", url)
			if err == nil || out.Len() > 0 || ctx.Err() != nil {
				t.Errorf("it got %q, %v", out.String(), err)
			}
		})
	}
	t.Run("what is there", func(t *testing.T) {
		for _, scheme := range []string{"tftp", "http"} {
			var out bytes.Buffer
			if err := s.run(t.Context(), io.Writer(&out), "curl", "--silent", "--show-error", "--fail", scheme+"://"+
				boxAddr.String()+"/there"); err != nil || out.String() != "x" {
				t.Errorf("%s: got %q, %v", scheme, out.String(), err)
			}
		}
	})
}
