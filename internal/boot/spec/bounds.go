package spec

import "time"

// Limits of the settings.
const (
	MinLease  = time.Minute
	MaxLease  = 365 * 24 * time.Hour
	MaxDevice = 15 // IFNAMSIZ - 1, linux/if.h

	MaxLeases       = 1 << 16 // the pool keeps a record for each address in memory
	MaxSubnets      = 256
	MaxReservations = 4096

	MinMTU       = 576  // every IPv4 host can receive this much (RFC 791 §3.1)
	MaxMTU       = 9216 // jumbo frames, as switches count them
	MaxOption    = 255  // bytes in one option: its length is one byte (RFC 2132 §2)
	MaxAddresses = MaxOption / 4
	// MaxOptions limits the options that the settings give a network by
	// code, all together, in bytes including codes and lengths. An Ethernet
	// frame has room for 1,232 bytes of options after the headers and the
	// fixed fields.
	MaxOptions  = 1024
	MaxBootFile = 127 // the packet's file field is 128 bytes with its NUL (RFC 2131 §2)

	MaxAllowed = 64 // networks that may read the metrics

	MinBlock  = 512   // TFTP's size if the client does not request another (RFC 1350 §2)
	MaxBlock  = 65464 // RFC 2348
	MaxWindow = 256   // blocks; RFC 7440 allows more, but boot loaders' buffers do not
)

// ownOptions are the codes of the options that the DHCP server sets itself,
// from the packet or from other settings.
var ownOptions = map[uint8]bool{
	0: true, 1: true, 3: true, 6: true, 12: true, 15: true, 26: true, 28: true, 42: true,
	50: true, 51: true, 52: true, 53: true, 54: true, 55: true, 56: true, 57: true, 58: true, 59: true, 61: true,
	82: true, 97: true, 119: true, 121: true, 255: true,
}

// IsOwnOption reports whether the DHCP server sets this option itself, so that
// no Option may have its code.
func IsOwnOption(code uint8) bool { return ownOptions[code] }
