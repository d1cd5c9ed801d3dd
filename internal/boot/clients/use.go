package clients

import "time"

const (
	// retries is how long after a boot's last packet firmware's requests
	// count as the same boot, whatever their xid: the request on port 4011
	// has a different xid, which is 0 for iPXE.
	retries = 10 * time.Second
	// patience is how long the requests of one boot go on at most. Firmware
	// retransmits its REQUEST after 4, 8, 16 and 32 s (PXE 2.1 §2.2.1). It
	// must not be longer: some ROMs derive the xid from their MAC, and use
	// the same one in every boot.
	patience = time.Minute
)

// Use is the boot that has used something that applies to one boot only. The
// zero Use is a boot that ended long ago.
type Use struct {
	At   time.Time // of its first REQUEST
	Last time.Time // of the last packet of the same transaction
	XID  [4]byte   // of that transaction
}

// NewUse starts with a REQUEST.
func NewUse(now time.Time, xid [4]byte) Use { return Use{At: now, Last: now, XID: xid} }

// Again records another packet. If the site's DHCP server answers only a late
// REQUEST, the request on port 4011 comes long after the first.
func (u *Use) Again(now time.Time, xid [4]byte) {
	if xid == u.XID && !u.Over(now, xid) {
		u.Last = now
	}
}

// Over reports whether a request with that xid belongs to another boot.
func (u Use) Over(now time.Time, xid [4]byte) bool {
	return now.Sub(u.At) >= patience || xid != u.XID && now.Sub(u.Last) >= retries
}
