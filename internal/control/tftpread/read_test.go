package tftpread

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	standin "github.com/pxebox/pxebox/e2e/wds"
)

// patience is for servers that answer. hurry is for those that never do.
const (
	patience = 20 * time.Second
	hurry    = time.Millisecond
)

var localhost = netip.MustParseAddr("127.0.0.1")

func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// serve runs a server that handles each packet; answer sends to its sender.
func serve(t *testing.T, handle func(b []byte, answer func(string))) netip.AddrPort {
	t.Helper()
	conn := listen(t)
	go func() {
		for b := make([]byte, 1500); ; {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			handle(b[:n], func(p string) { conn.WriteToUDPAddrPort([]byte(p), from) })
		}
	}()
	return addrOf(conn)
}

func TestReadFromWDS(t *testing.T) {
	const name = `boot_EX\x64\wdsmgfw_EX.efi`
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	var at netip.AddrPort
	s, err := standin.Start(standin.Config{
		Addr: localhost, TFTPOnly: true, Files: map[string][]byte{name: want},
		Listen: func(port uint16) (net.PacketConn, error) {
			conn := listen(t)
			if port == standin.PortTFTP {
				at = addrOf(conn)
			}
			return conn, nil
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	patient := Reader{Silence: patience}
	if _, err := patient.Read(t.Context(), at, name, 2<<20); fmt.Sprint(err) != "read "+name+": access violation" {
		t.Errorf("outside of its ReadFilter: %v", err)
	}
	s.SetReadFilter(`boot_EX\`)
	got, err := patient.Read(t.Context(), at, name, 2<<20)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := patient.Read(t.Context(), at, name, 999); !strings.Contains(fmt.Sprint(err), "it has more than") {
		t.Errorf("larger than the limit: %v", err)
	}
}

// flood sends until the test ends, at a pace at which few packets are lost.
func flood(t *testing.T, send func()) {
	for t.Context().Err() == nil {
		send()
		time.Sleep(50 * time.Microsecond)
	}
}

// A server can lie about everything.
func TestHostileServers(t *testing.T) {
	block := strings.Repeat("x", standardBlock)
	next := func(b []byte) uint16 { return binary.BigEndian.Uint16(b[2:]) + 1 }
	isAck := func(b []byte) bool { return binary.BigEndian.Uint16(b) == opAck }
	for _, tt := range []struct {
		situation string
		silence   time.Duration
		whole     time.Duration
		handle    func(b []byte, answer func(string))
		want      string
	}{
		{
			situation: "it never ends",
			handle: func(b []byte, answer func(string)) {
				n := uint16(1)
				if isAck(b) {
					n = next(b)
				}
				answer(data(n, block))
			},
			want: "it has more than 1 MiB",
		},
		{
			situation: "the same block without end",
			handle: func(_ []byte, answer func(string)) {
				flood(t, func() { answer(data(1, block)) })
			},
			want: errUseless.Error(),
		},
		{
			situation: "rubbish",
			handle: func(_ []byte, answer func(string)) {
				flood(t, func() { answer("no TFTP") })
			},
			want: errUseless.Error(),
		},
		{situation: "silence", silence: hurry, handle: func([]byte, func(string)) {}, want: "it does not answer"},
		{
			situation: "silence in the middle",
			silence:   hurry,
			handle: func(b []byte, answer func(string)) {
				if !isAck(b) {
					answer(data(1, block))
				}
			},
			want: "it does not answer",
		},
		{situation: "drop by drop", whole: hurry, handle: func([]byte, func(string)) {}, want: "it takes too long"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			r := Reader{Silence: or(tt.silence, patience), Whole: or(tt.whole, 2*patience)}
			_, err := r.Read(t.Context(), serve(t, tt.handle), "f", 1<<20)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// The server learns that the transfer is over, and need not repeat its last packet.
func TestStopIsSent(t *testing.T) {
	got := make(chan string, 4)
	at := serve(t, func(b []byte, answer func(string)) {
		if b[1] == opRead {
			answer(oack("tsize", "99999999"))
		} else {
			got <- string(b)
		}
	})
	if _, err := (Reader{Silence: patience}).Read(t.Context(), at, "f", 1000); err == nil {
		t.Fatal("it was read")
	}
	select {
	case p := <-got:
		if p != string(failure(codeOther, "stopped")) {
			t.Errorf("got %q", p)
		}
	case <-time.After(patience):
		t.Error("nothing was sent")
	}
}

// A repeated request may begin a second transfer, from another port. It is refused,
// and the first goes on.
func TestSecondTransfer(t *testing.T) {
	s := &session{server: localhost, to: netip.AddrPortFrom(localhost, 1), transfer: begin(1 << 20), conn: listen(t)}
	s.transfer.answered = true
	second := listen(t)
	useful, done, err := s.take([]byte(data(1, "other")), addrOf(second))
	if useful || done || err != nil || len(s.transfer.file) > 0 {
		t.Errorf("its block was taken: %v, %v, %v", useful, done, err)
	}
	second.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 100)
	n, _, err := second.ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != string(failure(codeUnknown, "unknown transfer")) {
		t.Errorf("it gets %q, %v", b[:n], err)
	}
	// A packet of another host is not answered at all.
	if useful, _, err := s.take([]byte(data(1, "x")), netip.MustParseAddrPort("127.0.0.2:1")); useful || err != nil {
		t.Errorf("a stranger's block was taken: %v, %v", useful, err)
	}
}

func TestReadIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	at := serve(t, func([]byte, func(string)) { cancel() })
	if _, err := (Reader{Silence: patience}).Read(ctx, at, "f", 1<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
