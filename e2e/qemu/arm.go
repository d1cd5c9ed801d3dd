package qemu

import "strings"

// ARMBox returns the arguments for the Raspberry Pi image on QEMU's own ARM
// machine. Its EDK2 starts the boot loader that gok puts on the boot partition
// next to the Raspberry Pi's. Writes are lost.
func ARMBox(f Firmware, image string, nic NIC) []string {
	return append(virt(nic), "-bios", f.armCode(), "-drive", "file="+image+",format=raw,if=virtio,snapshot=on")
}

// virt returns the arguments that all uses of QEMU's own ARM machine share.
func virt(nic NIC) []string {
	return []string{
		"-accel", "tcg,thread=multi", "-machine", "virt", "-cpu", "cortex-a72", "-m", "1024", "-smp", "2",
		// Every Pi has a hardware random number generator; without one, making
		// keys takes seconds.
		"-device", "virtio-rng-pci",
		"-netdev", nic.netdev(),
		"-device", "virtio-net-pci,netdev=n0,romfile=,mac=" + nic.mac(),
	}
}

// ARMBoxOnNBD is the same machine with its disk as in BoxOnNBD, started as a
// Raspberry Pi's firmware does it. When the guest restarts, QEMU ends: the
// files for the next start are on the disk by then, and a Pi's firmware would
// read them again.
func ARMBoxOnNBD(socket string, pi Pi, nic NIC) []string {
	// The Pi's firmware replaces "serial0" by the name of the port that is on
	// the pins. This machine has a similar port.
	commandLine := strings.ReplaceAll(pi.CommandLine, "console=serial0,", "console=ttyAMA0,")
	return append(virt(nic), "-drive", nbd(socket), "-no-reboot", "-kernel", pi.Kernel, "-append", commandLine)
}

// Pi is what a Raspberry Pi's own firmware finds on the boot partition. QEMU
// has no such firmware, so the caller must provide it.
type Pi struct {
	Kernel      string
	DeviceTree  string
	CommandLine string
}

// PiBox returns the arguments for the appliance's image on a Raspberry Pi 3.
// Its SD card has the size of the image, a power of two. Writes are lost.
func PiBox(image string, pi Pi, nic NIC) []string {
	return []string{
		"-accel", "tcg,thread=multi", "-machine", "raspi3b",
		"-drive", "file=" + image + ",format=raw,if=sd,snapshot=on",
		"-kernel", pi.Kernel, "-dtb", pi.DeviceTree,
		// The Pi's firmware replaces "serial0" by the name of the port that is
		// on the pins: here the second port, ttyS0, which is off unless the
		// kernel's command line enables it. QEMU's watchdog bites at once.
		"-append", pi.CommandLine + " console=ttyS0,115200 8250.nr_uarts=1 initcall_blacklist=bcm2835_wdt_driver_init",
		"-netdev", nic.netdev(),
		// Real ones also have a network chip on USB.
		"-device", "usb-net,netdev=n0,mac=" + nic.mac(),
	}
}
