// Package nbp holds the network boot program that stands in for Microsoft's
// wdsnbp.com, as source, and has it assembled when it is needed, so that no
// program is committed. What it does is told in wdsnbp.asm.
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
var source []byte

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

// Assemble makes the program with nasm.
func Assemble() ([]byte, error) {
	nasm, err := exec.LookPath("nasm")
	if err != nil {
		return nil, errors.New("nasm is missing: run make deps")
	}
	dir, err := os.MkdirTemp("", "nbp")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	asm, com := filepath.Join(dir, "wdsnbp.asm"), filepath.Join(dir, "wdsnbp.com")
	if err := os.WriteFile(asm, source, 0o644); err != nil {
		return nil, err
	}
	if out, err := exec.Command(nasm, "-w+all", "-f", "bin", "-o", com, asm).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("nasm: %w\n%s", err, out)
	}
	return os.ReadFile(com)
}
