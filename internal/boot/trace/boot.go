package trace

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Boot is what one machine did and was sent, from its first packet until it was
// quiet or started again.
type Boot struct {
	// ID is the same for the same events, whichever Trace has them.
	ID       string
	MAC      ether.MAC // of the network port that asked last
	GUID     string    // as the machine sent it; empty if it sent none
	Addr     netip.Addr
	Firmware string
	Code     string // on the machine's screen; empty if it shows none
	Began    time.Time
	Events   []Event // the latest ones, in order
	Earlier  int     // events before those
	Served   bool    // a whole file was sent to the machine
	// Resumed says that Quiet has returned this boot before: the machine has
	// waited, for example in its menu. Began and Events are those since.
	Resumed bool
	// Next is when the machine's next boot began. It is zero if there is none
	// yet. The Trace sets it only if that ended this boot: who keeps boots sets
	// it for others.
	Next time.Time
	// Back is the hand-over shortly before this boot; nil if there was none.
	Back *Prior

	last  time.Time // of its events
	open  int       // transfers under way
	stage Stage
	told  Stage     // when Quiet returned it
	said  Finding   // of its verdict at that time
	moved bool      // its firmware or a transfer did something since Began
	ipxe  bool      // iPXE asked
	base  time.Time // when it began, before any pause
	marks []kept    // what its events show
	tries
}

// Prior is a hand-over that a boot comes after.
type Prior struct {
	Boot   string // its ID
	At     time.Time
	Server netip.Addr
	Entry  string
	After  time.Duration // from it to the boot
	Ended  bool          // the boot ended its boot, whose verdict says so
}

// Clone returns a copy that shares nothing with the Trace.
func (b Boot) Clone() Boot {
	b.Events, b.marks, b.tries = slices.Clone(b.Events), slices.Clone(b.marks), b.tries.clone()
	return b
}

// Counts reports whether a boot that Quiet has returned is one more with its
// verdict. It is not if it was counted so before the machine went on; and a
// machine that came back is counted once, with its hand-over if that boot's
// verdict says so.
func (b Boot) Counts(v Verdict) bool {
	if v.Finding != CameBack || b.Back == nil || !b.Back.Ended {
		return v.Finding != b.said
	}
	return b.handedOver().before(b.Next) // it came back once more
}

// Last returns when the boot's last event ended.
func (b Boot) Last() time.Time { return b.last }

// Stage returns how far the boot got.
func (b Boot) Stage() Stage { return b.stage }

// resume begins the part of a reported boot that e belongs to.
func (b *Boot) resume(e Event) { b.Resumed, b.Began = true, e.began() }

// reported returns what a machine's next event needs of a boot that Quiet
// returns.
func (b Boot) reported(now time.Time) Boot {
	b.said = b.Verdict(now).Finding
	b.Events, b.Earlier, b.Served, b.moved = nil, 0, false, false
	b.told, b.marks, b.tries = b.stage, slices.Clone(b.marks), b.tries.clone()
	return b
}

// isBoot reports whether there is a boot to report: something that firmware
// asked, or a transfer; or for a resumed boot, a system that now runs.
func (b Boot) isBoot() bool { return b.moved || b.Resumed && b.stage > b.told }

// id returns a boot's ID.
func id(m *machine, began time.Time) string {
	h := fnv.New64a()
	mac, nano := m.mac(), make([]byte, 8)
	binary.BigEndian.PutUint64(nano, uint64(began.UnixNano()))
	h.Write(mac[:])
	if !mac.IsValid() {
		h.Write(m.addr.AsSlice())
	}
	h.Write(nano)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)))
}

// Took returns the time from the first request to the last answer.
func (b Boot) Took() time.Duration { return b.last.Sub(b.Began) }

// Bytes returns how much the machine was sent.
func (b Boot) Bytes() int64 {
	var n int64
	for _, e := range b.Events {
		n += e.Bytes
	}
	return n
}

// Steps describes the boot in one line:
//
//	offer→selecting 1.2s, pxelinux.0 0.1s, 3 not found, pxelinux.cfg/default 0s
func (b Boot) Steps() string {
	var steps []string
	if b.Earlier > 0 {
		steps = append(steps, fmt.Sprintf("%d earlier", b.Earlier))
	}
	for rest := b.Events; len(rest) > 0; {
		var n int // events that make one step
		var step string
		switch e := rest[0]; {
		case e.Protocol == DHCP:
			n = run(rest, func(x Event) bool { return x.Protocol == DHCP })
			step = dialogue(rest[:n])
		case e.Outcome == NotFound:
			// PXELINUX asks for up to eleven names before it finds its menu.
			n = run(rest, func(x Event) bool { return x.Outcome == NotFound })
			step = e.What + " not found"
			if n > 1 {
				step = fmt.Sprintf("%d not found", n)
			}
		default:
			n, step = 1, transfer(e)
		}
		steps, rest = append(steps, step), rest[n:]
	}
	return strings.Join(steps, ", ")
}

// run returns how many events, from the first on, are alike.
func run(events []Event, alike func(Event) bool) int {
	for i, e := range events {
		if !alike(e) {
			return i
		}
	}
	return len(events)
}

func dialogue(answers []Event) string {
	var s strings.Builder
	for i, e := range answers {
		if i > 0 && e.What == answers[i-1].What {
			continue // asked again
		}
		if i > 0 {
			s.WriteString("→")
		}
		s.WriteString(e.What)
	}
	if took := answers[len(answers)-1].Time.Sub(answers[0].Time); took > 0 {
		s.WriteString(" " + seconds(took))
	}
	return s.String()
}

func transfer(e Event) string {
	s := e.What + " " + seconds(e.Took)
	if e.isProbe() {
		return e.What + " size asked " + seconds(e.Took) // not a fault
	}
	if e.Retransmits > 0 {
		s += fmt.Sprintf(" %d retransmits", e.Retransmits)
	}
	if e.Outcome != Sent {
		s += " " + string(e.Outcome)
	}
	return s
}

func seconds(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }
