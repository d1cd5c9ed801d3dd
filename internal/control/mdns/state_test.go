package mdns

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// host is a responder on a network without sockets.
type host struct {
	state
	addr netip.Addr
}

func newHost(addr string) *host {
	p := netip.MustParsePrefix(addr)
	h := &host{addr: p.Addr()}
	h.state = state{
		service: Service{Label: "pxebox", Port: 443, Text: []string{"pin=" + addr}},
		number:  1, random: func(d time.Duration) time.Duration { return d / 2 },
	}
	return h
}

func (h *host) port() netip.AddrPort { return netip.AddrPortFrom(h.addr, port) }

// network carries packets between hosts, and keeps its own time.
type network struct {
	t     *testing.T
	now   time.Time
	hosts []*host
	sent  []string // "name: summary" of each packet
}

func newNetwork(t *testing.T, hosts ...*host) *network {
	return &network{t: t, now: time.Unix(1000, 0), hosts: hosts}
}

// send delivers what a host sends to all others.
func (n *network) send(from *host, out []packet) {
	for _, p := range out {
		n.sent = append(n.sent, from.addr.String()+" "+summary(n.t, p.data))
		for _, to := range n.hosts {
			if to != from {
				n.send(to, to.receive(n.now, from.port(), p.data))
			}
		}
	}
}

// run lets time pass.
func (n *network) run(d time.Duration) {
	for end := n.now.Add(d); n.now.Before(end); n.now = n.now.Add(10 * time.Millisecond) {
		for _, h := range n.hosts {
			if at := h.wake(); !at.IsZero() && !at.After(n.now) {
				n.send(h, h.tick(n.now))
			}
		}
	}
}

