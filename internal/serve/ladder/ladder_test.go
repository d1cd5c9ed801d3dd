package ladder

import (
	"encoding/json"
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
