package leasedb

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/durable"
	"github.com/pxebox/pxebox/internal/serve/lease"
)

// The file is a row of blocks. Everything in it begins with one, so that a
// write which a power cut interrupts spoils no block that was synced before,
// and a reader finds what follows after a damaged one. The header is there
// twice. Frames follow: the length of the payload, a checksum, the payload, and
// zeros to the end of the block. A payload is a row of changes: an address, the
// length of the record's value, the value; the length zero forgets the address.
const (
	block     = 4096
	magic     = "pxebox leases 1\n"
	headSize  = len(magic) + 8 + 8 + 4
	frames    = 2 * block // where they begin
	frameHead = 4 + 4
	// leastChange is the least that a payload holds.
	leastChange = 4 + 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is what the first two blocks hold.
type header struct {
	// Salt is part of each checksum: names that clients choose are in the
	// file, and none of them is to pass for a frame; nor is what a former file
	// has left on the medium.
	Salt uint64
	// Imported is the transaction up to which the database of an older version
	// has been read; 0 for none.
	Imported uint64
}

func newSalt() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

func (h header) append(b []byte) []byte {
	from := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint64(b, h.Salt)
	b = binary.LittleEndian.AppendUint64(b, h.Imported)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
	return pad(b)
}

func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < headSize || !bytes.HasPrefix(b, []byte(magic)) {
		return header{}, false
	}
	sum := headSize - 4
	if crc32.Checksum(b[:sum], castagnoli) != binary.LittleEndian.Uint32(b[sum:]) {
		return header{}, false
	}
	return header{binary.LittleEndian.Uint64(b[len(magic):]), binary.LittleEndian.Uint64(b[len(magic)+8:])}, true
}

// pad fills the last block up.
func pad(b []byte) []byte { return append(b, make([]byte, -len(b)&(block-1))...) }

func (h header) sum(size, payload []byte) uint32 {
	sum := crc32.Checksum(binary.LittleEndian.AppendUint64(nil, h.Salt), castagnoli)
	return crc32.Update(crc32.Update(sum, castagnoli, size), castagnoli, payload)
}

// frame appends a batch.
func (h header) frame(b []byte, changes []lease.Change) []byte {
	from := len(b)
	b = append(b, make([]byte, frameHead)...)
	for _, c := range changes {
		b = appendChange(b, c)
	}
	return h.close(b, from)
}

// close writes the head of the frame that begins there and ends with b.
func (h header) close(b []byte, from int) []byte {
	head, payload := b[from:from+frameHead], b[from+frameHead:]
	binary.LittleEndian.PutUint32(head, uint32(len(payload)))
	binary.LittleEndian.PutUint32(head[4:], h.sum(head[:4], payload))
	return pad(b)
}

// image is a fresh file. Each frame has one block, so that a bad one costs no
// more than the leases in it.
func (h header) image(records []lease.Record) []byte {
	b := h.append(h.append(nil))
	from := len(b)
	for i := range records {
		change := appendChange(nil, lease.Change{Addr: records[i].Addr, Record: &records[i]})
		if len(b) > from && len(b)-from+len(change) > block {
			b = h.close(b, from)
			from = len(b)
		}
		if len(b) == from {
			b = append(b, make([]byte, frameHead)...)
		}
		b = append(b, change...)
	}
	if len(b) > from {
		b = h.close(b, from)
	}
	return b
}

// payload returns that of the frame at the beginning of b, and how many bytes
// of b the frame has. checked is what it has cost to find out.
func (h header) payload(b []byte, most int) (p []byte, size, checked int, ok bool) {
	if len(b) < frameHead {
		return nil, 0, 0, false
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if n < leastChange || n > uint64(len(b)-frameHead) || n > uint64(most) {
		return nil, 0, 0, false
	}
	p = b[frameHead : frameHead+int(n)]
	if h.sum(b[:4], p) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, 0, len(p), false
	}
	size = frameHead + len(p)
	return p, min(size+-size&(block-1), len(b)), len(p), true
}

