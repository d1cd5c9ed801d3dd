package netif

import (
	"math"
	"net"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func TestLifetime(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		situation     string
		lease, t1, t2 time.Duration
		want          lifetime
	}{
		{situation: "the server says nothing of T1 and T2", lease: 3600 * s,
			want: lifetime{1800 * s, 3150 * s, 3600 * s}},
		{situation: "the server says both", lease: 3600 * s, t1: 600 * s, t2: 1200 * s,
			want: lifetime{600 * s, 1200 * s, 3600 * s}},
		{situation: "T1 after T2", lease: 3600 * s, t1: 1300 * s, t2: 1200 * s,
			want: lifetime{600 * s, 1200 * s, 3600 * s}},
		{situation: "T2 after the end", lease: 3600 * s, t1: 600 * s, t2: 4000 * s,
			want: lifetime{600 * s, 3150 * s, 3600 * s}},
		{situation: "all three the same", lease: 3600 * s, t1: 3600 * s, t2: 3600 * s,
			want: lifetime{1800 * s, 3150 * s, 3600 * s}},
		{situation: "a lease of seconds", lease: 8 * s, want: lifetime{4 * s, 7 * s, 8 * s}},
		{situation: "forever", lease: infinite, t1: 600 * s, t2: 1200 * s},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := newLifetime(tt.lease, tt.t1, tt.t2); got != tt.want {
				t.Fatalf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestLifeOfALease(t *testing.T) {
	const m, s = time.Minute, time.Second
	hour := newLifetime(time.Hour, 0, 0) // T1 30m, T2 52m30s
	brief := newLifetime(16*s, 0, 0)     // T1 8s, T2 14s
	for _, tt := range []struct {
		situation string
		life      lifetime
		passed    time.Duration
		phase     phase
		wait      time.Duration
	}{
		{situation: "fresh: wait for T1", life: hour, phase: bound, wait: 30 * m},
		{situation: "just before T1", life: hour, passed: 30*m - s, phase: bound, wait: s},
		{situation: "T1: half the time to T2", life: hour, passed: 30 * m, phase: renewing, wait: 11*m + 15*s},
		{situation: "late before T2: a minute at least", life: hour, passed: 51 * m, phase: renewing, wait: m},
		{situation: "T2 is never passed over", life: hour, passed: 52 * m, phase: renewing, wait: 30 * s},
		{situation: "T2: ask all", life: hour, passed: 52*m + 30*s, phase: rebinding, wait: 3*m + 45*s},
		{situation: "near the end", life: hour, passed: 59*m + 30*s, phase: rebinding, wait: 30 * s},
		{situation: "the end", life: hour, passed: time.Hour, phase: expired},
		{situation: "long after", life: hour, passed: 5 * time.Hour, phase: expired},
		{situation: "a short lease asks more often than each minute", life: brief, passed: 8 * s,
			phase: renewing, wait: 3 * s},
		{situation: "a short lease's T2", life: brief, passed: 14 * s, phase: rebinding, wait: 2 * s},
		{situation: "forever", passed: 1000 * time.Hour, phase: bound, wait: math.MaxInt64},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			phase, wait := tt.life.at(tt.passed)
			if phase != tt.phase || wait != tt.wait {
				t.Fatalf("phase %v for %v, want %v for %v", phase, wait, tt.phase, tt.wait)
			}
		})
	}
}

func TestLeased(t *testing.T) {
	ip := func(s string) net.IP { return net.ParseIP(s).To4() }
	you := dhcpv4.WithYourIP(ip("192.168.77.50"))
	mask := dhcpv4.WithNetmask(net.CIDRMask(24, 32))
	time10 := dhcpv4.WithLeaseTime(600)
	dns := dhcpv4.WithDNS(ip("192.168.77.2"), ip("0.0.0.0"), ip("192.168.77.3"))
	router := dhcpv4.WithRouter(ip("192.168.77.254"), ip("192.168.77.253"))
	domain := func(s string) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptDomainName(s)) }
	addr := netip.MustParsePrefix("192.168.77.50/24")
	gw := netip.MustParseAddr("192.168.77.254")
	names := []netip.Addr{netip.MustParseAddr("192.168.77.2"), netip.MustParseAddr("192.168.77.3")}
	whole := setup{addr: addr, valid: 10 * time.Minute, gateway: gw, dns: names, domain: "lab.example"}
	other := setup{addr: netip.MustParsePrefix("10.0.0.9/8"), gateway: netip.MustParseAddr("10.0.0.1"), dns: names,
		domain: "old.example"}
	for _, tt := range []struct {
		situation string
		ack       []dhcpv4.Modifier
		before    setup
		want      setup
		refused   bool
	}{
		{situation: "all there is", ack: []dhcpv4.Modifier{you, mask, time10, dns, router, domain("lab.example")},
			want: whole},
		{situation: "another network than before", ack: []dhcpv4.Modifier{you, mask, time10}, before: other,
			want: setup{addr: addr, valid: 10 * time.Minute}},
		{situation: "a renewal that leaves out what has not changed", ack: []dhcpv4.Modifier{you, time10},
			before: whole, want: whole},
		{situation: "a renewal with another router",
			ack: []dhcpv4.Modifier{you, mask, time10, dns, dhcpv4.WithRouter(ip("192.168.77.253")),
				domain("lab.example")}, before: whole,
			want: setup{addr: addr, valid: 10 * time.Minute, gateway: netip.MustParseAddr("192.168.77.253"), dns: names,
				domain: "lab.example"}},
		{situation: "no lease time", ack: []dhcpv4.Modifier{you, mask}, want: setup{addr: addr, valid: time.Hour}},
		{situation: "a lease forever", ack: []dhcpv4.Modifier{you, mask, dhcpv4.WithLeaseTime(math.MaxUint32)},
			want: setup{addr: addr}},
		{situation: "a line break in the domain",
			ack:  []dhcpv4.Modifier{you, mask, time10, domain("x\nnameserver 6.6.6.6")},
			want: setup{addr: addr, valid: 10 * time.Minute}},
		{situation: "no mask", ack: []dhcpv4.Modifier{you, time10}, refused: true},
		{situation: "a mask with holes", ack: []dhcpv4.Modifier{you, time10,
			dhcpv4.WithNetmask(net.IPv4Mask(255, 0, 255, 0))}, refused: true},
		{situation: "no address", ack: []dhcpv4.Modifier{mask, time10}, refused: true},
		{situation: "a lease of no time", ack: []dhcpv4.Modifier{you, mask, dhcpv4.WithLeaseTime(0)}, refused: true},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			ack, err := dhcpv4.New(tt.ack...)
			if err != nil {
				t.Fatal(err)
			}
			got, life, err := leased(ack, tt.before)
			if (err != nil) != tt.refused {
				t.Fatalf("error %v, want one: %v", err, tt.refused)
			}
			if err != nil {
				return
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Fatalf("got %+v, want %+v", got, tt.want)
			}
			if life.end != got.valid {
				t.Fatalf("the client's lease ends after %v, the kernel's after %v", life.end, got.valid)
			}
		})
	}
}

