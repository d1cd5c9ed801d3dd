// Package bootmenu holds what the renderer of a boot menu shares with the
// servers that deliver it and with the prober: the placeholders that a
// machine's own data replaces, and the health of a WDS server. It holds plain
// values and imports nothing of this module, so that neither side links the
// other.
package bootmenu

import (
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// MaxSize limits all menus together, in bytes. In the generation's file base64
// turns that into 16 MiB.
const MaxSize = 12 << 20

// MACMark is the placeholder for the machine's MAC address in a menu, of the
// same length. The server that delivers the menu replaces it.
const MACMark = "@@:@@:@@:@@:@@:@@"

// TokenMark is the placeholder for the token of a handoff.Request, also of the
// same length.
const TokenMark = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"

// CodeMark is the placeholder for the short code of the boot that a menu was
// sent in, also of the same length.
const CodeMark = "@~@~"

// Server is what is known about a WDS server.
type Server struct {
	// Addr is its IPv4 address, from the configuration if it gives one; the
	// zero Addr if the name could not be resolved.
	Addr netip.Addr
	// Wrong says why there is no address, if the name resolved to one that
	// no WDS server can have.
	Wrong string
	// Programs is the result of requesting its boot programs, by the
	// firmware that loads them. A firmware that is not in the map was not
	// requested.
	Programs map[firmware.Kind]Health
	// Programs2023 is the same for the programs that are signed with the
	// certificates of 2023. Many servers have none, and are well.
	Programs2023 map[firmware.Kind]Health
}

// Health is the answer to a request for a boot program.
type Health struct {
	State State
	Since time.Time // when the State began; zero if the clock was not set
	Note  string    // for Refused: the server's message, and the fix, for people
	Size  int64     // for Up: bytes, as the server says; 0 if it does not
}

// State is how a WDS server answers a request for a boot program.
type State int

// The states.
const (
	Unknown State = iota // not requested yet
	Up                   // it has the program
	Down                 // it does not answer
	Refused              // it answers, but does not send the program
)
