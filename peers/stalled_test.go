//go:build peers

package peers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/peers/proc"
)

// largeMenu is a configuration whose GRUB menu is about 810 KB long and
// contains each machine's own address.
func largeMenu() string {
	var b strings.Builder
	b.WriteString(`
[network]
address = "192.168.77.1/24"

[dhcp]
mode = "proxy"

[[wds]]
name = "wds"
server = "192.168.77.3"

[[entry]]
name = "wds"
label = "Windows"
wds = "wds"
`)
	for i := range 1000 {
		fmt.Fprintf(&b, "[[entry]]\nname = \"e%d\"\nlabel = \"Entry %d\"\nkernel = \"ready\"\nappend = \"%s\"\n",
			i, i, strings.Repeat("x", 704))
	}
	return b.String()
}

// TestStalledReaders opens many connections from eight addresses that request a
// large menu and do not read it, and keeps opening them. A machine with another
// address still gets its files, a machine that reads slowly keeps its
// connection, and no reader costs a copy of the menu.
func TestStalledReaders(t *testing.T) {
	const (
		stalled   = 2000
		addresses = 8
		lasts     = 20 * time.Second
	)
	s := newFileSite(t, cable)
	s.must(s.client.Run("ip", "route", "add", "local", crowd.String(), "dev", "lo"))
	s.must(s.box.Configure(largeMenu()))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var size int64
	for size < 700_000 {
		if ctx.Err() != nil {
			t.Fatalf("the menu has %d bytes", size)
		}
		size, _, _ = s.fetchMenu(ctx)
		time.Sleep(100 * time.Millisecond)
	}
	before, err := proc.Resident(s.box.PID())
	s.must(err)

	slow, err := s.slowMenu()
	s.must(err)
	first := crowd.Addr().As4()
	source := func(i int) netip.Addr {
		a := first
		a[3] += byte(1 + i%addresses)
		return netip.AddrFrom4(a)
	}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	one := func(i int) {
		c, err := s.askForMenu(ctx, source(i))
		if err == nil {
			open = append(open, c)
		}
	}
	for i := range 1024 {
		one(i)
	}
	time.Sleep(2 * time.Second) // the box has written as much as the buffers hold
	with, err := proc.Resident(s.box.PID())
	s.must(err)
	for i := 1024; i < stalled; i++ {
		one(i)
	}

	stop := make(chan struct{})
	opened := make(chan int)
	go func() { // and they continue
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				opened <- n
				return
			default:
			}
			if c, err := s.askForMenu(ctx, source(n)); err == nil {
				defer c.Close()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	var worst time.Duration
	fetches := 0
	for end := time.Now().Add(lasts); time.Now().Before(end); fetches++ {
		one, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, took, err := s.fetchMenu(one)
		cancel()
		if err != nil {
			t.Errorf("after %d fetches another machine does not get the menu: %v", fetches, err)
			break
		}
		worst = max(worst, took)
	}
	close(stop)
	more := <-opened
	select {
	case err := <-slow.ended:
		t.Errorf("the one that reads slowly has lost its connection after %d bytes: %v", slow.read.Load(), err)
	default:
	}
	after, err := proc.Peak(s.box.PID())
	s.must(err)
	t.Logf("%d stalled readers, then %d more; a menu of %d bytes: %d fetches, %v at worst; slow one: %d bytes; "+
		"resident: %d KiB before, %d KiB with 1024, %d KiB at most",
		stalled, more, size, fetches, worst, slow.read.Load(), before>>10, with>>10, after>>10)
	if after > before+256<<20 {
		t.Errorf("the readers grew pxed from %d to %d KiB", before>>10, after>>10)
	}
}

const menuRequest = "GET /grub/grub.cfg HTTP/1.1\r\nHost: box\r\n\r\n"

// askForMenu sends a request from an address, and does not read the answer.
func (s *fileSite) askForMenu(ctx context.Context, from netip.Addr) (c net.Conn, err error) {
	d := net.Dialer{
		LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)),
		Timeout:   time.Second,
		Control: func(_, _ string, rc syscall.RawConn) (err error) {
			return errors.Join(rc.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<10)
			}), err)
		},
	}
	err = s.client.Do(func() error {
		c, err = d.DialContext(ctx, "tcp4", netip.AddrPortFrom(boxAddr, 80).String())
		return err
	})
	if err == nil {
		_, err = io.WriteString(c, menuRequest)
	}
	return c, err
}

// fetchMenu downloads the menu as another machine.
func (s *fileSite) fetchMenu(ctx context.Context) (n int64, took time.Duration, err error) {
	begun := time.Now()
	var c net.Conn
	err = s.client.Do(func() (err error) {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParsePrefix(clientAddr).Addr(),
			0))}
		c, err = d.DialContext(ctx, "tcp4", netip.AddrPortFrom(boxAddr, 80).String())
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	if end, ok := ctx.Deadline(); ok {
		s.must(c.SetDeadline(end))
	}
	if _, err := io.WriteString(c, menuRequest); err != nil {
		return 0, 0, err
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, 0, err
	}
	n, err = io.Copy(io.Discard, r.Body) // an error if it is shorter than its Content-Length
	return n, time.Since(begun), err
}

// slowMenu is a machine that reads 2 KiB per second.
type slowMenu struct {
	read  atomic.Int64
	ended chan error
}

func (s *fileSite) slowMenu() (*slowMenu, error) {
	last := crowd.Addr().As4()
	last[3] += 100
	c, err := s.askForMenu(s.t.Context(), netip.AddrFrom4(last))
	if err != nil {
		return nil, err
	}
	s.t.Cleanup(func() { c.Close() })
	m := &slowMenu{ended: make(chan error, 1)}
	go func() {
		buf := make([]byte, 2<<10)
		for {
			n, err := io.ReadFull(c, buf)
			m.read.Add(int64(n))
			if err != nil {
				m.ended <- err
				return
			}
			time.Sleep(time.Second)
		}
	}()
	return m, nil
}
