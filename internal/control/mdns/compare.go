package mdns

import (
	"bytes"
	"cmp"
	"slices"

	"golang.org/x/net/dns/dnsmessage"
)

// compare orders two sets of records of one name as two hosts do that probe for
// it at the same time: sorted, then record by record, and the set that has more
// is the later one (RFC 6762 §8.2, §8.2.1).
func compare(a, b []dnsmessage.Resource) int {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, compareOne)
	slices.SortFunc(b, compareOne)
	return slices.CompareFunc(a, b, compareOne)
}

// compareOne compares class, type and data.
func compareOne(a, b dnsmessage.Resource) int {
	return cmp.Or(
		cmp.Compare(a.Header.Class&^topBit, b.Header.Class&^topBit),
		cmp.Compare(a.Header.Type, b.Header.Type),
		bytes.Compare(data(a), data(b)),
	)
}

// data returns a record's data with all names uncompressed, whose bytes can be
// compared.
func data(r dnsmessage.Resource) []byte {
	// The Builder compresses no names. The root is the shortest one.
	r.Header.Name = dnsmessage.MustNewName(".")
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{})
	if err := b.StartAnswers(); err != nil {
		return nil
	}
	var err error
	switch body := r.Body.(type) {
	case *dnsmessage.AResource:
		err = b.AResource(r.Header, *body)
	case *dnsmessage.AAAAResource:
		err = b.AAAAResource(r.Header, *body)
	case *dnsmessage.SRVResource:
		err = b.SRVResource(r.Header, *body)
	case *dnsmessage.TXTResource:
		err = b.TXTResource(r.Header, *body)
	case *dnsmessage.PTRResource:
		err = b.PTRResource(r.Header, *body)
	case *dnsmessage.UnknownResource:
		err = b.UnknownResource(r.Header, *body)
	}
	m, finish := b.Finish()
	const before = 12 + 1 + 2 + 2 + 4 + 2 // header, name, type, class, TTL, length
	if err != nil || finish != nil || len(m) < before {
		return nil
	}
	return m[before:]
}
