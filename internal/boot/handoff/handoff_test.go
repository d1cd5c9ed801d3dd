package handoff

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

var (
	wds  = netip.MustParseAddr("192.168.77.2")
	wds2 = netip.MustParseAddr("192.168.77.5")

	targets = map[string]Target{
		"wds": {Server: wds, Programs: map[firmware.Kind]string{
			"bios": `boot\x64\wdsnbp.com`, "uefi-x64": `boot\x64\wdsmgfw.efi`, "uefi-arm64": "",
		}},
		"wds2":    {Server: wds2, Programs: map[firmware.Kind]string{"bios": `boot\x64\wdsnbp.com`}},
		"shim":    {Self: true, Programs: map[firmware.Kind]string{"uefi-x64": "ubuntu/shimx64.efi"}},
		"unknown": {Programs: map[firmware.Kind]string{"bios": `boot\x64\wdsnbp.com`}},
	}
	uefi = clients.Machine{MAC: pc, Firmware: "uefi-x64"}
	bios = clients.Machine{MAC: pc, Firmware: "bios"}
)

func straight(entry string, once bool, only ...firmware.Kind) clients.Rule {
	return clients.Rule{Machine: spec.Machine{Firmware: only, Boot: entry, Once: once}, Handoff: entry}
}

// An entry that this box serves needs no other server's address.
func TestPlanForThisBox(t *testing.T) {
	p := NewPlan([]clients.Rule{straight("shim", false)}, targets, NewTable(4), clients.NewOnce(4))
	b, ok := p.For(t0, uefi, xidA)
	if want := (Boot{Entry: "shim", Self: true, Program: "ubuntu/shimx64.efi"}); !ok || b != want {
		t.Errorf("got %+v, %v", b, ok)
	}
	if _, ok := p.For(t0, bios, xidA); ok {
		t.Error("a BIOS gets the program for UEFI")
	}
	if !p.HasServer("shim") || p.HasServer("unknown") || p.HasServer("none") {
		t.Error("wrong entries lead to a server")
	}
}

func TestPlanFor(t *testing.T) {
	for _, tc := range []struct {
		situation string
		rules     []clients.Rule
		asked     string
		m         clients.Machine
		want      netip.Addr
	}{
		{situation: "no rule", m: uefi},
		{situation: "a rule", rules: []clients.Rule{straight("wds", false)}, m: uefi, want: wds},
		{situation: "a rule for another firmware", rules: []clients.Rule{straight("wds", false, "bios")}, m: uefi},
		{situation: "a rule with menus before it",
			rules: []clients.Rule{{View: "m1"}, straight("wds", false)}, m: uefi},
		{situation: "a rule, and no program for the firmware", rules: []clients.Rule{straight("wds2", false)}, m: uefi},
		{situation: "the settings say that there is none", rules: []clients.Rule{straight("wds", false)},
			m: clients.Machine{MAC: pc, Firmware: "uefi-arm64"}},
		{situation: "HTTP boot", rules: []clients.Rule{straight("wds", false)}, asked: "wds",
			m: clients.Machine{MAC: pc, Firmware: "uefi-x64-http"}},
		{situation: "a firmware without a name", rules: []clients.Rule{straight("wds", false)},
			m: clients.Machine{MAC: pc}},
		{situation: "an entry that leads nowhere by now", rules: []clients.Rule{straight("gone", false)}, m: uefi},
		{situation: "a server without an address", rules: []clients.Rule{straight("unknown", false)}, m: bios},
		{situation: "the machine asked", asked: "wds", m: uefi, want: wds},
		{situation: "the machine asked: before the rules", rules: []clients.Rule{straight("wds2", false)}, asked: "wds",
			m: bios, want: wds},
		{situation: "it asked for what its firmware cannot load", rules: []clients.Rule{straight("wds", false)},
			asked: "wds2", m: uefi, want: wds},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			asked := NewTable(4)
			if tc.asked != "" {
				asked.Arm(t0, machine(pc), tc.asked)
			}
			p := NewPlan(tc.rules, targets, asked, clients.NewOnce(4))
			b, ok := p.For(t0, tc.m, xidA)
			if b.Server != tc.want && ok || ok != tc.want.IsValid() ||
				ok && b.Program != targets[b.Entry].Programs[tc.m.Firmware] {
				t.Errorf("got %+v, %v", b, ok)
			}
		})
	}
	t.Run("the zero Plan", func(t *testing.T) {
		b, ok := (Plan{}).For(t0, uefi, xidA)
		if ok {
			t.Errorf("hands over to %+v", b)
		}
		(Plan{}).MarkUsed(t0, uefi, xidA, b)
	})
}

// take lets a plan answer a machine, which then goes there.
func take(p Plan, m clients.Machine) {
	b, _ := p.For(t0, m, xidA)
	p.MarkUsed(t0, m, xidA, b)
}

