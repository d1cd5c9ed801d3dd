package settings

import (
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
)

// doubtful are settings that withDoubts warns of.
const doubtful = "[network]\ninterface = \"eth9\"\n"

func withDoubts(text []byte) (warnings config.Errors, err error) {
	if string(text) == doubtful {
		warnings = config.Errors{{File: FileName, Line: 2, Key: "network.interface", Problem: "it is not there",
			Fix: "plug it in"}}
	}
	_, err = Parses(text)
	return warnings, err
}

func TestJudgeInterface(t *testing.T) {
	pc := hardware{interfaces: []string{"eth0", "eth1"}, vlans: true}
	withoutVLANs := hardware{interfaces: []string{"eth0"}}
	const choice = "write one that it has: eth0, eth1"
	for _, tt := range []struct {
		situation    string
		box          hardware
		name         string
		problem, fix string // beginnings
		refused      bool
	}{
		{situation: "none", box: pc},
		{situation: "one that is there", box: pc, name: "eth1"},
		{situation: "one with another system's name, which is there", name: "enp3s0",
			box: hardware{interfaces: []string{"enp3s0"}}},
		{situation: "a VLAN", box: pc, name: "eth0.10"},
		{situation: "a VLAN that the kernel cannot create", box: withoutVLANs, name: "eth0.10",
			problem: `"eth0.10" is a VLAN, which the kernel of this image does not support`,
			fix:     `let the switch deliver VLAN 10 untagged and write "eth0", or use the image of a release`, refused: true},
		{situation: "one on an adapter that is missing, too", box: withoutVLANs, name: "eth7.10",
			problem: `"eth7.10" is a VLAN`, fix: `let the switch deliver VLAN 10 untagged and write "eth7"`, refused: true},
		{situation: "a VLAN on an adapter that may be plugged in", box: pc, name: "eth7.10",
			problem: `the box has no interface "eth7" now, and serves no machine until it is plugged in`,
			fix:     "plug it in, or " + choice},
		{situation: "a VLAN on another system's name", box: pc, name: "ens18.10",
			problem: `the box has no interface "ens18", and none that is plugged in later gets that name`, fix: choice,
			refused: true},
		{situation: "an adapter that may be plugged in", box: pc, name: "usb0",
			problem: `the box has no interface "usb0" now`, fix: "plug it in, or " + choice},
		{situation: "another system's name", box: pc, name: "enp3s0", problem: `the box has no interface "enp3s0", and none`,
			fix: choice, refused: true},
		{situation: "a slip of the pen", box: pc, name: "eht0", problem: `the box has no interface "eht0", and none`,
			fix: choice, refused: true},
		{situation: "the loopback interface", box: pc, name: "lo", problem: `the box has no interface "lo", and none`,
			fix: choice, refused: true},
		{situation: "a number that no VLAN has", box: pc, name: "eth0.4095",
			problem: `the box has no interface "eth0.4095", and none`, fix: choice, refused: true},
		{situation: "a box without an adapter", name: "eth0", problem: `the box has no interface "eth0" now`,
			fix: "plug it in, or leave the line out"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got := tt.box.judge(tt.name)
			if (got.problem == "") != (tt.problem == "") || !strings.HasPrefix(got.problem, tt.problem) ||
				!strings.HasPrefix(got.fix, tt.fix) || got.refused != tt.refused {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// The volume says what will hardly work.
func TestVolumeWithWarnings(t *testing.T) {
	m, b := fresh(), newBox(t, mine)
	b.Check = withDoubts
	m.files[FileName] = []byte(doubtful)
	b.start(t, m)
	r := string(plain(m.files[resultName]))
	if want := "line 2: network.interface: it is not there\n    plug it in\n"; !strings.HasPrefix(r, resultTaken) ||
		!strings.Contains(r, want) || b.inForce(t) != doubtful {
		t.Errorf("the volume says %q, and %q is in force", r, b.inForce(t))
	}
}
