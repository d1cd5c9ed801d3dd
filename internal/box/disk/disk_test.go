package disk

import (
	"strings"
	"testing"
)

func TestFindMount(t *testing.T) {
	const root = "1 1 253:2 / / ro,relatime - squashfs /dev/root ro,errors=continue\n"
	for _, tt := range []struct {
		situation, text string
		want            mount
		err             string
	}{
		{"as gokrazy mounts it", root + "25 1 253:4 / /perm rw,relatime - ext4 /dev/vda4 rw\n", mount{"253:4", "ext4", false}, ""},
		{"with optional fields", root + "25 1 253:4 / /perm rw,relatime shared:1 master:2 - ext4 /dev/vda4 rw\n", mount{"253:4", "ext4", false}, ""},
		{"not mounted", root, mount{}, "nothing is mounted on /perm"},
		{"only below it", root + "25 1 0:20 / /perm/var rw - tmpfs tmpfs rw\n", mount{}, "nothing is mounted on /perm"},
		{"mounted read-only", root + "25 1 253:4 / /perm ro,relatime - ext4 /dev/vda4 ro\n", mount{"253:4", "ext4", true}, ""},
		{"read-only since an error", root + "25 1 253:4 / /perm rw,relatime - ext4 /dev/vda4 ro,errors=remount-ro\n", mount{"253:4", "ext4", true}, ""},
		{"read-only since an error, newer kernels", root + "25 1 253:4 / /perm rw,relatime - ext4 /dev/vda4 rw,emergency_ro\n", mount{"253:4", "ext4", true}, ""},
		{"FAT", root + "25 1 253:4 / /perm rw,relatime - vfat /dev/vda4 rw\n", mount{"253:4", "vfat", false}, ""},
		{"something mounted over it", root + "25 1 253:4 / /perm rw - ext4 /dev/vda4 rw\n26 25 0:9 / /perm rw - tmpfs tmpfs rw\n", mount{"0:9", "tmpfs", false}, ""},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			m, err := findMount(tt.text, "/perm")
			if m != tt.want || (tt.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %+v, %v", m, err)
			}
		})
	}
}
