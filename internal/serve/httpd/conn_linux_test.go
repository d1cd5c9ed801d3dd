package httpd

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A file arrives whole, however it is sent, and so does the answer after it on the
// same connection.
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
	for _, size := range []int{1, small, small + 1, piece, piece + 1, len(want)} {
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

// A connection is corked while a file is sent, and only then: a remainder that stays
// in the kernel waits for 200 ms.
func TestCork(t *testing.T) {
	s, _, _ := newServer(t)
	c := &conn{TCPConn: dial(t, start(t, s))}
	corked := func() bool {
		t.Helper()
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var value int
		if controlErr := raw.Control(func(fd uintptr) {
			value, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK)
		}); controlErr != nil || err != nil {
			t.Fatal(controlErr, err)
		}
		return value != 0
	}
	for range 2 {
		c.release()
		if corked() {
			t.Fatal("the connection is corked before the file")
		}
		for range 2 {
			if _, err := c.ReadFrom(strings.NewReader("part")); err != nil {
				t.Fatal(err)
			}
			if !corked() {
				t.Error("the connection is not corked for a part of the file")
			}
		}
		c.release()
		if corked() {
			t.Error("the connection is corked after the file")
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
		if n, err := c.ReadFrom(io.LimitReader(f, size)); n != 0 || err != nil {
			t.Errorf("an empty file for %d bytes: %d, %v", size, n, err)
		}
	}
}
