package handoff

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
)

var (
	t0         = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	xidA, xidB = [4]byte{1}, [4]byte{2}
)

// machine returns a machine of which only the MAC is known.
func machine(mac ether.MAC) clients.Machine { return clients.Machine{MAC: mac} }

func TestTable(t *testing.T) {
	type step struct {
		at   time.Duration
		do   string // arm, arm2 (another entry), used, or a request ("?")
		xid  [4]byte
		mac  ether.MAC
		want string // the answer to a request
	}
	var other = ether.MustParseMAC("02:00:00:00:00:01")
	for situation, steps := range map[string][]step{
		"no one asked": {{0, "?", xidA, pc, ""}},
		"the next boot": {
			{0, "arm", xidA, pc, ""},
			{20 * time.Second, "?", xidB, pc, "wds"},
			{20 * time.Second, "?", xidB, other, ""},
		},
		"firmware repeats its questions": {
			{0, "arm", xidA, pc, ""},
			{20 * time.Second, "?", xidA, pc, "wds"},
			{24 * time.Second, "?", xidA, pc, "wds"}, // the OFFER was lost
			{25 * time.Second, "used", xidA, pc, ""},
			{29 * time.Second, "used", xidA, pc, ""}, // the ACK was lost
			{57 * time.Second, "?", xidA, pc, "wds"},
		},
		"on port 4011 it has another xid": {
			{0, "arm", xidA, pc, ""},
			{20 * time.Second, "used", xidA, pc, ""},
			{24 * time.Second, "?", [4]byte{}, pc, "wds"},
		},
		"on port 4011, when the site's server has answered the third REQUEST": {
			{0, "arm", xidA, pc, ""},
			{20 * time.Second, "used", xidA, pc, ""},
			{24 * time.Second, "used", xidA, pc, ""},
			{32 * time.Second, "used", xidA, pc, ""},
			{32 * time.Second, "?", [4]byte{}, pc, "wds"},
			{32 * time.Second, "used", [4]byte{}, pc, ""},
			{42 * time.Second, "?", [4]byte{}, pc, ""},
		},
		"DISCOVERs alone use nothing up": {
			{0, "arm", xidA, pc, ""},
			{10 * time.Second, "?", xidA, pc, "wds"},
			{70 * time.Second, "?", xidB, pc, "wds"},
		},
		"the boot after it": {
			{0, "arm", xidA, pc, ""},
			{20 * time.Second, "used", xidA, pc, ""},
			{30 * time.Second, "?", xidB, pc, ""},
			{31 * time.Second, "?", xidA, pc, ""}, // a late packet
		},
		"the boot after it, of a ROM that has one xid": {
			{0, "arm", xidA, pc, ""},
			{20 * time.Second, "used", xidA, pc, ""},
			{81 * time.Second, "?", xidA, pc, ""},
		},
		"the machine was switched off": {
			{0, "arm", xidA, pc, ""},
			{Lifetime - 1, "?", xidA, pc, "wds"},
			{Lifetime, "?", xidA, pc, ""},
		},
		"another entry was chosen in between": {
			{0, "arm", xidA, pc, ""},
			{time.Second, "arm2", xidA, pc, ""},
			{20 * time.Second, "?", xidB, pc, "wds2"},
		},
		"chosen again after the boot": {
			{0, "arm", xidA, pc, ""},
			{20 * time.Second, "used", xidA, pc, ""},
			{60 * time.Second, "arm", xidA, pc, ""},
			{90 * time.Second, "?", xidB, pc, "wds"},
		},
		"the boot of a machine that did not ask": {
			{0, "arm", xidA, pc, ""},
			{time.Second, "used", xidA, other, ""},
			{2 * time.Second, "?", xidA, other, ""},
			{20 * time.Second, "?", xidB, pc, "wds"},
		},
	} {
		t.Run(situation, func(t *testing.T) {
			table := NewTable(8)
			for _, s := range steps {
				now := t0.Add(s.at)
				switch s.do {
				case "arm":
					table.Arm(now, machine(s.mac), "wds")
				case "arm2":
					table.Arm(now, machine(s.mac), "wds2")
				case "used":
					table.Used(now, machine(s.mac), s.xid)
				default:
					if got, ok := table.Answer(now, machine(s.mac), s.xid); got != s.want || ok != (s.want != "") {
						t.Errorf("after %v %s is answered %q (%v), want %q", s.at, s.mac, got, ok, s.want)
					}
				}
			}
		})
	}
}