func appendChange(b []byte, c lease.Change) []byte {
	a := c.Addr.As4()
	b = append(b, a[:]...)
	if c.Record == nil {
		return append(b, 0)
	}
	value := appendRecord(nil, c.Record)
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

// decodeChanges reads a payload.
func decodeChanges(b []byte) ([]lease.Change, error) {
	var out []lease.Change
	for len(b) > 0 {
		if len(b) < leastChange {
			return nil, errRecord
		}
		key := b[:4]
		size, n := binary.Uvarint(b[4:])
		if n <= 0 || size > uint64(len(b)-4-n) {
			return nil, errRecord
		}
		value := b[4+n:][:size]
		b = b[4+n+int(size):]
		c := lease.Change{Addr: netip.AddrFrom4([4]byte(key))}
		if size > 0 {
			r, err := decodeRecord(key, value)
			if err != nil {
				return nil, err
			}
			c.Record = &r
		}
		out = append(out, c)
	}
	return out, nil
}

// contents is what was read of a journal.
type contents struct {
	head    header
	records map[netip.Addr]*lease.Record

	data   []byte
	size   int64 // of the file
	end    int64 // behind the last frame
	lost   int   // bytes before it that are in no frame
	reason error // why nothing can be read of the file at all
	none   bool  // there is no file
}

// sound reports whether the file can be written on.
func (c contents) sound() bool {
	return !c.none && c.reason == nil && c.lost == 0 && c.end == c.size && c.end%block == 0
}

// readJournal reads a file, as much as can be read of it. The error is about
// its surroundings.
func readJournal(path string) (contents, error) {
	f, size, err := regular(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return contents{records: map[netip.Addr]*lease.Record{}, none: true}, nil
	case err != nil:
		return contents{}, err
	}
	defer f.Close()
	if size > maxFile {
		return contents{
			records: map[netip.Addr]*lease.Record{}, size: size,
			reason: fmt.Errorf("it has %d bytes; at most %d are read", size, maxFile),
		}, nil
	}
	data, err := readAll(f, size)
	if err != nil {
		return contents{}, err
	}
	return parse(data), nil
}

// readAll reads a file of that size. What the medium does not give is zeros.
func readAll(f io.ReaderAt, size int64) ([]byte, error) {
	const many = 64 * block
	b := make([]byte, size)
	for at := 0; at < len(b); at += many {
		if n, err := readPart(f, b[at:min(at+many, len(b))], int64(at)); err != nil {
			return nil, err
		} else if at+n < len(b) && n < many {
			return b[:at+n], nil // it has become shorter
		}
	}
	return b, nil
}

func readPart(f io.ReaderAt, b []byte, at int64) (int, error) {
	n, err := f.ReadAt(b, at)
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return n, nil
	case !errors.Is(err, unix.EIO):
		return 0, err
	case len(b) <= block:
		clear(b)
		return len(b), nil
	}
	for o := 0; o < len(b); o += block {
		n, err := readPart(f, b[o:min(o+block, len(b))], at+int64(o))
		if err != nil || n < min(block, len(b)-o) {
			return o + n, err
		}
	}
	return len(b), nil
}

// parse reads what a file holds.
func parse(data []byte) contents {
	c := contents{records: map[netip.Addr]*lease.Record{}, data: data, size: int64(len(data))}
	first, ok := parseHeader(data)
	second, ok2 := parseHeader(data[min(block, len(data)):])
	switch {
	case ok:
		c.head = first
	case ok2:
		c.head = second
	case len(data) == 0:
		c.reason = errors.New("it is empty")
		return c
	default:
		c.reason = errors.New("it has no header")
		return c
	}
	if first != second || len(data) < frames {
		c.lost = block
	}
	c.end = min(frames, c.size)
	// A damaged length may have the rest of the file checked, at each block.
	// Twice the file is twice what a sound one costs.
	checks := 2 * len(data)
	for at := frames; at < len(data); {
		p, size, checked, ok := c.head.payload(data[at:], checks)
		checks -= checked
		if ok {
			ok = c.take(p)
		}
		if !ok {
			at += block
			continue
		}
		c.lost += at - int(c.end)
		at += size
		c.end = int64(at)
	}
	return c
}

// take makes the changes of one frame.
func (c *contents) take(payload []byte) bool {
	changes, err := decodeChanges(payload)
	if err != nil || len(c.records) > maxRecords {
		return false
	}
	for _, x := range changes {
		if x.Record == nil {
			delete(c.records, x.Addr)
		} else {
			c.records[x.Addr] = x.Record
		}
	}
	return true
}

// setAside keeps a file that a fresh one is to replace, where that loses
// something. The error means that the old file is still in its place.
func (c contents) setAside(path string, log *slog.Logger) error {
	switch {
	case c.none:
	case c.reason != nil:
		bad, err := moveAside(path)
		if err != nil {
			return fmt.Errorf("%w; and it cannot be set aside: %w", c.reason, err)
		}
		log.Error("the lease database cannot be read: starting with an empty one; addresses that are leased may be offered again",
			"file", path, "kept", bad, "err", c.reason)
	case c.lost > 0:
		// A copy, and not the file: it is in its place until a fresh one is.
		bad, err := nextAside(path)
		if err == nil {
			err = durable.WriteFile(bad, c.data, 0o600)
		}
		log.Error("the lease database is damaged: some leases may be lost, and their addresses offered again",
			"file", path, "kept", bad, "leases", len(c.records), "damaged_bytes", c.lost, "err", err)
	case c.end < c.size:
		log.Warn("lease database: the last write was interrupted; no client was answered for it", "file", path, "bytes", c.size-c.end)
	}
	return nil
}
