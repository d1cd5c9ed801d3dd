package machine

import "time"

const (
	// retries is how long firmware's questions count as one boot, whatever
	// their transaction is called: the question on port 4011 has an xid of its
	// own, and iPXE's is 0 there.
	retries = 10 * time.Second
	// patience is how long those of one transaction do. Firmware repeats its
	// REQUEST after 4, 8, 16 and 32 s (PXE 2.1 §2.2.1). Longer it must not be:
	// some ROMs make the xid of their MAC, and have the same in every boot.
	patience = time.Minute
)

// Use is the boot that has used what counts for one boot only. The zero Use is
// that of a boot long over.
type Use struct {
	At  time.Time // of its REQUEST
	XID [4]byte   // of its DHCP transaction
}

// Over reports whether a question with that xid is another boot's.
func (u Use) Over(now time.Time, xid [4]byte) bool {
	since := now.Sub(u.At)
	return since >= retries && (xid != u.XID || since >= patience)
}
