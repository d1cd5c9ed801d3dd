package qemu

// BoxOnNBD returns the arguments for the appliance with its disk on an NBD
// server, at a Unix socket. The guest's flushes reach the server.
func BoxOnNBD(accel Accel, socket string, nic NIC) []string {
	return append(cpu(accel), onNBD(socket, nic)...)
}

// LeapingBoxOnNBD is BoxOnNBD on a machine whose time leaps to the next timer
// whenever its processor is idle: an idle hour takes a minute or so. Waits for
// external events seem longer to the guest.
func LeapingBoxOnNBD(socket string, nic NIC) []string {
	// An instruction takes 4 ns of the guest's time, which is about the time to
	// emulate one.
	return append([]string{"-accel", "tcg,thread=single", "-cpu", "max", "-icount", "shift=2,sleep=off"},
		onNBD(socket, nic)...)
}

func onNBD(socket string, nic NIC) []string {
	return []string{
		"-machine", "pc", "-m", "512",
		"-drive", nbd(socket),
		"-netdev", nic.netdev(),
		"-device", "virtio-net-pci,netdev=n0,romfile=,mac=" + nic.mac(),
	}
}

func nbd(socket string) string {
	return "file=nbd+unix:///?socket=" + socket + ",format=raw,if=virtio,cache=none"
}
