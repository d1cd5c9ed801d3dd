package tftp

import (
	"errors"
	"strings"
	"testing"
)

// rrq joins its parts with NULs after the opcode.
func rrq(parts ...string) []byte {
	return []byte("\x00\x01" + strings.Join(parts, "\x00") + "\x00")
}

func TestParseRequest(t *testing.T) {
	for _, tc := range []struct {
		situation string
		packet    []byte
		want      Request
		err       error
	}{
		{situation: "plain RFC 1350", packet: rrq("pxelinux.0", "octet"), want: Request{Name: "pxelinux.0"}},
		{situation: "mode in capitals", packet: rrq("a", "OCTET"), want: Request{Name: "a"}},
		{situation: "PXELINUX", packet: rrq("ldlinux.c32", "octet", "tsize", "0", "blksize", "1408"),
			want: Request{Name: "ldlinux.c32", BlockSize: 1408, WantSize: true}},
		{situation: "EDK2", packet: rrq("a", "octet", "tsize", "0", "blksize", "1468", "windowsize", "4"),
			want: Request{Name: "a", BlockSize: 1468, WantSize: true, Window: 4}},
		{situation: "window of no block", packet: rrq("a", "octet", "windowsize", "0"), want: Request{Name: "a"}},
		{situation: "window above the RFC's", packet: rrq("a", "octet", "windowsize", "65536"),
			want: Request{Name: "a"}},
		{situation: "Windows boot manager's own option",
			packet: rrq(`boot\bcd`, "octet", "blksize", "1456", "msftwindow", "31416"),
			want:   Request{Name: `boot\bcd`, BlockSize: 1456}},
		{situation: "options in any case and order", packet: rrq("a", "octet", "BLKSIZE", "1024", "TimeOut", "3"),
			want: Request{Name: "a", BlockSize: 1024, Timeout: 3}},
		{situation: "block size above the RFC's", packet: rrq("a", "octet", "blksize", "100000"),
			want: Request{Name: "a", BlockSize: 65464}},
		{situation: "block size below the RFC's", packet: rrq("a", "octet", "blksize", "7"), want: Request{Name: "a"}},
		{situation: "block size of 700 digits", packet: rrq("a", "octet", "blksize", strings.Repeat("9", 700)),
			want: Request{Name: "a"}},
		{situation: "negative timeout", packet: rrq("a", "octet", "timeout", "-1"), want: Request{Name: "a"}},
		{situation: "timeout above the RFC's", packet: rrq("a", "octet", "timeout", "256"), want: Request{Name: "a"}},
		{situation: "option without a value", packet: []byte("\x00\x01a\x00octet\x00blksize\x00"),
			want: Request{Name: "a"}},
		{situation: "option cut off", packet: []byte("\x00\x01a\x00octet\x00blksi"), want: Request{Name: "a"}},
		{situation: "mail", packet: rrq("a", "mail"), want: Request{Name: "a"}, err: errNetascii},
		{situation: "netascii", packet: rrq("a", "netascii"), want: Request{Name: "a"}, err: errNetascii},
		{situation: "a write", packet: []byte("\x00\x02a\x00octet\x00"), err: errWrite},
		{situation: "an ACK to the wrong port", packet: []byte{0, 4, 0, 1}, err: errMalformed},
		{situation: "no name", packet: rrq("", "octet"), err: errMalformed},
		{situation: "no mode", packet: []byte("\x00\x01a\x00"), err: errMalformed},
		{situation: "no NUL at all", packet: []byte("\x00\x01aaaa"), err: errMalformed},
		{situation: "one byte", packet: []byte{0}, err: errMalformed},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got, err := parseRequest(tc.packet)
			if !errors.Is(err, tc.err) || got != tc.want {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, tc.want, tc.err)
			}
		})
	}
}
