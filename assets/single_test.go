package assets

import (
	"bytes"
	"crypto"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/assets/names"
	"github.com/pxebox/pxebox/internal/secureboot"
)

// Each copy of shim has one signature, by the authority that its name says, which
// is still valid: the digest is that of Debian's file. sbverify agrees.
func TestSingleSigned(t *testing.T) {
	whole, err := secureboot.Parse(Files()[names.Shim])
	if err != nil {
		t.Fatal(err)
	}
	both, err := whole.Signatures()
	if err != nil {
		t.Fatal(err)
	}
	files := SingleSigned()
	if len(both) < 2 {
		if len(files) > 0 {
			t.Errorf("shim has %d signature, and there are %v", len(both), slices.Collect(maps.Keys(files)))
		}
		return
	}
	want := map[string]string{"shimx64-2011.efi": secureboot.UEFICA2011, "shimx64-2023.efi": secureboot.UEFICA2023}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, slices.Sorted(slices.Values(names.SingleSigned()))) {
		t.Fatalf("there are %v", got)
	}
	for name, b := range files {
		t.Run(name, func(t *testing.T) {
			i, err := secureboot.Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(i.Digest(crypto.SHA256), whole.Digest(crypto.SHA256)) {
				t.Error("the digest differs from Debian's")
			}
			known := secureboot.ThirdParty()
			signatures, err := i.Signatures()
			if err != nil || len(signatures) != 1 {
				t.Fatalf("%d signatures, %v", len(signatures), err)
			}
			a := signatures[0].Authority(known)
			if a == nil || known[secureboot.FingerprintOf(a)] != want[name] {
				t.Errorf("its authority is %v, want %s", a, want[name])
			}
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			said, err := exec.Command("sbverify", "--list", file).Output()
			if err != nil {
				t.Fatalf("sbverify, which make deps installs: %v", err)
			}
			for _, ca := range want {
				if has := strings.Contains(string(said), ca); has != (ca == want[name]) {
					t.Errorf("sbverify lists %s: %v\n%s", ca, has, said)
				}
			}
		})
	}
}
