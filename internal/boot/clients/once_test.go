package clients

import (
	"slices"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

var (
	t0         = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	xidA, xidB = [4]byte{1}, [4]byte{2}
	install    = Spent{Rule: "install", MAC: pc.MAC}
)

func TestOver(t *testing.T) {
	type packet struct {
		at  time.Duration
		xid [4]byte
	}
	for _, tc := range []struct {
		situation string
		before    []packet // after the first REQUEST
		at        time.Duration
		xid       [4]byte
		want      bool
	}{
		{situation: "the same question again", at: 32 * time.Second, xid: xidA},
		{situation: "on port 4011, by another xid", at: 4 * time.Second, xid: [4]byte{}},
		{situation: "on port 4011, when the site's server has answered the third REQUEST",
			before: []packet{{4 * time.Second, xidA}, {12 * time.Second, xidA}}, at: 13 * time.Second, xid: [4]byte{}},
		{situation: "on port 4011, long after the third REQUEST",
			before: []packet{{4 * time.Second, xidA}, {12 * time.Second, xidA}}, at: 22 * time.Second,
			xid: [4]byte{}, want: true},
		{situation: "questions on port 4011 make it no longer", before: []packet{{9 * time.Second, [4]byte{}}},
			at: 10 * time.Second, xid: [4]byte{}, want: true},
		{situation: "another boot", at: 10 * time.Second, xid: xidB, want: true},
		{situation: "another boot of a ROM whose xid is always the same", at: time.Minute, xid: xidA, want: true},
		{situation: "and of one that never stops asking",
			before: []packet{{20 * time.Second, xidA}, {59 * time.Second, xidA}}, at: time.Minute,
			xid: xidA, want: true},
		{situation: "a late packet of the transaction does not bring the boot back",
			before: []packet{{61 * time.Second, xidA}}, at: 62 * time.Second, xid: xidB, want: true},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			use := NewUse(t0, xidA)
			for _, p := range tc.before {
				use.Again(t0.Add(p.at), p.xid)
			}
			if got := use.Over(t0.Add(tc.at), tc.xid); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
	if !(Use{}).Over(t0, [4]byte{}) {
		t.Error("the zero Use goes on")
	}
}

func TestOnce(t *testing.T) {
	later := t0.Add(time.Hour)
	t.Run("no machine has used it", func(t *testing.T) {
		o := NewOnce(4)
		if o.Asks(t0, install, xidA) || o.Reads(t0, install) || len(o.All()) > 0 {
			t.Error("spent")
		}
	})
	t.Run("firmware asks again, then boots again", func(t *testing.T) {
		o := NewOnce(4)
		o.Boots(t0, install, xidA)
		o.Boots(t0.Add(time.Second), install, xidA) // the answer was lost
		if o.Asks(t0.Add(2*time.Second), install, xidA) {
			t.Error("spent for the boot that uses it")
		}
		if !o.Asks(t0.Add(time.Minute), install, xidB) || !o.Reads(t0.Add(time.Minute), install) {
			t.Error("not spent for the next boot")
		}
		if !o.Asks(t0.Add(61*time.Second), install, xidA) {
			t.Error("a late packet of the old boot brings it back")
		}
	})
	t.Run("the site's server answers the third REQUEST, then firmware asks on port 4011", func(t *testing.T) {
		o := NewOnce(4)
		for _, at := range []time.Duration{0, 4 * time.Second, 12 * time.Second} {
			o.Boots(t0.Add(at), install, xidA)
		}
		if o.Asks(t0.Add(13*time.Second), install, [4]byte{}) {
			t.Error("spent for the boot that uses it")
		}
		if !o.Asks(t0.Add(23*time.Second), install, xidB) {
			t.Error("not spent for the next boot")
		}
		o.Boots(t0.Add(24*time.Second), install, xidA)
		if !o.Asks(t0.Add(25*time.Second), install, xidA) {
			t.Error("a late packet of the old boot brings it back")
		}
	})
	t.Run("a menu is read again, then the machine boots again at once", func(t *testing.T) {
		o := NewOnce(4)
		if !o.Read(t0, install) || o.Read(t0, install) {
			t.Error("the first reading is news, the second is not")
		}
		if o.Reads(t0.Add(4*time.Minute), install) {
			t.Error("back from a submenu it gets another menu")
		}
		if !o.Asks(t0.Add(4*time.Second), install, xidB) || !o.Reads(t0.Add(5*time.Second), install) {
			t.Error("not spent for the next boot")
		}
	})
	t.Run("a menu, and no DHCP packet ever", func(t *testing.T) {
		o := NewOnce(4)
		o.Read(t0, install)
		if !o.Reads(later, install) {
			t.Error("goes on forever")
		}
	})
	t.Run("another machine's, and another rule", func(t *testing.T) {
		o := NewOnce(4)
		o.Read(t0, install)
		for _, s := range []Spent{{Rule: "install", MAC: ether.MustParseMAC("02:00:00:00:00:01")},
			{Rule: "another", MAC: pc.MAC}} {
			if o.Asks(later, s, xidB) || o.Reads(later, s) {
				t.Errorf("%v is spent", s)
			}
		}
	})
	t.Run("after a power cut", func(t *testing.T) {
		o, again := NewOnce(4), NewOnce(4)
		o.Boots(t0, install, xidA)
		again.Restore(o.All(), o.Closed())
		if !again.Asks(t0, install, xidA) || !again.Reads(t0, install) {
			t.Error("counts again")
		}
		select {
		case <-again.Changed():
			t.Error("what was read is to be written")
		default:
		}
	})
	t.Run("what is new is told once", func(t *testing.T) {
		o := NewOnce(4)
		o.Boots(t0, install, xidA)
		<-o.Changed()
		o.Boots(t0, install, xidA)
		o.Asks(later, install, xidB)
		select {
		case <-o.Changed():
			t.Error("told again, and nothing is new")
		default:
		}
	})
}

// A rule with once applies to a machine: to all its network ports together, and
// to each machine behind one USB adapter.
func TestOnceIsForAMachine(t *testing.T) {
	const (
		usual = "70786562-6f78-4c61-8000-000000000010"
		other = "70786562-6f78-4c61-8000-000000000011"
		batch = "03000200-0400-0500-0006-000700080009"
	)
	port1, port2 := ether.MustParseMAC("02:00:00:00:00:01"), ether.MustParseMAC("02:00:00:00:00:02")
	by := func(mac ether.MAC, guid string) Spent { return Spent{"install", mac, guid} }
	for situation, tc := range map[string]struct {
		had, asks Spent
		spent     bool
	}{
		"the same machine":                            {had: by(port1, usual), asks: by(port1, usual), spent: true},
		"its other network port":                      {had: by(port1, usual), asks: by(port2, usual), spent: true},
		"another machine behind the same USB adapter": {had: by(port1, usual), asks: by(port1, other)},
		"another machine":                             {had: by(port1, usual), asks: by(port2, other)},
		"the same MAC, without a GUID now":            {had: by(port1, usual), asks: by(port1, ""), spent: true},
		"the same MAC, without a GUID then":           {had: by(port1, ""), asks: by(port1, usual), spent: true},
		"another MAC, without a GUID now":             {had: by(port1, usual), asks: by(port2, "")},
		"another MAC, without a GUID then":            {had: by(port1, ""), asks: by(port2, usual)},
		"another machine of a batch with one GUID":    {had: by(port1, batch), asks: by(port2, batch)},
		"the same machine of such a batch":            {had: by(port1, batch), asks: by(port1, batch), spent: true},
		"the same MAC, with a batch's GUID then":      {had: by(port1, batch), asks: by(port1, usual), spent: true},
		"a batch's GUID in the other byte order": {had: by(port1, batch),
			asks: by(port2, "00020003-0004-0005-0006-000700080009")},
		"its boot program sends it in the other order": {had: by(port1, usual),
			asks: by(port1, "62657870-786f-614c-8000-000000000010"), spent: true},
		"and by the other port": {had: by(port1, usual),
			asks: by(port2, "62657870-786f-614c-8000-000000000010"), spent: true},
		"what was written by an earlier version": {had: by(port1, ""), asks: by(port1, other), spent: true},
	} {
		t.Run(situation, func(t *testing.T) {
			booted, read, restored := NewOnce(4), NewOnce(4), NewOnce(4)
			booted.Boots(t0, tc.had, xidA)
			read.Read(t0, tc.had)
			restored.Restore([]Spent{tc.had}, nil)
			for how, o := range map[string]*Once{"by firmware": booted, "by its menu": read,
				"before the start": restored} {
				if got := o.Reads(t0.Add(menuLasts), tc.asks); got != tc.spent {
					t.Errorf("used %s, for who reads it is spent: %v", how, got)
				}
				if got := o.Asks(t0.Add(time.Minute), tc.asks, xidB); got != tc.spent {
					t.Errorf("used %s, for who asks it is spent: %v", how, got)
				}
				if got := o.Read(t0.Add(time.Minute), tc.asks); got == tc.spent {
					t.Errorf("used %s, news: %v", how, got)
				}
			}
		})
	}
	t.Run("the other port asks at once", func(t *testing.T) {
		o := NewOnce(4)
		o.Boots(t0, by(port1, usual), xidA)
		if !o.Asks(t0.Add(time.Second), by(port2, usual), xidB) || !o.Reads(t0.Add(time.Second), by(port2, usual)) {
			t.Error("it counts for the port that firmware goes on to")
		}
		if !o.Asks(t0.Add(2*time.Second), by(port1, usual), xidA) {
			t.Error("and again for the first one")
		}
		o.Asks(t0.Add(3*time.Second), by(port2, usual), xidB)
		if n := len(o.Withheld()); n != 1 {
			t.Fatalf("told %d times", n)
		}
		if got := <-o.Withheld(); got != (Withheld{by(port2, usual), port1}) {
			t.Errorf("told: %+v", got)
		}
	})
	t.Run("two machines behind one USB adapter, then one that has no GUID", func(t *testing.T) {
		o := NewOnce(4)
		o.Read(t0, by(port1, usual))
		o.Read(t0, by(port1, other))
		if o.Reads(t0, by(port1, other)) || o.Reads(t0, by(port1, usual)) {
			t.Error("spent for the boot that uses it")
		}
		if !o.Reads(t0, by(port1, "")) || !o.Asks(t0, by(port1, ""), xidA) {
			t.Error("it may be either of them, and it counts")
		}
	})
	t.Run("closed", func(t *testing.T) {
		o, again := NewOnce(4), NewOnce(4)
		o.Close("install")
		<-o.Changed()
		again.Restore(o.All(), o.Closed())
		for _, o := range []*Once{o, again} {
			if !o.Asks(t0, by(port1, usual), xidA) || !o.Reads(t0, by(port1, "")) {
				t.Error("it counts")
			}
			if o.Asks(t0, Spent{"edited", port1, usual}, xidA) {
				t.Error("another rule is closed")
			}
			if !o.Keep(map[string]bool{"install": true}) || len(o.Closed()) != 1 {
				t.Errorf("closed are %v", o.Closed())
			}
		}
	})
}

func TestOnceFull(t *testing.T) {
	by := func(rule string, n byte) Spent {
		return Spent{Rule: rule, MAC: ether.From([]byte{2, 0, 0, 0, 0, n})}
	}
	o := NewOnce(2)
	for n := range byte(5) { // a stranger, who forges machines
		o.Boots(t0, by("wide", n), xidA)
	}
	if !o.Asks(t0, by("wide", 4), xidA) || !o.Reads(t0, by("wide", 4)) {
		t.Error("a boot that cannot be remembered is given: it would come again and again")
	}
	if o.Asks(t0, install, xidA) || o.Reads(t0, install) || !o.Read(t0, install) || !o.Asks(t0, install, xidB) {
		t.Error("another rule is closed, or does not count once")
	}
	live := map[string]bool{"wide": true, install.Rule: true}
	if o.Keep(live) {
		t.Error("room, with a rule that has none")
	}
	if got, want := o.All(), []Spent{by("wide", 0), by("wide", 1), install}; !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
	t.Run("after a start", func(t *testing.T) {
		again := NewOnce(2)
		again.Restore([]Spent{by("wide", 0), by("wide", 1), by("wide", 2), install}, nil)
		if len(again.All()) != 3 || !again.Asks(t0, install, xidA) || !again.Asks(t0, by("wide", 3), xidA) {
			t.Errorf("there are %v", again.All())
		}
	})
	t.Run("the wide rule is edited", func(t *testing.T) {
		if !o.Keep(map[string]bool{"wide, edited": true, install.Rule: true}) {
			t.Error("no room")
		}
		if got := o.All(); !slices.Equal(got, []Spent{install}) {
			t.Errorf("left are %v", got)
		}
		if o.Asks(t0, by("wide", 3), xidA) {
			t.Error("a rule that was forgotten is closed")
		}
	})
	t.Run("with room, a rule that is gone for a moment is not forgotten", func(t *testing.T) {
		o := NewOnce(2)
		o.Read(t0, install)
		if !o.Keep(nil) || !o.Asks(t0.Add(time.Hour), install, xidB) {
			t.Error("it counts again")
		}
	})
}

func TestFingerprint(t *testing.T) {
	r := Rule{Machine: spec.Machine{MAC: []string{"52:54:00"}, Boot: "debian", Once: true}, View: "m1"}
	moved, edited := r, r
	moved.View = "m2"
	edited.MAC = []string{"52:54:00", "02"}
	if Fingerprint(r) != Fingerprint(moved) {
		t.Error("the same rule at another place is another one")
	}
	if Fingerprint(r) == Fingerprint(edited) {
		t.Error("an edited rule is the same")
	}
	// once.json survives an update: with a different fingerprint, the rules
	// would apply again, and a machine would be installed a second time.
	const stored = "fb51fe5a8bc593bd"
	all := Rule{Machine: spec.Machine{
		MAC: []string{"52:54:00"}, GUID: []string{pc.GUID}, Firmware: []firmware.Kind{"uefi-x64"},
		Boot: "debian", Once: true, Entries: []string{"debian"}, Default: "debian",
	}}
	if got := Fingerprint(all); got != stored {
		t.Errorf("the fingerprint is %s, and was %s in earlier versions", got, stored)
	}
}
