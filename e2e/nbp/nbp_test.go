package nbp

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"testing"

	"github.com/pxebox/pxebox/e2e/qemu"
)

// TestAssemble makes the programs for BIOS machines.
func TestAssemble(t *testing.T) {
	for name, tt := range map[string]struct {
		assemble func() ([]byte, error)
		room     int // their buffers start at A000h
		texts    []string
	}{
		"wdsnbp.com": {assemble: Assemble, room: 0xa000 - 0x7c00,
			texts: []string{Marker, Prefix, OK[len(Prefix):], Fail[len(Prefix):]}},
		"pxeboot.n12": {assemble: AssemblePxeboot, room: 0xa000 - 0x7c00,
			texts: []string{WinPEPrefix, WinPEFail[len(WinPEPrefix):]}},
		"bootmgr.exe": {assemble: AssembleBootmgr, room: 0xa000,
			texts: []string{WinPEPrefix, WinPEOK[len(WinPEPrefix):], WinPEFail[len(WinPEPrefix):],
				string(bytes.TrimSpace(BCD("")))}},
	} {
		t.Run(name, func(t *testing.T) {
			program, err := tt.assemble()
			if err != nil {
				t.Fatal(err)
			}
			if len(program) > tt.room {
				t.Errorf("it has %d bytes, and room for %d", len(program), tt.room)
			}
			for _, text := range tt.texts {
				if !bytes.Contains(program, []byte(text)) {
					t.Errorf("it lacks the text %q", text)
				}
			}
		})
	}
}

func TestAssembleUEFI(t *testing.T) {
	program, err := AssembleUEFI()
	if err != nil {
		t.Fatal(err)
	}
	h := checkEFI(t, program)
	f, err := pe.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	s := f.Section(".text")
	if s == nil || h.AddressOfEntryPoint != s.VirtualAddress || s.VirtualAddress+s.VirtualSize > h.SizeOfImage ||
		int(s.Offset+s.Size) != len(program) {
		t.Errorf("of %d bytes, its section is %+v", len(program), s)
	}
	checkText(t, program, UEFIOK)
}

func TestAssembleMBR(t *testing.T) {
	sector, err := AssembleMBR()
	if err != nil {
		t.Fatal(err)
	}
	if len(sector) != 512 {
		t.Fatalf("it has %d bytes", len(sector))
	}
	partition := sector[446:]
	first, sectors := binary.LittleEndian.Uint32(partition[8:]), binary.LittleEndian.Uint32(partition[12:])
	if first*512 != EFIPartition || (first+sectors)*512 != EFIPartitionEnd {
		t.Errorf("its partition begins at sector %d and has %d", first, sectors)
	}
	if !bytes.Contains(sector, []byte(DiskOK)) {
		t.Errorf("it lacks the text %q", DiskOK)
	}
}

// TestCompile uses the gnu-efi of each release whose firmware the lab has.
func TestCompile(t *testing.T) {
	for name, tt := range map[string]struct {
		compile func(gnuEFI string) ([]byte, error)
		narrow  string   // text that is compared with bytes
		wide    []string // texts that it prints
	}{
		"wdsmgfw.efi": {compile: Compile, narrow: Marker,
			wide: []string{EFIPrefix, EFIOK[:len(EFIOK)-1], EFIFail}},
		"bootmgfw.efi": {compile: CompileBootmgfw, narrow: string(BCD(""))[:len(BCD(""))-1],
			wide: []string{WinPEPrefix, WinPEOK[:len(WinPEOK)-1], WinPEFail}},
	} {
		for _, release := range qemu.Releases {
			t.Run(name+" "+release, func(t *testing.T) {
				f, err := qemu.FindFirmware("../../build/firmware", release, "")
				if err != nil {
					t.Fatal(err)
				}
				program, err := tt.compile(f.GNUEFI())
				if err != nil {
					t.Fatal(err)
				}
				// Firmware loads it at any free address, so it must be relocatable.
				const relocations = 5
				h := checkEFI(t, program)
				if h.DataDirectory[relocations].Size == 0 {
					t.Error("it has no relocations")
				}
				if h.DllCharacteristics&pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT == 0 {
					t.Error("it does not say that it is compatible with NX")
				}
				checkNX(t, program)
				checkText(t, program, tt.wide...)
				if !bytes.Contains(program, []byte(tt.narrow)) {
					t.Errorf("it lacks the text %q", tt.narrow)
				}
			})
		}
	}
}

