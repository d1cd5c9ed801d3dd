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
		{"plain RFC 1350", rrq("pxelinux.0", "octet"), Request{Name: "pxelinux.0"}, nil},
		{"mode in capitals", rrq("a", "OCTET"), Request{Name: "a"}, nil},
		{"PXELINUX", rrq("ldlinux.c32", "octet", "tsize", "0", "blksize", "1408"),
			Request{Name: "ldlinux.c32", BlockSize: 1408, WantSize: true}, nil},
		{"EDK2", rrq("a", "octet", "tsize", "0", "blksize", "1468", "windowsize", "4"),
			Request{Name: "a", BlockSize: 1468, WantSize: true, Window: 4}, nil},
		{"window of no block", rrq("a", "octet", "windowsize", "0"), Request{Name: "a"}, nil},
		{"window above the RFC's", rrq("a", "octet", "windowsize", "65536"), Request{Name: "a"}, nil},
		{"Windows boot manager's own option", rrq(`boot\bcd`, "octet", "blksize", "1456", "msftwindow", "31416"),
			Request{Name: `boot\bcd`, BlockSize: 1456}, nil},
		{"options in any case and order", rrq("a", "octet", "BLKSIZE", "1024", "TimeOut", "3"),
			Request{Name: "a", BlockSize: 1024, Timeout: 3}, nil},
		{"block size above the RFC's", rrq("a", "octet", "blksize", "100000"), Request{Name: "a", BlockSize: 65464}, nil},
		{"block size below the RFC's", rrq("a", "octet", "blksize", "7"), Request{Name: "a"}, nil},
		{"block size of 700 digits", rrq("a", "octet", "blksize", strings.Repeat("9", 700)), Request{Name: "a"}, nil},
		{"negative timeout", rrq("a", "octet", "timeout", "-1"), Request{Name: "a"}, nil},
		{"timeout above the RFC's", rrq("a", "octet", "timeout", "256"), Request{Name: "a"}, nil},
		{"option without a value", []byte("\x00\x01a\x00octet\x00blksize\x00"), Request{Name: "a"}, nil},
		{"option cut off", []byte("\x00\x01a\x00octet\x00blksi"), Request{Name: "a"}, nil},
		{"mail", rrq("a", "mail"), Request{Name: "a"}, errNetascii},
		{"netascii", rrq("a", "netascii"), Request{Name: "a"}, errNetascii},
		{"a write", []byte("\x00\x02a\x00octet\x00"), Request{}, errWrite},
		{"an ACK to the wrong port", []byte{0, 4, 0, 1}, Request{}, errMalformed},
		{"no name", rrq("", "octet"), Request{}, errMalformed},
		{"no mode", []byte("\x00\x01a\x00"), Request{}, errMalformed},
		{"no NUL at all", []byte("\x00\x01aaaa"), Request{}, errMalformed},
		{"one byte", []byte{0}, Request{}, errMalformed},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got, err := parseRequest(tc.packet)
			if !errors.Is(err, tc.err) || got != tc.want {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, tc.want, tc.err)
			}
		})
	}
}
