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
	// Firmware repeats a DISCOVER for a minute (PXE 2.1 §2.2.1), and the
	// program that it loads asks again within seconds.
	stageLasts = 2 * time.Minute
	// maxStages is the minimum number of machines that are remembered; the
	// maximum is twice that.
	maxStages = 2048
)

// Stages remembers what booting machines said a moment ago. A boot has several
// stages, each of which asks by DHCP, and a packet may omit what an earlier
// stage said. The zero Stages is ready to use; a nil Stages remembers nothing.
//
// A restart loses this: a machine that boots at that moment is then classified
// by each packet alone.
type Stages struct {
	now, before map[string]stage // by MAC
	turned      time.Time
}

// stage is what a machine's last DISCOVER said, and the file in the answer to
// its firmware.
type stage struct {
	at    time.Time
	said  map[uint8][]byte
	loads string
}

// saidOnce are the options that classify a machine and that some loaders omit
// from a REQUEST.
var saidOnce = []uint8{optClass, optUserClass, optArch, optGUID, optIPXE}

// complete adds to a question the options of the machine's DISCOVER that it
// omits now, and remembers those of a DISCOVER.
func (s *Stages) complete(now time.Time, q Question) Question {
	if s == nil {
		return q
	}
	was, known := s.get(now, q)
	switch t := q.Msg.MessageType(); {
	case t == dhcpv4.MessageTypeDiscover && q.boots:
		is := stage{at: now, said: map[uint8][]byte{}}
		if q.client.IPXE { // the firmware that loaded it was the previous stage
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
	case known && follows(q) && omits(q.Msg, was.said):
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

// omits reports whether a packet lacks one of the options. Most firmware repeats
// them all, and its packets are classified only once.
func omits(m *dhcpv4.DHCPv4, said map[uint8][]byte) bool {
	for code := range said {
		if _, ok := m.Options[code]; !ok {
			return true
		}
	}
	return false
}

// follows reports whether a packet continues what a DISCOVER began: a REQUEST
// for the offered address (RFC 2131 §4.3.2, SELECTING), or firmware's request
// to a boot server. A client whose class is not firmware's is a different
// client.
func follows(q Question) bool {
	_, hasClass := q.Msg.Options[optClass]
	if hasClass && !q.boots {
		return false
	}
	return q.state == stateBootServer || q.state == stateSelecting
}

// told records the file in the answer to a machine's firmware.
func (s *Stages) told(now time.Time, q Question, file string) {
	if s == nil || q.client.IPXE {
		return
	}
	if is, ok := s.get(now, q); ok {
		is.loads = file
		s.put(now, q, is)
	}
}

// offered reports whether a machine's firmware was told a moment ago to boot
// from the box.
func (s *Stages) offered(now time.Time, q Question) bool {
	if s == nil {
		return false
	}
	is, ok := s.get(now, q)
	return ok && is.loads != ""
}

// startsItself reports whether a file would make iPXE load iPXE: its name says
// so, or the machine's firmware loaded that file a moment ago and now iPXE
// asks.
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

// put stores a stage. Each map fills up for a while and is dropped when the
// next one is full, so neither time nor a flood makes them grow.
func (s *Stages) put(now time.Time, q Question, is stage) {
	if s.now == nil || len(s.now) >= maxStages || now.Sub(s.turned) >= stageLasts {
		s.now, s.before, s.turned = map[string]stage{}, s.now, now
	}
	s.now[string(q.Msg.ClientHWAddr)] = is
}
