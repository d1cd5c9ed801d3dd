package boots

import (
	"hash/maphash"
	"time"

	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

// seen recognizes the records that a connection repeats because an earlier
// connection to the same pxed has brought them. Records are in order but for
// moments: of the latest ones it knows each, of older ones that they are old.
type seen struct {
	newest time.Time
	recent map[uint64]time.Time
}

const (
	// disorder is by how much a record may be older than one before it. A DHCP
	// answer carries the time of its decision, and may wait for the disk.
	disorder = 30 * time.Second
	// maxRecent bounds recent. Half a minute at 1,000 boots a minute has some
	// 20,000 events.
	maxRecent = 1 << 15
)

var seed = maphash.MakeSeed()

func (s *seen) event(e trace.Event, replay bool) bool {
	return s.record(e.Time, maphash.Comparable(seed, e), replay)
}

func (s *seen) packet(p tracestream.Packet, replay bool) bool {
	var h maphash.Hash
	h.SetSeed(seed)
	maphash.WriteComparable(&h, p.Time)
	maphash.WriteComparable(&h, p.From)
	maphash.WriteComparable(&h, p.To)
	h.Write(p.Payload)
	return s.record(p.Time, h.Sum64(), replay)
}

// record notes a record, and reports whether a replay repeats it.
func (s *seen) record(at time.Time, hash uint64, replay bool) bool {
	if replay {
		if _, ok := s.recent[hash]; ok || at.Before(s.newest.Add(-disorder)) {
			return true
		}
	}
	if s.recent == nil {
		s.recent = map[uint64]time.Time{}
	}
	if at.After(s.newest) || at.Before(s.newest.Add(-disorder)) { // or the clock was set back
		s.newest = at
	}
	if len(s.recent) >= maxRecent {
		for hash, at := range s.recent {
			if len(s.recent) > maxRecent/2 || at.Before(s.newest.Add(-disorder)) {
				delete(s.recent, hash)
			}
		}
	}
	s.recent[hash] = at
	return false
}
