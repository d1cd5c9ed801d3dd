package lab

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/e2e/qemu"
)

// StartARMBox is StartBox for the Raspberry Pi image, on a machine that boots
// by UEFI. The image names a Pi's serial port, which does not exist here, so
// not all of Linux's output is on the machine's Console.
func (l *Lab) StartARMBox(f qemu.Firmware, image string, perm map[string]File) (*qemu.Machine, error) {
	own := filepath.Join(l.scratch, "box.img")
	if err := prepareImage(image, own, filepath.Join(l.scratch, "perm"), perm); err != nil {
		return nil, err
	}
	return l.start(qemu.Config{
		Name: "box", Program: qemu.ARM64, Args: qemu.ARMBox(f, own, qemu.NIC{MAC: BoxMAC, Socket: l.socket}),
	}, nil)
}

// cardSize is the size of a Raspberry Pi's SD card.
const cardSize = 4 << 30

// StartPiBox is StartBox for the Raspberry Pi image, on a Raspberry Pi 3, which
// has its network on USB. Its SD card is larger than the image.
func (l *Lab) StartPiBox(image string, perm map[string]File) (*qemu.Machine, error) {
	own := filepath.Join(l.scratch, "box.img")
	if err := prepareImage(image, own, filepath.Join(l.scratch, "perm"), perm); err != nil {
		return nil, err
	}
	if err := os.Truncate(own, cardSize); err != nil {
		return nil, err
	}
	pi, err := piFirmware(own, l.scratch)
	if err != nil {
		return nil, err
	}
	return l.start(qemu.Config{
		Name: "box", Program: qemu.ARM64, Port: 1, Args: qemu.PiBox(own, pi, qemu.NIC{MAC: BoxMAC, Socket: l.socket}),
	}, nil)
}

// piFirmware does what the firmware of a Raspberry Pi 3 does at each start: it
// reads the boot partition of a disk, here into files in dir.
func piFirmware(disk, dir string) (pi qemu.Pi, err error) {
	offset, err := firstFAT(disk)
	if err != nil {
		return pi, err
	}
	const kernel, deviceTree, commandLine = "vmlinuz", "bcm2710-rpi-3-b.dtb", "cmdline.txt"
	for _, name := range []string{kernel, deviceTree, commandLine} {
		// -n: replace the files that an earlier start has read.
		if err := run("mcopy", "-n", "-i", fmt.Sprintf("%s@@%d", disk, offset), "::"+name, dir); err != nil {
			return pi, err
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, commandLine))
	return qemu.Pi{
		Kernel:      filepath.Join(dir, kernel),
		DeviceTree:  filepath.Join(dir, deviceTree),
		CommandLine: strings.TrimSpace(string(text)),
	}, err
}

// PowerPi is PowerBox for the Raspberry Pi image, on QEMU's own ARM machine.
// Each boot takes its kernel and command line from the disk's boot partition,
// as a Pi does. To allow that, the machine ends when it restarts, and On does
// the work of its firmware.
func (l *Lab) PowerPi(image string, size int64, perm map[string]File) (*Power, error) {
	p, err := l.PowerBox(image, size, perm)
	if err != nil {
		return nil, err
	}
	p.pi = true
	return p, nil
}

// OnBootPartition reports whether a file is on the boot partition, for the
// firmware to read.
func (p *Power) OnBootPartition(name string) (bool, error) {
	offset, err := firstFAT(p.File)
	if err != nil {
		return false, err
	}
	list, err := exec.Command("mdir", "-b", "-i", fmt.Sprintf("%s@@%d", p.File, offset)).Output()
	return strings.Contains(string(list), "/"+name+"\n"), err
}

// firstFAT returns the offset in bytes of the first FAT partition in a disk's
// MBR. The ROM of a Raspberry Pi 3 boots from that partition, and does not
// support GPT.
func firstFAT(disk string) (offset int64, err error) {
	const sector, table, entrySize = 512, 446, 16
	f, err := os.Open(disk)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var mbr [sector]byte
	if _, err := f.ReadAt(mbr[:], 0); err != nil {
		return 0, err
	}
	for entry := range slices.Chunk(mbr[table:sector-2], entrySize) {
		switch entry[4] { // the partition's type
		case 0x0b, 0x0c, 0x0e:
			return int64(binary.LittleEndian.Uint32(entry[8:])) * sector, nil
		}
	}
	return 0, fmt.Errorf("the MBR of %s names no FAT partition", disk)
}
