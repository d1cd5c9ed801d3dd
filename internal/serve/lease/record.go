package lease

import (
	"net/netip"
	"time"
)

// Record is a lease as it is kept. It says how long the lease was for and not
// when it ends: see Restore.
type Record struct {
	Addr     netip.Addr
	Client   Client
	HW       string // the bytes of the hardware address
	Length   time.Duration
	Hostname string // as the client gave it
}

// Change is what the database is to do with an address: keep a record of it, or
// forget it where Record is nil. A Record is never changed once it is in one.
type Change struct {
	Addr   netip.Addr
	Record *Record
}
