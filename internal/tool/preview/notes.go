package preview

import (
	"regexp"

	"github.com/pxebox/pxebox/config"
)

// reVLAN matches the interface names that Linux, systemd and Debian give to a
// VLAN.
var reVLAN = regexp.MustCompile(`^vlan[0-9]+$|\.[0-9]+$`)

// networkNotes returns the notes about [network]. It does not ask the kernel,
// which is that of this computer and not the box's.
func networkNotes(n config.Network) (notes []string) {
	if reVLAN.MatchString(n.Interface) {
		notes = append(notes,
			"network.interface: "+n.Interface+" is the name of a VLAN, which the appliance's kernel does not support: "+
				`write the interface itself, such as "eth0", and let the switch deliver that VLAN untagged`)
	}
	return notes
}
