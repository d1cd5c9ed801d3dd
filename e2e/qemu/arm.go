package qemu

import "strings"

// ARMBox is the appliance's image for the Raspberry Pi on QEMU's own ARM
// machine. Its EDK2 starts the boot loader that gok puts on the boot partition
// beside the Raspberry Pi's. What is written is lost.
func ARMBox(f Firmware, image string, nic NIC) []string {
	return append(virt(nic), "-bios", f.armCode(), "-drive", "file="+image+",format=raw,if=virtio,snapshot=on")
}

// virt is QEMU's own ARM machine, as far as all have it.
func virt(nic NIC) []string {
	return []string{
		"-accel", "tcg,thread=multi", "-machine", "virt", "-cpu", "cortex-a72", "-m", "1024", "-smp", "2",
		// Every Pi has a source of chance, without which keys take seconds.
		"-device", "virtio-rng-pci",
		"-netdev", nic.netdev(),
		"-device", "virtio-net-pci,netdev=n0,romfile=,mac=" + nic.mac(),
	}
}

// ARMBoxOnNBD is the same machine with its disk as in BoxOnNBD, started as a
// Raspberry Pi's firmware does it. Where the guest restarts QEMU ends: what is
// started next is on the disk by then, and that firmware would read it anew.
func ARMBoxOnNBD(socket string, pi Pi, nic NIC) []string {
	// The Pi's firmware puts the name of the port that is on the pins for
	// "serial0". This machine has one like it.
	commandLine := strings.ReplaceAll(pi.CommandLine, "console=serial0,", "console=ttyAMA0,")
	return append(virt(nic), "-drive", nbd(socket), "-no-reboot", "-kernel", pi.Kernel, "-append", commandLine)
}

// Pi is what a Raspberry Pi's own firmware finds on the boot partition. QEMU has
// no such firmware, so it has to be told.
type Pi struct {
	Kernel      string
	DeviceTree  string
	CommandLine string
}

// PiBox is the appliance's image on a Raspberry Pi 3, whose SD card has the size
// of the image: a power of two. What is written is lost.
func PiBox(image string, pi Pi, nic NIC) []string {
	return []string{
		"-accel", "tcg,thread=multi", "-machine", "raspi3b",
		"-drive", "file=" + image + ",format=raw,if=sd,snapshot=on",
		"-kernel", pi.Kernel, "-dtb", pi.DeviceTree,
		// The Pi's firmware puts the name of the port that is on the pins for
		// "serial0": on this one the second, ttyS0, which is off unless the
		// kernel is told of it. QEMU's watchdog bites at once.
		"-append", pi.CommandLine + " console=ttyS0,115200 8250.nr_uarts=1 initcall_blacklist=bcm2835_wdt_driver_init",
		"-netdev", nic.netdev(),
		// Real ones have a network chip on USB, too.
		"-device", "usb-net,netdev=n0,mac=" + nic.mac(),
	}
}
