package firmware

import (
	"fmt"
	"strconv"
	"strings"
)

// Arch is a client system architecture type (RFC 4578 §2.1; the numbers are in
// IANA's registry "Processor Architecture Types").
type Arch uint16

// named are the types that have a name among the kinds. IANA corrected RFC
// 4578: 7 is x64, and 9 is EFI byte code, which some x64 firmware sends
// instead.
var named = map[Arch]Kind{
	0x00: BIOS,
	0x06: UEFIIA32,
	0x07: UEFIX64,
	0x09: UEFIX64,
	0x0b: UEFIARM64,
	0x0f: UEFIIA32HTTP,
	0x10: UEFIX64HTTP,
	0x11: UEFIX64HTTP,
	0x13: UEFIARM64HTTP,
	0x29: RaspberryPi,
}

// byHTTP maps the registry's types that boot by TFTP to the types of the same
// processor that boot by HTTP.
var byHTTP = map[Arch]Arch{
	0x00: 0x14, // x86 BIOS
	0x06: 0x0f, // x86 UEFI
	0x07: 0x10, // x64 UEFI
	0x09: 0x11, // EFI byte code
	0x0a: 0x12, // ARM 32-bit UEFI
	0x0b: 0x13, // ARM 64-bit UEFI
	0x15: 0x17, // ARM 32-bit U-Boot
	0x16: 0x18, // ARM 64-bit U-Boot
	0x19: 0x1a, // RISC-V 32-bit UEFI
	0x1b: 0x1c, // RISC-V 64-bit UEFI
	0x1d: 0x1e, // RISC-V 128-bit UEFI
	0x25: 0x26, // LoongArch 32-bit UEFI
	0x27: 0x28, // LoongArch 64-bit UEFI
}

var byTFTP = func() map[Arch]Arch {
	m := map[Arch]Arch{}
	for tftp, http := range byHTTP {
		m[http] = tftp
	}
	return m
}()

// IsHTTP reports whether the type boots by HTTP.
func (a Arch) IsHTTP() bool { _, ok := byTFTP[a]; return ok }

// By returns the type of the same processor that boots by HTTP, or by TFTP; the
// type itself if the registry has no such type.
func (a Arch) By(http bool) Arch {
	other := byTFTP
	if http {
		other = byHTTP
	}
	if b, ok := other[a]; ok {
		return b
	}
	return a
}

// Kind returns the name of the type: one of the kinds, or its number, for
// example arch-0x0a.
func (a Arch) Kind() Kind {
	if k, ok := named[a]; ok {
		return k
	}
	return Kind(fmt.Sprintf("%s0x%02x", archPrefix, uint16(a)))
}

const archPrefix = "arch-"

// IsNumber reports whether a kind is the number of a type without a name.
func (k Kind) IsNumber() bool { return strings.HasPrefix(string(k), archPrefix) }

// ParseArch reads a type by its number, for example arch-0x0a. It also accepts
// other spellings, such as 0xA and arch-00010; Kind returns the canonical one.
func ParseArch(s string) (Arch, bool) {
	digits, base := strings.TrimPrefix(strings.ToLower(s), archPrefix), 10
	if hex, ok := strings.CutPrefix(digits, "0x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 16)
	return Arch(n), err == nil
}
