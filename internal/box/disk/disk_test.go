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
		{situation: "as gokrazy mounts it", text: root + "25 1 253:4 / /perm rw,relatime - ext4 /dev/vda4 rw\n",
			want: mount{"253:4", "ext4", false}},
		{situation: "with optional fields",
			text: root + "25 1 253:4 / /perm rw,relatime shared:1 master:2 - ext4 /dev/vda4 rw\n",
			want: mount{"253:4", "ext4", false}},
		{situation: "not mounted", text: root, err: "nothing is mounted on /perm"},
		{situation: "only below it", text: root + "25 1 0:20 / /perm/var rw - tmpfs tmpfs rw\n",
			err: "nothing is mounted on /perm"},
		{situation: "mounted read-only", text: root + "25 1 253:4 / /perm ro,relatime - ext4 /dev/vda4 ro\n",
			want: mount{"253:4", "ext4", true}},
		{situation: "read-only since an error",
			text: root + "25 1 253:4 / /perm rw,relatime - ext4 /dev/vda4 ro,errors=remount-ro\n",
			want: mount{"253:4", "ext4", true}},
		{situation: "read-only since an error, newer kernels",
			text: root + "25 1 253:4 / /perm rw,relatime - ext4 /dev/vda4 rw,emergency_ro\n",
			want: mount{"253:4", "ext4", true}},
		{situation: "FAT", text: root + "25 1 253:4 / /perm rw,relatime - vfat /dev/vda4 rw\n",
			want: mount{"253:4", "vfat", false}},
		{situation: "something mounted over it",
			text: root + "25 1 253:4 / /perm rw - ext4 /dev/vda4 rw\n26 25 0:9 / /perm rw - tmpfs tmpfs rw\n",
			want: mount{"0:9", "tmpfs", false}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			m, err := findMount(tt.text, "/perm")
			if m != tt.want || (tt.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %+v, %v", m, err)
			}
		})
	}
}
