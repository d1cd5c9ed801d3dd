package preview

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const debian = "[[entry]]\nname = \"debian\"\nkernel = \"debian/linux\"\ninitrd = [\"debian/initrd.gz\"]\n"

const wdsByName = `
[[wds]]
name = "a"
server = "wds.example.org"
[[entry]]
name = "a"
wds = "a"
[[entry]]
name = "disk"
disk = true
`

// write writes a configuration.
func write(t *testing.T, dir, text string) string {
	t.Helper()
	file := filepath.Join(dir, "pxebox.toml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// newBoot creates a boot folder with a kernel whose initrd is empty.
func newBoot(t *testing.T, dir string) string {
	t.Helper()
	boot := filepath.Join(dir, "boot")
	if err := os.MkdirAll(filepath.Join(boot, "debian"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"linux": "kernel", "initrd.gz": ""} {
		if err := os.WriteFile(filepath.Join(boot, "debian", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return boot
}

// manyMenus returns a configuration with another whole menu for each of many
// machines.
func manyMenus() string {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "[[entry]]\nname = \"e%d\"\nkernel = \"k\"\nappend = %q\n", i, strings.Repeat("x", 100))
	}
	for i := range 500 {
		fmt.Fprintf(&b, "[[machine]]\nmac = [\"52:54:00:00:%02x:%02x\"]\nboot = \"menu\"\ndefault = \"e%d\"\n",
			i>>8, i&255, i)
	}
	return b.String()
}

func TestRender(t *testing.T) {
	dir := t.TempDir()
	boot := newBoot(t, dir)
	file := write(t, dir,
		wdsByName+debian+"[[machine]]\nmac = [\"52:54:00:12:34:56\"]\nboot = \"menu\"\nentries = [\"disk\"]\n")
	for _, tt := range []struct{ name, boot, want string }{
		{name: "without a boot folder", want: "MENU LABEL debian\n"},
		{name: "with one that lacks a file", boot: boot, want: "MENU LABEL debian (file missing)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := t.TempDir()
			err := Render(t.Context(), file, tt.boot, out, func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("10.0.0.9")}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(out, "pxelinux.cfg", "default"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{`APPEND 10.0.0.9::boot\x64\wdsnbp.com -W`, tt.want} {
				if !strings.Contains(string(got), want) {
					t.Errorf("%q is not in:\n%s", want, got)
				}
			}
			if views, _ := filepath.Glob(filepath.Join(out, "views", "menu-*", "pxelinux.cfg",
				"default")); len(views) != 1 {
				t.Errorf("the machine's own menu is not there: %v", views)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	boot := newBoot(t, dir)
	lost := "[network]\naddress = \"192.168.77.1/24\"\n[[subnet]]\nnetwork = \"10.1.0.0/24\"\n"
	text := debian + "[[entry]]\nname = \"m\"\nfile = \"memdisk\"\n[[entry]]\nname = \"x\"\nfile = \"x.iso\"\n"
	for _, tt := range []struct{ name, file, boot, want, err string }{
		{name: "right", file: "[menu]\ntitle = \"x\"\n", want: ": OK\n"},
		{name: "an entry that one firmware cannot run", file: text, want: `entry "x" on uefi-x64: not shown`},
		{name: "a secret in the arguments", file: "[[entry]]\nname = \"x\"\nkernel = \"k\"\nappend = \"password=x\"\n",
			want: `: note: entry "x": its arguments seem to contain a secret`},
		{name: "a VLAN", file: "[network]\ninterface = \"eth0.10\"\n",
			want: ": note: network.interface: eth0.10 is VLAN 10 on eth0; the kernel of an image needs VLANs for it: a " +
				"release's has them, and one from make image has them only after make kernel\n"},
		{name: "a VLAN by its number", file: "[network]\ninterface = \"vlan10\"\n",
			want: ": note: network.interface: vlan10 is not how the box names a VLAN: write the interface that carries " +
				`it, a point and the VLAN's number from 1 to 4094, such as "eth0.10"`},
		{name: "a VLAN that cannot be", file: "[network]\ninterface = \"eth0.4095\"\n",
			want: ": note: network.interface: eth0.4095 is not how the box names a VLAN: "},
		{name: "a subnet that the box cannot reach", file: lost, want: `:2: warning: network.gateway: is missing, so `},
		{name: "a missing file", file: text, boot: boot,
			want: filepath.Join(boot, "x.iso") + " is missing, for entry x\n"},
		{name: "an empty file", file: text, boot: boot,
			want: filepath.Join(boot, "debian", "initrd.gz") + " is empty, for entry debian\n"},
		{name: "wrong", file: "[menu]\ntimeout = 10\ntitel = \"x\"\n", err: ":2: menu.timeout: "},
		{name: "empty", err: "is empty"},
		{name: "more menus than can be published", file: manyMenus(), err: ": machine: all menus together exceed "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, dir, tt.file)
			var out strings.Builder
			err := Check(&out, file, tt.boot)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if !strings.Contains(out.String(), tt.want) {
				t.Errorf("%q is not in what it says:\n%s", tt.want, &out)
			}
			if got := strings.Contains(out.String(), "missing, for"); got && tt.boot == "" {
				t.Errorf("files are named although no one asked:\n%s", &out)
			}
		})
	}
}
