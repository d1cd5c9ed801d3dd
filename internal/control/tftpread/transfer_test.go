package tftpread

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

func data(number uint16, body string) string {
	return string(binary.BigEndian.AppendUint16([]byte{0, opData}, number)) + body
}

func oack(options ...string) string { return "\x00\x06" + strings.Join(options, "\x00") + "\x00" }

func ack(number uint16) string {
	return string(binary.BigEndian.AppendUint16([]byte{0, opAck}, number))
}

func TestRequest(t *testing.T) {
	const want = "\x00\x01boot\\x64\\wdsmgfw.efi\x00octet\x00tsize\x000\x00blksize\x001408\x00windowsize\x004\x00"
	if got := string(request(`boot\x64\wdsmgfw.efi`)); got != want {
		t.Errorf("got %q", got)
	}
}

func TestTransfer(t *testing.T) {
	small, full := strings.Repeat("s", standardBlock), strings.Repeat("f", blockSize)
	const limit = 8 * blockSize
	for _, tt := range []struct {
		situation string
		packets   []string
		replies   []string // to those packets; the last may be left out
		want      string   // the file; empty: it does not end
		err       string
	}{
		{
			situation: "a server that knows no options",
			packets:   []string{data(1, small), data(2, "end")},
			replies:   []string{ack(1), ack(2)},
			want:      small + "end",
		},
		{
			situation: "all options",
			packets: []string{
				oack("tsize", fmt.Sprint(2*blockSize+1), "blksize", "1408", "windowsize", "4"),
				data(1, full), data(2, full), data(3, "e"),
			},
			replies: []string{ack(0), "", "", ack(3)},
			want:    full + full + "e",
		},
		{
			situation: "an option that was not asked for",
			packets:   []string{oack("msftwindow", "27182", "BLKSIZE", "512"), data(1, "e")},
			replies:   []string{ack(0), ack(1)},
			want:      "e",
		},
		{
			situation: "a whole number of blocks ends with an empty one",
			packets:   []string{data(1, small), data(2, "")},
			replies:   []string{ack(1), ack(2)},
			want:      small,
		},
		{
			situation: "a block is lost",
			packets: []string{
				oack("windowsize", "4"), data(1, small), data(3, small), data(4, small), data(2, small), data(3, "e"),
			},
			replies: []string{ack(0), "", ack(1), "", "", ack(3)},
			want:    small + small + "e",
		},
		{
			situation: "a block comes twice",
			packets:   []string{data(1, small), data(1, small), data(2, "e")},
			replies:   []string{ack(1), "", ack(2)},
			want:      small + "e",
		},
		{
			situation: "the first ACK is lost",
			packets:   []string{oack("blksize", "512"), oack("blksize", "512"), data(1, "e"), oack("blksize", "512")},
			replies:   []string{ack(0), ack(0), ack(1)},
			want:      "e",
		},
		{situation: "a packet without a number", packets: []string{"\x00\x03"}},
		{situation: "a request", packets: []string{"\x00\x01x\x00octet\x00"}},
		{situation: "not found", packets: []string{"\x00\x05\x00\x01\x1b[2J"}, err: "file not found"},
		{situation: "refused", packets: []string{"\x00\x05\x00\x02x\x00"}, err: "access violation"},
		{situation: "another error", packets: []string{"\x00\x05\x00\x09x\x00"}, err: "TFTP error 9"},
		{
			situation: "an error in the middle", packets: []string{data(1, small), "\x00\x05\x00\x00x\x00"},
			err: "TFTP error 0",
		},
		{
			situation: "too large, as the server says", packets: []string{oack("tsize", fmt.Sprint(limit+1))},
			err: "it has more than",
		},
		{
			situation: "larger than any number",
			packets:   []string{oack("tsize", strings.Repeat("9", 400)), data(1, "e")},
			replies:   []string{ack(0)}, want: "e",
		},
		{
			situation: "a negative size", packets: []string{oack("tsize", "-5"), data(1, "e")},
			replies: []string{ack(0)}, want: "e",
		},
		{
			situation: "shorter than the server says", packets: []string{oack("tsize", "9"), data(1, "e")},
			err: "it ends after 1 of 9 bytes",
		},
		{
			situation: "longer than the server says",
			packets:   []string{oack("tsize", "1"), data(1, small), data(2, "e")},
			err:       "it ends after 513 of 1 bytes",
		},
		{situation: "blocks of a byte", packets: []string{oack("blksize", "1")}, err: "blocks of 1 bytes"},
		{
			situation: "larger blocks than requested", packets: []string{oack("blksize", "1409")},
			err: "blocks of 1409 bytes",
		},
		{situation: "no window", packets: []string{oack("windowsize", "0")}, err: "windows of 0 blocks"},
		{
			situation: "a larger window than requested", packets: []string{oack("windowsize", "5")},
			err: "windows of 5 blocks",
		},
		{situation: "half an option", packets: []string{"\x00\x06blksize\x001408"}, err: "cut off"},
		{
			situation: "a block that is too long", packets: []string{data(1, small+"x")},
			err: "a block of 513 bytes instead of 512",
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			tr := begin(limit)
			ended := false
			for i, p := range tt.packets {
				reply, _, done, err := tr.receive([]byte(p))
				if tt.err != "" && i == len(tt.packets)-1 {
					if err == nil || !strings.Contains(err.Error(), tt.err) {
						t.Fatalf("got %v, want %q", err, tt.err)
					}
					return
				}
				if err != nil {
					t.Fatalf("packet %d: %v", i, err)
				}
				if i < len(tt.replies) && string(reply) != tt.replies[i] {
					t.Errorf("packet %d is answered with %q, want %q", i, reply, tt.replies[i])
				}
				ended = ended || done
			}
			if ended != (tt.want != "") || ended && string(tr.file) != tt.want {
				t.Errorf("it ended: %v, with %d bytes", ended, len(tr.file))
			}
		})
	}
}

// A server that never ends is stopped at the limit.
func TestTransferWithoutAnEnd(t *testing.T) {
	const limit = 1 << 20
	tr := begin(limit)
	for n := range 1 << 16 {
		_, _, _, err := tr.receive([]byte(data(uint16(n+1), strings.Repeat("x", standardBlock))))
		if err != nil {
			if n != limit/standardBlock || !strings.Contains(err.Error(), "more than 1 MiB") {
				t.Errorf("block %d: %v", n+1, err)
			}
			return
		}
	}
	t.Error("it took 65536 blocks")
}

func FuzzTransfer(f *testing.F) {
	f.Add([]byte(oack("tsize", "9", "blksize", "512", "windowsize", "2")), []byte(data(1, "x")))
	f.Add([]byte(data(1, strings.Repeat("x", 512))), []byte("\x00\x05\x00\x01x\x00"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		const limit = 4096
		tr := begin(limit)
		for _, p := range [][]byte{first, second, second} {
			if _, _, _, err := tr.receive(p); err != nil {
				return
			}
			if len(tr.file) > limit || cap(tr.file) > 2*limit {
				t.Fatalf("%d bytes, room for %d", len(tr.file), cap(tr.file))
			}
		}
	})
}
