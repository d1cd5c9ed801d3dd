// Package nbp holds network boot programs as source, and has them assembled
// when they are needed, so that no program is committed: one that stands in
// for Microsoft's wdsnbp.com, and one for whatever UEFI firmware loads. What
// they do is told in wdsnbp.asm and bootx64.asm.
package nbp

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed wdsnbp.asm
var wdsnbp []byte

//go:embed bootx64.asm
var bootx64 []byte

// UEFIOK is what the UEFI program prints.
const UEFIOK = "UEFI-STANDIN: OK loaded"

// Marker is what the next program, the one that wdsnbp.com fetches, starts
// with; wdsnbp.asm has the same bytes.
const Marker = "PXEBOX-LAB-NEXT-PROGRAM"

// Lines that the program prints: all start with Prefix, and the last one is
// OK or Fail.
const (
	Prefix = "WDS-STANDIN: "
	OK     = Prefix + "OK "
	Fail   = Prefix + "FAIL "
)

// Assemble makes the stand-in for wdsnbp.com.
func Assemble() ([]byte, error) { return assemble(wdsnbp) }

// AssembleUEFI makes the UEFI program, for x86-64.
func AssembleUEFI() ([]byte, error) { return assemble(bootx64) }

func assemble(source []byte) ([]byte, error) {
	nasm, err := exec.LookPath("nasm")
	if err != nil {
		return nil, errors.New("nasm is missing: run make deps")
	}
	dir, err := os.MkdirTemp("", "nbp")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	asm, program := filepath.Join(dir, "program.asm"), filepath.Join(dir, "program")
	if err := os.WriteFile(asm, source, 0o644); err != nil {
		return nil, err
	}
	if out, err := exec.Command(nasm, "-w+all", "-f", "bin", "-o", program, asm).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("nasm: %w\n%s", err, out)
	}
	return os.ReadFile(program)
}
