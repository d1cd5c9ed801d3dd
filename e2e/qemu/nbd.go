package qemu

// BoxOnNBD is the appliance with its disk on an NBD server, on this Unix
// socket. The guest's flushes come through to the server.
func BoxOnNBD(accel Accel, socket string, nic NIC) []string {
	return append(cpu(accel), onNBD(socket, nic)...)
}

// LeapingBoxOnNBD is BoxOnNBD on a machine whose time leaps to the next timer
// whenever its processor has nothing to do: an idle hour takes a minute or so.
// What the guest waits for from outside takes it the longer.
func LeapingBoxOnNBD(socket string, nic NIC) []string {
	// An instruction takes 4 ns of the guest's time, which is about what it
	// takes to emulate one.
	return append([]string{"-accel", "tcg,thread=single", "-cpu", "max", "-icount", "shift=2,sleep=off"}, onNBD(socket, nic)...)
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
