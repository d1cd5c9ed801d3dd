package nbp

import (
	"bytes"
	"debug/pe"
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

func TestAssembleUEFI(t *testing.T) {
	program, err := AssembleUEFI()
	if err != nil {
		t.Fatal(err)
	}
	f, err := pe.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	h, ok := f.OptionalHeader.(*pe.OptionalHeader64)
	if !ok || f.Machine != pe.IMAGE_FILE_MACHINE_AMD64 || h.Subsystem != pe.IMAGE_SUBSYSTEM_EFI_APPLICATION {
		t.Fatalf("it is no EFI application for x86-64: %+v", f.FileHeader)
	}
	s := f.Section(".text")
	if s == nil || h.AddressOfEntryPoint != s.VirtualAddress || s.VirtualAddress+s.VirtualSize > h.SizeOfImage || int(s.Offset+s.Size) != len(program) {
		t.Errorf("of %d bytes, its section is %+v", len(program), s)
	}
	var text []byte
	for _, c := range []byte(UEFIOK) { // UTF-16
		text = append(text, c, 0)
	}
	if !bytes.Contains(program, text) {
		t.Errorf("it lacks the text %q", UEFIOK)
	}
}
