package qemu

// VirtualDisk is the format of a virtual disk of a release, and the hardware that
// it is tried on.
type VirtualDisk struct {
	Format string   // QEMU's name for it
	Disk   []string // the devices that make the drive "d0" a disk
	Card   string   // the network card's device
}

// The virtual disks of a release.
var (
	// QCOW2 is for QEMU and what is based on it, like Proxmox.
	QCOW2 = VirtualDisk{"qcow2", []string{"-device", "virtio-blk-pci,drive=d0"}, "virtio-net-pci"}
	// VMDK is for VMware and VirtualBox, whose machines have SATA.
	VMDK = VirtualDisk{"vmdk", []string{"-device", "ahci,id=sata", "-device", "ide-hd,drive=d0,bus=sata.0"}, "e1000e"}
	// VHDX is for Hyper-V. Its machines of the first generation have IDE; their
	// network cards QEMU cannot emulate.
	VHDX = VirtualDisk{"vhdx", []string{"-device", "ide-hd,drive=d0"}, "e1000"}
)

// BoxFrom returns the arguments for the appliance from a virtual disk, which is
// not written to.
func BoxFrom(accel Accel, v VirtualDisk, file string, nic NIC) []string {
	args := append(cpu(accel),
		"-machine", "pc", "-m", "512",
		"-drive", "file="+file+",format="+v.Format+",if=none,id=d0,snapshot=on",
		"-netdev", nic.netdev(),
		"-device", v.Card+",netdev=n0,romfile=,mac="+nic.mac(),
	)
	return append(args, v.Disk...)
}