// summary says what a packet is: "probe pxebox.local.", "answer A=192.0.2.1 ttl 120".
func summary(t *testing.T, b []byte) string {
	t.Helper()
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil {
		t.Fatalf("a packet that cannot be read: %v", err)
	}
	var parts []string
	switch {
	case m.Response && len(m.Questions) > 0:
		parts = append(parts, "legacy")
	case m.Response:
		parts = append(parts, "answer")
	default:
		parts = append(parts, "probe", m.Questions[0].Name.String())
	}
	for _, r := range m.Answers {
		s := strings.TrimPrefix(r.Header.Type.String(), "Type")
		if a, ok := r.Body.(*dnsmessage.AResource); ok {
			s += "=" + netip.AddrFrom4(a.A).String()
		}
		if r.Header.TTL == 0 {
			s += " bye"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func (n *network) names() []string {
	var out []string
	for _, h := range n.hosts {
		out = append(out, h.name())
	}
	return out
}

func TestNameIsProbedForAndAnnounced(t *testing.T) {
	h := newHost("192.0.2.1/24")
	n := newNetwork(t, h)
	h.use(n.now, h.prefix())
	n.run(500 * time.Millisecond)
	if h.name() != "" {
		t.Errorf("it has the name %q before its probes are unanswered", h.name())
	}
	n.run(3 * time.Second)
	want := []string{
		"192.0.2.1 probe pxebox.local.", "192.0.2.1 probe pxebox.local.", "192.0.2.1 probe pxebox.local.",
		"192.0.2.1 answer A=192.0.2.1 47 SRV TXT PTR", "192.0.2.1 answer A=192.0.2.1 47 SRV TXT PTR",
	}
	if !slices.Equal(n.sent, want) {
		t.Errorf("it sends\n%s\nwant\n%s", strings.Join(n.sent, "\n"), strings.Join(want, "\n"))
	}
	if h.name() != "pxebox.local" {
		t.Errorf("its name is %q", h.name())
	}
	if got := summary(t, h.goodbye()[0].data); got != "answer A=192.0.2.1 bye 47 bye SRV bye TXT bye PTR bye" {
		t.Errorf("at its end it sends %s", got)
	}
}

func (h *host) prefix() netip.Prefix { return netip.PrefixFrom(h.addr, 24) }

func TestTwoBoxes(t *testing.T) {
	for _, tt := range []struct {
		situation string
		second    string
		after     time.Duration // the second box starts
		want      []string
	}{
		{
			situation: "one after the other", second: "192.0.2.2/24", after: time.Minute,
			want: []string{"pxebox.local", "pxebox-2.local"},
		},
		{
			situation: "the second one has the lower address", second: "192.0.2.0/24", after: time.Minute,
			want: []string{"pxebox.local", "pxebox-2.local"},
		},
		{
			situation: "during the probes of the first", second: "192.0.2.0/24", after: 300 * time.Millisecond,
			want: []string{"pxebox.local", "pxebox-2.local"},
		},
		{
			situation: "at once: the higher address wins", second: "192.0.2.2/24", after: 0,
			want: []string{"pxebox-2.local", "pxebox.local"},
		},
		{
			situation: "at once, the other way round", second: "192.0.2.0/24", after: 0,
			want: []string{"pxebox.local", "pxebox-2.local"},
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			a, b := newHost("192.0.2.1/24"), newHost(tt.second)
			n := newNetwork(t, a, b)
			a.use(n.now, a.prefix())
			n.run(tt.after)
			b.use(n.now, b.prefix())
			n.run(10 * time.Second)
			if got := n.names(); !slices.Equal(got, tt.want) {
				t.Errorf("the names are %q, want %q; sent:\n%s", got, tt.want, strings.Join(n.sent, "\n"))
			}
		})
	}
}

// Two networks with a box each are connected: both have the name.
func TestNetworksAreJoined(t *testing.T) {
	a, b := newHost("192.0.2.1/24"), newHost("192.0.2.2/24")
	n := newNetwork(t)
	for _, h := range []*host{a, b} {
		n.hosts = []*host{h}
		h.use(n.now, h.prefix())
		n.run(5 * time.Second)
	}
	n.hosts = []*host{a, b}
	// A client asks.
	client := &host{addr: netip.MustParseAddr("192.0.2.77")}
	n.send(client, []packet{toGroup(question(t, "pxebox.local.", dnsmessage.TypeA, 0))})
	n.run(20 * time.Second)
	got := n.names()
	slices.Sort(got)
	if !slices.Equal(got, []string{"pxebox-2.local", "pxebox.local"}) {
		t.Errorf("the names are %q; sent:\n%s", got, strings.Join(n.sent, "\n"))
	}
}

func question(
	t *testing.T, name string, q dnsmessage.Type, class dnsmessage.Class, known ...dnsmessage.Resource,
) []byte {
	t.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7}, Answers: known, Questions: []dnsmessage.Question{
		{Name: dnsmessage.MustNewName(name), Type: q, Class: dnsmessage.ClassINET | class},
	}}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// settled returns a host that has its name since a while.
func settledHost(t *testing.T) (*host, *network) {
	h := newHost("192.0.2.1/24")
	n := newNetwork(t, h)
	h.use(n.now, h.prefix())
	n.run(10 * time.Second)
	n.sent = nil
	return h, n
}

func TestAnswers(t *testing.T) {
	known := newRecords("pxebox", netip.MustParseAddr("192.0.2.1"), 443, []string{"pin=192.0.2.1/24"}).all
	old := known[recPTR]
	old.Header.TTL = otherTTL/2 - 1
	onLink, offLink := "192.0.2.9:5353", "198.51.100.9:5353"
	for _, tt := range []struct {
		situation string
		from      string
		q         []byte
		want      string // "to: summary"; empty: no answer
	}{
		{
			situation: "an address", from: onLink, q: question(t, "pxebox.local.", dnsmessage.TypeA, 0),
			want: "224.0.0.251:5353 answer A=192.0.2.1",
		},
		{
			situation: "in capitals", from: onLink, q: question(t, "PXEbox.LOCAL.", dnsmessage.TypeA, 0),
			want: "224.0.0.251:5353 answer A=192.0.2.1",
		},
		{
			situation: "an IPv6 address, which it has not", from: onLink,
			q: question(t, "pxebox.local.", dnsmessage.TypeAAAA, 0), want: "224.0.0.251:5353 answer 47",
		},
		{situation: "another name", from: onLink, q: question(t, "pxebox-2.local.", dnsmessage.TypeA, 0)},
		{
			situation: "the service", from: onLink, q: question(t, ServiceType, dnsmessage.TypePTR, 0),
			want: "224.0.0.251:5353 answer PTR",
		},
		{
			situation: "the instance", from: onLink, q: question(t, "pxebox."+ServiceType, typeANY, 0),
			want: "224.0.0.251:5353 answer SRV TXT",
		},
		{
			situation: "the list of services", from: onLink, q: question(t, enumeration, dnsmessage.TypePTR, 0),
			want: "224.0.0.251:5353 answer PTR",
		},
		{
			situation: "known to the client", from: onLink,
			q: question(t, ServiceType, dnsmessage.TypePTR, 0, known[recPTR]),
		},
		{
			situation: "known, and about to expire", from: onLink,
			q: question(t, ServiceType, dnsmessage.TypePTR, 0, old), want: "224.0.0.251:5353 answer PTR",
		},
		{
			situation: "by unicast, multicast lately", from: onLink,
			q: question(t, "pxebox.local.", dnsmessage.TypeA, topBit), want: "192.0.2.9:5353 answer A=192.0.2.1",
		},
		{
			situation: "by unicast, from beyond the link", from: offLink,
			q: question(t, "pxebox.local.", dnsmessage.TypeA, topBit), want: "224.0.0.251:5353 answer A=192.0.2.1",
		},
		{
			situation: "an ordinary resolver", from: "192.0.2.9:40000",
			q: question(t, "pxebox.local.", dnsmessage.TypeA, 0), want: "192.0.2.9:40000 legacy A=192.0.2.1",
		},
		{
			situation: "an ordinary resolver beyond the link", from: "198.51.100.9:40000",
			q: question(t, "pxebox.local.", dnsmessage.TypeA, 0),
		},
		{
			situation: "an answer from a port that is not the group's", from: "192.0.2.9:40000",
			q: newRecordsMessage("192.0.2.66"),
		},
		{situation: "no packet of DNS", from: onLink, q: []byte("no packet of DNS")},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			h, n := settledHost(t)
			out := h.receive(n.now, netip.MustParseAddrPort(tt.from), tt.q)
			for range 30 { // an answer may be delayed
				n.now = n.now.Add(10 * time.Millisecond)
				if at := h.wake(); !at.IsZero() && !at.After(n.now) {
					out = append(out, h.tick(n.now)...)
				}
			}
			got := ""
			for _, p := range out {
				got += p.to.String() + " " + summary(t, p.data)
			}
			if got != tt.want || h.name() != "pxebox.local" {
				t.Errorf("it answers %q, want %q; its name is %q", got, tt.want, h.name())
			}
		})
	}
}

