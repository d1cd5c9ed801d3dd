//go:build peers

package netns

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFirstFrame sends from each host right after it was plugged in, while
// other segments are being set up: the frame must get through.
func TestFirstFrame(t *testing.T) {
	for segment := range 16 {
		t.Run(fmt.Sprint(segment), func(t *testing.T) {
			t.Parallel()
			for range 4 {
				lan, err := NewLAN()
				if err != nil {
					t.Fatal(err)
				}
				defer lan.Close()
				ear := hear(t, plug(t, lan))
				for i := range 8 {
					word := []byte(fmt.Sprintf("host %d", i))
					say(t, plug(t, lan), word)
					heard := make([]byte, 64)
					ear.SetReadDeadline(time.Now().Add(10 * time.Second))
					if n, err := ear.Read(heard); err != nil || !bytes.Equal(heard[:n], word) {
						t.Fatalf("said %q, heard %q, %v", word, heard[:n], err)
					}
				}
			}
		})
	}
}

func plug(t *testing.T, lan *LAN) *Namespace {
	t.Helper()
	host, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	if err := lan.Plug(host, "eth0", ""); err != nil {
		t.Fatal(err)
	}
	return host
}

// discard is the port of a service that no host runs (RFC 863).
const discard = 9

// hear opens a socket that receives broadcasts on a host without an address.
func hear(t *testing.T, host *Namespace) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	err := host.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.IPv4Unspecified(), discard)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// say broadcasts once from a host without an address.
func say(t *testing.T, host *Namespace, word []byte) {
	t.Helper()
	err := host.Do(func() error {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		if err := unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
			return err
		}
		if err := unix.BindToDevice(s, "eth0"); err != nil {
			return err
		}
		return unix.Sendto(s, word, 0, &unix.SockaddrInet4{Port: discard, Addr: [4]byte{255, 255, 255, 255}})
	})
	if err != nil {
		t.Fatal(err)
	}
}
