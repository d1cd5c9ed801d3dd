package boots

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

const (
	maxOthers        = 64
	maxOtherFiles    = 8
	maxOtherMachines = 256
)

// Others collects which other servers answer DHCP or PXE on this network. The
// zero value is ready. One goroutine owns it.
type Others struct{ byServer map[netip.Addr]*other }

// Other is another server that answers.
type Other struct {
	Server      netip.Addr
	First, Last time.Time // its first and its last answer
	// Boots says that it tells machines what to boot. If not, it only leases
	// addresses.
	Boots bool
	// Files are the boot files that it named, the latest first. At most 8 are
	// kept. There may be none: a PXE server names its file later, on port 4011.
	Files []string
	// Machines is how many machines it answered. It stops at 256.
	Machines int
	// Taken says that a machine took a lease of it.
	Taken bool
	// Machine is the one that it answered last.
	Machine ether.MAC
}

type other struct {
	Other
	machines map[ether.MAC]bool
}

// Add notes an event. When there are too many servers, the one that was silent
// the longest is evicted: a flood of offers with forged addresses takes no
// memory.
func (o *Others) Add(e trace.Event) {
	if e.What != trace.OtherOffer && e.What != trace.OtherRequest || e.Protocol != trace.DHCP || !e.Server.IsValid() {
		return
	}
	s := o.byServer[e.Server]
	if s == nil {
		if len(o.byServer) >= maxOthers {
			all := slices.Collect(maps.Values(o.byServer))
			oldest := slices.MinFunc(all, func(a, b *other) int { return a.Last.Compare(b.Last) })
			delete(o.byServer, oldest.Server)
		}
		if o.byServer == nil {
			o.byServer = map[netip.Addr]*other{}
		}
		s = &other{Other: Other{Server: e.Server, First: e.Time}, machines: map[ether.MAC]bool{}}
		o.byServer[e.Server] = s
	}
	s.Last = e.Time
	if e.MAC.IsValid() {
		s.Machine = e.MAC
		if len(s.machines) < maxOtherMachines {
			s.machines[e.MAC] = true
		}
	}
	s.Taken = s.Taken || e.What == trace.OtherRequest
	s.Boots = s.Boots || e.What == trace.OtherOffer
	if file := trace.Name(e.File); file != "" {
		s.Files = slices.DeleteFunc(s.Files, func(f string) bool { return f == file })
		s.Files = slices.Insert(s.Files, 0, file)
		s.Files = s.Files[:min(len(s.Files), maxOtherFiles)]
	}
}

// List returns the servers, the last one to answer first.
func (o *Others) List() []Other {
	var out []Other
	for _, s := range o.byServer {
		other := s.Other
		other.Files, other.Machines = slices.Clone(s.Files), len(s.machines)
		out = append(out, other)
	}
	slices.SortFunc(out, func(a, b Other) int {
		if c := b.Last.Compare(a.Last); c != 0 {
			return c
		}
		return a.Server.Compare(b.Server)
	})
	return out
}

// Others returns the other servers that were seen, the last one to answer first.
func (s *Store) Others() []Other {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.others.List()
}
