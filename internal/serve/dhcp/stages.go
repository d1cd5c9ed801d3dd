package dhcp

import (
	"bytes"
	"maps"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/serve/pxe"
)

const (
	// stageLasts is how long a DISCOVER counts for the packets that follow it.
	// Firmware repeats a DISCOVER for a minute (PXE 2.1 §2.2.1), and what
	// it loads asks again within seconds.
	stageLasts = 2 * time.Minute
	// maxStages is how many machines are remembered at least; at most twice as
	// many.
	maxStages = 2048
)

// Stages remembers what booting machines said a moment ago. A boot has several
// stages, each of which asks by DHCP, and a packet may leave out what the one
// before it said. The zero Stages is ready; nil remembers nothing.
//
// A restart loses this: a machine that boots at that moment is then classified by
// each packet alone.
type Stages struct {
	now, before map[string]stage // by MAC
	turned      time.Time
}

// stage is what a machine's last DISCOVER said, and the file that its firmware
// was answered with.
type stage struct {
	at    time.Time
	said  map[uint8][]byte
	loads string
}

// saidOnce are the options by which a machine is classified, and which some
// loaders leave out of a REQUEST.
var saidOnce = []uint8{optClass, optUserClass, optArch, optGUID, optIPXE}

// complete adds to a question what the machine said in its DISCOVER and leaves out
// now, and remembers what it says in a DISCOVER.
func (s *Stages) complete(now time.Time, q Question) Question {
	if s == nil {
		return q
	}
	was, known := s.get(now, q)
	switch t := q.Msg.MessageType(); {
	case t == dhcpv4.MessageTypeDiscover && q.boots:
		is := stage{at: now, said: map[uint8][]byte{}}
		if q.client.IPXE { // the firmware that has loaded it was the stage before
			is.loads = was.loads
		}
		for _, code := range saidOnce {
			if v, ok := q.Msg.Options[code]; ok && len(v) <= 255 {
				is.said[code] = bytes.Clone(v)
			}
		}
		s.put(now, q, is)
	case t == dhcpv4.MessageTypeDiscover && known: // a running system asks
		s.put(now, q, stage{})
	case known && follows(q):
		m := *q.Msg
		m.Options = maps.Clone(m.Options)
		for code, v := range was.said {
			if _, ok := m.Options[code]; !ok {
				m.Options[code] = v
			}
		}
		whole := NewQuestion(&m, q.Port, q.From)
		whole.Msg = q.Msg
		return whole
	}
	return q
}

// follows reports whether a packet goes on with what a DISCOVER began: a REQUEST
// for the address that was offered (RFC 2131 §4.3.2, SELECTING), or firmware's
// question to a boot server. A client with a class that is not firmware's is
// another one.
func follows(q Question) bool {
	_, hasClass := q.Msg.Options[optClass]
	if hasClass && !q.boots {
		return false
	}
	return q.state == stateBootServer || q.state == stateSelecting
}

// told notes the file that a machine's firmware is answered with.
func (s *Stages) told(now time.Time, q Question, file string) {
	if s == nil || q.client.IPXE {
		return
	}
	if is, ok := s.get(now, q); ok {
		is.loads = file
		s.put(now, q, is)
	}
}

// startsItself reports whether a file would load iPXE into iPXE: its name says so,
// or the machine's firmware loaded that file a moment ago and now iPXE asks.
func (s *Stages) startsItself(now time.Time, q Question, file string) bool {
	if !q.client.IPXE && !q.plain.IPXE || file == "" {
		return false
	}
	if pxe.LoadsIPXE(file) {
		return true
	}
	if s == nil || !pxe.MayLoadIPXE(file) {
		return false
	}
	was, ok := s.get(now, q)
	return ok && was.loads == file
}

func (s *Stages) get(now time.Time, q Question) (stage, bool) {
	is, ok := s.now[string(q.Msg.ClientHWAddr)]
	if !ok {
		is, ok = s.before[string(q.Msg.ClientHWAddr)]
	}
	if !ok || is.said == nil || now.Sub(is.at) >= stageLasts {
		return stage{}, false
	}
	return is, true
}

// put keeps a stage. Each map fills up for a while and is dropped when the next
// one is full, so that neither time nor a flood makes them grow.
func (s *Stages) put(now time.Time, q Question, is stage) {
	if s.now == nil || len(s.now) >= maxStages || now.Sub(s.turned) >= stageLasts {
		s.now, s.before, s.turned = map[string]stage{}, s.now, now
	}
	s.now[string(q.Msg.ClientHWAddr)] = is
}
