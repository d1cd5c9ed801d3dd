package lab

import "github.com/pxebox/pxebox/e2e/qemu"

// StartBoxFrom starts the appliance from a virtual disk as it is: it has the
// settings that all boxes start with.
func (l *Lab) StartBoxFrom(v qemu.VirtualDisk, file string) (*qemu.Machine, error) {
	return l.guest("box", "", qemu.BoxFrom(l.accel, v, file, qemu.NIC{MAC: BoxMAC, Socket: l.socket}), nil)
}
