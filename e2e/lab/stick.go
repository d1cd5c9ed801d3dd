package lab

import (
	"context"
	"path/filepath"

	"github.com/pxebox/pxebox/e2e/qemu"
)

// StartBoxWithUSB is StartBox for an appliance that media can be plugged into.
func (l *Lab) StartBoxWithUSB(image string, perm map[string]File) (*qemu.Machine, error) {
	own := filepath.Join(l.scratch, "box.img")
	if err := prepareImage(image, own, filepath.Join(l.scratch, "perm"), perm); err != nil {
		return nil, err
	}
	args := append(qemu.Box(own, qemu.NIC{MAC: BoxMAC, Socket: l.socket}), "-device", "qemu-xhci")
	return l.guest("box", "", args, nil)
}

// PlugIn puts a USB stick into a machine, whose content is a file.
func PlugIn(ctx context.Context, m *qemu.Machine, id, file string) error {
	err := m.Execute(ctx, "blockdev-add", map[string]any{
		"driver": "raw", "node-name": id, "read-only": true,
		"file": map[string]string{"driver": "file", "filename": file},
	})
	if err != nil {
		return err
	}
	return m.Execute(ctx, "device_add", map[string]string{"driver": "usb-storage", "id": id, "drive": id})
}

// PullOut takes a stick away without a warning.
func PullOut(ctx context.Context, m *qemu.Machine, id string) error {
	return m.Execute(ctx, "device_del", map[string]string{"id": id})
}
