package tftpclient

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// step is what a server does next: it waits for a packet, and sends others.
type step struct {
	wants string // from the client
	sends []string
	from  string // "stranger": from a port other than the transfer's; "silence" follows
}

// script runs a server that follows steps from one port for the whole transfer,
// and returns its address.
func script(t *testing.T, steps []step) net.Addr {
	t.Helper()
	listen := func() net.PacketConn {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	server, transfer, stranger := listen(), listen(), listen()
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		in, b := server, make([]byte, 600)
		for _, s := range steps {
			in.SetReadDeadline(time.Now().Add(20 * time.Second))
			n, client, err := in.ReadFrom(b)
			if err != nil || string(b[:n]) != s.wants {
				t.Errorf("the client sent %q, %v; want %q", b[:n], err, s.wants)
				return
			}
			out := transfer
			if s.from == "stranger" {
				out = stranger
			}
			for _, p := range s.sends {
				out.WriteTo([]byte(p), client)
			}
			if len(s.sends) > 0 && out == transfer {
				in = transfer
			}
		}
	}()
	return server.LocalAddr()
}

func TestFetch(t *testing.T) {
	const request = "\x00\x01f\x00octet\x00"
	full := strings.Repeat("x", 512)
	for _, tt := range []struct {
		situation string
		options   Options
		steps     []step
		want      string
		err       error
	}{
		{situation: "without options", want: full + "yz", steps: []step{
			{wants: request, sends: []string{"\x00\x03\x00\x01" + full}},
			{wants: "\x00\x04\x00\x01", sends: []string{"\x00\x03\x00\x02yz"}},
			{wants: "\x00\x04\x00\x02"},
		}},
		{situation: "a window", options: Options{BlockSize: 8, Window: 2}, want: "12345678" + "9", steps: []step{
			{wants: request + "blksize\x008\x00windowsize\x002\x00",
				sends: []string{"\x00\x06blksize\x008\x00windowsize\x002\x00"}},
			{wants: "\x00\x04\x00\x00", sends: []string{"\x00\x03\x00\x0112345678", "\x00\x03\x00\x029"}},
			{wants: "\x00\x04\x00\x02"},
		}},
		{situation: "the request is lost", want: "z", steps: []step{
			{wants: request},
			{wants: request, sends: []string{"\x00\x03\x00\x01z"}},
			{wants: "\x00\x04\x00\x01"},
		}},
		{situation: "an ACK is lost", want: full + "z", steps: []step{
			{wants: request, sends: []string{"\x00\x03\x00\x01" + full}},
			{wants: "\x00\x04\x00\x01"},
			{wants: "\x00\x04\x00\x01", sends: []string{"\x00\x03\x00\x02z"}},
			{wants: "\x00\x04\x00\x02"},
		}},
		{situation: "another port meddles", want: full + "z", steps: []step{
			{wants: request, sends: []string{"\x00\x03\x00\x01" + full}},
			{wants: "\x00\x04\x00\x01", from: "stranger", sends: []string{"\x00\x03\x00\x02forged"}},
			{wants: "\x00\x04\x00\x01", sends: []string{"\x00\x03\x00\x02z"}},
			{wants: "\x00\x04\x00\x02"},
		}},
		{situation: "an ERROR", err: &Error{2, "access violation"}, steps: []step{
			{wants: request, sends: []string{"\x00\x05\x00\x02access violation\x00"}},
		}},
		{situation: "no server", err: os.ErrDeadlineExceeded, steps: []step{{wants: request}, {wants: request}}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			retry := Retry{After: 200 * time.Millisecond, Tries: 20}
			if tt.err == os.ErrDeadlineExceeded {
				retry.Tries = 2
			}
			got, err := Fetch(conn, script(t, tt.steps), "f", tt.options, retry)
			if string(got) != tt.want || !same(err, tt.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func same(got, want error) bool {
	if e := new(Error); errors.As(want, &e) {
		return got != nil && got.Error() == want.Error()
	}
	return errors.Is(got, want)
}
