package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pxebox/pxebox/e2e/qemu"
)

// StartARMBox is StartBox for the image for the Raspberry Pi, on a machine that
// boots by UEFI. The image names a Pi's serial port, which is not there, so not
// all of what Linux writes is on the machine's Console.
func (l *Lab) StartARMBox(image string, perm map[string]File) (*qemu.Machine, error) {
	if _, err := os.Stat(qemu.ARMFirmware); err != nil {
		return nil, fmt.Errorf("%w: run make deps", err)
	}
	own := filepath.Join(l.scratch, "box.img")
	if err := prepareImage(image, own, filepath.Join(l.scratch, "perm"), perm); err != nil {
		return nil, err
	}
	return l.start(qemu.Config{
		Name: "box", Program: qemu.ARM64, Args: qemu.ARMBox(own, qemu.NIC{MAC: BoxMAC, Socket: l.socket}),
	}, nil)
}

// cardSize is that of a Raspberry Pi's SD card.
const cardSize = 4 << 30

// StartPiBox is StartBox for the image for the Raspberry Pi, on a Raspberry Pi
// 3, which has its network on USB. Its SD card is larger than the image.
func (l *Lab) StartPiBox(image string, perm map[string]File) (*qemu.Machine, error) {
	own := filepath.Join(l.scratch, "box.img")
	if err := prepareImage(image, own, filepath.Join(l.scratch, "perm"), perm); err != nil {
		return nil, err
	}
	if err := os.Truncate(own, cardSize); err != nil {
		return nil, err
	}
	offset, _, err := Partition(own, 1)
	if err != nil {
		return nil, err
	}
	const deviceTree = "bcm2710-rpi-3-b.dtb"
	for _, name := range []string{"vmlinuz", deviceTree, "cmdline.txt"} {
		if err := run("mcopy", "-i", fmt.Sprintf("%s@@%d", own, offset), "::"+name, l.scratch); err != nil {
			return nil, err
		}
	}
	commandLine, err := os.ReadFile(filepath.Join(l.scratch, "cmdline.txt"))
	if err != nil {
		return nil, err
	}
	pi := qemu.Pi{
		Kernel:      filepath.Join(l.scratch, "vmlinuz"),
		DeviceTree:  filepath.Join(l.scratch, deviceTree),
		CommandLine: strings.TrimSpace(string(commandLine)),
	}
	return l.start(qemu.Config{
		Name: "box", Program: qemu.ARM64, Port: 1, Args: qemu.PiBox(own, pi, qemu.NIC{MAC: BoxMAC, Socket: l.socket}),
	}, nil)
}
