package clients

import (
	"net/netip"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

func TestTable(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.168.77.100"), netip.MustParseAddr("192.168.77.101"),
		netip.MustParseAddr("192.168.77.102")
	expect := func(t *testing.T, table *Table, at netip.Addr, want Machine) {
		t.Helper()
		if got, ok := table.At(at); got.Machine != want || ok != (want != Machine{}) {
			t.Errorf("at %v is %+v (%v), want %+v", at, got, ok, want)
		}
	}
	t.Run("what a machine leaves out now stays", func(t *testing.T) {
		table := NewTable(2)
		table.Learn(a, pc, false)
		table.Learn(a, Machine{MAC: pc.MAC}, false)
		expect(t, table, a, pc)
		table.Learn(a, Machine{MAC: pc.MAC, Firmware: "uefi-x64-http"}, false)
		expect(t, table, a, Machine{MAC: pc.MAC, GUID: pc.GUID, Firmware: "uefi-x64-http"})
	})
	t.Run("another machine has the address now", func(t *testing.T) {
		table := NewTable(2)
		table.Learn(a, pc, false)
		table.Learn(a, Machine{MAC: ether.MustParseMAC("02:00:00:00:00:01")}, false)
		expect(t, table, a, Machine{MAC: ether.MustParseMAC("02:00:00:00:00:01")})
	})
	t.Run("for whom a relay agent answers", func(t *testing.T) {
		one, two := Machine{MAC: ether.MustParseMAC("02:00:00:00:00:01")},
			Machine{MAC: ether.MustParseMAC("02:00:00:00:00:02")}
		table := NewTable(2)
		for i, step := range []struct {
			m                Machine
			relayed          bool
			was              string
			changed, vouched bool
		}{
			{m: one},
			{m: one, relayed: true, was: "02:00:00:00:00:01", vouched: true},
			{m: one, was: "02:00:00:00:00:01", vouched: true}, // as on port 4011
			{m: two, was: "02:00:00:00:00:01", changed: true},
			{m: one, relayed: true, was: "02:00:00:00:00:02", changed: true, vouched: true},
		} {
			was, changed := table.Learn(a, step.m, step.relayed)
			if got, _ := table.At(a); was.String() != step.was || changed != step.changed ||
				got != (Tenant{step.m, step.vouched}) {
				t.Errorf("step %d: before it was %q, changed %v; now %+v", i, was, changed, got)
			}
		}
	})
	t.Run("full: who was not asked for the longest goes", func(t *testing.T) {
		table := NewTable(2)
		first, second, third := Machine{MAC: ether.MustParseMAC("02:00:00:00:00:01")},
			Machine{MAC: ether.MustParseMAC("02:00:00:00:00:02")}, Machine{MAC: ether.MustParseMAC("02:00:00:00:00:03")}
		table.Learn(a, first, false)
		table.Learn(b, second, false)
		expect(t, table, a, first)
		table.Learn(c, third, false)
		expect(t, table, b, Machine{})
		expect(t, table, a, first)
		expect(t, table, c, third)
		if len(table.byAddr) != 2 || table.order.Len() != 2 {
			t.Errorf("%d and %d places", len(table.byAddr), table.order.Len())
		}
	})
}
