package pcap

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// writes records the content of each Write.
type writes []string

func (w *writes) Write(b []byte) (int, error) {
	*w = append(*w, hex.EncodeToString(b))
	return len(b), nil
}

func TestWriter(t *testing.T) {
	var got writes
	p, err := NewWriter(&got, Ethernet)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Frame(time.Unix(0x01020304, 0x0a0b0c), []byte{0xde, 0xad, 0xbe}); err != nil {
		t.Fatal(err)
	}
	want := "4d3cb2a1" + "0200" + "0400" + "0000000000000000" + "00000400" + "01000000" + "\n" +
		"04030201" + "0c0b0a00" + "03000000" + "03000000" + "deadbe"
	if got := strings.Join(got, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
