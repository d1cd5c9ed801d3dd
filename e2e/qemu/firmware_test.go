package qemu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindFirmware(t *testing.T) {
	dir := t.TempDir()
	for release, packages := range map[string]string{
		Debian12: "ipxe-qemu 1.0.0+git-20190125.36a4c85-5.1\n" +
			"ovmf 2022.11-6+deb12u2\nqemu-efi-aarch64 2022.11-6+deb12u2\n",
		Debian13: "ipxe-qemu 1.21.1+git20250501.dad20602+dfsg-1\n" +
			"ovmf 2025.02-8+deb13u1\nqemu-efi-aarch64 2025.02-8+deb13u1\n",
	} {
		if err := os.MkdirAll(filepath.Join(dir, release), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, release, "packages"), []byte(packages), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		situation, release, forced string
		ovmf, ipxe, arm            string
		err                        string
	}{
		{
			situation: "Debian 12's", release: Debian12,
			ovmf: "OVMF 2022.11-6+deb12u2 (Debian 12)",
			ipxe: "iPXE ROM 1.0.0+git-20190125.36a4c85-5.1 (Debian 12)",
			arm:  "EDK2 for ARM64 2022.11-6+deb12u2 (Debian 12)",
		},
		{
			situation: "Debian 12's, where Debian 13's is forced", release: Debian12, forced: Debian13,
			ovmf: "OVMF 2025.02-8+deb13u1 (Debian 13)",
			ipxe: "iPXE ROM 1.21.1+git20250501.dad20602+dfsg-1 (Debian 13)",
			arm:  "EDK2 for ARM64 2025.02-8+deb13u1 (Debian 13)",
		},
		{
			situation: "a release that was never unpacked is forced", release: Debian12, forced: "13",
			err: "FIRMWARE=13: there is no such firmware; write FIRMWARE=bookworm or FIRMWARE=trixie",
		},
	} {
		t.Run(test.situation, func(t *testing.T) {
			f, err := FindFirmware(dir, test.release, test.forced)
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("got %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.OVMF() != test.ovmf || f.IPXE() != test.ipxe || f.ARM() != test.arm {
				t.Errorf("got %q, %q and %q", f.OVMF(), f.IPXE(), f.ARM())
			}
		})
	}
	t.Run("not unpacked", func(t *testing.T) {
		_, err := FindFirmware(t.TempDir(), Debian13, "")
		if err == nil || !strings.HasSuffix(err.Error(), "run make firmware") {
			t.Errorf("got %v", err)
		}
	})
}

// The guests' arguments name the files of their firmware, and none of the
// host's.
func TestClientsRunTheirFirmware(t *testing.T) {
	f := Firmware{dir: "firmware/trixie"}
	for _, test := range []struct {
		situation string
		args      []string
		want      []string
	}{
		{
			situation: "BIOS", args: Client(f, TCG, 256, "", NIC{}),
			want: []string{"romfile=firmware/trixie/pxe-e1000.rom,"},
		},
		{
			situation: "UEFI", args: UEFIClient(UEFI{Firmware: f}, TCG, "", NIC{}),
			want: []string{"file=firmware/trixie/OVMF_CODE_4M.fd", "virtio-rng-pci"},
		},
		{
			situation: "UEFI with Secure Boot", args: UEFIClient(UEFI{Firmware: f, SecureBoot: true}, TCG, "", NIC{}),
			want: []string{"file=firmware/trixie/OVMF_CODE_4M.secboot.fd", "virtio-rng-pci"},
		},
		{
			situation: "ARM64", args: ARMBox(f, "box.img", NIC{}),
			want: []string{"firmware/trixie/QEMU_EFI.fd"},
		},
	} {
		t.Run(test.situation, func(t *testing.T) {
			args := strings.Join(test.args, " ")
			for _, want := range test.want {
				if !strings.Contains(args, want) {
					t.Errorf("it lacks %q: %s", want, args)
				}
			}
			if strings.Contains(args, "/usr/share") {
				t.Errorf("it needs a file of the host: %s", args)
			}
		})
	}
}
