package leasedb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"

	"github.com/pxebox/pxebox/internal/serve/lease"
)

// legacyName is the database of earlier versions, made by bbolt. It stays in
// its place so that a rolled-back update finds it.
const legacyName = "leases.db"

// A bbolt file is a tree of pages, and only the meta pages have a checksum. The
// library trusts its numbers: a page that links to itself keeps the library
// busy forever, with growing memory, and other damage ends the process in one
// of the library's goroutines. This reader visits each page once, copies what
// it reads, and keeps no more bytes than the file has.
const (
	legacyMeta  = 0xED0CDAED
	legacyHead  = 16 // of a page: id, flags, count, overflow
	legacyItem  = 16 // of an element of a page
	legacyDepth = 16 // of the tree; a database of 65,536 leases has three levels

	flagBranch = 0x01
	flagLeaf   = 0x02
	flagBucket = 0x01 // of a leaf's element

	// legacyMost limits the size of the file in bytes: the library leaves free
	// pages behind, and 65,536 leases make 32 MB.
	legacyMost = 256 << 20
	// legacyLong is longer than any page of leases, in bytes.
	legacyLong = 1 << 20
)

var legacyBucket = []byte("leases") // keyed by the four bytes of the address

// legacy is what was read from a database of an older version.
type legacy struct {
	records []lease.Record
	txid    uint64 // its last transaction; 0 if unknown
	found   bool   // it exists, and was not imported yet
	damage  error

	path string
}

// readLegacy reads the database at path, unless its last transaction has
// already been imported. The error is about its surroundings.
func readLegacy(path string, imported uint64) (legacy, error) {
	l := legacy{path: path}
	f, size, err := regular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	defer f.Close()
	t := tree{file: f, size: size, seen: map[uint64]bool{}}
	m, err := t.meta()
	if err != nil {
		l.found, l.damage = true, err
		return l, nil
	}
	if m.txid == imported {
		return l, nil
	}
	l.txid, l.found = m.txid, true
	t.pages, t.left = m.pages, size
	t.bucket(m.root)
	l.records, l.damage = t.records, t.damage
	return l, nil
}

// done is called once the records are on disk elsewhere. It sets a damaged
// database aside, which would otherwise be reported at each start.
func (l legacy) done(log *slog.Logger) {
	switch {
	case !l.found:
	case l.damage == nil:
		log.Info("lease database of an older version imported", "file", l.path, "leases", len(l.records))
	default:
		bad, err := moveAside(l.path)
		log.Error("the lease database of an older version is damaged: some leases may be lost, and their addresses offered again",
			"file", l.path, "kept", bad, "leases", len(l.records), "damage", l.damage, "err", err)
	}
}

// tree reads the pages of one file.
type tree struct {
	file  io.ReaderAt
	size  int64
	page  int64  // bytes of a page
	pages uint64 // pages from this number on are not in use

	seen    map[uint64]bool
	left    int64 // bytes of records that may still be kept
	records []lease.Record
	last    netip.Addr
	damage  error // the first
}

// legacyTop is the contents of a meta page.
type legacyTop struct{ root, pages, txid uint64 }

// meta finds the newer of the two meta pages. They are the first two pages, and
// store the page size.
func (t *tree) meta() (newest legacyTop, err error) {
	if t.size > legacyMost {
		return newest, fmt.Errorf("it has %d bytes; the limit is %d", t.size, legacyMost)
	}
	for at := int64(0); at <= 1<<16; at = max(512, 2*at) {
		b := make([]byte, legacyHead+64)
		if n, _ := t.file.ReadAt(b, at); n < len(b) {
			continue
		}
		b = b[legacyHead:]
		page := int64(binary.LittleEndian.Uint32(b[8:]))
		sum := fnv.New64a()
		sum.Write(b[:56])
		if binary.LittleEndian.Uint32(b) != legacyMeta || sum.Sum64() != binary.LittleEndian.Uint64(b[56:]) {
			continue
		}
		if page < 512 || page > 1<<16 || at != 0 && at != page {
			continue
		}
		if m := (legacyTop{
			root: binary.LittleEndian.Uint64(b[16:]), pages: binary.LittleEndian.Uint64(b[40:]),
			txid: binary.LittleEndian.Uint64(b[48:]),
		}); m.txid >= newest.txid {
			newest, t.page = m, page
		}
	}
	if t.page == 0 {
		return newest, errors.New("it has no valid meta page")
	}
	return newest, nil
}

