package ladder

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
)

var (
	t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	pc = clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10"), Firmware: "uefi-x64"}
)

func number(n int) clients.Machine {
	return clients.Machine{MAC: ether.MAC{2, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, Firmware: "bios"}
}

func address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// Whatever arrives, the table and its maps stay within their bounds, and the most
// recently used machines stay.
func TestTableIsBounded(t *testing.T) {
	table := New(16)
	for i := range 10_000 {
		m, a := number(i), address(i)
		table.Took(t0, m, a)
		table.Loaded(t0, m, a, Copy{})
		table.Asked(t0, m)
		table.HandedOver(t0, m, Server{Entry: "wds", Programs: 2})
		table.Loaded(t0, pc, address(1), Copy{})
	}
	if n := len(table.All(t0)); n != 16 || len(table.byMAC) != 16 || len(table.took) > 16 || len(table.loaded) > 16 {
		t.Errorf("%d machines, %d by MAC, %d and %d addresses", n, len(table.byMAC), len(table.took), len(table.loaded))
	}
	if r := table.find(pc); r == nil || r.Shim.Loads != 1 {
		t.Errorf("the machine that asks all the time: %+v", r)
	}
}

// What was saved is restored, and no time in it is later than now. A file can
// hold anything.
func TestRestore(t *testing.T) {
	table := New(4)
	for range tries {
		table.Loaded(t0, pc, address(1), Copy{})
		t1 := t0.Add(20 * time.Second)
		table.Loaded(t1, pc, address(1), Copy{})
	}
	table.Took(t0, number(1), address(2))
	b, err := json.Marshal(table.All(t0))
	if err != nil {
		t.Fatal(err)
	}
	var saved []Record
	if err := json.Unmarshal(b, &saved); err != nil {
		t.Fatal(err)
	}
	saved = append(saved, Record{}, Record{MAC: number(2).MAC, Last: t0.Add(-48 * time.Hour)},
		Record{MAC: number(3).MAC, Last: t0.Add(time.Hour), Asks: Asks{Missed: 1 << 40, On: t0.Add(time.Hour)},
			Programs: Programs{Program: -1, Backs: -7}})
	again := New(4)
	again.Restore(t0.Add(time.Minute), saved)
	if r := again.Discover(t0.Add(time.Minute), pc); !r.Fallback {
		t.Errorf("got %+v", again.find(pc))
	}
	if again.find(number(2)) != nil {
		t.Error("a record that has expired")
	}
	r := again.find(number(3))
	if r == nil || r.Asks.Missed >= tries || r.Asks.On.After(t0.Add(time.Minute)) || r.Programs.Program < 0 ||
		r.Programs.Backs < 0 {
		t.Errorf("got %+v", r)
	}
}

// What other machines do, and what a forger on the link sends, changes nothing for
// a machine whose last boot went through, whichever rung that was on: DHCP packets
// in its name, requests from other addresses, and files that other machines load.
func TestGoodBootIsRepeated(t *testing.T) {
	const wds, win = "wds", "win"
	own := Server{Entry: win, Programs: 3, Own: true}
	its, others := address(1), address(2)
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 2))
		table, now := New(64), t0
		after := func(d time.Duration) { now = now.Add(d) }
		// boot is one up to what the firmware loads; it runs if it is good.
		boot := func(handedOver, asks, good bool) Rungs {
			r := table.Discover(now, pc)
			if handedOver {
				table.HandedOver(now, pc, own)
			} else {
				table.Took(now, pc, its)
			}
			if asks {
				table.Asked(now, pc)
			}
			for range 1 + rng.IntN(2) {
				table.Requested(now, its, true)
			}
			after(time.Second)
			if handedOver {
				table.LoadedProgram(now, pc, its)
			} else {
				table.Loaded(now, pc, its, Copy{r.Copy, 2})
			}
			if good {
				table.Requested(now, its, false)
			}
			after(20 * time.Second)
			return r
		}
		asks := rng.IntN(3) > 0
		if !asks { // the rung on which the offer names the file
			for range 2 {
				table.Discover(now, pc)
				table.Took(now, pc, its)
				after(20 * time.Second)
			}
		}
		handedOver := rng.IntN(2) == 0
		for range rng.IntN(4) {
			boot(handedOver, asks, false)
		}
		want := boot(handedOver, asks, true)
		program := want.Program(win, pc.Firmware)
		for step := range 300 {
			what := rng.IntN(12)
			switch other := number(rng.IntN(9)); what {
			case 0, 1:
				table.Discover(now, pc)
			case 2:
				table.Took(now, pc, others)
			case 3:
				table.Asked(now, pc)
			case 4:
				table.Elsewhere(pc.MAC)
			case 5:
				if handedOver {
					table.HandedOver(now, pc, own)
				}
			case 6:
				table.Requested(now, others, rng.IntN(2) == 0)
			case 7:
				table.Loaded(now, other, others, Copy{rng.IntN(3), 2})
			case 8:
				table.LoadedProgram(now, other, others)
			case 9:
				table.HandedOver(now, other, Server{Entry: wds, Programs: 2})
			case 10:
				table.Discover(now, other)
			case 11:
				boot(handedOver, asks, true)
			}
			after(time.Duration(rng.IntN(30_000)) * time.Millisecond)
			got := table.Rungs(now, pc)
			if got.Copy != want.Copy || got.Fallback != want.Fallback || got.Program(win, pc.Firmware) != program ||
				got.Firm != want.Firm {
				t.Fatalf("seed %d, step %d, %d: %+v, want %+v", seed, step, what, got, want)
			}
		}
	}
}

