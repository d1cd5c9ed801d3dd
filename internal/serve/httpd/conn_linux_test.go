package httpd

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// packets returns how many packets with data a client has received.
func packets(t *testing.T, c *net.TCPConn) uint32 {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	if e := raw.Control(func(fd uintptr) {
		info,
			err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}); e != nil || err != nil {
		t.Fatal(e, err)
	}
	return info.Data_segs_in
}

// A small file arrives in one packet, with its header.
func TestOnePacket(t *testing.T) {
	s, boot, _ := newServer(t)
	addr := start(t, s)
	for name, size := range map[string]int{"sniffed": 512, "menu": 4 << 10, "most": small} {
		if err := os.WriteFile(filepath.Join(boot, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ situation, request, end string }{
		{situation: "in memory", request: "GET /pxelinux.cfg/default HTTP/1.1\r\nHost: box\r\n\r\n", end: menu},
		{situation: "on disk, all that net/http looks at", request: "GET /sniffed HTTP/1.1\r\nHost: box\r\n\r\n",
			end: "\r\n\r\n" + string(make([]byte, 512))},
		{situation: "on disk", request: "GET /menu HTTP/1.1\r\nHost: box\r\n\r\n",
			end: "\r\n\r\n" + string(make([]byte, 4<<10))},
		{situation: "on disk, the most that is read", request: "GET /most HTTP/1.1\r\nHost: box\r\n\r\n",
			end: "\r\n\r\n" + string(make([]byte, small))},
		{situation: "a range in memory",
			request: "GET /pxelinux.0 HTTP/1.1\r\nHost: box\r\nRange: bytes=4-5003\r\n\r\n",
			end:     "\r\n\r\n" + string(bytes.Repeat([]byte("xep"), 1667)[:5000])},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			c := dial(t, addr)
			for n := uint32(1); n <= 3; n++ { // on the same connection
				io.WriteString(c, tc.request)
				var got []byte
				buf := make([]byte, 64<<10)
				for !bytes.HasSuffix(got, []byte(tc.end)) {
					k, err := c.Read(buf)
					if err != nil {
						t.Fatalf("after %q: %v", got, err)
					}
					got = append(got, buf[:k]...)
				}
				if p := packets(t, c); p != n {
					t.Fatalf("%d answers came in %d packets", n, p)
				}
			}
		})
	}
}

// A larger file arrives whole, whatever was held and corked, and so does the
// answer after it on the same connection.
func TestSizes(t *testing.T) {
	s, boot, _ := newServer(t)
	addr := start(t, s)
	want := make([]byte, 3*piece+777)
	for i := range want {
		want[i] = byte(i * i >> 8)
	}
	if err := os.WriteFile(filepath.Join(boot, "large"), want, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 511, 512, 513, small, small + 511, small + 512, small +
		513, piece, piece + 1, len(want)} {
		for _, from := range []int{0, 4095} {
			if from >= size {
				continue
			}
			got := ask(t, addr, "GET", "/large", fmt.Sprintf("Range: bytes=%d-%d", from, size-1))
			if got.status != 206 || got.body != string(want[from:size]) {
				t.Errorf("bytes %d to %d: %d, %d bytes", from, size, got.status, len(got.body))
			}
		}
	}
}

// A file in memory is also sent in pieces, whole or from any offset.
func TestSizesInMemory(t *testing.T) {
	s, _, _ := newServer(t)
	addr := start(t, s)
	want := bytes.Repeat([]byte("pxe"), piece)
	for _, from := range []int{0, 1, piece - 1, piece + 1} {
		got := ask(t, addr, "GET", "/pxelinux.0", fmt.Sprintf("Range: bytes=%d-", from))
		if got.status != 206 || got.body != string(want[from:]) {
			t.Errorf("from byte %d: %d, %d bytes", from, got.status, len(got.body))
		}
	}
}

// A file that is shorter than expected ends what is sent of it.
func TestFileShrinks(t *testing.T) {
	s, _, _ := newServer(t)
	addr := start(t, s)
	for _, size := range []int64{1000, small, 4 * small} {
		c := &conn{TCPConn: dial(t, addr)}
		f, err := os.Create(filepath.Join(t.TempDir(), "short"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		c.hold()
		if n, err := c.ReadFrom(io.LimitReader(f, size)); n != 0 || err != nil {
			t.Errorf("an empty file for %d bytes: %d, %v", size, n, err)
		}
	}
}
