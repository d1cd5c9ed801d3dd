// Package firmware names the kinds of firmware that machines boot with, as the
// settings call them, and the numbers by which firmware identifies itself. It
// holds plain values.
package firmware

// Kind is a kind of firmware: a key of [boot].
type Kind string

// The kinds. Those that end in -http boot by HTTP, the others by TFTP.
const (
	BIOS          Kind = "bios"
	UEFIIA32      Kind = "uefi-ia32"
	UEFIX64       Kind = "uefi-x64"
	UEFIARM64     Kind = "uefi-arm64"
	UEFIIA32HTTP  Kind = "uefi-ia32-http"
	UEFIX64HTTP   Kind = "uefi-x64-http"
	UEFIARM64HTTP Kind = "uefi-arm64-http"

	// RaspberryPi is the Pi's boot ROM, which claims to be a BIOS.
	RaspberryPi Kind = "raspberry-pi"

	// IPXE is iPXE itself, on any firmware. It is a key of [boot] for the
	// file that iPXE loads, not a kind of machine.
	IPXE Kind = "ipxe"
)

// Kinds are all kinds of machines, in the order of the settings. A Raspberry
// Pi's firmware requests files under fixed names: any boot file for that kind
// enables service for Pis.
var Kinds = []Kind{
	BIOS, UEFIIA32, UEFIX64, UEFIARM64, UEFIIA32HTTP, UEFIX64HTTP, UEFIARM64HTTP, RaspberryPi,
}
