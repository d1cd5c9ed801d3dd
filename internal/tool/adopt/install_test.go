package adopt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const comments = "# comments\n\n  # only\n"

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestInstall(t *testing.T) {
	for situation, tc := range map[string]struct {
		settings string            // that are there; "" for no file
		boot     map[string]string // boot files that are there
		err      string
	}{
		"a fresh package":    {settings: comments},
		"no settings at all": {},
		"another boot file":  {settings: comments, boot: map[string]string{"other": "x"}},
		"settings": {
			settings: comments + "[dhcp]\n", err: "pxebox.toml:4: there are settings already",
		},
		"a boot file with that name": {
			settings: comments, boot: map[string]string{"debian/linux": "x"}, err: "debian/linux is there already",
		},
	} {
		t.Run(situation, func(t *testing.T) {
			dir := t.TempDir()
			tftp, boot := filepath.Join(dir, "tftp"), filepath.Join(dir, "srv/pxebox")
			file := filepath.Join(dir, "etc/pxebox.toml")
			put(t, filepath.Join(tftp, "pxelinux.0"), "pxelinux")
			put(t, filepath.Join(tftp, "debian/linux"), "a kernel")
			put(t, filepath.Join(tftp, "pxelinux.cfg/default"), "LABEL debian\n  KERNEL debian/linux\n")
			for _, folder := range []string{filepath.Dir(file), boot} {
				if err := os.MkdirAll(folder, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if tc.settings != "" {
				put(t, file, tc.settings)
			}
			for name, text := range tc.boot {
				put(t, filepath.Join(boot, name), text)
			}
			var out strings.Builder
			err := Job{Sources: []string{tftp}}.Install(&out, file, boot)
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("the error is %v, want %q\n%s", err, tc.err, out.String())
			}
			settings, _ := os.ReadFile(file)
			kernel, _ := os.ReadFile(filepath.Join(boot, "debian/linux"))
			old, _ := os.ReadFile(file + ".old")
			left, _ := filepath.Glob(filepath.Join(dir, "srv", ".pxebox-adopt-*"))
			for name, text := range tc.boot {
				if b, err := os.ReadFile(filepath.Join(boot, name)); err != nil || string(b) != text {
					t.Errorf("the boot file %s is %q, %v", name, b, err)
				}
			}
			switch {
			case len(left) > 0:
				t.Errorf("it leaves %q", left)
			case tc.err != "":
				if string(settings) != tc.settings {
					t.Errorf("the settings are %q", settings)
				}
			case !strings.Contains(string(settings), "debian/linux") || string(kernel) != "a kernel" ||
				string(old) != tc.settings:
				t.Errorf("the settings are %q, before %q, the kernel %q", settings, old, kernel)
			case strings.Contains(out.String(), ".pxebox-adopt-") || !strings.Contains(out.String(), file+": 1 entries"):
				t.Errorf("it says %s", out.String())
			}
		})
	}
}