// A ticket belongs to one machine, even if others have its MAC.
func TestTicketIsAMachines(t *testing.T) {
	by := func(mac ether.MAC, guid string) clients.Machine { return clients.Machine{MAC: mac, GUID: guid} }
	const one, two = "70786562-6f78-4c61-8000-000000000010", "70786562-6f78-4c61-8000-000000000011"
	const batch = "03000200-0400-0500-0006-000700080009"
	for situation, tc := range map[string]struct {
		asked, boots clients.Machine
		want         bool
	}{
		"the same machine": {asked: by(pc, one), boots: by(pc, one), want: true},
		"another machine behind the same USB adapter": {asked: by(pc, one), boots: by(pc, two)},
		"another port, whose packet says so": {asked: by(pc, one),
			boots: by(ether.MustParseMAC("02:00:00:00:00:01"), one)},
		"no GUID was known when it asked": {asked: by(pc, ""), boots: by(pc, one), want: true},
		"its ROM sends no GUID":           {asked: by(pc, one), boots: by(pc, ""), want: true},
		"a batch's GUID":                  {asked: by(pc, batch), boots: by(pc, two), want: true},
	} {
		t.Run(situation, func(t *testing.T) {
			table := NewTable(2)
			table.Arm(t0, tc.asked, "wds")
			table.Used(t0, tc.boots, xidA)
			if _, got := table.Answer(t0, tc.boots, xidA); got != tc.want {
				t.Errorf("answered: %v", got)
			}
			if _, ok := table.Answer(t0, tc.asked, xidA); !ok {
				t.Error("who asked is not answered")
			}
			if used := table.All(t0)[0].Used; used != tc.want {
				t.Errorf("used: %v", used)
			}
		})
	}
}

func TestTableIsBounded(t *testing.T) {
	table := NewTable(2)
	mac := func(n int) ether.MAC { return ether.MustParseMAC(fmt.Sprintf("02:00:00:00:00:%02x", n)) }
	for n, want := range []bool{true, true, false} {
		if table.Arm(t0, machine(mac(n)), "wds") != want {
			t.Errorf("machine %d: %v", n, !want)
		}
	}
	if !table.Arm(t0, machine(mac(1)), "wds2") {
		t.Error("one that is there cannot ask again")
	}
	if !table.Arm(t0.Add(Lifetime), machine(mac(2)), "wds") || len(table.byMAC) != 1 {
		t.Errorf("when the others are over there are %d", len(table.byMAC))
	}
}

// FuzzTable runs a history of three machines, two bytes per step, and compares
// it with a model that remembers everything.
func FuzzTable(f *testing.F) {
	f.Add([]byte{0x00, 1, 0x10, 20, 0x20, 1, 0x10, 9, 0x10, 60})
	f.Add([]byte{0x01, 0, 0x22, 30, 0x11, 1, 0x12, 12, 0x00, 5, 0x20, 255, 0x10, 255})
	f.Fuzz(func(t *testing.T, history []byte) {
		type past struct {
			armed, used time.Time
			last        time.Time // last packet of the transaction that used it
			wasArmed    bool
			wasUsed     bool
			xid         [4]byte
		}
		table, machines := NewTable(3), [3]past{}
		now := t0
		for ; len(history) >= 2; history = history[2:] {
			do, who := history[0]>>4, int(history[0])%3
			xid := [4]byte{history[0] >> 2 & 3}
			now = now.Add(time.Duration(history[1]) * time.Second)
			mac := ether.MustParseMAC(fmt.Sprintf("02:00:00:00:00:%02x", who))
			m := &machines[who]
			switch do % 4 {
			case 0:
				if !table.Arm(now, machine(mac), mac.String()) {
					t.Fatal("no room for three machines")
				}
				*m = past{armed: now, wasArmed: true}
			case 2:
				if _, ok := table.Answer(now, machine(mac), xid); ok { // like firmware: it accepts what it was offered
					table.Used(now, machine(mac), xid)
					switch {
					case !m.wasUsed:
						m.used, m.last, m.wasUsed, m.xid = now, now, true, xid
					case m.xid == xid:
						m.last = now
					}
				}
			default:
				got, ok := table.Answer(now, machine(mac), xid)
				switch {
				case ok && got != mac.String():
					t.Fatalf("%s is answered what %s asked for", mac, got)
				case ok && !m.wasArmed:
					t.Fatalf("%s did not ask", mac)
				case ok && now.Sub(m.armed) >= Lifetime:
					t.Fatalf("%s is answered after %v", mac, now.Sub(m.armed))
				case ok && m.wasUsed && now.Sub(m.used) >= time.Minute:
					t.Fatalf("%s is answered %v after it used it", mac, now.Sub(m.used))
				case ok && m.wasUsed && xid != m.xid && now.Sub(m.last) >= 10*time.Second:
					t.Fatalf("%s is answered in another boot, %v after it was last heard of", mac, now.Sub(m.last))
				case !ok && m.wasArmed && !m.wasUsed && now.Sub(m.armed) < Lifetime:
					t.Fatalf("%s is not answered, %v after it asked", mac, now.Sub(m.armed))
				case !ok && m.wasUsed && now.Sub(m.last) < 10*time.Second && now.Sub(m.used) < time.Minute &&
					now.Sub(m.armed) < Lifetime:
					t.Fatalf("%s is not answered its retry, %v after it was last heard of", mac, now.Sub(m.last))
				}
			}
		}
	})
}

