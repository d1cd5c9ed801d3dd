package qemu

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The Debian releases whose firmware machines can run. Both are in the field:
// EDK2 of 2022 and an iPXE ROM of 2019, and EDK2 and iPXE of 2025.
const (
	Debian12 = "bookworm"
	Debian13 = "trixie"
)

// Releases lists them, oldest first.
var Releases = []string{Debian12, Debian13}

// FirmwareVariable is the environment variable that gives every machine the
// firmware of one release.
const FirmwareVariable = "FIRMWARE"

// Firmware is the firmware that one Debian release has for machines in QEMU:
// EDK2, and iPXE as the ROM of a network card. The Makefile unpacks it.
type Firmware struct {
	dir      string
	debian   string            // the release's name for people
	versions map[string]string // by package
}

// FindFirmware finds the firmware of a release below a directory. forced is the
// value of FirmwareVariable. If it is not empty, it replaces the release.
func FindFirmware(dir, release, forced string) (Firmware, error) {
	if forced != "" {
		if !slices.Contains(Releases, forced) {
			return Firmware{}, fmt.Errorf("%s=%s: there is no such firmware; write %s=%s",
				FirmwareVariable, forced, FirmwareVariable, strings.Join(Releases, " or "+FirmwareVariable+"="))
		}
		release = forced
	}
	f := Firmware{dir: filepath.Join(dir, release), debian: map[string]string{
		Debian12: "Debian 12", Debian13: "Debian 13",
	}[release]}
	list, err := os.ReadFile(f.path("packages"))
	if err != nil {
		return f, fmt.Errorf("%w: run make firmware", err)
	}
	f.versions = readVersions(list)
	return f, nil
}

// readVersions reads lines that each contain a package and its version.
func readVersions(list []byte) map[string]string {
	versions := make(map[string]string)
	for line := range bytes.Lines(list) {
		if name, version, ok := strings.Cut(strings.TrimSpace(string(line)), " "); ok {
			versions[name] = version
		}
	}
	return versions
}

func (f Firmware) path(name string) string { return filepath.Join(f.dir, name) }

// OVMF names the build of EDK2, with its version and release.
func (f Firmware) OVMF() string { return f.name("OVMF", "ovmf") }

// IPXE names the ROM of the network card.
func (f Firmware) IPXE() string { return f.name("iPXE ROM", "ipxe-qemu") }

// ARM names the build of EDK2 for QEMU's own ARM machine.
func (f Firmware) ARM() string { return f.name("EDK2 for ARM64", "qemu-efi-aarch64") }

func (f Firmware) name(what, debianPackage string) string {
	return fmt.Sprintf("%s %s (%s)", what, f.versions[debianPackage], f.debian)
}

// code returns the path of EDK2 itself.
func (f Firmware) code(secureBoot bool) string {
	if secureBoot {
		return f.path("OVMF_CODE_4M.secboot.fd")
	}
	return f.path("OVMF_CODE_4M.fd")
}

// State returns the path of the variables that EDK2 starts with. Each machine
// needs a copy. With Secure Boot on, they contain Microsoft's certificates.
func (f Firmware) State(secureBoot bool) string {
	if secureBoot {
		return f.path("OVMF_VARS_4M.ms.fd")
	}
	return f.path("OVMF_VARS_4M.fd")
}

// rom returns the path of the ROM for QEMU's e1000.
func (f Firmware) rom() string { return f.path("pxe-e1000.rom") }

// armCode returns the path of EDK2 for QEMU's own ARM machine.
func (f Firmware) armCode() string { return f.path("QEMU_EFI.fd") }

// GNUEFI returns the directory of the release's gnu-efi, with which programs
// for EDK2 are built.
func (f Firmware) GNUEFI() string { return f.path("gnu-efi") }

// Flash returns the arguments that give a PC EDK2 in place of its BIOS. state
// is the machine's copy of State, which survives a reset.
func (f Firmware) Flash(state string, secureBoot bool) []string {
	return []string{
		"-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + f.code(secureBoot),
		"-drive", "if=pflash,format=raw,unit=1,file=" + state,
	}
}
