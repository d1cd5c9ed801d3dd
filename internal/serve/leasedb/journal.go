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

// The file is a sequence of blocks. Everything in it starts at a block, so that
// a write that a power cut interrupts damages no block that was synced before,
// and a reader finds what follows a damaged block. The header is stored twice.
// Frames follow: the length of the payload, a checksum, the payload, and zeros
// to the end of the block. A payload is a sequence of changes: an address, the
// length of the record's value, the value. Length zero deletes the address.
const (
	block     = 4096
	magic     = "pxebox leases 1\n"
	headSize  = len(magic) + 8 + 8 + 4
	frames    = 2 * block // where they start
	frameHead = 4 + 4
	// leastChange is the minimum length of a payload.
	leastChange = 4 + 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the contents of the first two blocks.
type header struct {
	// Salt is part of each checksum. The file contains names that clients
	// choose; none of them may pass for a frame, nor may the remains of a
	// former file on the medium.
	Salt uint64
	// Imported is the last transaction that was imported from an older
	// version's database; 0 if none.
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

// pad fills the last block with zeros.
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

// close writes the head of the frame that starts at from and ends with b.
func (h header) close(b []byte, from int) []byte {
	head, payload := b[from:from+frameHead], b[from+frameHead:]
	binary.LittleEndian.PutUint32(head, uint32(len(payload)))
	binary.LittleEndian.PutUint32(head[4:], h.sum(head[:4], payload))
	return pad(b)
}

// image returns a new file. Each frame occupies one block, so that a bad block
// loses only the leases in it.
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

// payload returns the payload of the frame at the start of b, and the length of
// the frame in bytes. checked is the number of bytes checksummed.
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

// contents is what was read from a journal.
type contents struct {
	head    header
	records map[netip.Addr]*lease.Record

	data   []byte
	size   int64 // of the file
	end    int64 // after the last frame
	lost   int   // bytes before end that are in no frame
	reason error // why nothing in the file can be read
	none   bool  // there is no file
}

// sound reports whether the file can be appended to.
func (c contents) sound() bool {
	return !c.none && c.reason == nil && c.lost == 0 && c.end == c.size && c.end%block == 0
}

// readJournal reads as much of a file as possible. The error is about its
// surroundings.
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
			reason: fmt.Errorf("it has %d bytes; the limit is %d", size, maxFile),
		}, nil
	}
	data, err := readAll(f, size)
	if err != nil {
		return contents{}, err
	}
	return parse(data), nil
}

// readAll reads a file of the given size. Blocks that the medium cannot read
// become zeros.
func readAll(f io.ReaderAt, size int64) ([]byte, error) {
	const many = 64 * block
	b := make([]byte, size)
	for at := 0; at < len(b); at += many {
		if n, err := readPart(f, b[at:min(at+many, len(b))], int64(at)); err != nil {
			return nil, err
		} else if at+n < len(b) && n < many {
			return b[:at+n], nil // the file was truncated meanwhile
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

// parse reads the contents of a file.
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
	// A damaged length may cause the rest of the file to be checked, at each
	// block. The limit is twice the size of the file, which is twice the cost
	// of an undamaged one.
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

// take applies the changes of one frame.
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

// setAside preserves a file that is about to be replaced, if replacing it loses
// something. The error means that the old file is still in its place.
func (c contents) setAside(path string, log *slog.Logger) error {
	switch {
	case c.none:
	case c.reason != nil:
		bad, err := moveAside(path)
		if err != nil {
			return fmt.Errorf("%w; and it cannot be set aside: %w", c.reason, err)
		}
		log.Error("the lease database cannot be read: starting with an empty one; leased addresses may be offered again",
			"file", path, "kept", bad, "err", c.reason)
	case c.lost > 0:
		// A copy, not a rename: the file stays in its place until a new one
		// replaces it.
		bad, err := nextAside(path)
		if err == nil {
			err = durable.WriteFile(bad, c.data, 0o600)
		}
		log.Error("the lease database is damaged: some leases may be lost, and their addresses offered again",
			"file", path, "kept", bad, "leases", len(c.records), "damaged_bytes", c.lost, "err", err)
	case c.end < c.size:
		log.Warn("lease database: the last write was interrupted; no client was answered for it", "file", path,
			"bytes", c.size-c.end)
	}
	return nil
}