// What a machine loads because of an earlier answer, or loaded in an earlier boot,
// is no refusal of what it gets now.
func TestWhatDoesNotCount(t *testing.T) {
	const win = "win"
	its := address(1)
	shim := func(table *Table, now time.Time, c int) {
		table.Took(now, pc, its)
		table.Loaded(now, pc, its, Copy{Number: c, Of: 2})
	}
	program := func(table *Table, now time.Time, runs bool) {
		table.HandedOver(now, pc, Server{Entry: win, Programs: 2, Own: true})
		table.LoadedProgram(now, pc, its)
		if runs {
			table.Took(now, pc, its)
			table.Requested(now, its, false)
		}
	}
	for name, boots := range map[string][]func(*Table, time.Time){
		"the shim before the copy": {
			func(x *Table, now time.Time) { shim(x, now, 0) },
			func(x *Table, now time.Time) { shim(x, now, 0) },
			func(x *Table, now time.Time) { shim(x, now, 0) }, // the answer named copy 1
		},
		"a program that ran": {
			func(x *Table, now time.Time) { program(x, now, true) },
			func(x *Table, now time.Time) { program(x, now, false) },
		},
		"a program that was not sent again": {
			func(x *Table, now time.Time) { program(x, now, false) },
			func(x *Table, now time.Time) {
				x.HandedOver(now, pc, Server{Entry: win, Programs: 2, Own: true})
			},
		},
	} {
		table, now := New(4), t0
		var before Rungs
		for _, boot := range boots {
			before = table.Discover(now, pc)
			boot(table, now)
			now = now.Add(20 * time.Second)
		}
		if after := table.Discover(now, pc); after != before {
			t.Errorf("%s: %+v, then %+v", name, before, after)
		}
	}
}

// The zero Table of a box whose answers do not adapt.
func TestNoTable(t *testing.T) {
	var table *Table
	table.Took(t0, pc, address(1))
	table.Asked(t0, pc)
	table.Elsewhere(pc.MAC)
	table.HandedOver(t0, pc, Server{Entry: "wds", Programs: 1})
	table.Loaded(t0, pc, address(1), Copy{})
	table.Requested(t0, address(1), false)
	if r := table.Discover(t0, pc); r != (Rungs{}) || table.Rungs(t0, pc) != (Rungs{}) {
		t.Errorf("got %+v", r)
	}
}
