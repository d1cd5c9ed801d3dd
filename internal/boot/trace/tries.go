package trace

import (
	"slices"
	"strings"
	"time"
)

// goingOn is how long firmware may take from the last sign of an attempt to the
// next one. It shows a message meanwhile that Secure Boot has refused a program.
const goingOn = 2 * time.Minute

// tries are the attempts of one power-on. Firmware whose PXE boot fails goes on
// to the next entry of its boot order by itself: EDK2 tries HTTP boot after PXE.
// That is no restart, and its failure must not hide the first one. So a Boot is
// the attempt that got further, and tries have the other one.
type tries struct {
	other *Boot // only what one attempt needs; nil if there was none
	later bool  // the other attempt is the one that runs
}

func (t tries) clone() tries {
	if t.other != nil {
		o := *t.other
		o.marks = slices.Clone(o.marks)
		t.other = &o
	}
	return t
}

// current returns the attempt that runs.
func (b *Boot) current() *Boot {
	if b.later {
		return b.other
	}
	return b
}

// gaveUp reports whether the firmware has gone on to an attempt that got no
// further than this one.
func (b *Boot) gaveUp() bool { return b.later }

// isTry reports whether a packet of firmware belongs to this attempt.
func (b *Boot) isTry(e Event) bool {
	return isHTTP(b.Firmware) == isHTTP(e.Firmware)
}

func isHTTP(fw string) bool { return strings.HasSuffix(fw, "-http") }

// goesOn reports whether an event begins or resumes another attempt of the same
// power-on, after one that has failed before the menu.
func (b *Boot) goesOn(e Event) bool {
	cur := b.current()
	if b.ID == "" || cur.Firmware == "" || !e.discovers() || cur.isTry(e) || cur.chains(e) {
		return false
	}
	if since := e.began().Sub(b.last); since > goingOn || since < -goingOn || b.stage >= InMenu {
		return false
	}
	if b.stage < Loaded && e.Time.Sub(b.Began) >= longest {
		return false // firmware that asks all night
	}
	if past := b.past(e); past != nil && past.stage >= Loaded {
		return false // see restarts
	}
	failed := *b
	failed.Next = e.Time
	return !failed.Verdict(e.Time).Good
}

// past returns the attempt before the current one, if a packet belongs to it.
func (b *Boot) past(e Event) *Boot {
	switch {
	case b.later && b.isTry(e):
		return b
	case !b.later && b.other != nil && b.other.isTry(e):
		return b.other
	}
	return nil
}

// nextTry begins or resumes the attempt of an event.
func (b *Boot) nextTry(e Event) {
	past := b.past(e)
	if past == nil {
		past = &Boot{base: e.began(), Firmware: e.Firmware}
		b.other = past
	}
	b.later = past != b
}

// prefer makes the Boot the attempt that got further. If both got as far, it is
// the one by PXE.
func (b *Boot) prefer() {
	o := b.other
	if o == nil || o.stage < b.stage || o.stage == b.stage && isHTTP(o.Firmware) {
		return
	}
	b.stage, o.stage = o.stage, b.stage
	b.base, o.base = o.base, b.base
	b.marks, o.marks = o.marks, b.marks
	b.ipxe, o.ipxe = o.ipxe, b.ipxe
	b.Firmware, o.Firmware = o.Firmware, b.Firmware
	b.later = !b.later
}
