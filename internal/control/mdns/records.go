package mdns

import (
	"bytes"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// ServiceType is the service that the page is announced as.
const ServiceType = "_https._tcp.local."

const (
	// enumeration is the name that lists a host's services (RFC 6763 §9).
	enumeration = "_services._dns-sd._udp.local."

	typeNSEC = dnsmessage.Type(47) // RFC 4034 §4
	typeANY  = dnsmessage.TypeALL

	// topBit is the top bit of a class. In a question it asks for a unicast
	// response (RFC 6762 §5.4). In a record it says that this is all there is of
	// its name and type (§10.2).
	topBit = dnsmessage.Class(1 << 15)

	// hostTTL is for records that contain a host's name or address, otherTTL for
	// all others (RFC 6762 §10), and legacyTTL for clients that know only
	// ordinary DNS (§6.7); all in seconds.
	hostTTL, otherTTL, legacyTTL = 120, 75 * 60, 10
)

// set is a set of the box's records, by index.
type set uint8

// The records. All but the last two are unique: no other host may have records
// of that name.
const (
	recA        = iota // the host's address
	recNSEC            // the host has no other records, such as AAAA
	recSRV             // the service instance's host and port
	recTXT             // its attributes
	recPTR             // the service has this instance
	recServices        // the host has this service
	recCount
)

const unique = 1<<recA | 1<<recNSEC | 1<<recSRV | 1<<recTXT

// records are what the box says about itself under one name.
type records struct {
	host, instance string // lower case, as is ServiceType
	all            [recCount]dnsmessage.Resource
}

// newRecords returns the records of a label, which is the first part of both
// the host's and the service instance's name. The label and the texts must be
// short enough.
func newRecords(label string, addr netip.Addr, port uint16, texts []string) records {
	r := records{host: label + ".local.", instance: label + "." + ServiceType}
	host, instance := dnsmessage.MustNewName(r.host), dnsmessage.MustNewName(r.instance)
	service := dnsmessage.MustNewName(ServiceType)
	if len(texts) == 0 {
		texts = []string{""} // an empty TXT record is not allowed (RFC 6763 §6.1)
	}
	put := func(i int, name dnsmessage.Name, ttl uint32, t dnsmessage.Type, body dnsmessage.ResourceBody) {
		h := dnsmessage.ResourceHeader{Name: name, Type: t, Class: dnsmessage.ClassINET, TTL: ttl}
		r.all[i] = dnsmessage.Resource{Header: h, Body: body}
	}
	put(recA, host, hostTTL, dnsmessage.TypeA, &dnsmessage.AResource{A: addr.As4()})
	put(recNSEC, host, hostTTL, typeNSEC, &dnsmessage.UnknownResource{Type: typeNSEC, Data: onlyA(r.host)})
	put(recSRV, instance, hostTTL, dnsmessage.TypeSRV, &dnsmessage.SRVResource{Port: port, Target: host})
	put(recTXT, instance, otherTTL, dnsmessage.TypeTXT, &dnsmessage.TXTResource{TXT: texts})
	put(recPTR, service, otherTTL, dnsmessage.TypePTR, &dnsmessage.PTRResource{PTR: instance})
	put(recServices, dnsmessage.MustNewName(enumeration), otherTTL, dnsmessage.TypePTR,
		&dnsmessage.PTRResource{PTR: service})
	return r
}

// onlyA returns the data of an NSEC record which says that a host has an A
// record and no other (RFC 6762 §6.1). Without it, clients that also ask for an
// IPv6 address wait for it.
func onlyA(host string) []byte {
	var b []byte
	for _, label := range strings.Split(strings.TrimSuffix(host, "."), ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	// The end of the name, then block 0 of the bitmap: one byte, with bit 1.
	return append(b, 0, 0, 1, 0x40)
}

// asked returns the records that answer a question.
func (r *records) asked(q dnsmessage.Question) set {
	if c := q.Class &^ topBit; c != dnsmessage.ClassINET && c != dnsmessage.ClassANY {
		return 0
	}
	switch {
	case is(q.Name, r.host):
		switch q.Type {
		case dnsmessage.TypeA, typeANY:
			return 1 << recA
		}
		return 1 << recNSEC
	case is(q.Name, r.instance):
		switch q.Type {
		case dnsmessage.TypeSRV:
			return 1 << recSRV
		case dnsmessage.TypeTXT:
			return 1 << recTXT
		case typeANY:
			return 1<<recSRV | 1<<recTXT
		}
	case is(q.Name, ServiceType):
		if q.Type == dnsmessage.TypePTR || q.Type == typeANY {
			return 1 << recPTR
		}
	case is(q.Name, enumeration):
		if q.Type == dnsmessage.TypePTR || q.Type == typeANY {
			return 1 << recServices
		}
	}
	return 0
}

// more returns the records that a client will ask for next (RFC 6763 §12).
func (s set) more() set {
	var m set
	if s&(1<<recPTR) != 0 {
		m |= 1<<recSRV | 1<<recTXT
	}
	if s&(1<<recPTR|1<<recSRV) != 0 {
		m |= 1<<recA | 1<<recNSEC
	}
	if s&(1<<recA|1<<recNSEC) != 0 {
		m |= 1<<recA | 1<<recNSEC
	}
	return m &^ s
}

// message returns a response with some of the records. goodbye says that they
// are not valid any more.
func (r *records) message(answers set, goodbye bool) []byte {
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: true, Authoritative: true}}
	m.Answers = r.pick(answers, func(i int, h *dnsmessage.ResourceHeader) {
		if unique&(1<<i) != 0 {
			h.Class |= topBit
		}
		if goodbye {
			h.TTL = 0
		}
	})
	if !goodbye {
		m.Additionals = r.pick(answers.more(), func(i int, h *dnsmessage.ResourceHeader) {
			if unique&(1<<i) != 0 {
				h.Class |= topBit
			}
		})
	}
	return pack(m)
}

