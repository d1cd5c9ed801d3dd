package netif

import (
	"fmt"
	"net/netip"
	"testing"
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
		{"the only wired one", []candidate{lo, eth0}, "", "", "eth0", false},
		{"the only wired one, without a carrier", []candidate{lo, off0}, "", "", "eth0", false},
		{"wireless, bridge and tunnel do not count", []candidate{lo, wlan, bridge, tun, eth0}, "", "", "eth0", false},
		{"a container has a virtual pair only", []candidate{lo, veth}, "", "", "veth0", false},
		{"hardware goes before a virtual pair", []candidate{lo, veth, eth0}, "", "", "eth0", false},
		{"several, one with a carrier", []candidate{lo, off0, eth1}, "", "", "eth1", true},
		{"several, none with a carrier: the first by name", []candidate{lo, off1, off0}, "", "", "eth0", true},
		{"several, two with a carrier: the first by name", []candidate{lo, eth2, eth1, off0}, "", "", "eth0", true},
		{"several, and another than the kept one has a carrier", []candidate{lo, off0, eth1}, "", "eth0", "eth0", true},
		{"several, and the kept one is gone", []candidate{lo, off0, eth1}, "", "eth7", "eth1", true},
		{"a named one", []candidate{lo, off0, eth1}, "eth0", "eth1", "eth0", false},
		{"a named bridge", []candidate{lo, bridge, eth0}, "br0", "", "br0", false},
		{"a named one that is not there", []candidate{lo, eth0}, "eth9", "", "", false},
		{"nothing but loopback and wireless", []candidate{lo, wlan}, "", "", "", false},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			c, err := choose(tt.all, tt.name, tt.kept)
			if c.name != tt.want || (err != nil) != (tt.want == "") || (len(c.among) > 0) != tt.several {
				t.Fatalf("chose %q among %q, error %v; want %q, several %v", c.name, names(c.among), err, tt.want, tt.several)
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
	if only, err := choose([]candidate{{name: "eth0", kind: "device", ethernet: true}}, "", ""); err != nil || !only.settled() {
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
		{"no address", nil, none, none},
		{"one", []netip.Prefix{one}, none, one},
		{"the first of two", []netip.Prefix{two, one}, none, two},
		{"link-local only where there is no other", []netip.Prefix{local, one}, none, one},
		{"link-local only", []netip.Prefix{local}, none, local},
		{"the fixed one next to another", []netip.Prefix{two, one}, one, one},
		{"the fixed one is not set", []netip.Prefix{two}, one, none},
		{"the fixed one with another prefix length", []netip.Prefix{p("192.168.77.1/16")}, one, none},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := pick(tt.have, tt.want); got != tt.picked {
				t.Fatalf("picked %v, want %v", got, tt.picked)
			}
		})
	}
}
