package netif

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	wired := func(name string, carrier bool) candidate {
		return candidate{name: name, kind: "device", ethernet: true, on: true, carrier: carrier}
	}
	lo := candidate{name: "lo", kind: "device", loopback: true}
	wlan := candidate{name: "wlan0", kind: "device", ethernet: true, wireless: true, carrier: true}
	bridge := candidate{name: "br0", kind: "bridge", ethernet: true, carrier: true}
	veth := candidate{name: "veth0", kind: "veth", ethernet: true, carrier: true}
	tun := candidate{name: "tun0", kind: "tuntap", carrier: true}
	eth0, eth1, eth2 := wired("eth0", true), wired("eth1", true), wired("eth2", true)
	off0, off1 := wired("eth0", false), wired("eth1", false)
	for _, tt := range []struct {
		situation  string
		all        []candidate
		name, kept string
		want       string // "" for an error
		several    bool
	}{
		{situation: "the only wired one", all: []candidate{lo, eth0}, want: "eth0"},
		{situation: "the only wired one, without a carrier", all: []candidate{lo, off0}, want: "eth0"},
		{situation: "wireless, bridge and tunnel do not count",
			all: []candidate{lo, wlan, bridge, tun, eth0}, want: "eth0"},
		{situation: "a container has a virtual pair only", all: []candidate{lo, veth}, want: "veth0"},
		{situation: "hardware goes before a virtual pair", all: []candidate{lo, veth, eth0}, want: "eth0"},
		{situation: "several, one with a carrier", all: []candidate{lo, off0, eth1}, want: "eth1", several: true},
		{situation: "several, none with a carrier: the first by name", all: []candidate{lo, off1, off0},
			want: "eth0", several: true},
		{situation: "several, two with a carrier: the first by name", all: []candidate{lo, eth2, eth1, off0},
			want: "eth0", several: true},
		{situation: "several, and another than the kept one has a carrier", all: []candidate{lo, off0, eth1},
			kept: "eth0", want: "eth0", several: true},
		{situation: "several, and the kept one is gone", all: []candidate{lo, off0, eth1}, kept: "eth7",
			want: "eth1", several: true},
		{situation: "a named one", all: []candidate{lo, off0, eth1}, name: "eth0", kept: "eth1", want: "eth0"},
		{situation: "a named bridge", all: []candidate{lo, bridge, eth0}, name: "br0", want: "br0"},
		{situation: "a named one that is not there", all: []candidate{lo, eth0}, name: "eth9"},
		{situation: "nothing but loopback and wireless", all: []candidate{lo, wlan}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			c, err := choose(tt.all, tt.name, tt.kept)
			if c.name != tt.want || (err != nil) != (tt.want == "") || (len(c.among) > 0) != tt.several {
				t.Fatalf("chose %q among %q, error %v; want %q, several %v",
					c.name, names(c.among), err, tt.want, tt.several)
			}
		})
	}
}

// TestSettled tries, for each choice, whether later carriers change it.
func TestSettled(t *testing.T) {
	const interfaces = 3
	chooseOf := func(carriers int) choice {
		var all []candidate
		for i := range interfaces {
			all = append(all, candidate{
				name: fmt.Sprintf("eth%d", i), kind: "device", ethernet: true, on: true, carrier: carriers>>i&1 == 1,
			})
		}
		c, err := choose(all, "", "")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for now := range 1 << interfaces {
		c, stays := chooseOf(now), true
		for later := range 1 << interfaces {
			if later&now == now && chooseOf(later).name != c.name {
				stays = false
			}
		}
		if c.settled() && !stays {
			t.Errorf("carriers %03b: %s is settled, and does not stay", now, c.name)
		}
		if first := now&1 == 1; first && !c.settled() {
			t.Errorf("carriers %03b: %s is not settled", now, c.name)
		}
	}
	if only, err := choose([]candidate{{name: "eth0", kind: "device", ethernet: true}}, "", ""); err != nil ||
		!only.settled() {
		t.Errorf("the only interface: %+v, %v", only, err)
	}
}

func TestPick(t *testing.T) {
	p := netip.MustParsePrefix
	one, two, local, none := p("192.168.77.1/24"), p("10.0.0.5/8"), p("169.254.7.9/16"), netip.Prefix{}
	for _, tt := range []struct {
		situation string
		have      []netip.Prefix
		want      netip.Prefix // fixed address in the settings
		picked    netip.Prefix
	}{
		{situation: "no address", want: none, picked: none},
		{situation: "one", have: []netip.Prefix{one}, want: none, picked: one},
		{situation: "the first of two", have: []netip.Prefix{two, one}, want: none, picked: two},
		{situation: "link-local only where there is no other", have: []netip.Prefix{local, one},
			want: none, picked: one},
		{situation: "link-local only", have: []netip.Prefix{local}, want: none, picked: local},
		{situation: "the fixed one next to another", have: []netip.Prefix{two, one}, want: one, picked: one},
		{situation: "the fixed one is not set", have: []netip.Prefix{two}, want: one, picked: none},
		{situation: "the fixed one with another prefix length", have: []netip.Prefix{p("192.168.77.1/16")},
			want: one, picked: none},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := pick(tt.have, tt.want); got != tt.picked {
				t.Fatalf("picked %v, want %v", got, tt.picked)
			}
		})
	}
}

// A box that nothing else reaches has another interface at once if waiting is
// useless.
func TestSubstituteAfter(t *testing.T) {
	for _, tt := range []struct {
		situation  string
		u          unusable
		missing    time.Duration
		hasAddress bool
		want       bool
	}{
		{situation: "an adapter that is about to appear", missing: appears - time.Second},
		{situation: "one that does not appear", missing: appears, want: true},
		{situation: "a VLAN that the kernel cannot create", u: unusable{final: true}, want: true},
		{situation: "the box is reachable", missing: time.Hour, hasAddress: true},
		{situation: "it is, and waiting is useless", u: unusable{final: true}, hasAddress: true},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := tt.u.substituteAfter(tt.missing, tt.hasAddress); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