func (t *tree) spoilt(page uint64, what string) {
	if t.damage == nil {
		t.damage = fmt.Errorf("page %d: %s", page, what)
	}
}

// read returns a page, or nil if the page is not available or was read before.
func (t *tree) read(id uint64) []byte {
	switch {
	case id < 2 || id >= t.pages || id >= uint64(t.size/t.page):
		t.spoilt(id, "it is outside the file")
		return nil
	case t.seen[id]:
		t.spoilt(id, "two other pages point to it")
		return nil
	}
	t.seen[id] = true
	head := make([]byte, legacyHead)
	at := int64(id) * t.page
	if _, err := t.file.ReadAt(head, at); err != nil {
		t.spoilt(id, err.Error())
		return nil
	}
	size := (int64(binary.LittleEndian.Uint32(head[12:])) + 1) * t.page
	if size > legacyLong || size > t.size-at {
		t.spoilt(id, "it is longer than the file")
		return nil
	}
	b := make([]byte, size)
	if _, err := t.file.ReadAt(b, at); err != nil {
		t.spoilt(id, err.Error())
		return nil
	}
	return b
}

// item is one element of a page: a record, a bucket, or a link to a page.
type item struct {
	flags      uint32
	page       uint64
	key, value []byte
}

// items lists the valid elements of a page.
func items(b []byte) (kind uint16, out []item, ok bool) {
	if len(b) < legacyHead {
		return 0, nil, false
	}
	kind = binary.LittleEndian.Uint16(b[8:])
	n := int(binary.LittleEndian.Uint16(b[10:]))
	ok = kind == flagBranch || kind == flagLeaf
	if !ok || legacyHead+n*legacyItem > len(b) {
		return kind, nil, false
	}
	for i := range n {
		e := b[legacyHead+i*legacyItem:] // offsets count from here
		word := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(e[4*i:])) }
		var x item
		var from, key, value uint64
		if kind == flagBranch {
			from, key, x.page = word(0), word(1), binary.LittleEndian.Uint64(e[8:])
		} else {
			x.flags, from, key, value = uint32(word(0)), word(1), word(2), word(3)
		}
		if from+key+value > uint64(len(e)) {
			ok = false
			continue
		}
		x.key, x.value = e[from:from+key], e[from+key:from+key+value]
		out = append(out, x)
	}
	return kind, out, ok
}

// bucket finds the bucket of leases in the root, and walks it.
func (t *tree) bucket(root uint64) {
	b := t.read(root)
	kind, all, ok := items(b)
	if !ok || kind != flagLeaf {
		t.spoilt(root, "it is not a tree's root")
	}
	for _, x := range all {
		if kind != flagLeaf || x.flags&flagBucket == 0 || !bytes.Equal(x.key, legacyBucket) || len(x.value) < 16 {
			continue
		}
		if id := binary.LittleEndian.Uint64(x.value); id != 0 {
			t.walk(id, 0)
		} else { // a small bucket is stored inside the value
			t.take(root, x.value[16:], 0)
		}
		return
	}
	if len(all) > 0 {
		t.spoilt(root, "it has no lease bucket")
	}
}

func (t *tree) walk(id uint64, depth int) {
	if depth > legacyDepth {
		t.spoilt(id, "it is nested too deep")
		return
	}
	if b := t.read(id); b != nil {
		t.take(id, b, depth)
	}
}

// take reads the elements of a page, and the pages below it.
func (t *tree) take(id uint64, b []byte, depth int) {
	kind, all, ok := items(b)
	if !ok {
		t.spoilt(id, "it has malformed elements")
	}
	for _, x := range all {
		if kind == flagBranch {
			t.walk(x.page, depth+1)
			continue
		}
		if t.left -= int64(len(x.value)); t.left < 0 || len(t.records) >= maxRecords {
			t.spoilt(id, "its elements are larger than the file")
			return
		}
		r, err := decodeRecord(x.key, x.value)
		if err != nil {
			t.spoilt(id, err.Error())
			continue
		}
		if t.last.IsValid() && !t.last.Less(r.Addr) {
			t.spoilt(id, "its keys are not in ascending order") // one of the two is wrong, and both may be leased
		}
		t.last = r.Addr
		t.records = append(t.records, r)
	}
}
