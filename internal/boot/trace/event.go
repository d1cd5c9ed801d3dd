// Package trace turns what the box's servers did for each machine into boots: an
// Event for each DHCP answer and one or two for each transfer become a Boot with a
// Verdict, which says how far the machine got and why it stopped. The package
// knows no server, no socket and no clock.
package trace

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
	Begun      Outcome = "begun"      // a transfer: another event reports how it ended
	Sent       Outcome = "sent"       // all that was requested
	NotFound   Outcome = "not found"  // nothing of that name is published
	Refused    Outcome = "refused"    // a name or a request that is not served
	Aborted    Outcome = "aborted"    // by the client, which may have seen enough
	TimedOut   Outcome = "timed out"  // the client stopped answering
	Failed     Outcome = "failed"     // because of a fault of the box
	Seen       Outcome = "seen"       // a packet between the machine and another server
	Unanswered Outcome = "unanswered" // a packet to the box that got no answer; Why says why
)

// The values of What in DHCP events that are no answer of the box. Those of its
// answers are in package dhcp.
const (
	OtherOffer   = "offer of another server"   // Seen: Server and File say whose and what
	OtherRequest = "request to another server" // Seen: the machine takes Server's lease
	HandedOver   = "handed over"               // Sent: the answer named Server, File and Entry
	Adapted      = "answered differently"      // Sent: the answer named File, because of Why

	// Unanswered: what the machine asked, as DHCP names it, and on port 4011.
	Discover   = "DISCOVER"
	Request    = "REQUEST"
	BootServer = "boot server request"
)

// WhyLimited is the Why of an Unanswered event of a machine that asks too often.
const WhyLimited = "more requests than the box answers for one machine"

// WhyNoAddress is what the Why of an Unanswered event begins with if all
// addresses of a network are in use. The network follows.
const WhyNoAddress = "no address left for "

// WhyLooking is the Why of an Unanswered event while the box, after its start,
// does not know yet whether it may lease addresses.
const WhyLooking = "still looking for other DHCP servers"

// The Why of an Adapted event: what the machine did after the last answers.
const (
	WhyNotAsked   = "did not ask on port 4011 after two offers"
	WhyNotStarted = "loaded the first stage twice, and nothing after it"
	WhyCameBack   = "came back soon after two hand-overs"
)

// Role is what a file is to a boot.
type Role string

// The roles. A file with none is one that a running system or an entry loads.
const (
	FirstStage  Role = "first stage"  // the boot file that DHCP names: pxelinux.0, shimx64.efi
	SecondStage Role = "second stage" // what a first stage loads by itself: ldlinux.c32, grubx64.efi, modules
	Menu        Role = "menu"
	Kernel      Role = "kernel"    // an entry's kernel or EFI program
	Initrd      Role = "initrd"    // any other file of an entry
	HandOver    Role = "hand-over" // the file whose request asks for a hand-over to WDS
)

// Event is an answer of the box that has ended, a transfer that begins, or a
// packet that says something about a machine's boot.
type Event struct {
	// Time is when the answer ended. Time less Took is when it began; the event
	// that reported the beginning has that Time.
	Time     time.Time `json:"time"`
	Protocol Protocol  `json:"protocol"`
	// MAC is the machine's MAC address, as DHCP knows it. In events of transfers,
	// which know only an address, it is zero, or the one to which the box sends
	// what is for that address.
	MAC ether.MAC `json:"mac,omitzero"`
	// GUID is the machine's GUID as its packet has it, in the form of
	// spec.Machine.GUID; empty if it sent none.
	GUID string `json:"guid,omitempty"`
	// Addr is the machine's address, or the one that it was just given. It is
	// zero if a proxy answers a machine that has no address yet.
	Addr netip.Addr `json:"addr,omitzero"`
	// Firmware is what the machine says it is, in the words of the settings. It
	// is set in events of network-booting firmware, and empty in all others: the
	// OtherRequest of a machine without it shows that a system runs there.
	Firmware string `json:"firmware,omitempty"`
	// IPXE says that the packet is iPXE's, which may be the machine's firmware or
	// a program that its firmware has loaded.
	IPXE bool `json:"ipxe,omitempty"`
	// What is the file's name as the client sent it, shortened by Name, or the
	// kind of the DHCP answer.
	What    string  `json:"what"`
	Outcome Outcome `json:"outcome"`
	// Why is the reason of a Refused or Unanswered event, or why a Sent answer
	// names nothing to boot.
	Why string `json:"why,omitempty"`
	// Server and File are what a DHCP packet tells the machine to boot: another
	// server's address, and the boot file's name. In the event of a transfer,
	// Server is where the file hands the machine over to.
	Server netip.Addr `json:"server,omitzero"`
	File   string     `json:"file,omitempty"`
	// Role and Entry say what a transferred file is, and of which entry of the
	// menu. Entry is also the entry of a hand-over.
	Role  Role   `json:"role,omitempty"`
	Entry string `json:"entry,omitempty"`
	// Code is the short code that the machine's screen shows: of a menu, or of a
	// screen that refuses.
	Code string `json:"code,omitempty"`
	// Bytes is how much of the file the client received.
	Bytes       int64         `json:"bytes,omitempty"`
	Took        time.Duration `json:"took,omitempty"` // since the request
	Retransmits int           `json:"retransmits,omitempty"`
}

// Brief is the size, in bytes, up to which a file's transfer is normally over
// before a person could see that it has begun. Its beginning is an event only if
// the transfer stalls: a storm of machines that read modules and menus would
// otherwise have twice the events.
const Brief = 64 << 10

// How much of a name and of a reason an event keeps, in bytes.
const (
	maxName = 128
	maxWhy  = 160
	maxWord = 64 // of the other texts
)

// Name returns the part of a client's name for a file that an event keeps. It
// is a copy: an event outlives the packet, and must not hold a large one in
// memory.
func Name(raw string) string { return strings.Clone(raw[:min(len(raw), maxName)]) }

// bounded returns the event with texts of bounded length, and no negative
// numbers: an event that was read from a stream can hold anything.
func (e Event) bounded() Event {
	for _, s := range []*string{&e.What, &e.File} {
		cut(s, maxName)
	}
	for _, s := range e.words() {
		cut(s, maxWord)
	}
	cut(&e.Why, maxWhy)
	e.Bytes, e.Took = max(e.Bytes, 0), max(e.Took, 0)
	return e
}

// words are the texts that repeat from event to event.
func (e *Event) words() []*string {
	return []*string{
		(*string)(&e.Protocol), (*string)(&e.Outcome), (*string)(&e.Role), &e.GUID, &e.Firmware, &e.Entry, &e.Code,
	}
}

// share makes the event use the memory of another one's texts where they are
// equal: each event that was read from a stream has its own.
func (e *Event) share(other *Event) {
	mine, others := append(e.words(), &e.What, &e.File, &e.Why),
		append(other.words(), &other.What, &other.File, &other.Why)
	for i := range mine {
		if *mine[i] == *others[i] {
			*mine[i] = *others[i]
		}
	}
}

func cut(s *string, most int) {
	if len(*s) > most {
		*s = strings.Clone((*s)[:most])
	}
}