func TestDomainName(t *testing.T) {
	for name, ok := range map[string]bool{
		"lab.example":           true,
		"x":                     true,
		"":                      false,
		"lab example":           false,
		"a\nnameserver 6.6.6.6": false,
		"lab.example\n":         false,
		"(none)":                false,
	} {
		if domainName.MatchString(name) != ok {
			t.Errorf("%q: usable %v, want %v", name, !ok, ok)
		}
	}
}

func TestLinkLocalAddr(t *testing.T) {
	hw := net.HardwareAddr{0x52, 0x54, 0, 0, 0, 1}
	first, last := netip.MustParseAddr("169.254.1.0"), netip.MustParseAddr("169.254.254.255")
	seen := map[netip.Addr]bool{}
	for n := range 2000 {
		a := linkLocalAddr(hw, n)
		if a.Less(first) || last.Less(a) {
			t.Fatalf("%v is reserved (RFC 3927 §2.1)", a)
		}
		seen[a] = true
	}
	if len(seen) < 1900 {
		t.Fatalf("only %d different addresses in 2000", len(seen))
	}
	if a, b := linkLocalAddr(hw, 0), linkLocalAddr(hw, 0); a != b {
		t.Fatalf("%v, then %v: not the same each time", a, b)
	}
	if a, b := linkLocalAddr(hw, 0), linkLocalAddr(net.HardwareAddr{0x52, 0x54, 0, 0, 0, 2}, 0); a == b {
		t.Fatalf("two interfaces begin with %v", a)
	}
}
