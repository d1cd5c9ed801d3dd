package tftp

import (
	"net/netip"
	"slices"
	"time"
)

// limits bound what clients can make the server hold.
type limits struct {
	running    int           // transfers at one time
	perAddress int           // of them, for one address; as many more may wait
	backlog    int           // requests that wait for a place
	patience   time.Duration // how long they wait: later, the client has asked anew or gone
	// grace is how long a transfer that its client has not answered keeps
	// its place while others wait for one. Whoever is on the link
	// answers in far less; a forged request never does.
	grace time.Duration
}

func defaultLimits() limits {
	return limits{running: 1000, perAddress: 16, backlog: 512, patience: 10 * time.Second, grace: 100 * time.Millisecond}
}

// split is each reactor's part: clients are spread over them by port.
func (l limits) split(reactors int) limits {
	l.running = max(l.running/reactors, 1)
	l.perAddress = max(l.perAddress/reactors, 1)
	l.backlog = max(l.backlog/reactors, 1)
	return l
}

// verdict is what becomes of a request.
type verdict int

const (
	run   verdict = iota
	queue         // for a place, first come, first served
	drop          // the client will ask again
)

// admission decides which requests run, which wait and which are dropped.
// Nobody is told that the server is busy: firmware takes an ERROR for the end.
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

// admit judges a request. The caller follows it by begin or push.
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

// waits finds a client's request in the queue, or nil: a repeat of it is not
// to stand there twice. It is good until the queue changes.
func (a *admission) waits(client netip.AddrPort) *waiting {
	i := slices.IndexFunc(a.queue, func(w waiting) bool { return w.client == client })
	if i < 0 {
		return nil
	}
	return &a.queue[i]
}

// next takes the first request out of the queue that may run now.
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

// wanted tells whether somebody waits for a place that this address has.
func (a *admission) wanted(from netip.Addr) bool {
	return len(a.queue) > 0 && (a.total >= a.running || a.share[from].waiting > 0)
}

// expired takes a request out of the queue that has waited too long.
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
