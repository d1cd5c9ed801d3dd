package nbp

import (
	"bytes"
	"testing"
)

func TestAssemble(t *testing.T) {
	program, err := Assemble()
	if err != nil {
		t.Fatal(err)
	}
	// It lies at 7C00h, and its buffers start at A000h.
	if room := 0xa000 - 0x7c00; len(program) > room {
		t.Errorf("it has %d bytes, and room for %d", len(program), room)
	}
	for _, text := range []string{Marker, Prefix, OK[len(Prefix):], Fail[len(Prefix):]} {
		if !bytes.Contains(program, []byte(text)) {
			t.Errorf("it lacks the text %q", text)
		}
	}
}
