package machine

import (
	"slices"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
)

var (
	t0         = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	xidA, xidB = [4]byte{1}, [4]byte{2}
	install    = Spent{Rule: "install", MAC: pc.MAC}
)

func TestOver(t *testing.T) {
	use := Use{At: t0, XID: xidA}
	for _, tc := range []struct {
		situation string
		after     time.Duration
		xid       [4]byte
		want      bool
	}{
		{"the same question again", 32 * time.Second, xidA, false},
		{"on port 4011, by another xid", 4 * time.Second, [4]byte{}, false},
		{"another boot", 10 * time.Second, xidB, true},
		{"another boot of a ROM whose xid is always the same", time.Minute, xidA, true},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got := use.Over(t0.Add(tc.after), tc.xid); got != tc.want {
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
	t.Run("nobody has used it", func(t *testing.T) {
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
			t.Error("goes on for ever")
		}
	})
	t.Run("another machine's, and another rule", func(t *testing.T) {
		o := NewOnce(4)
		o.Read(t0, install)
		for _, s := range []Spent{{"install", "02:00:00:00:00:01"}, {"another", pc.MAC}} {
			if o.Asks(later, s, xidB) || o.Reads(later, s) {
				t.Errorf("%v is spent", s)
			}
		}
	})
	t.Run("after a power cut", func(t *testing.T) {
		o, again := NewOnce(4), NewOnce(4)
		o.Boots(t0, install, xidA)
		again.Restore(o.All())
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

func TestOnceFull(t *testing.T) {
	other := func(n byte) Spent {
		return Spent{"install", config.MAC(config.NewHex([]byte{2, 0, 0, 0, 0, n}))}
	}
	o := NewOnce(2)
	o.Read(t0, Spent{"old", pc.MAC})
	o.Read(t0, other(1))
	o.Boots(t0, other(2), xidA)
	if !o.Asks(t0, other(2), xidA) || !o.Reads(t0, other(2)) {
		t.Error("a boot that cannot be remembered is given: it would come again and again")
	}
	if !o.Keep(map[string]bool{"install": true}) {
		t.Error("no room, with a rule that is no more")
	}
	if o.Asks(t0, other(2), xidA) || !o.Asks(t0, other(1), xidB) {
		t.Error("with room again: the new machine's boot does not count, or that of the old one counts again")
	}
	if got := o.All(); !slices.Equal(got, []Spent{other(1)}) {
		t.Errorf("left are %v", got)
	}
	t.Run("with room, a rule that is gone for a moment is not forgotten", func(t *testing.T) {
		o := NewOnce(2)
		o.Read(t0, install)
		if !o.Keep(nil) || !o.Asks(t0.Add(time.Hour), install, xidB) {
			t.Error("it counts again")
		}
	})
	t.Run("nothing but rules in use: no room", func(t *testing.T) {
		o := NewOnce(1)
		o.Read(t0, install)
		if o.Keep(map[string]bool{"install": true}) {
			t.Error("room")
		}
	})
}

func TestFingerprint(t *testing.T) {
	r := Rule{Machine: config.Machine{MAC: []string{"52:54:00"}, Boot: "debian", Once: true}, View: "m1"}
	moved, edited := r, r
	moved.View = "m2"
	edited.MAC = []string{"52:54:00", "02"}
	if Fingerprint(r) != Fingerprint(moved) {
		t.Error("the same rule at another place is another one")
	}
	if Fingerprint(r) == Fingerprint(edited) {
		t.Error("an edited rule is the same")
	}
}
