package qemu

import (
	"fmt"
	"net"
	"slices"
)

// NIC is a guest's network card and the switch's socket that it connects to.
type NIC struct {
	MAC    [6]byte
	Socket string // path of a Unix socket
}

func (n NIC) mac() string { return net.HardwareAddr(n.MAC[:]).String() }

func (n NIC) netdev() string {
	return "stream,id=n0,server=off,addr.type=unix,addr.path=" + n.Socket
}

// cpu returns the arguments for a guest that runs Linux. Without KVM the CPU
// must have all features that QEMU can emulate, and there is only one: on two,
// when a busy host lets their clocks drift apart, Linux reacts by patching its
// own code (static keys), and on the emulated CPUs that ends in "Oops: int3".
func cpu(accel Accel) []string {
	if accel == KVM {
		return []string{"-accel", "kvm", "-cpu", "host", "-smp", "2"}
	}
	return []string{"-accel", "tcg,thread=multi", "-cpu", "max"}
}

// Box returns the arguments for the appliance: its image is read-only, and its
// writes are lost.
func Box(accel Accel, image string, nic NIC) []string {
	return append(cpu(accel),
		"-machine", "pc", "-m", "512",
		"-drive", "file="+image+",format=raw,if=virtio,snapshot=on",
		"-netdev", nic.netdev(),
		// romfile=: it boots from its disk, so no option ROM needs to run.
		"-device", "virtio-net-pci,netdev=n0,romfile=,mac="+nic.mac(),
	)
}

// random is a source of random numbers, which real machines have in their
// processor. Since 2024, EDK2 does not network-boot without one.
var random = []string{"-device", "virtio-rng-pci"}

// Client returns the arguments for a BIOS machine that boots from the network,
// with iPXE as the ROM of its network card. memory is in MiB; 256 is enough for
// anything except a Debian installer. uuid is its identifier in option 97,
// which is zeros if QEMU is not given one.
func Client(f Firmware, accel Accel, memory int, uuid string, nic NIC) []string {
	return slices.Concat([]string{
		"-machine", "pc,accel=" + string(accel), "-m", fmt.Sprint(memory),
		"-uuid", uuid,
		"-netdev", nic.netdev(),
		"-device", "e1000,netdev=n0,bootindex=1,romfile=" + f.rom() + ",mac=" + nic.mac(),
	}, random)
}

// UEFI describes the properties of a UEFI machine.
type UEFI struct {
	Firmware Firmware
	// State is the machine's own copy of the firmware's State. It survives a
	// reset.
	State      string
	SecureBoot bool
	HTTP       bool // boot over HTTP; if false, by PXE over IPv4
	Memory     int  // MiB
}

// UEFIClient returns the arguments for a UEFI machine that boots from the
// network. uuid is as in Client.
func UEFIClient(u UEFI, accel Accel, uuid string, nic NIC) []string {
	machine := "q35,accel=" + string(accel)
	var secure []string
	if u.SecureBoot {
		// Only system management mode may write the variables, and EDK2 built
		// that way does not start where a machine could be suspended to memory.
		machine += ",smm=on"
		secure = []string{
			"-global", "driver=cfi.pflash01,property=secure,value=on",
			"-global", "ICH9-LPC.disable_s3=1",
		}
	}
	// It would try each way to boot in turn, and take a minute to give up one
	// that no server answers.
	off := []string{"-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n"}
	if u.HTTP {
		off = append(off, "-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n")
	}
	return slices.Concat([]string{
		"-machine", machine, "-m", fmt.Sprint(u.Memory),
		"-uuid", uuid,
		"-netdev", nic.netdev(),
		// romfile=: EDK2 has its own driver for the card.
		"-device", "virtio-net-pci,netdev=n0,romfile=,bootindex=1,mac=" + nic.mac(),
	}, u.Firmware.Flash(u.State, u.SecureBoot), random, secure, off)
}

// Disk gives a client a disk with the content of an image file. It comes after
// the network in the boot order, and writes to it are lost.
func Disk(image string) []string {
	return []string{
		"-drive", "if=none,id=disk,snapshot=on,format=raw,file=" + image,
		"-device", "virtio-blk-pci,drive=disk,bootindex=2",
	}
}

// Linux returns the arguments for a guest that runs from memory, with its
// console on the serial port.
func Linux(accel Accel, kernel, initrd string, nic NIC) []string {
	return append(cpu(accel),
		"-machine", "pc", "-m", "256", "-no-reboot",
		"-kernel", kernel, "-initrd", initrd,
		"-append", "console=ttyS0,115200 panic=-1 quiet",
		"-netdev", nic.netdev(),
		"-device", "virtio-net-pci,netdev=n0,romfile=,mac="+nic.mac(),
	)
}