// newRecordsMessage is the announcement of another box that has the name.
func newRecordsMessage(addr string) []byte {
	r := newRecords("pxebox", netip.MustParseAddr(addr), 443, nil)
	return r.message(unique|1<<recPTR, false)
}

func TestConflict(t *testing.T) {
	from := netip.MustParseAddrPort("192.0.2.9:5353")
	goodbye := newRecords("pxebox", netip.MustParseAddr("192.0.2.9"), 443, nil)
	own := newRecords("pxebox", netip.MustParseAddr("192.0.2.1"), 443, []string{"pin=192.0.2.1/24"})
	service := newRecords("other", netip.MustParseAddr("192.0.2.9"), 443, nil)
	for _, tt := range []struct {
		situation string
		packet    []byte
		probes    bool // again
	}{
		{situation: "another address under the name", packet: newRecordsMessage("192.0.2.9"), probes: true},
		{situation: "another host that leaves", packet: goodbye.message(unique|1<<recPTR, true)},
		{situation: "the box's own packet, reflected", packet: own.message(unique|1<<recPTR, false)},
		{situation: "another host's service of the same type", packet: service.message(unique|1<<recPTR, false)},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			h, n := settledHost(t)
			h.receive(n.now, from, tt.packet)
			if probes := h.phase == probing; probes != tt.probes {
				t.Errorf("it probes again: %v, want %v", probes, tt.probes)
			}
		})
	}
}

// A host that claims each name that the box tries does not make it probe
// without end at full speed.
func TestManyConflicts(t *testing.T) {
	h := newHost("192.0.2.1/24")
	n := newNetwork(t, h)
	h.use(n.now, h.prefix())
	sent := 0
	for end := n.now.Add(time.Minute); n.now.Before(end); n.now = n.now.Add(10 * time.Millisecond) {
		at := h.wake()
		if at.After(n.now) {
			continue
		}
		for range h.tick(n.now) {
			sent++
			other := newRecords(h.label(), netip.MustParseAddr("192.0.2.9"), 443, nil)
			h.receive(n.now, netip.MustParseAddrPort("192.0.2.9:5353"), other.message(1<<recA, false))
		}
	}
	// The first ones at once, then one in 5 s.
	if sent < 20 || sent > manyConflicts+60/5 {
		t.Errorf("it sends %d probes a minute", sent)
	}
}

