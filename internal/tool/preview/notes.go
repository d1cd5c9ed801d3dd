package preview

import (
	"fmt"
	"regexp"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// reVLAN matches the names that systemd and Debian give to a VLAN's interface,
// and the number of one that does not exist.
var reVLAN = regexp.MustCompile(`^vlan[0-9]+$|\.[0-9]+$`)

// networkNotes returns the notes about [network]. It does not ask the kernel,
// which is that of this computer and not the box's.
func networkNotes(n config.Network) (notes []string) {
	if parent, id, ok := spec.ParseVLAN(n.Interface); ok {
		notes = append(notes, fmt.Sprintf("network.interface: %s is VLAN %d on %s; the kernel of an image needs VLANs for "+
			"it: a release's has them, and one from make image has them only after make kernel", n.Interface, id, parent))
	} else if reVLAN.MatchString(n.Interface) {
		notes = append(notes, fmt.Sprintf("network.interface: %s is not how the box names a VLAN: write the interface that "+
			`carries it, a point and the VLAN's number from 1 to %d, such as "eth0.10"`, n.Interface, spec.MaxVLAN))
	}
	return notes
}
