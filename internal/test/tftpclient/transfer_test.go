package tftpclient

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func dataPacket(block int, body []byte) []byte {
	return append([]byte{0, opDATA, byte(block >> 8), byte(block)}, body...)
}

func TestRequest(t *testing.T) {
	for _, tt := range []struct {
		situation string
		options   Options
		want      string
	}{
		{situation: "no options", want: "\x00\x01f\x00octet\x00"},
		{situation: "what RFC 1350 has", options: Options{BlockSize: 512, Window: 1}, want: "\x00\x01f\x00octet\x00"},
		{situation: "both options", options: Options{BlockSize: 1468, Window: 4},
			want: "\x00\x01f\x00octet\x00blksize\x001468\x00windowsize\x004\x00"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := tt.options.Request("f"); string(got) != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTransfer feeds packets to a client of a file with five blocks of 8 bytes
// and one of 3. A number is the block that comes; "ack" means that the client
// sends an ACK, "-" that it sends nothing.
func TestTransfer(t *testing.T) {
	content := []byte("the five blocks of 8 bytes and one of three")
	block := func(n int) []byte { return dataPacket(n, content[(n-1)*8:min(n*8, 43)]) }
	oack := func(options string) []byte {
		return []byte("\x00\x06" + strings.ReplaceAll(options, " ", "\x00") + "\x00")
	}
	wrong := errors.New("wrong")
	body := func(b []byte, at int64, last bool) error {
		if !bytes.HasPrefix(content[at:], b) || last != (at+int64(len(b)) == 43) {
			return wrong
		}
		return nil
	}
	for _, tc := range []struct {
		situation string
		packets   []any
		want      string
	}{
		{situation: "window of 2", packets: []any{oack("blksize 8 windowsize 2"), 1, 2, 3, 4, 5, 6},
			want: "ack0 - ack2 - ack4 - done6"},
		{situation: "no window granted", packets: []any{oack("blksize 8"), 1, 2}, want: "ack0 ack1 ack2"},
		{situation: "option names in capitals", packets: []any{oack("BLKSIZE 8"), 1}, want: "ack0 ack1"},
		{situation: "the OACK twice", packets: []any{oack("blksize 8"), oack("blksize 8"), 1}, want: "ack0 ack0 ack1"},
		{situation: "the OACK again, late", packets: []any{oack("blksize 8"), 1, oack("blksize 8"), 2},
			want: "ack0 ack1 - ack2"},
		{situation: "first of a window lost", packets: []any{oack("blksize 8 windowsize 4"), 2, 3, 4, 1, 2, 3, 4},
			want: "ack0 ack0 - - - - - ack4"},
		{situation: "last of a window lost, then all again",
			packets: []any{oack("blksize 8 windowsize 3"), 1, 2, 1, 2, 3}, want: "ack0 - - - - ack3"},
		{situation: "the ACK of a window lost", packets: []any{oack("blksize 8 windowsize 2"), 1, 2, 1, 2, 3, 4},
			want: "ack0 - ack2 - ack2 - ack4"},
		{situation: "blocks in the wrong order", packets: []any{oack("blksize 8 windowsize 2"), 2, 1, 2},
			want: "ack0 ack0 - ack2"},
		{situation: "a block of wrong bytes", packets: []any{oack("blksize 8"), dataPacket(1, make([]byte, 8))},
			want: "ack0 wrong"},
		{situation: "a block in another's place", packets: []any{oack("blksize 8"), dataPacket(1, content[8:16])},
			want: "ack0 wrong"},
		{situation: "an end too early", packets: []any{oack("blksize 8"), dataPacket(1, content[:4])},
			want: "ack0 wrong"},
		{situation: "a block of more than was agreed", packets: []any{oack("blksize 8"), dataPacket(1, content[:9])},
			want: "ack0 error"},
		{situation: "a larger window than asked for", packets: []any{oack("blksize 8 windowsize 9")}, want: "error"},
		{situation: "a larger block than asked for", packets: []any{oack("blksize 9")}, want: "error"},
		{situation: "an option that was not asked for", packets: []any{oack("blksize 8 tsize 43")}, want: "error"},
		{situation: "an ERROR", packets: []any{[]byte("\x00\x05\x00\x01not found\x00")}, want: "error"},
		{situation: "a server without options", packets: []any{dataPacket(1, content)}, want: "done1"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			c := Options{BlockSize: 8, Window: 8}.Begin(body)
			var got []string
			for _, p := range tc.packets {
				packet, ok := p.([]byte)
				if !ok {
					packet = block(p.(int))
				}
				ack, done, err := c.Receive(packet)
				switch {
				case errors.Is(err, wrong):
					got = append(got, "wrong")
				case err != nil:
					got = append(got, "error")
				case done:
					got = append(got, fmt.Sprint("done", c.Blocks))
				case ack:
					got = append(got, fmt.Sprint("ack", c.Blocks))
				default:
					got = append(got, "-")
				}
			}
			if got := strings.Join(got, " "); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestBlockNumbersGoOnFromZero(t *testing.T) {
	const blocks = 1 << 17
	c := Options{BlockSize: 8, Window: 4}.Begin(func([]byte, int64, bool) error { return nil })
	for n := 1; n <= blocks; n++ {
		if n == 1 {
			c.Receive([]byte("\x00\x06blksize\x008\x00windowsize\x004\x00"))
		}
		if _, _, err := c.Receive(dataPacket(n, make([]byte, 8))); err != nil || c.Blocks != int64(n) {
			t.Fatalf("block %d: %d blocks, %v", n, c.Blocks, err)
		}
	}
	if _, done, err := c.Receive(dataPacket(blocks+1, nil)); !done || err != nil || c.Bytes != 8*blocks {
		t.Errorf("the empty block at the end: %v, %v, %d bytes", done, err, c.Bytes)
	}
}
