// Package event is what the box's servers tell of each machine: an Event for
// each DHCP answer, two for each transfer, and the Bus that carries events to
// whoever wants to know. It never learns what a server does, and no server
// waits for it.
package event

import (
	"net/netip"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Protocol says which server speaks.
type Protocol string

// The protocols.
const (
	DHCP Protocol = "dhcp"
	TFTP Protocol = "tftp"
	HTTP Protocol = "http"
)

// Outcome is how an answer ended.
type Outcome string

// The outcomes.
const (
	Begun    Outcome = "begun"     // a transfer: another event tells how it ended
	Sent     Outcome = "sent"      // all that was asked for
	NotFound Outcome = "not found" // nothing of that name is published
	Refused  Outcome = "refused"   // a name or a request that is not served
	Aborted  Outcome = "aborted"   // by the client, which may have seen enough
	TimedOut Outcome = "timed out" // the client stopped answering
	Failed   Outcome = "failed"    // the box's own trouble
)

// Event is one answer of the box, when it has ended, or a transfer that begins.
type Event struct {
	// Time is that of the end. Less Took it is that of the beginning, which
	// was the Time of the event that told of that.
	Time     time.Time
	Protocol Protocol
	// MAC is the machine's, as DHCP knows it; the zero MAC in events of
	// transfers, which know an address only.
	MAC ether.MAC
	// Addr is the machine's address, or the one that it was just given. It is
	// zero where a proxy's answer goes to a machine that has none yet.
	Addr netip.Addr
	// Firmware is what the machine says it is, in the words of the settings,
	// in answers to network-booting firmware. Empty in all others.
	Firmware string
	// What is the file's name as the client sent it, by Name, or the kind of
	// the DHCP answer.
	What    string
	Outcome Outcome
	// Bytes is how much of the file the client got.
	Bytes       int64
	Took        time.Duration // since the request
	Retransmits int           // packets sent more than once
}

// maxName is how much of a file's name an event keeps, in bytes.
const maxName = 128

// Name is what an event keeps of a name that a client sent. It is a copy: an
// event outlives the packet, and is not to hold a large one in memory.
func Name(raw string) string { return strings.Clone(raw[:min(len(raw), maxName)]) }
