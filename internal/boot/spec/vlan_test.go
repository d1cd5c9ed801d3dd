package spec

import "testing"

func TestParseVLAN(t *testing.T) {
	for _, tt := range []struct {
		situation, name string
		parent          string // "" if it is no VLAN
		id              int
	}{
		{"an interface and a number", "eth0.10", "eth0", 10},
		{"a name that systemd gives", "enp0s31f6.4094", "enp0s31f6", 4094},
		{"a VLAN in a VLAN", "eth0.10.20", "eth0.10", 20},
		{"the lowest number", "eth0.1", "eth0", 1},
		{"an interface", "eth0", "", 0},
		{"a reserved number", "eth0.0", "", 0},
		{"the other reserved number", "eth0.4095", "", 0},
		{"a number with a zero before it", "eth0.010", "", 0},
		{"a number with a sign", "eth0.+1", "", 0},
		{"a word", "eth0.lan", "", 0},
		{"no number", "eth0.", "", 0},
		{"no interface", ".10", "", 0},
		{"a name of Debian's vlan package", "vlan10", "", 0},
		{"nothing", "", "", 0},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			parent, id, ok := ParseVLAN(tt.name)
			if parent != tt.parent || id != tt.id || ok != (tt.parent != "") {
				t.Fatalf("%q: got %q, %d, %v", tt.name, parent, id, ok)
			}
		})
	}
}
