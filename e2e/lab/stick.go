package lab

import (
	"context"
	"path/filepath"

	"github.com/pxebox/pxebox/e2e/qemu"
)

// StartBoxWithUSB is StartBox for an appliance that removable media can be
// plugged into.
func (l *Lab) StartBoxWithUSB(image string, perm map[string]File) (*qemu.Machine, error) {
	own := filepath.Join(l.scratch, "box.img")
	if err := prepareImage(image, own, filepath.Join(l.scratch, "perm"), perm); err != nil {
		return nil, err
	}
	args := append(qemu.Box(l.accel, own, qemu.NIC{MAC: BoxMAC, Socket: l.socket}), "-device", "qemu-xhci")
	return l.guest("box", "", args, nil)
}

// PlugIn plugs a USB stick into a machine. file holds the stick's content.
func PlugIn(ctx context.Context, m *qemu.Machine, id, file string) error {
	return plugIn(ctx, m, id, raw(id, file))
}

// PlugInWritable is PlugIn for a stick that can be written to.
func PlugInWritable(ctx context.Context, m *qemu.Machine, id, file string) error {
	content := raw(id, file)
	content["read-only"] = false
	return plugIn(ctx, m, id, content)
}

func plugIn(ctx context.Context, m *qemu.Machine, id string, content map[string]any) error {
	if err := m.Execute(ctx, "blockdev-add", content); err != nil {
		return err
	}
	return m.Execute(ctx, "device_add", map[string]string{"driver": "usb-storage", "id": id, "drive": id})
}

// PullOut removes a stick without a warning.
func PullOut(ctx context.Context, m *qemu.Machine, id string) error {
	return m.Execute(ctx, "device_del", map[string]string{"id": id})
}

// PlugInReader plugs a card reader into a machine, with a card whose content is
// a file. The reader stays when the card is removed.
func PlugInReader(ctx context.Context, m *qemu.Machine, id, file string) error {
	for _, step := range []struct {
		command string
		args    map[string]any
	}{
		{"blockdev-add", raw(id, file)},
		{"device_add", map[string]any{"driver": "usb-bot", "id": id + "-usb"}},
		{"device_add", map[string]any{"driver": "scsi-hd", "bus": id + "-usb.0", "id": id, "drive": id,
			"removable": true}},
		{"qom-set", map[string]any{"path": "/machine/peripheral/" + id + "-usb", "property": "attached",
			"value": true}},
	} {
		if err := m.Execute(ctx, step.command, step.args); err != nil {
			return err
		}
	}
	return nil
}

// TakeCard removes the card from a reader.
func TakeCard(ctx context.Context, m *qemu.Machine, reader string) error {
	if err := m.Execute(ctx, "blockdev-open-tray", map[string]any{"id": reader, "force": true}); err != nil {
		return err
	}
	return m.Execute(ctx, "blockdev-remove-medium", map[string]any{"id": reader})
}

// PutCard inserts it again.
func PutCard(ctx context.Context, m *qemu.Machine, reader string) error {
	if err := m.Execute(ctx, "blockdev-insert-medium", map[string]any{"id": reader, "node-name": reader}); err != nil {
		return err
	}
	return m.Execute(ctx, "blockdev-close-tray", map[string]any{"id": reader})
}

// raw describes a medium to QEMU.
func raw(id, file string) map[string]any {
	return map[string]any{
		"driver": "raw", "node-name": id, "read-only": true,
		"file": map[string]string{"driver": "file", "filename": file},
	}
}
