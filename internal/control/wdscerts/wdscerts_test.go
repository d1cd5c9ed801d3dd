package wdscerts

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/e2e/nbp"
	lab "github.com/pxebox/pxebox/e2e/secureboot"
	"github.com/pxebox/pxebox/internal/secureboot"
)

// authority makes a key that the test counts as one of Microsoft's.
func authority(t *testing.T, known map[secureboot.Fingerprint]string, name string) *lab.Key {
	t.Helper()
	key, err := lab.NewKey(name)
	if err != nil {
		t.Fatal(err)
	}
	if known != nil {
		known[secureboot.FingerprintOf(key.Certificate())] = name
	}
	return key
}

func sign(t *testing.T, program []byte, keys ...*lab.Key) []byte {
	t.Helper()
	for _, k := range keys {
		var err error
		if program, err = k.Sign(program); err != nil {
			t.Fatal(err)
		}
	}
	return program
}

func TestExamine(t *testing.T) {
	program, err := nbp.AssembleUEFI()
	if err != nil {
		t.Fatal(err)
	}
	known := map[secureboot.Fingerprint]string{}
	uefi2011 := authority(t, known, secureboot.UEFICA2011)
	uefi2023 := authority(t, known, secureboot.UEFICA2023)
	windows2011 := authority(t, known, secureboot.WindowsPCA2011)
	windows2023 := authority(t, known, secureboot.WindowsCA2023)
	forged := authority(t, nil, secureboot.WindowsCA2023)
	ours := authority(t, nil, "Lab\x1b[2J"+strings.Repeat("x", 100))

	old := sign(t, program, windows2011)
	flipped := slices.Clone(old)
	flipped[len(program)/2] ^= 1
	flippedSignature := slices.Clone(old)
	flippedSignature[len(old)-100] ^= 1
	cut := old[:len(old)-100]
	for _, tt := range []struct {
		situation string
		program   []byte
		want      Signers
		text      string
	}{
		{
			situation: "Windows of 2011", program: old,
			want: Signers{Authorities: []string{secureboot.WindowsPCA2011}}, text: secureboot.WindowsPCA2011,
		},
		{
			situation: "Windows of 2023", program: sign(t, program, windows2023),
			want: Signers{Authorities: []string{secureboot.WindowsCA2023}}, text: secureboot.WindowsCA2023,
		},
		{
			situation: "Windows of both", program: sign(t, program, windows2023, windows2011),
			want: Signers{Authorities: []string{secureboot.WindowsPCA2011, secureboot.WindowsCA2023}},
			text: "Microsoft Windows Production PCA 2011, Windows UEFI CA 2023",
		},
		{
			situation: "a third party of 2011", program: sign(t, program, uefi2011),
			want: Signers{Authorities: []string{secureboot.UEFICA2011}}, text: secureboot.UEFICA2011,
		},
		{
			situation: "a third party of 2023", program: sign(t, program, uefi2023),
			want: Signers{Authorities: []string{secureboot.UEFICA2023}}, text: secureboot.UEFICA2023,
		},
		{
			situation: "a third party of both", program: sign(t, program, uefi2011, uefi2023),
			want: Signers{Authorities: []string{secureboot.UEFICA2011, secureboot.UEFICA2023}},
			text: "Microsoft Corporation UEFI CA 2011, Microsoft UEFI CA 2023",
		},
		{
			situation: "signed twice by the same", program: sign(t, program, uefi2011, uefi2011),
			want: Signers{Authorities: []string{secureboot.UEFICA2011}}, text: secureboot.UEFICA2011,
		},
		{
			situation: "Microsoft's name on another certificate", program: sign(t, program, forged),
			want: Signers{Others: []string{secureboot.WindowsCA2023}},
			text: `another authority that calls itself "Windows UEFI CA 2023"`,
		},
		{
			situation: "the lab's key and Microsoft's, and a name that a terminal obeys",
			program:   sign(t, program, ours, windows2023),
			want: Signers{
				Authorities: []string{secureboot.WindowsCA2023},
				Others:      []string{"Lab [2J" + strings.Repeat("x", maxName-7) + "..."},
			},
			text: secureboot.WindowsCA2023 +
				`, another authority that calls itself "Lab [2J` + strings.Repeat("x", maxName-7) + `..."`,
		},
		{situation: "no signature", program: program, want: Signers{Problem: "it has no signature"},
			text: "it has no signature"},
		{situation: "a byte changed", program: flipped, want: Signers{Problem: "the file was changed"}},
		{situation: "a byte of the signature changed", program: flippedSignature,
			want: Signers{Problem: "signature 1 of 1"}},
		{situation: "cut off", program: cut, want: Signers{Problem: "its certificate table spans"}},
		{situation: "cut off in the headers", program: old[:100], want: Signers{Problem: "not a PE image"}},
		{situation: "empty", want: Signers{Problem: "not a PE image"}},
		{situation: "a text", program: []byte("<html>404</html>"), want: Signers{Problem: "not a PE image"}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got := Examine(tt.program, known)
			if tt.text != "" && (!got.Equal(tt.want) || got.String() != tt.text) {
				t.Errorf("got %#v (%s), want %#v (%s)", got, got, tt.want, tt.text)
			}
			none := len(got.Authorities) == 0 && len(got.Others) == 0
			if tt.text == "" && (!strings.Contains(got.Problem, tt.want.Problem) || !none) {
				t.Errorf("got %+v, want the problem %q and no signer", got, tt.want.Problem)
			}
			for _, name := range []string{secureboot.WindowsPCA2011, secureboot.WindowsCA2023} {
				if got.By(name) != slices.Contains(tt.want.Authorities, name) {
					t.Errorf("signed by %s: %v", name, got.By(name))
				}
			}
		})
	}
}

// Debian's shim, as make assets fetches it, has a signature by each authority for
// third parties, or by the older one alone.
func TestExamineOfARealShim(t *testing.T) {
	b, err := os.ReadFile("../../../assets/grub/usr/lib/shim/shimx64.efi.signed")
	if err != nil {
		t.Fatalf("%v: run make assets", err)
	}
	got := Examine(b, secureboot.Microsoft())
	if !got.By(secureboot.UEFICA2011) || got.By(secureboot.WindowsPCA2011) || len(got.Others) > 0 || got.Problem != "" {
		t.Errorf("got %+v", got)
	}
}

// A signature's size field is a stranger's claim.
func FuzzExamine(f *testing.F) {
	program, err := nbp.AssembleUEFI()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(program)
	f.Add(binary.LittleEndian.AppendUint32(bytes.Repeat([]byte{0}, 0x3c), 0x40))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s := Examine(b, secureboot.Microsoft()); len(s.String()) == 0 || len(s.Problem) > 8*maxName {
			t.Errorf("got %+v", s)
		}
	})
}
