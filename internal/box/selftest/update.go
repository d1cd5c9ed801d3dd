package selftest

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Use holds the settings of a box that others on its network notice first.
type Use struct {
	Mode    spec.Mode    `json:"mode"`
	Address netip.Prefix `json:"address"` // the zero Prefix: by DHCP
}

func (u Use) String() string {
	if !u.Address.IsValid() {
		return fmt.Sprintf("mode %q and an address by DHCP", u.Mode)
	}
	return fmt.Sprintf("mode %q and the address %v", u.Mode, u.Address)
}

// State compares a box with its settings.
type State struct {
	// Sum identifies the settings: it is the checksum of their text.
	Sum string `json:"sum"`
	// Refused says why the box's program refuses the settings, and is empty if
	// it accepts them. Settings is then what they say.
	Refused  string `json:"refused,omitempty"`
	Settings Use    `json:"settings"`
	// InForce is what the box uses: the built-in default if the settings are
	// refused.
	InForce Use `json:"in_force"`
	// Present reports whether an interface has the address of InForce, or any
	// address if it comes by DHCP.
	Present bool `json:"present"`
}

// AsBefore returns nil if an update left a box with the settings that it had,
// and otherwise an error that says what the new root makes of them. before is
// how the old root left the box, or nil if that is unknown: then AsBefore
// assumes that nothing was wrong.
//
// A box that refuses its settings after an update gets an address by DHCP and
// leases nothing. A check that only asks whether it answers finds it healthy.
func AsBefore(before *State, now State) error {
	same := before != nil && before.Sum == now.Sum
	switch {
	case now.Refused != "" && same && before.Refused != "":
		return nil // the update is not to blame
	case now.Refused != "":
		return fmt.Errorf("the new program refuses the settings: %s", now.Refused)
	case now.InForce == Use{}:
		return errors.New("no settings are in force yet")
	case now.InForce != now.Settings:
		return fmt.Errorf("the settings say %v, but %v is in force", now.Settings, now.InForce)
	case same && before.Refused == "" && before.Settings != now.Settings:
		return fmt.Errorf("the new program reads the settings as %v, the old one as %v", now.Settings, before.Settings)
	case !now.Present && !(same && !before.Present):
		return fmt.Errorf("the box does not have %v", now.InForce)
	}
	return nil
}
