package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pxebox/pxebox/e2e/nbp"
)

// DiskImage makes the image of a client's disk, and returns its path. A BIOS
// starts its first sector, which prints nbp.DiskOK. UEFI starts the program at
// the removable-media path of its EFI system partition (UEFI 2.10 §3.5.1.1),
// which prints nbp.UEFIOK.
func (l *Lab) DiskImage() (string, error) {
	sector, err := nbp.AssembleMBR()
	if err != nil {
		return "", err
	}
	program, err := nbp.AssembleUEFI()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(l.scratch, "disk")
	if err != nil {
		return "", err
	}
	image, file := filepath.Join(dir, "disk.img"), filepath.Join(dir, "program.efi")
	err = errors.Join(
		os.WriteFile(image, sector, 0o600),
		os.Truncate(image, nbp.EFIPartitionEnd),
		os.WriteFile(file, program, 0o600),
	)
	if err != nil {
		return "", err
	}
	partition := fmt.Sprintf("%s@@%d", image, nbp.EFIPartition)
	for _, step := range [][]string{
		{"mformat", "-i", partition, "-T", fmt.Sprint((nbp.EFIPartitionEnd - nbp.EFIPartition) / 512), "-h", "16",
			"-s", "63", "::"},
		{"mmd", "-i", partition, "::/EFI", "::/EFI/BOOT"},
		{"mcopy", "-i", partition, file, "::/EFI/BOOT/BOOTX64.EFI"},
	} {
		if err := run(step[0], step[1:]...); err != nil {
			return "", err
		}
	}
	return image, nil
}
