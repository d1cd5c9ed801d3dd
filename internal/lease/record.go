package lease

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
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

// Change is what the store is to do with an address: keep a record of it, or
// forget it where Record is nil.
type Change struct {
	Addr   netip.Addr
	Record *Record
}

// recordVersion is the first byte of a stored value. It changes when what
// follows does.
const recordVersion = 1

var errRecord = errors.New("not a lease record")

// append writes the record's value: the version; the length in seconds,
// rounded up so that nothing is promised for longer than it is kept; client,
// hardware address and host name, each behind its own length. The address is
// the key. Not JSON: a client identifier is bytes, and no text.
func (r *Record) append(b []byte) []byte {
	b = append(b, recordVersion)
	b = binary.AppendUvarint(b, uint64((r.Length+time.Second-1)/time.Second))
	for _, s := range []string{string(r.Client), r.HW, r.Hostname} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// decodeRecord reads what append has written. It takes nothing else.
func decodeRecord(key, value []byte) (Record, error) {
	a, ok := netip.AddrFromSlice(key)
	if !ok || !a.Is4() {
		return Record{}, fmt.Errorf("key %x: %w", key, errRecord)
	}
	bad := func(what string) (Record, error) {
		return Record{}, fmt.Errorf("%v: %w: %s", a, errRecord, what)
	}
	if len(value) == 0 || value[0] != recordVersion {
		return bad("its version is not known")
	}
	b := value[1:]
	seconds, n := binary.Uvarint(b)
	// Option 51 is 32 bits of seconds (RFC 2132 §9.2).
	if n <= 0 || seconds == 0 || seconds > math.MaxUint32 {
		return bad("its length is none")
	}
	b = b[n:]
	var texts [3]string
	for i := range texts {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return bad("it ends early")
		}
		b = b[n:]
		texts[i], b = string(b[:size]), b[size:]
	}
	if len(b) > 0 {
		return bad("it ends late")
	}
	if texts[0] == "" {
		return bad("it has no client")
	}
	return Record{
		Addr: a, Client: Client(texts[0]), HW: texts[1],
		Length: time.Duration(seconds) * time.Second, Hostname: texts[2],
	}, nil
}
