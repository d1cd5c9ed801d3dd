package pxed

import (
	"net/netip"
	"sync"
)

// maxRefusals bounds refusals. A transfer has an entry for as long as it runs.
const maxRefusals = 1024

// refusals are the TFTP transfers that send a menu in place of a refused
// hand-over, each with the reason. What such a transfer has sent must not hand
// the machine over at its end, whatever is known by then. The zero value is
// ready to use.
type refusals struct {
	mu  sync.Mutex
	all map[netip.AddrPort]error
}

func (r *refusals) add(client netip.AddrPort, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[netip.AddrPort]error{}
	}
	for client := range r.all {
		if len(r.all) < maxRefusals {
			break
		}
		delete(r.all, client)
	}
	r.all[client] = why
}

// take returns why a transfer's hand-over was refused, and forgets it; nil if it
// was not.
func (r *refusals) take(client netip.AddrPort) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	why := r.all[client]
	delete(r.all, client)
	return why
}
