package qemu

// BoxOnNBD is the appliance with its disk on an NBD server, on this Unix
// socket. The guest's flushes come through to the server.
func BoxOnNBD(socket string, nic NIC) []string {
	return append(cpu(),
		"-machine", "pc", "-m", "512",
		"-drive", "file=nbd+unix:///?socket="+socket+",format=raw,if=virtio,cache=none",
		"-netdev", nic.netdev(),
		"-device", "virtio-net-pci,netdev=n0,romfile=,mac="+nic.mac(),
	)
}
