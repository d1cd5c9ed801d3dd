package leasedb

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
)

// Offsets in a bbolt file, as in bbolt's internal/common: a page begins with id
// (8 bytes), flags, count (2 each) and overflow (4); its elements follow, 16
// bytes each.
const (
	pageFlags    = 8
	pageCount    = 10
	pageOverflow = 12
	pageHead     = 16
)

// damageKinds are the ways in which a database may be damaged. Each changes a
// copy of it.
var damageKinds = []struct {
	name string
	do   func(r *rand.Rand, b []byte, page int) []byte
}{
	{"64 bytes of a page", func(r *rand.Rand, b []byte, page int) []byte {
		scribble(r, at(b, r.IntN(len(b)-64), 64))
		return b
	}},
	{"the head of a page", func(r *rand.Rand, b []byte, page int) []byte {
		scribble(r, at(b, anyPage(r, b, page), pageHead))
		return b
	}},
	{"a branch page that leads to itself", func(r *rand.Rand, b []byte, page int) []byte {
		o := ofKind(r, b, page, 0x01)
		e := o + pageHead + 16*r.IntN(max(1, count(b, o)))
		binary.LittleEndian.PutUint64(b[e+8:], uint64(o/page))
		return b
	}},
	{"a branch page whose elements all lead to itself", func(r *rand.Rand, b []byte, page int) []byte {
		o := ofKind(r, b, page, 0x01)
		for i := range count(b, o) {
			binary.LittleEndian.PutUint64(b[o+pageHead+16*i+8:], uint64(o/page))
		}
		return b
	}},
	{"a branch page that leads to another page", func(r *rand.Rand, b []byte, page int) []byte {
		o := ofKind(r, b, page, 0x01)
		e := o + pageHead + 16*r.IntN(max(1, count(b, o)))
		binary.LittleEndian.PutUint64(b[e+8:], uint64(r.IntN(len(b)/page)))
		return b
	}},
	{"a leaf page that says it is a branch page", func(r *rand.Rand, b []byte, page int) []byte {
		o := ofKind(r, b, page, 0x02)
		binary.LittleEndian.PutUint16(b[o+pageFlags:], 0x01)
		return b
	}},
	{"a page of too many elements", func(r *rand.Rand, b []byte, page int) []byte {
		binary.LittleEndian.PutUint16(b[anyPage(r, b, page)+pageCount:], uint16(r.Uint32()))
		return b
	}},
	{"a page that runs over all others", func(r *rand.Rand, b []byte, page int) []byte {
		binary.LittleEndian.PutUint32(b[anyPage(r, b, page)+pageOverflow:], r.Uint32())
		return b
	}},
	{"the list of free pages", func(r *rand.Rand, b []byte, page int) []byte {
		o := ofKind(r, b, page, 0x10)
		switch r.IntN(3) {
		case 0:
			binary.LittleEndian.PutUint16(b[o+pageCount:], 0xffff)
			binary.LittleEndian.PutUint64(b[o+pageHead:], r.Uint64()>>r.IntN(64))
		case 1: // pages that are in use
			for i := range 32 {
				binary.LittleEndian.PutUint64(b[o+pageHead+8*i:], uint64(r.IntN(len(b)/page)))
			}
		case 2:
			scribble(r, at(b, o+pageHead, 64))
		}
		return b
	}},
	{"where an element lies", func(r *rand.Rand, b []byte, page int) []byte {
		o := ofKind(r, b, page, 0x02)
		e := o + pageHead + 16*r.IntN(max(1, count(b, o)))
		binary.LittleEndian.PutUint32(b[e+4*r.IntN(4):], r.Uint32()>>r.IntN(32))
		return b
	}},
	{"single bits", func(r *rand.Rand, b []byte, page int) []byte {
		for range 1 + r.IntN(8) {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		return b
	}},
	{"the root, in meta pages that are in order", func(r *rand.Rand, b []byte, page int) []byte {
		for _, o := range []int{0, page} {
			m := b[o+pageHead : o+pageHead+64]
			// 16: the root's page; 32: the list of free pages; 40: the number of pages.
			field := []int{16, 32, 40}[r.IntN(3)]
			binary.LittleEndian.PutUint64(m[field:], r.Uint64()>>r.IntN(64))
			sealMeta(m)
		}
		return b
	}},
	{"the end is missing", func(r *rand.Rand, b []byte, page int) []byte { return b[:r.IntN(len(b))] }},
	{"zeros in place of a page", func(r *rand.Rand, b []byte, page int) []byte {
		clear(b[anyPage(r, b, page):][:page])
		return b
	}},
}

// damaged returns a copy of a database with the damage of that number.
func damaged(n int, whole []byte, page int) (kind string, b []byte) {
	k := damageKinds[n%len(damageKinds)]
	return k.name, k.do(rand.New(rand.NewPCG(uint64(n), 11)), bytes.Clone(whole), page)
}

// sealMeta updates the checksum of a meta page.
func sealMeta(m []byte) {
	h := fnv.New64a()
	h.Write(m[:56])
	binary.LittleEndian.PutUint64(m[56:], h.Sum64())
}

func scribble(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

func at(b []byte, offset, n int) []byte { return b[offset:min(offset+n, len(b))] }

func count(b []byte, o int) int { return int(binary.LittleEndian.Uint16(b[o+pageCount:])) }

func anyPage(r *rand.Rand, b []byte, page int) int { return r.IntN(len(b)/page) * page }

// ofKind finds a page with those flags, or any page if there is none.
func ofKind(r *rand.Rand, b []byte, page int, flags uint16) int {
	var all []int
	for o := 0; o+page <= len(b); o += page {
		if binary.LittleEndian.Uint16(b[o+pageFlags:]) == flags {
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		return anyPage(r, b, page)
	}
	return all[r.IntN(len(all))]
}
