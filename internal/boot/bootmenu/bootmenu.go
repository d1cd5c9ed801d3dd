// Package bootmenu holds what both sides of a boot menu agree on: the renderer
// and the servers that give menus out on the marks for what only the machine's
// own menu has, the prober and the renderer on the health of a WDS server. It
// holds plain values and imports nothing of this module, so that neither side
// links the other.
package bootmenu

import (
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// MaxSize bounds all menus together, in bytes. In the generation's file base64
// makes 16 MiB of them.
const MaxSize = 12 << 20

// MACMark is what a menu has where the machine's own MAC address belongs, of
// the same length. The server of the menu puts it in.
const MACMark = "@@:@@:@@:@@:@@:@@"

// TokenMark is what it has where the token of a handoff.Request belongs, again
// of the same length.
const TokenMark = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"

// Server is what is known of a WDS server.
type Server struct {
	// Addr is its IPv4 address; the zero Addr where its name could not be
	// found. The configuration's own where that has one.
	Addr netip.Addr
	// Wrong says why there is no address, where what was found is one that no
	// WDS server can have.
	Wrong string
	// Programs is the result of asking for its boot programs, by the
	// firmware that loads them. One that is not there was not asked for.
	Programs map[firmware.Kind]Health
}

// Health is the answer to the question for a boot program.
type Health struct {
	State State
	Since time.Time // of the State; zero where the clock was not set
	Note  string    // Refused: what it said, and the fix, for people
}

// State is how a WDS server takes the question for a boot program.
type State int

// The states.
const (
	Unknown State = iota // not asked yet
	Up                   // it has the program
	Down                 // it does not answer
	Refused              // it answers, and does not give the program
)
