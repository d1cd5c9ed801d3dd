package tftpload

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	pin "github.com/pin/tftp/v3"
	"golang.org/x/sys/unix"
)

// serve runs a third-party server on loopback.
func serve(t *testing.T, content []byte) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := pin.NewServer(func(_ string, to io.ReaderFrom) error {
		_, err := to.ReadFrom(bytes.NewReader(content))
		return err
	}, nil)
	s.SetTimeout(20 * time.Millisecond)
	s.SetBlockSizeNegotiation(false)                   // otherwise 512 for requests that arrive before Serve is ready
	s.SetBackoff(func(int) time.Duration { return 0 }) // its default is up to a second
	done := make(chan struct{})
	go func() { s.Serve(conn); close(done) }()
	t.Cleanup(func() { s.Shutdown(); <-done })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestLoad(t *testing.T) {
	content := Random(7, 100_000)
	server := serve(t, content)
	for _, tc := range []struct {
		situation string
		load      Load
	}{
		{"one client", Load{Clients: 1}},
		{"many, in two loops", Load{Clients: 9, Loops: 2}},
		{"with a delay", Load{Clients: 2, Delay: 100 * time.Microsecond}},
		{"with loss", Load{Clients: 3, Loss: 0.05, Retry: 10 * time.Millisecond}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			l := tc.load
			l.Server, l.Name, l.Content, l.BlockSize, l.Window = server, "f", content, 1400, 1
			r, err := l.Run(context.Background())
			if err != nil || r.Files != l.Clients || r.Bytes != int64(l.Clients*len(content)) || r.BlockSize != 1400 {
				t.Errorf("got %+v, %v", r, err)
			}
			if l.Loss > 0 && r.Repeats == 0 {
				t.Error("nothing was lost")
			}
		})
	}
	t.Run("clients that start one by one", func(t *testing.T) {
		start, complete := make(chan netip.Addr, 1), make(chan netip.Addr, 1)
		go func() {
			// Each starts when the one before has the file.
			for i := byte(2); i < 5; i++ {
				start <- netip.AddrFrom4([4]byte{127, 0, 0, i})
				<-complete
			}
			complete <- netip.Addr{}
		}()
		r, err := Load{Server: server, Name: "f", Content: content, Clients: 3, BlockSize: 1400, Window: 1, Start: start,
			Complete: func(a netip.Addr) { complete <- a }}.Run(context.Background())
		if last := <-complete; err != nil || r.Files != 3 || last.IsValid() {
			t.Errorf("got %+v, %v, %v", r, err, last)
		}
	})
	t.Run("another file than the one expected", func(t *testing.T) {
		_, err := Load{Server: server, Name: "f", Content: Random(8, 100_000), Clients: 1, BlockSize: 1400,
			Window: 1}.Run(context.Background())
		if !errors.Is(err, errContent) {
			t.Errorf("got %v", err)
		}
	})
}

// The kernel leaves datagrams together that were sent together. The client
// splits them: each block counts, and each can get lost.
func TestSegmentedMessages(t *testing.T) {
	content := Random(9, 300_000)
	server := serveWindows(t, content)
	for _, tc := range []struct {
		situation string
		load      Load
	}{
		{"nothing is lost", Load{Clients: 2, Window: 16}},
		{"window by window with loss", Load{Clients: 2, Window: 16, Loss: 0.05, Retry: 10 * time.Millisecond}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			l := tc.load
			l.Server, l.Name, l.Content, l.BlockSize = server, "f", content, 1000
			r, err := l.Run(context.Background())
			if err != nil || r.Files != l.Clients || r.Bytes != int64(l.Clients*len(content)) || r.Window != l.Window {
				t.Errorf("got %+v, %v", r, err)
			}
			if l.Loss > 0 && r.Repeats == 0 {
				t.Error("nothing was lost")
			}
		})
	}
}

// serveWindows is a server that sends each window as one segmented message, and
// sends the blocks after an ACK again. It has no timer.
func serveWindows(t *testing.T, content []byte) netip.AddrPort {
	t.Helper()
	const blockSize, window = 1000, 16
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = errors.Join(raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, blockSize+4)
		}), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	const opRRQ, opDATA, opACK = 1, 3, 4 // RFC 1350 §5
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			switch {
			case n > 4 && b[1] == opRRQ:
				conn.WriteToUDPAddrPort([]byte("\x00\x06blksize\x001000\x00windowsize\x0016\x00"), from)
			case n == 4 && b[1] == opACK:
				var message []byte
				for block := int(binary.BigEndian.Uint16(b[2:])); block*blockSize <= len(content) &&
					len(message) < window*(blockSize+4); block++ {
					message = binary.BigEndian.AppendUint16(message, opDATA)
					message = binary.BigEndian.AppendUint16(message, uint16(block+1))
					message = append(message, content[block*blockSize:min((block+1)*blockSize, len(content))]...)
				}
				if len(message) > 0 {
					conn.WriteToUDPAddrPort(message, from)
				}
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestSparse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse")
	c := Sparse(MarkEvery + markSize/2)
	if err := c.Create(path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, ok := Check(c, f, 0); !ok || n != c.Size() {
		t.Errorf("from the beginning: %d, %t", n, ok)
	}
	if n, ok := Check(c, io.NewSectionReader(f, MarkEvery-10, 20), MarkEvery-10); !ok || n != 20 {
		t.Errorf("from a place: %d, %t", n, ok)
	}
	if n, ok := Check(c, io.NewSectionReader(f, MarkEvery-10, 20), MarkEvery-11); ok {
		t.Errorf("shifted by one byte: %d, %t", n, ok)
	}
}
