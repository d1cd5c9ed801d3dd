package handoff

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

func TestVisits(t *testing.T) {
	at := netip.MustParseAddr("192.168.77.100")
	other := ether.MustParseMAC("02:00:00:00:00:01")
	const shim = "ubuntu/shimx64.efi"
	for situation, tt := range map[string]struct {
		before func(*Visits)
		after  time.Duration
		holder ether.MAC
		want   string
	}{
		"it loads the program":          {want: shim, holder: pc},
		"no DHCP packet was seen":       {want: shim},
		"another machine's address now": {holder: other},
		"within an hour":                {after: VisitLasts - time.Second, holder: pc, want: shim},
		"after an hour":                 {after: VisitLasts, holder: pc},
		"its firmware boots again":      {before: func(v *Visits) { v.Leave(pc) }, holder: pc},
		"another machine's boots again": {before: func(v *Visits) { v.Leave(other) }, holder: pc, want: shim},
		"another program": {before: func(v *Visits) { v.Enter(t0, pc, at, "win/11/bootmgfw.efi") }, holder: pc,
			want: "win/11/bootmgfw.efi"},
		"a program at the top": {before: func(v *Visits) { v.Enter(t0, pc, at, "ipxe.efi") }, holder: pc},
		"a restart": {before: func(v *Visits) {
			w := NewVisits(4, NewTable(4))
			w.Restore(t0, v.All(t0))
			v.Leave(pc)
			v.Restore(t0, w.All(t0))
		}, holder: pc, want: shim},
	} {
		v := NewVisits(4, NewTable(4))
		v.Enter(t0, pc, at, shim)
		if tt.before != nil {
			tt.before(v)
		}
		if got := v.At(t0.Add(tt.after), at, tt.holder); got != tt.want {
			t.Errorf("%s: %q, want %q", situation, got, tt.want)
		}
	}
	t.Run("a request counts", func(t *testing.T) {
		v := NewVisits(4, NewTable(4))
		v.Enter(t0, pc, at, shim)
		v.At(t0.Add(50*time.Minute), at, pc)
		if got := v.At(t0.Add(100*time.Minute), at, pc); got != shim {
			t.Errorf("got %q", got)
		}
	})
}

// However many machines there are, the list stays bounded and keeps the last ones.
func TestVisitsAreBounded(t *testing.T) {
	v := NewVisits(4, NewTable(4))
	a := netip.MustParseAddr("192.168.77.1")
	for i := range 100 {
		a = a.Next()
		v.Enter(t0.Add(time.Duration(i)*time.Second), ether.MAC{2, 0, 0, 0, 0, byte(i)}, a, "x/y.efi")
	}
	now := t0.Add(100 * time.Second)
	if all := v.All(now); len(all) != 4 || len(v.byAddr) != 4 {
		t.Errorf("%d machines, %d addresses", len(all), len(v.byAddr))
	}
	if got := v.At(now, a, ether.MAC{}); got != "x/y.efi" {
		t.Errorf("the last one is gone: %q", got)
	}
}

func TestPlanKnowsVisits(t *testing.T) {
	v := NewVisits(4, NewTable(4))
	p := NewPlan(nil, map[string]Target{
		"shim": {Self: true, Programs: map[firmware.Kind]string{"uefi-x64": "Ubuntu/shimx64.efi"}},
		"wds":  {Server: wds, Programs: map[firmware.Kind]string{"uefi-x64": "a/b.efi"}},
	}, NewTable(4), clients.NewOnce(4)).WithVisits(v)
	want := []OwnProgram{{File: "Ubuntu/shimx64.efi", Entry: "shim"}}
	if got := p.OwnPrograms(); !slices.Equal(got, want) {
		t.Errorf("own programs: %+v", got)
	}
	v.Enter(t0, pc, netip.MustParseAddr("192.168.77.100"), "ubuntu/shimx64.efi")
	if got := p.Visiting(pc); got != "ubuntu/shimx64.efi" {
		t.Errorf("it runs %q", got)
	}
	p.Leave(pc)
	if got := p.Visiting(pc); got != "" {
		t.Errorf("it still runs %q", got)
	}
	if (Plan{}).Visiting(pc) != "" {
		t.Error("the zero Plan knows a visit")
	}
	(Plan{}).Leave(pc)
}
