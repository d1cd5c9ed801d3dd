package tftp

import (
	"net/netip"
	"slices"
	"time"
)

// limits bound what the server holds for clients.
type limits struct {
	running    int           // transfers that run at a time
	perAddress int           // of them, for one address; as many more may wait
	backlog    int           // requests that wait for a slot
	patience   time.Duration // how long they wait: after that, the client has asked again or has gone
	// grace is how long an unanswered transfer keeps its slot while other
	// requests wait for one. A client on the link answers much sooner. A forged
	// request is never answered.
	grace time.Duration
}

func defaultLimits() limits {
	return limits{running: 1000, perAddress: 16, backlog: 512, patience: 10 * time.Second,
		grace: 100 * time.Millisecond}
}

// split returns the limits of each reactor. Clients are spread over the
// reactors by port.
func (l limits) split(reactors int) limits {
	l.running = max(l.running/reactors, 1)
	l.perAddress = max(l.perAddress/reactors, 1)
	l.backlog = max(l.backlog/reactors, 1)
	return l
}

// verdict is the decision about a request.
type verdict int

const (
	run   verdict = iota
	queue         // until a slot is free, first come, first served
	drop          // the client will ask again
)

// admission decides which requests run, which wait and which are dropped. A
// busy server sends no error, because firmware does not retry after an ERROR.
type admission struct {
	limits
	total int
	share map[netip.Addr]share
	queue []waiting
}

type share struct{ running, waiting int }

type waiting struct {
	arrival
	src   *source
	since time.Time
}

func newAdmission(l limits) *admission {
	return &admission{limits: l, share: map[netip.Addr]share{}}
}

// admit judges a request. The caller then calls begin or push.
func (a *admission) admit(from netip.Addr) verdict {
	sh := a.share[from]
	switch {
	case a.total < a.running && sh.running < a.perAddress:
		return run
	case len(a.queue) < a.backlog && sh.waiting < a.perAddress:
		return queue
	}
	return drop
}

func (a *admission) change(from netip.Addr, running, waiting int) {
	sh := a.share[from]
	sh.running += running
	sh.waiting += waiting
	a.total += running
	if sh == (share{}) {
		delete(a.share, from)
		return
	}
	a.share[from] = sh
}

func (a *admission) begin(from netip.Addr) { a.change(from, 1, 0) }
func (a *admission) end(from netip.Addr)   { a.change(from, -1, 0) }

func (a *admission) push(w waiting) {
	a.queue = append(a.queue, w)
	a.change(w.client.Addr(), 0, 1)
}

// waits returns a client's request in the queue, or nil, so that a repeat is
// not queued a second time. The pointer is valid until the queue changes.
func (a *admission) waits(client netip.AddrPort) *waiting {
	i := slices.IndexFunc(a.queue, func(w waiting) bool { return w.client == client })
	if i < 0 {
		return nil
	}
	return &a.queue[i]
}

// next removes the first request that may run now from the queue.
func (a *admission) next() (waiting, bool) {
	if a.total >= a.running {
		return waiting{}, false
	}
	for i, w := range a.queue {
		if a.share[w.client.Addr()].running < a.perAddress {
			return a.take(i), true
		}
	}
	return waiting{}, false
}

// wanted reports whether a request waits for a slot that this address holds.
func (a *admission) wanted(from netip.Addr) bool {
	return len(a.queue) > 0 && (a.total >= a.running || a.share[from].waiting > 0)
}

// expired removes a request that has waited too long from the queue.
func (a *admission) expired(now time.Time) (waiting, bool) {
	if len(a.queue) == 0 || now.Sub(a.queue[0].since) < a.patience {
		return waiting{}, false
	}
	return a.take(0), true
}

func (a *admission) take(i int) waiting {
	w := a.queue[i]
	a.queue = slices.Delete(a.queue, i, i+1)
	a.change(w.client.Addr(), 0, -1)
	return w
}
