package clients

import "time"

const (
	// retries is how long after the last of them firmware's questions count as
	// the same boot, whatever their transaction is called: the question on port
	// 4011 has an xid of its own, and iPXE's is 0 there.
	retries = 10 * time.Second
	// patience is how long a boot's questions go on at most. Firmware repeats
	// its REQUEST after 4, 8, 16 and 32 s (PXE 2.1 §2.2.1). Longer it must not
	// be: some ROMs make the xid of their MAC, and have the same in every boot.
	patience = time.Minute
)

// Use is the boot that has used what counts for one boot only. The zero Use is
// that of a boot long over.
type Use struct {
	At   time.Time // of its first REQUEST
	Last time.Time // of the last packet of the same transaction
	XID  [4]byte   // of that transaction
}

// NewUse begins with a REQUEST.
func NewUse(now time.Time, xid [4]byte) Use { return Use{At: now, Last: now, XID: xid} }

// Again notes a further packet. Where the site's DHCP server answers a late
// REQUEST only, the question on port 4011 comes long after the first.
func (u *Use) Again(now time.Time, xid [4]byte) {
	if xid == u.XID && !u.Over(now, xid) {
		u.Last = now
	}
}

// Over reports whether a question with that xid is another boot's.
func (u Use) Over(now time.Time, xid [4]byte) bool {
	return now.Sub(u.At) >= patience || xid != u.XID && now.Sub(u.Last) >= retries
}
