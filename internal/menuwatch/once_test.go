package menuwatch

import (
	"context"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
)

func TestRender(t *testing.T) {
	s := newSite(t)
	s.write(wdsByName + debian + "[[machine]]\nmac = [\"52:54:00:12:34:56\"]\nboot = \"menu\"\nentries = [\"disk\"]\n")
	for _, tt := range []struct{ name, boot, want string }{
		{"without a boot folder", "", "MENU LABEL debian\n"},
		{"with one that lacks a file", s.BootDir, "MENU LABEL debian (file missing)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := t.TempDir()
			err := Render(t.Context(), s.ConfigFile, tt.boot, out, func(context.Context, string) ([]netip.Addr, error) {
				return addrs("10.0.0.9"), nil
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
			if views, _ := filepath.Glob(filepath.Join(out, "views", "menu-*", "pxelinux.cfg", "default")); len(views) != 1 {
				t.Errorf("the machine's own menu is not there: %v", views)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	s := newSite(t)
	s.put("debian/linux", 10)
	s.put("debian/initrd.gz", 0)
	file := debian + "[[entry]]\nname = \"m\"\nfile = \"memdisk\"\n[[entry]]\nname = \"x\"\nfile = \"x.iso\"\n"
	for _, tt := range []struct{ name, file, boot, want, err string }{
		{"right", title("x"), "", ": OK\n", ""},
		{"an entry that one firmware cannot run", file, "", `entry "x" on uefi-x64: not shown`, ""},
		{"a secret in the arguments", "[[entry]]\nname = \"x\"\nkernel = \"k\"\nappend = \"password=x\"\n", "", `: note: entry "x": its arguments seem to hold a password`, ""},
		{"a missing file", file, s.BootDir, filepath.Join(s.BootDir, "x.iso") + " is missing, for entry x\n", ""},
		{"an empty file", file, s.BootDir, filepath.Join(s.BootDir, "debian", "initrd.gz") + " is empty, for entry debian\n", ""},
		{"wrong", "[menu]\ntimeout = 10\ntitel = \"x\"\n", "", "", ":2: menu.timeout: "},
		{"empty", "", "", "", "is empty"},
		{"more menus than can be published", manyMenus(), "", "", ": machine: all menus together have "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.write(tt.file)
			var out strings.Builder
			err := Check(&out, s.ConfigFile, tt.boot)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if !strings.Contains(out.String(), tt.want) {
				t.Errorf("%q is not in what it says:\n%s", tt.want, &out)
			}
			if got := strings.Contains(out.String(), "missing"); got && tt.boot == "" {
				t.Errorf("files are named although nobody asked:\n%s", &out)
			}
		})
	}
}

// line takes the password out of what HashPassword prints, by way of the
// configuration that it is for.
func line(t *testing.T, out string) config.Password {
	t.Helper()
	c, err := config.Parse("f", []byte("[menu]\n"+out))
	if err != nil {
		t.Fatalf("%v, from:\n%s", err, out)
	}
	return c.Menu.Password
}

func TestHashPasswordFromAPipe(t *testing.T) {
	for _, tt := range []struct{ name, in, err string }{
		{"a line", "secret\nnothing\n", ""},
		{"a line of Windows", "secret\r\n", ""},
		{"no end of the line", "secret", ""},
		{"nothing", "", "EOF"},
		{"an empty line", "\n", "empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			io.WriteString(w, tt.in)
			w.Close()
			var out, prompt strings.Builder
			err = HashPassword(r, &out, &prompt)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if prompt.Len() > 0 {
				t.Errorf("a pipe was asked: %q", &prompt)
			}
			if err == nil && !regexp.MustCompile(`^\$6\$`).MatchString(line(t, out.String()).Crypt) {
				t.Errorf("it printed %q", &out)
			}
		})
	}
}

func TestHashPasswordOnATerminal(t *testing.T) {
	for _, tt := range []struct{ name, typed, err string }{
		{"twice the same", "secret\nsecret\n", ""},
		{"not the same", "secret\nsecrets\n", "not the same"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keyboard, terminal := openTerminal(t)
			io.WriteString(keyboard, tt.typed)
			var out, prompt strings.Builder
			err := HashPassword(terminal, &out, &prompt)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if got := prompt.String(); got != "Password of the menu: \nThe same again: \n" {
				t.Errorf("it asked %q", got)
			}
			if err == nil && line(t, out.String()).PBKDF2 == "" {
				t.Errorf("it printed %q", &out)
			}
		})
	}
}