// checkNX checks that firmware can protect a program's pages: no section is
// both writable and executable, each has its own pages, and gnu-efi's startup
// code relocates only where it may write.
func checkNX(t *testing.T, program []byte) {
	t.Helper()
	f, err := pe.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	if h := f.OptionalHeader.(*pe.OptionalHeader64); h.SectionAlignment%page != 0 {
		t.Errorf("its sections are aligned to %d bytes", h.SectionAlignment)
	}
	writable := func(address uint64) bool {
		for _, s := range f.Sections {
			if start := uint64(s.VirtualAddress); address >= start && address+8 <= start+uint64(s.VirtualSize) {
				return s.Characteristics&pe.IMAGE_SCN_MEM_WRITE != 0
			}
		}
		return false
	}
	for _, s := range f.Sections {
		const both = pe.IMAGE_SCN_MEM_WRITE | pe.IMAGE_SCN_MEM_EXECUTE
		if s.VirtualAddress%page != 0 || s.Characteristics&both == both {
			t.Errorf("section %s at %#x has the characteristics %#x", s.Name, s.VirtualAddress, s.Characteristics)
		}
	}
	rela := f.Section(".rela")
	if rela == nil {
		t.Fatal("it has no section .rela")
	}
	list, err := rela.Data()
	if err != nil {
		t.Fatal(err)
	}
	const size, relative = 24, 8 // Elf64_Rela, R_X86_64_RELATIVE
	count := 0
	for ; len(list) >= size; list = list[size:] {
		address, kind := binary.LittleEndian.Uint64(list), binary.LittleEndian.Uint64(list[8:])
		if kind != relative { // the padding at the end
			continue
		}
		if count++; !writable(address) {
			t.Errorf("a relocation is at %#x, where it may not write", address)
		}
	}
	if count == 0 {
		t.Error("its section .rela is empty")
	}
}

// checkEFI checks that a program is an EFI application for x86-64.
func checkEFI(t *testing.T, program []byte) *pe.OptionalHeader64 {
	t.Helper()
	f, err := pe.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	h, ok := f.OptionalHeader.(*pe.OptionalHeader64)
	if !ok || f.Machine != pe.IMAGE_FILE_MACHINE_AMD64 || h.Subsystem != pe.IMAGE_SUBSYSTEM_EFI_APPLICATION {
		t.Fatalf("it is no EFI application for x86-64: %+v", f.FileHeader)
	}
	return h
}

// checkText checks that a program contains texts as UEFI prints them, in
// UTF-16.
func checkText(t *testing.T, program []byte, texts ...string) {
	t.Helper()
	for _, text := range texts {
		var wide []byte
		for _, c := range []byte(text) {
			wide = append(wide, c, 0)
		}
		if !bytes.Contains(program, wide) {
			t.Errorf("it lacks the text %q", text)
		}
	}
}

func TestSucceeded(t *testing.T) {
	for line, want := range map[string]bool{
		OK + "server=192.168.77.2":      true,
		EFIOK + "server=192.168.77.2":   true,
		Fail + "no answer on port 4011": false,
		EFIFail + "DhcpAck absent":      false,
		EFIPrefix + "started":           false,
		"UEFI says " + EFIOK:            false,
	} {
		if Succeeded(line) != want {
			t.Errorf("%q: got %v", line, !want)
		}
	}
}
