// Package event describes what the box's servers do for each machine: an Event
// for each DHCP answer, two for each transfer, and the Bus that carries events
// to its subscribers. It does not know how a server works, and no server waits
// for it.
package event

import (
	"net/netip"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Protocol is the server that reports an event.
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
	Begun    Outcome = "begun"     // a transfer: another event reports how it ended
	Sent     Outcome = "sent"      // all that was requested
	NotFound Outcome = "not found" // nothing of that name is published
	Refused  Outcome = "refused"   // a name or a request that is not served
	Aborted  Outcome = "aborted"   // by the client, which may have seen enough
	TimedOut Outcome = "timed out" // the client stopped answering
	Failed   Outcome = "failed"    // because of a fault of the box
)

// Event is an answer of the box that has ended, or a transfer that begins.
type Event struct {
	// Time is when the answer ended. Time less Took is when it began; the event
	// that reported the beginning has that Time.
	Time     time.Time
	Protocol Protocol
	// MAC is the machine's MAC address, as DHCP knows it. It is zero in events
	// of transfers, which know only an address.
	MAC ether.MAC
	// Addr is the machine's address, or the one that it was just given. It is
	// zero if a proxy answers a machine that has no address yet.
	Addr netip.Addr
	// Firmware is what the machine says it is, in the words of the settings. It
	// is set in answers to network-booting firmware, and empty in all others.
	Firmware string
	// What is the file's name as the client sent it, shortened by Name, or the
	// kind of the DHCP answer.
	What    string
	Outcome Outcome
	// Bytes is how much of the file the client received.
	Bytes       int64
	Took        time.Duration // since the request
	Retransmits int           // packets sent more than once
}

// maxName is how much of a file's name an event keeps, in bytes.
const maxName = 128

// Name returns the part of a client's name for a file that an event keeps. It
// is a copy: an event outlives the packet, and must not hold a large one in
// memory.
func Name(raw string) string { return strings.Clone(raw[:min(len(raw), maxName)]) }