func TestFloods(t *testing.T) {
	for _, tt := range []struct {
		situation string
		from      string
		q         []byte
		most      int // answers to 10,000 questions in a second
	}{
		{
			situation: "of an address", from: "192.0.2.9:5353", q: question(t, "pxebox.local.", dnsmessage.TypeA, 0),
			most: 2,
		},
		{
			situation: "of the service", from: "192.0.2.9:5353", q: question(t, ServiceType, dnsmessage.TypePTR, 0),
			most: 2,
		},
		{
			situation: "for unicast answers", from: "192.0.2.9:5353",
			q: question(t, "pxebox.local.", dnsmessage.TypeA, topBit), most: 2 * unicasts,
		},
		{
			situation: "of an ordinary resolver", from: "192.0.2.9:999",
			q: question(t, "pxebox.local.", dnsmessage.TypeA, 0), most: 2 * unicasts,
		},
		{situation: "of probes", from: "192.0.2.9:5353", q: newProbe(), most: 2 * unicasts},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			h, n := settledHost(t)
			sent := 0
			for range 10_000 {
				n.now = n.now.Add(100 * time.Microsecond)
				sent += len(h.receive(n.now, netip.MustParseAddrPort(tt.from), tt.q))
				if at := h.wake(); !at.IsZero() && !at.After(n.now) {
					sent += len(h.tick(n.now))
				}
			}
			if sent == 0 || sent > tt.most {
				t.Errorf("it sends %d packets, want at most %d", sent, tt.most)
			}
		})
	}
}

func newProbe() []byte {
	r := newRecords("pxebox", netip.MustParseAddr("192.0.2.9"), 443, nil)
	return r.probe()
}

// The known answers of a client with many of them come in several packets (RFC
// 6762 §7.2).
func TestKnownAnswersInSecondPacket(t *testing.T) {
	h, n := settledHost(t)
	from := netip.MustParseAddrPort("192.0.2.9:5353")
	first := question(t, ServiceType, dnsmessage.TypePTR, 0)
	first[2] |= 0x02 // TC
	h.receive(n.now, from, first)
	second := dnsmessage.Message{Answers: []dnsmessage.Resource{h.records.all[recPTR]}}
	b, err := second.Pack()
	if err != nil {
		t.Fatal(err)
	}
	h.receive(n.now, from, b)
	n.run(time.Second)
	if len(n.sent) > 0 {
		t.Errorf("it answers %q", n.sent)
	}
}

// Names of services may contain dots, which the codec refuses.
func TestNamesWithDotsAreSkipped(t *testing.T) {
	h, n := settledHost(t)
	q := question(t, ServiceType, dnsmessage.TypePTR, 0)
	// A known answer: PTR to "v1.2" below the service type, at offset 12.
	q[7] = 1
	q = append(q, 0xc0, 12, 0, 12, 0, 1, 0, 0, 17, 148, 0, 7, 4, 'v', '1', '.', '2', 0xc0, 12)
	h.receive(n.now, netip.MustParseAddrPort("192.0.2.9:5353"), q)
	n.run(time.Second)
	if want := []string{"192.0.2.1 answer PTR"}; !slices.Equal(n.sent, want) {
		t.Errorf("it answers %q, want %q", n.sent, want)
	}
}

func TestNumberOf(t *testing.T) {
	for name, want := range map[string]int{
		"pxebox.local": 1, "pxebox-2.local": 2, "pxebox-99.local": 99, "pxebox-100.local": 1, "other-7.local": 1,
		"pxebox--1.local": 1, "": 1,
	} {
		if got := numberOf(name, "pxebox"); got != want {
			t.Errorf("%q has the number %d, want %d", name, got, want)
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(newRecordsMessage("192.0.2.9"), false)
	f.Add(newProbe(), true)
	f.Fuzz(func(t *testing.T, b []byte, established bool) {
		h := newHost("192.0.2.1/24")
		now := time.Unix(1000, 0)
		h.use(now, h.prefix())
		if established {
			for range 6 {
				now = now.Add(time.Second)
				h.tick(now)
			}
		}
		for _, p := range h.receive(now, netip.MustParseAddrPort("192.0.2.9:5353"), b) {
			summary(t, p.data)
		}
		h.tick(now.Add(time.Second))
	})
}
