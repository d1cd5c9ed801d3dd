package qemu

import (
	"fmt"
	"net"
)

// NIC is a guest's network card and the socket of the switch that it plugs
// into.
type NIC struct {
	MAC    [6]byte
	Socket string // path of a Unix socket
}

func (n NIC) mac() string { return net.HardwareAddr(n.MAC[:]).String() }

func (n NIC) netdev() string {
	return "stream,id=n0,server=off,addr.type=unix,addr.path=" + n.Socket
}

// cpu are the arguments for a guest that runs Linux. Without KVM the CPU must
// have all that QEMU can emulate, and several threads share the work.
func cpu() []string {
	if Accelerator() == "kvm" {
		return []string{"-accel", "kvm", "-cpu", "host"}
	}
	return []string{"-accel", "tcg,thread=multi", "-cpu", "max"}
}

// Box is the appliance: its image is read only, what it writes is lost.
func Box(image string, nic NIC) []string {
	return append(cpu(),
		"-machine", "pc", "-m", "512", "-smp", "2",
		"-drive", "file="+image+",format=raw,if=virtio,snapshot=on",
		"-netdev", nic.netdev(),
		// romfile=: it boots from its disk, so no option ROM need be run.
		"-device", "virtio-net-pci,netdev=n0,romfile=,mac="+nic.mac(),
	)
}

// Client is a BIOS machine that boots from the network, with the iPXE ROM that
// Debian gives QEMU's e1000. memory is in MiB; 256 do for anything but a
// Debian installer. uuid is what it says of itself in option 97, which is
// zeros if QEMU is not told.
func Client(memory int, uuid string, nic NIC) []string {
	return []string{
		"-machine", "pc,accel=" + Accelerator(), "-m", fmt.Sprint(memory), "-boot", "n",
		"-uuid", uuid,
		"-netdev", nic.netdev(),
		"-device", "e1000,netdev=n0,mac=" + nic.mac(),
	}
}

// Firmware is Debian's build of EDK2, and the state that it begins with, of
// which each guest needs a copy.
const (
	Firmware      = "/usr/share/OVMF/OVMF_CODE_4M.fd"
	FirmwareState = "/usr/share/OVMF/OVMF_VARS_4M.fd"
)

// UEFIClient is a UEFI machine that boots by HTTP. state is its own copy of
// FirmwareState.
func UEFIClient(state, uuid string, nic NIC) []string {
	return []string{
		"-machine", "q35,accel=" + Accelerator(), "-m", "512",
		"-uuid", uuid,
		"-drive", "if=pflash,format=raw,readonly=on,file=" + Firmware,
		"-drive", "if=pflash,format=raw,file=" + state,
		// It would try PXE first, by IPv4 and IPv6, and take a minute to give
		// up each.
		"-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n",
		"-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n",
		"-netdev", nic.netdev(),
		// romfile=: EDK2 has a driver of its own for the card.
		"-device", "virtio-net-pci,netdev=n0,romfile=,bootindex=1,mac=" + nic.mac(),
	}
}

// Linux is a guest that runs from memory, its console on the serial port.
func Linux(kernel, initrd string, nic NIC) []string {
	return append(cpu(),
		"-machine", "pc", "-m", "256", "-no-reboot",
		"-kernel", kernel, "-initrd", initrd,
		"-append", "console=ttyS0,115200 panic=-1 quiet",
		"-netdev", nic.netdev(),
		"-device", "virtio-net-pci,netdev=n0,romfile=,mac="+nic.mac(),
	)
}
