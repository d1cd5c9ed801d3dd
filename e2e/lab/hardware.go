package lab

import (
	"os"
	"path/filepath"

	"github.com/pxebox/pxebox/e2e/qemu"
)

// pcCardSize is the size of an SD card, which QEMU wants to be a power of two.
const pcCardSize = 2 << 30

// StartBoxOn is StartBox on other hardware. If vlan is not 0, the box is on a
// trunk port of the switch, where the site is that VLAN.
func (l *Lab) StartBoxOn(h qemu.Hardware, vlan uint16, image string, perm map[string]File) (*qemu.Machine, error) {
	own := filepath.Join(l.scratch, "box.img")
	if err := prepareImage(image, own, filepath.Join(l.scratch, "perm"), perm); err != nil {
		return nil, err
	}
	if err := os.Truncate(own, pcCardSize); err != nil {
		return nil, err
	}
	nic := qemu.NIC{MAC: BoxMAC, Socket: l.socket}
	if vlan != 0 {
		nic.Socket = filepath.Join(l.scratch, "trunk")
		if err := l.LAN.ListenTrunk(nic.Socket, vlan); err != nil {
			return nil, err
		}
	}
	return l.guest("box", "", qemu.BoxOn(l.accel, h, own, nic), nil)
}