func TestPlanTakes(t *testing.T) {
	nextBoot := t0.Add(time.Minute)
	t.Run("what the machine asked for counts once", func(t *testing.T) {
		p := NewPlan(nil, targets, NewTable(4), clients.NewOnce(4))
		p.asked.Arm(t0, machine(pc), "wds")
		take(p, uefi)
		if _, ok := p.For(t0.Add(time.Second), uefi, xidA); !ok {
			t.Error("its retry boots from the box")
		}
		if b, ok := p.For(nextBoot, uefi, xidB); ok {
			t.Errorf("the next boot goes to %+v", b)
		}
	})
	t.Run("a rule with once, then the next rule", func(t *testing.T) {
		p := NewPlan([]clients.Rule{straight("wds", true), straight("wds2", false)}, targets, NewTable(4),
			clients.NewOnce(4))
		take(p, bios)
		if b, _ := p.For(nextBoot, bios, xidB); b.Server != wds2 {
			t.Errorf("the next boot goes to %+v", b)
		}
		if b, _ := p.For(nextBoot, clients.Machine{MAC: ether.MustParseMAC("02:00:00:00:00:01"), Firmware: "bios"},
			xidB); b.Server != wds {
			t.Errorf("another machine's first boot goes to %+v", b)
		}
	})
	t.Run("what the machine asked for leaves its rule with once", func(t *testing.T) {
		p := NewPlan([]clients.Rule{straight("wds2", true)}, targets, NewTable(4), clients.NewOnce(4))
		p.asked.Arm(t0, machine(pc), "wds")
		take(p, bios)
		if b, _ := p.For(nextBoot, bios, xidB); b.Server != wds2 {
			t.Errorf("the next boot goes to %+v", b)
		}
	})
	t.Run("the machine asks while a packet of its last boot is answered", func(t *testing.T) {
		p := NewPlan(nil, targets, NewTable(4), clients.NewOnce(4))
		b, _ := p.For(t0, bios, xidA)
		p.asked.Arm(t0, machine(pc), "wds")
		p.MarkUsed(t0, bios, xidA, b)
		if b, _ := p.For(nextBoot, bios, xidB); b.Server != wds {
			t.Errorf("the next boot goes to %+v", b)
		}
	})
	t.Run("a rule without once", func(t *testing.T) {
		p := NewPlan([]clients.Rule{straight("wds", false)}, targets, NewTable(4), clients.NewOnce(4))
		take(p, uefi)
		if _, ok := p.For(nextBoot, uefi, xidB); !ok {
			t.Error("counted once")
		}
		if got := p.once.All(); len(got) > 0 {
			t.Errorf("remembered: %v", got)
		}
	})
}

func TestPlanView(t *testing.T) {
	disk := clients.Rule{Machine: spec.Machine{MAC: []string{"52:54:00"}, Boot: "disk", Once: true}, View: "m1"}
	general := clients.Rule{Machine: spec.Machine{Boot: config.BootMenu, Once: true}}
	p := NewPlan([]clients.Rule{disk, general}, targets, NewTable(4), clients.NewOnce(4))
	if v := p.View(t0, clients.Machine{}, true); v != "" {
		t.Errorf("a machine that no one knows gets %q", v)
	}
	if s, ok := p.Spends(t0, clients.Machine{}); ok {
		t.Errorf("the general menu uses up %v", s)
	}
	if v := p.View(t0, uefi, true); v != "m1" {
		t.Fatalf("got %q", v)
	}
	s, ok := p.Spends(t0, uefi)
	if !ok || s.MAC != pc {
		t.Fatalf("uses up %v, %v", s, ok)
	}
	p.once.Read(t0, s)
	if v := p.View(t0.Add(time.Second), uefi, true); v != "m1" {
		t.Errorf("read again in the same boot it is %q", v)
	}
	if _, ok := p.For(t0.Add(5*time.Second), uefi, xidB); ok {
		t.Error("handed over")
	}
	if v := p.View(t0.Add(9*time.Second), uefi, true); v != "" {
		t.Errorf("in the next boot it is %q", v)
	}
}

// If the reading machine is not certain, nothing starts by itself.
func TestPlanViewOfAnUncertainMachine(t *testing.T) {
	starts := clients.Rule{Machine: spec.Machine{MAC: []string{pc.String()}}, View: "starts"}
	waits := clients.Rule{Machine: spec.Machine{MAC: []string{pc.String()}}, View: "waits", Waits: true}
	for situation, tc := range map[string]struct {
		rules []clients.Rule
		m     clients.Machine
		want  string
	}{
		"no rules":                     {rules: nil, m: uefi},
		"a rule that starts something": {rules: []clients.Rule{starts}, m: uefi, want: Waiting},
		"a rule whose menu waits":      {rules: []clients.Rule{waits}, m: uefi, want: "waits"},
		"no rule for it, as far as it is": {rules: []clients.Rule{starts},
			m: clients.Machine{MAC: ether.MustParseMAC("02:00:00:00:00:01")}, want: Waiting},
		"no one known, and there are some": {rules: []clients.Rule{starts}, want: Waiting},
	} {
		p := NewPlan(tc.rules, targets, NewTable(4), clients.NewOnce(4))
		if got := p.View(t0, tc.m, false); got != tc.want {
			t.Errorf("%s: %q, want %q", situation, got, tc.want)
		}
	}
}
