package qemu

// Hardware is what a PC's disk is attached to, and its network card.
type Hardware struct {
	Disk []string // the devices that make the drive "d0" a disk
	Card string   // the network card's device
}

// Hardware that the appliance is tried on in addition to Box's.
var (
	// VMware is what a new machine of ESXi has.
	VMware = Hardware{Disk: []string{"-device", "pvscsi", "-device", "scsi-hd,drive=d0"}, Card: "vmxnet3"}
	// SDCard is a card in a PC's own reader. QEMU has no eMMC, which is behind
	// the same kind of controller.
	SDCard = Hardware{Disk: []string{"-device", "sdhci-pci", "-device", "sd-card,drive=d0"}, Card: "e1000"}
	// Virtio is Box's.
	Virtio = Hardware{Disk: []string{"-device", "virtio-blk-pci,drive=d0"}, Card: "virtio-net-pci"}
)

// BoxOn is Box on other hardware.
func BoxOn(accel Accel, h Hardware, image string, nic NIC) []string {
	args := append(cpu(accel),
		"-machine", "pc", "-m", "512",
		"-drive", "file="+image+",format=raw,if=none,id=d0,snapshot=on",
		"-netdev", nic.netdev(),
		"-device", h.Card+",netdev=n0,romfile=,mac="+nic.mac(),
	)
	return append(args, h.Disk...)
}
