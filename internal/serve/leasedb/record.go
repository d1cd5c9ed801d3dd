package leasedb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/serve/lease"
)

// recordVersion is the first byte of a stored value. It changes with the format
// of what follows.
const recordVersion = 1

// maxText is longer than any text of a record: a client identifier of 255 bytes
// with the prefix that package dhcp adds.
const maxText = 512

var errRecord = errors.New("not a lease record")

// appendRecord writes the record's value: the version; the length in seconds,
// rounded up so that no promise outlasts its record; client, hardware address
// and host name, each preceded by its length. The address is the key. The
// format is not JSON because a client identifier is bytes, not text.
func appendRecord(b []byte, r *lease.Record) []byte {
	b = append(b, recordVersion)
	b = binary.AppendUvarint(b, uint64((r.Length+time.Second-1)/time.Second))
	for _, s := range []string{string(r.Client), r.HW, r.Hostname} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// decodeRecord reads what appendRecord wrote, and nothing else.
func decodeRecord(key, value []byte) (lease.Record, error) {
	a, ok := netip.AddrFromSlice(key)
	if !ok || !a.Is4() {
		return lease.Record{}, fmt.Errorf("key %x: %w", key, errRecord)
	}
	bad := func(what string) (lease.Record, error) {
		return lease.Record{}, fmt.Errorf("%v: %w: %s", a, errRecord, what)
	}
	if len(value) == 0 || value[0] != recordVersion {
		return bad("unknown version")
	}
	b := value[1:]
	seconds, n := binary.Uvarint(b)
	// Option 51 is 32 bits of seconds (RFC 2132 §9.2).
	if n <= 0 || seconds == 0 || seconds > math.MaxUint32 {
		return bad("invalid lease length")
	}
	b = b[n:]
	var texts [3]string
	for i := range texts {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return bad("it is cut short")
		}
		if size > maxText {
			return bad("a string in it is too long")
		}
		b = b[n:]
		texts[i], b = string(b[:size]), b[size:]
	}
	if len(b) > 0 {
		return bad("there is data after its end")
	}
	if texts[0] == "" {
		return bad("it has no client")
	}
	return lease.Record{
		Addr: a, Client: lease.Client(texts[0]), HW: texts[1],
		Length: time.Duration(seconds) * time.Second, Hostname: texts[2],
	}, nil
}
