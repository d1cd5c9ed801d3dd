package machine

import (
	"net/netip"
	"testing"
)

func TestTable(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.168.77.100"), netip.MustParseAddr("192.168.77.101"), netip.MustParseAddr("192.168.77.102")
	expect := func(t *testing.T, table *Table, at netip.Addr, want Machine) {
		t.Helper()
		if got, ok := table.At(at); got != want || ok != (want != Machine{}) {
			t.Errorf("at %v is %+v (%v), want %+v", at, got, ok, want)
		}
	}
	t.Run("what a machine leaves out now stays", func(t *testing.T) {
		table := NewTable(2)
		table.Learn(a, pc)
		table.Learn(a, Machine{MAC: pc.MAC})
		expect(t, table, a, pc)
		table.Learn(a, Machine{MAC: pc.MAC, Firmware: "uefi-x64-http"})
		expect(t, table, a, Machine{MAC: pc.MAC, GUID: pc.GUID, Firmware: "uefi-x64-http"})
	})
	t.Run("another machine has the address now", func(t *testing.T) {
		table := NewTable(2)
		table.Learn(a, pc)
		table.Learn(a, Machine{MAC: "02:00:00:00:00:01"})
		expect(t, table, a, Machine{MAC: "02:00:00:00:00:01"})
	})
	t.Run("full: who was not asked for the longest goes", func(t *testing.T) {
		table := NewTable(2)
		first, second, third := Machine{MAC: "02:00:00:00:00:01"}, Machine{MAC: "02:00:00:00:00:02"}, Machine{MAC: "02:00:00:00:00:03"}
		table.Learn(a, first)
		table.Learn(b, second)
		expect(t, table, a, first)
		table.Learn(c, third)
		expect(t, table, b, Machine{})
		expect(t, table, a, first)
		expect(t, table, c, third)
		if len(table.byAddr) != 2 || table.order.Len() != 2 {
			t.Errorf("%d and %d places", len(table.byAddr), table.order.Len())
		}
	})
}