// A program that is restarted between the choice and the boot continues.
func TestTableIsRestored(t *testing.T) {
	var other = ether.MustParseMAC("02:00:00:00:00:01")
	before := NewTable(4)
	before.Arm(t0, machine(pc), "wds")
	if !told(before) {
		t.Error("what is new is not to be written")
	}
	before.Arm(t0, machine(other), "wds2")
	told(before)
	before.Used(t0.Add(20*time.Second), machine(other), xidA)
	if !told(before) {
		t.Error("that it was used is not to be written")
	}
	before.Arm(t0.Add(-Lifetime), machine(ether.MustParseMAC("02:00:00:00:00:02")), "wds")

	b, err := json.Marshal(before.All(t0.Add(20 * time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	var all []Ticket
	if err := json.Unmarshal(b, &all); err != nil || len(all) != 2 {
		t.Fatalf("%s: %v", b, err)
	}
	for _, tc := range []struct {
		situation string
		restart   time.Duration // after t0, by the wall clock
		at        time.Duration // after the restart
		mac       ether.MAC
		xid       [4]byte
		want      string
	}{
		{situation: "the next boot", restart: 20 * time.Second, mac: pc, xid: xidB, want: "wds"},
		{situation: "as late as it may be", restart: 20 * time.Second, at: Lifetime - 21*time.Second, mac: pc,
			xid: xidB, want: "wds"},
		{situation: "too late", restart: 20 * time.Second, at: Lifetime - 20*time.Second, mac: pc, xid: xidB},
		{situation: "a retry of the boot that used it", restart: 25 * time.Second, mac: other, xid: xidA, want: "wds2"},
		{situation: "its question on port 4011", restart: 25 * time.Second, mac: other, xid: [4]byte{}, want: "wds2"},
		{situation: "another boot", restart: 31 * time.Second, mac: other, xid: xidB},
		{situation: "the clock was set on by years", restart: 1e6 * time.Hour, mac: pc, xid: xidB},
		{situation: "the clock was set back by years", restart: -1e6 * time.Hour, at: Lifetime - 1, mac: pc,
			xid: xidB, want: "wds"},
		{situation: "the clock was set back by years, too late", restart: -1e6 * time.Hour, at: Lifetime,
			mac: pc, xid: xidB},
		{situation: "the clock was set back by years, another boot", restart: -1e6 * time.Hour, at: 10 * time.Second,
			mac: other, xid: xidB},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			again, now := NewTable(4), t0.Add(tc.restart)
			again.Restore(now, all)
			if got, ok := again.Answer(now.Add(tc.at), machine(tc.mac), tc.xid); got != tc.want ||
				ok != (tc.want != "") {
				t.Errorf("it is answered %q (%v), want %q", got, ok, tc.want)
			}
		})
	}
	small := NewTable(1)
	small.Restore(t0, all)
	if len(small.byMAC) != 1 {
		t.Errorf("%d are restored, where there is room for one", len(small.byMAC))
	}
	if told(small) {
		t.Error("what was read is to be written")
	}
}

// told reports whether the table has signaled that there is something to save.
func told(t *Table) bool {
	select {
	case <-t.Changed():
		return true
	default:
		return false
	}
}
