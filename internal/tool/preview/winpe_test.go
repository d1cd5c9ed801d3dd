package preview

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pxebox check says what an image of Windows PE lacks, and what comes out of its
// boot.wim.
func TestCheckOfWinPE(t *testing.T) {
	for _, tt := range []struct {
		situation, wim string
		want, not      []string
	}{
		{
			situation: "only boot.wim", wim: "lzx.wim",
			want: []string{
				"win11/sources/boot.wim: the box takes out of it, because the folder lacks it: bootmgfw.efi, " +
					"efi/microsoft/boot/bcd, boot/boot.sdi, bootmgfw_ex.efi, efi/microsoft/boot/boot.stl, " +
					"pxeboot.n12, bootmgr.exe, boot/bcd, boot/fonts/",
				"win11/sources/boot.wim: bootmgfw.efi: Secure Boot refuses it",
			},
			not: []string{"lacks what"},
		},
		{
			situation: "XPRESS", wim: "xpress.wim",
			want: []string{
				"win11/sources/boot.wim: it is compressed with XPRESS: convert it with wimlib-imagex export",
				"win11 lacks what bios needs: pxeboot.n12, bootmgr.exe, boot/bcd, boot/boot.sdi, for entry win",
				"win11 lacks what uefi-x64 needs: efi/boot/bootx64.efi, efi/microsoft/boot/bcd, boot/boot.sdi",
			},
		},
		{
			situation: "an empty folder",
			want: []string{"win11 lacks what bios needs: pxeboot.n12, bootmgr.exe, boot/bcd, boot/boot.sdi, " +
				"sources/boot.wim, for entry win"},
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "pxebox.toml")
			if err := os.WriteFile(file, []byte("[[entry]]\nname = \"win\"\nwinpe = \"win11\"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if tt.wim != "" {
				b, err := os.ReadFile(filepath.Join("..", "..", "control", "wim", "testdata", tt.wim))
				if err != nil {
					t.Fatal(err)
				}
				to := filepath.Join(dir, "win11", "sources", "boot.wim")
				if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(to, b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var out strings.Builder
			if err := Check(&out, file, dir); err != nil {
				t.Fatal(err)
			}
			said := filepath.ToSlash(out.String())
			for _, want := range tt.want {
				if !strings.Contains(said, want) {
					t.Errorf("no %q in\n%s", want, said)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(said, not) {
					t.Errorf("%q in\n%s", not, said)
				}
			}
		})
	}
}
