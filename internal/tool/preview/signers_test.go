package preview

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func shim(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("../../../assets/grub/usr/lib/shim/shimx64.efi.signed")
	if err != nil {
		t.Fatalf("%v: run make assets", err)
	}
	return b
}

func TestProbe(t *testing.T) {
	const x64 = `boot\x64\wdsmgfw.efi`
	files := map[string][]byte{x64: shim(t), `boot\arm64\wdsmgfw.efi`: []byte("MZ")}
	var asked []netip.Addr
	read := func(_ context.Context, a netip.Addr, name string) ([]byte, error) {
		asked = append(asked, a)
		if b, ok := files[name]; ok {
			return b, nil
		}
		return nil, fmt.Errorf("read %s: access violation", name)
	}
	lookup := func(_ context.Context, host string) ([]netip.Addr, error) {
		if host == "none.example.org" {
			return nil, errors.New("no such host")
		}
		return []netip.Addr{netip.MustParseAddr("10.0.0.9")}, nil
	}
	for _, tt := range []struct {
		situation, server string
		asked             int
		want              []string
	}{
		{situation: "by name", server: "wds.example.org", asked: 5, want: []string{
			`wds "a" at 10.0.0.9: boot\x64\wdsmgfw.efi: signed by Microsoft Corporation UEFI CA 2011`,
			`wds "a" at 10.0.0.9: read boot_EX\x64\wdsmgfw_EX.efi: access violation`,
			`wds "a" at 10.0.0.9: boot\arm64\wdsmgfw.efi: Secure Boot refuses it: not a PE image`,
		}},
		{situation: "by address", server: "10.0.0.9", asked: 5, want: []string{x64 + ": signed by"}},
		{situation: "its name is not found", server: "none.example.org",
			want: []string{`wds "a": no address is known for none.example.org`}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			asked = nil
			file := write(t, t.TempDir(), strings.ReplaceAll(wdsByName, "wds.example.org", tt.server))
			var out strings.Builder
			if err := Probe(t.Context(), &out, file, lookup, read); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in:\n%s", want, out.String())
				}
			}
			if len(asked) != tt.asked {
				t.Errorf("asked %d times, want %d", len(asked), tt.asked)
			}
		})
	}
	t.Run("stopped", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		file := write(t, t.TempDir(), strings.ReplaceAll(wdsByName, "wds.example.org", "10.0.0.9"))
		err := Probe(ctx, new(strings.Builder), file, lookup,
			func(context.Context, netip.Addr, string) ([]byte, error) {
				cancel()
				return nil, ctx.Err()
			})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCheckShowsWhoSigned(t *testing.T) {
	dir := t.TempDir()
	for name, b := range map[string][]byte{"a.efi": shim(t), "b.efi": []byte("MZ"), "linux": []byte("x")} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := write(t, dir, "[boot]\nuefi-x64 = \"shimx64.efi\"\n[[entry]]\nname = \"a\"\nefi = \"a.efi\"\n"+
		"[[entry]]\nname = \"b\"\nefi = \"b.efi\"\n[[entry]]\nname = \"c\"\nkernel = \"linux\"\n[[entry]]\n"+
		"name = \"d\"\nefi = \"d.efi\"\n")
	var out strings.Builder
	if err := Check(&out, file, dir); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"note: " + filepath.Join(dir, "a.efi") + ": signed by Microsoft Corporation UEFI CA 2011",
		"note: " + filepath.Join(dir, "b.efi") + ": Secure Boot refuses it: not a PE image",
		"note: " + filepath.Join(dir, "d.efi") + " is missing",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "signed by") + strings.Count(out.String(), "refuses it"); n != 2 {
		t.Errorf("it says of %d programs who signed them:\n%s", n, out.String())
	}
}