// legacy returns the response to a client of ordinary DNS (RFC 6762 §6.7).
func (r *records) legacy(id uint16, questions []dnsmessage.Question, answers set) []byte {
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: id, Response: true, Authoritative: true},
		Questions: questions}
	short := func(_ int, h *dnsmessage.ResourceHeader) { h.TTL = legacyTTL }
	m.Answers, m.Additionals = r.pick(answers, short), r.pick(answers.more(), short)
	return pack(m)
}

// probe returns a question for the names, with the records that the box wants
// to have for them (RFC 6762 §8.1).
func (r *records) probe() []byte {
	m := dnsmessage.Message{Authorities: r.pick(1<<recA|1<<recSRV|1<<recTXT, func(int, *dnsmessage.ResourceHeader) {})}
	for _, name := range []string{r.host, r.instance} {
		m.Questions = append(m.Questions, dnsmessage.Question{
			// RFC 6762 §8.1 prefers unicast answers; they would not reach a
			// socket that receives only the group.
			Name: dnsmessage.MustNewName(name), Type: typeANY, Class: dnsmessage.ClassINET,
		})
	}
	return pack(m)
}

// pick returns copies of the records in s, changed by change.
func (r *records) pick(s set, change func(int, *dnsmessage.ResourceHeader)) []dnsmessage.Resource {
	var out []dnsmessage.Resource
	for i := range recCount {
		if s&(1<<i) != 0 {
			one := r.all[i]
			change(i, &one.Header)
			out = append(out, one)
		}
	}
	return out
}

func pack(m dnsmessage.Message) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(err) // the records are the box's own, and newRecords has made their names
	}
	return b
}

// known returns the box's record that a record of another host repeats, if its
// remaining lifetime is at least half of the full one (RFC 6762 §7.1).
func (r *records) known(o dnsmessage.Resource) set {
	for i, own := range r.all {
		if sameName(own.Header, o.Header) && own.Header.Type == o.Header.Type && o.Header.TTL >= own.Header.TTL/2 &&
			bytes.Equal(data(own), data(o)) {
			return 1 << i
		}
	}
	return 0
}

// claims reports whether a record of another host's response is for one of the
// names that only the box may have, with other content than the box's. Before
// the box has the names, any type counts (RFC 6762 §8.1). Afterwards those count
// that the box has, and AAAA, which it says it does not have (§9).
func (r *records) claims(o dnsmessage.Resource, established bool) bool {
	h := o.Header
	if h.TTL == 0 || h.Class&^topBit != dnsmessage.ClassINET || !is(h.Name, r.host) && !is(h.Name, r.instance) {
		return false
	}
	if established {
		switch o.Header.Type {
		case dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypeSRV, dnsmessage.TypeTXT:
		default:
			return false
		}
	}
	for _, own := range r.all[:recPTR] {
		if sameName(own.Header, o.Header) && own.Header.Type == o.Header.Type && bytes.Equal(data(own), data(o)) {
			return false
		}
	}
	return true
}

// loses reports whether the box yields to another host that probes for the same
// names at the same moment: to the one whose records come later (RFC 6762
// §8.2). The host's records decide. Those of the service instance count only if
// they are equal, or if the other host asks for the instance alone: with a
// comparison for each name, two boxes might both yield, again and again.
func (r *records) loses(theirs []dnsmessage.Resource) bool {
	for _, c := range []struct {
		name string
		own  set
	}{{r.host, 1 << recA}, {r.instance, 1<<recTXT | 1<<recSRV}} {
		var others []dnsmessage.Resource
		for _, o := range theirs {
			if is(o.Header.Name, c.name) {
				others = append(others, o)
			}
		}
		if len(others) == 0 {
			continue
		}
		if n := compare(r.pick(c.own, func(int, *dnsmessage.ResourceHeader) {}), others); n != 0 {
			return n < 0
		}
	}
	return false
}

func sameName(a, b dnsmessage.ResourceHeader) bool {
	return a.Class&^topBit == b.Class&^topBit && is(a.Name, b.Name.String())
}

// is compares a name without regard to case (RFC 6762 §16). Most names differ in
// their length, and a packet may have many.
func is(n dnsmessage.Name, name string) bool {
	return int(n.Length) == len(name) && strings.EqualFold(n.String(), name)
}
