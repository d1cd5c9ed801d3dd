package lease

import (
	"net/netip"
	"time"
)

// Record is a stored lease. It says how long the lease runs, not when it ends:
// see Restore.
type Record struct {
	Addr     netip.Addr
	Client   Client
	HW       string // the bytes of the hardware address
	Length   time.Duration
	Hostname string // as the client gave it
}

// Change tells the database what to do with an address: store a record of it,
// or forget it if Record is nil. A Record in a Change is never modified.
type Change struct {
	Addr   netip.Addr
	Record *Record
}
