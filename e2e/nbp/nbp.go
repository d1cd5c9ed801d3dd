// Package nbp holds the source of the programs that machines boot in the lab,
// and builds them when they are needed, so that no program is committed:
// stand-ins for Microsoft's wdsnbp.com and wdsmgfw.efi, which go to WDS, and for
// its pxeboot.n12, bootmgr.exe and bootmgfw.efi, which start WinPE; one for any
// program that UEFI firmware loads, and one for a disk's first sector. The
// sources describe what they do.
package nbp

import (
	"debug/pe"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The C sources are in a separate directory: the go command treats one among Go
// files as cgo.
//
//go:embed *.asm *.inc efi
var sources embed.FS

// DiskOK is the output of a disk's first sector.
const DiskOK = "DISK-STANDIN: OK started"

// EFIPartition and EFIPartitionEnd are the start and the end, in bytes, of the
// partition that the first sector describes.
const (
	EFIPartition    = 2048 * 512
	EFIPartitionEnd = 65536 * 512
)

// UEFIOK is the output of the UEFI program.
const UEFIOK = "UEFI-STANDIN: OK loaded"

// Marker is the start of the next program, the one that wdsnbp.com and
// wdsmgfw.efi fetch; both sources contain the same bytes.
const Marker = "PXEBOX-LAB-NEXT-PROGRAM"

// Lines that the stand-in for wdsnbp.com prints: all start with Prefix, and the
// last one is OK or Fail.
const (
	Prefix = "WDS-STANDIN: "
	OK     = Prefix + "OK "
	Fail   = Prefix + "FAIL "
)

// Lines that the stand-in for wdsmgfw.efi prints: all start with EFIPrefix, and
// the last one is EFIOK or EFIFail.
const (
	EFIPrefix = "WDSMGFW-STANDIN: "
	EFIOK     = EFIPrefix + "OK "
	EFIFail   = EFIPrefix + "FAIL "
)

// Lines that the stand-ins for pxeboot.n12, bootmgr.exe and bootmgfw.efi print:
// all start with WinPEPrefix, and the last one is WinPEOK or WinPEFail.
const (
	WinPEPrefix = "WINPE: "
	WinPEOK     = WinPEPrefix + "OK "
	WinPEFail   = WinPEPrefix + "FAIL "
)

// WinPEFile returns the line that they print for a file that came whole.
func WinPEFile(name string, content []byte) string {
	return fmt.Sprintf("%s%s bytes=%d crc=%08X", WinPEPrefix, name, len(content), crc32.ChecksumIEEE(content))
}

// BCD returns a \Boot\BCD for the stand-ins, which names a WIM.
func BCD(wim string) []byte { return []byte("regfPXEBOX-LAB-BCD\n" + wim + "\n") }

// Succeeded reports whether a stand-in's last line reports success.
func Succeeded(line string) bool {
	return strings.HasPrefix(line, OK) || strings.HasPrefix(line, EFIOK) || strings.HasPrefix(line, WinPEOK)
}

// Assemble makes the stand-in for wdsnbp.com.
func Assemble() ([]byte, error) { return assemble("wdsnbp.asm") }

// AssemblePxeboot makes the stand-in for pxeboot.n12.
func AssemblePxeboot() ([]byte, error) { return assemble("pxeboot.asm") }

// AssembleBootmgr makes the stand-in for bootmgr.exe.
func AssembleBootmgr() ([]byte, error) { return assemble("bootmgr.asm") }

// AssembleUEFI makes the UEFI program, for x86-64.
func AssembleUEFI() ([]byte, error) { return assemble("bootx64.asm") }

// AssembleMBR makes the first sector of a disk.
func AssembleMBR() ([]byte, error) { return assemble("mbr.asm") }

// Compile makes the stand-in for wdsmgfw.efi, for x86-64. gnuEFI is the
// directory of gnu-efi, where the Makefile unpacks Debian's.
func Compile(gnuEFI string) ([]byte, error) { return compile("efi/wdsmgfw.c", gnuEFI) }

// CompileBootmgfw makes the stand-in for bootmgfw.efi, in the same way.
func CompileBootmgfw(gnuEFI string) ([]byte, error) { return compile("efi/bootmgfw.c", gnuEFI) }

// compile makes a program for x86-64 UEFI firmware from one of the sources.
//
// gnu-efi takes three steps: position-independent code that calls firmware as
// Microsoft's compilers do; a shared object in which gnu-efi's startup code
// resolves the relocations; and its sections as a PE program.
func compile(source, gnuEFI string) ([]byte, error) {
	in := func(name string) string { return filepath.Join(gnuEFI, name) }
	if _, err := os.Stat(in("elf_x86_64_efi.lds")); err != nil {
		return nil, fmt.Errorf("%w: run make firmware", err)
	}
	var program []byte
	err := inScratch(func(dir string) error {
		object, shared := filepath.Join(dir, "program.o"), filepath.Join(dir, "program.so")
		efi := filepath.Join(dir, "program.efi")
		for _, step := range [][]string{
			{
				"gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fpic", "-fshort-wchar",
				// Firmware has no stack guard, and its interrupts use the
				// stack.
				"-fno-stack-protector", "-mno-red-zone", "-maccumulate-outgoing-args", "-DGNU_EFI_USE_MS_ABI",
				"-isystem", in("include"), "-isystem", in("include/x86_64"), "-isystem", in("include/protocol"),
				"-c", "-o", object, filepath.Join(dir, source),
			},
			{
				"ld", "-nostdlib", "-shared", "-Bsymbolic", "-znocombreloc", "--no-undefined", "-T",
				in("elf_x86_64_efi.lds"),
				"-o", shared, in("crt0-efi-x86_64.o"), object, in("libefi.a"), in("libgnuefi.a"),
			},
			{
				// gnu-efi 3.0.15 has the texts in .data, 3.0.18 in .rodata.
				"objcopy", "--target=efi-app-x86_64", "-j", ".text", "-j", ".sdata", "-j", ".data", "-j", ".rodata",
				"-j", ".dynamic", "-j", ".dynsym", "-j", ".rel*", "-j", ".reloc", shared, efi,
			},
		} {
			if err := run(step[0], step[1:]...); err != nil {
				return err
			}
		}
		var err error
		program, err = os.ReadFile(efi)
		return err
	})
	if err != nil {
		return nil, err
	}
	return program, setNXCompatible(program)
}

// setNXCompatible marks a PE program as one that neither executes its data nor
// writes to its code, as Microsoft's is: firmware may refuse programs without
// this mark. objcopy has no option for that.
func setNXCompatible(program []byte) error {
	// Microsoft's PE format: where the PE header's offset is in the DOS header,
	// how long the signature and the COFF header are, and where
	// DllCharacteristics is in the optional header after them.
	const offset, headers, dllCharacteristics = 0x3c, 4 + 20, 70
	if len(program) < offset+4 {
		return errors.New("the program has no DOS header")
	}
	at := int64(binary.LittleEndian.Uint32(program[offset:])) + headers + dllCharacteristics
	if int64(len(program)) < at+2 {
		return errors.New("the program has no PE header")
	}
	flags := binary.LittleEndian.Uint16(program[at:])
	binary.LittleEndian.PutUint16(program[at:], flags|pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT)
	return nil
}

func assemble(source string) ([]byte, error) {
	var binary []byte
	err := inScratch(func(dir string) error {
		program := filepath.Join(dir, "program")
		// The directory of what a source includes must end with a slash.
		err := run("nasm", "-w+all", "-f", "bin", "-I", dir+"/", "-o", program, filepath.Join(dir, source))
		if err != nil {
			return err
		}
		binary, err = os.ReadFile(program)
		return err
	})
	return binary, err
}

// inScratch calls f with a temporary directory that has the sources, and removes
// it afterwards.
func inScratch(f func(dir string) error) error {
	dir, err := os.MkdirTemp("", "nbp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, sources); err != nil {
		return err
	}
	return f(dir)
}

func run(tool string, args ...string) error {
	out, err := exec.Command(tool, args...).CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%s is missing: run make deps", tool)
	case err != nil:
		return fmt.Errorf("%s: %w\n%s", tool, err, out)
	}
	return nil
}
