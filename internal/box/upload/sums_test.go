package upload

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

func inUTF16(text string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// An existing sum is honored, or its sender gets an error that says why not.
func TestFormsOfSums(t *testing.T) {
	right := hexSum(big)
	const linux, all = "debian/linux.sha256", "SHA256SUMS"
	for _, tt := range []struct {
		situation  string
		file, text string
		usable     bool
	}{
		{"the sum alone", linux, right, true},
		{"made in another folder", linux, right + "  build/linux\n", true},
		{"sha256sum --tag", linux, "SHA256 (linux) = " + right + "\n", true},
		{"openssl dgst", linux, "SHA2-256(build/linux)= " + right + "\n", true},
		{"openssl 1.1", linux, "SHA256(linux)= " + right + "\n", true},
		{"certutil -hashfile", linux, "SHA256 hash of linux:\r\n" + right + "\r\nCertUtil: -hashfile command completed successfully.\r\n", true},
		{"PowerShell 5, UTF-16", linux, inUTF16(strings.ToUpper(right) + "\r\n"), true},
		{"PowerShell 5, UTF-8", linux, "\uFEFF" + right + "\r\n", true},
		{"of a folder, --tag", all, "SHA256 (debian/linux) = " + right + "\n", true},
		{"of a folder, UTF-16", all, inUTF16(right + "  debian/linux\r\n"), true},
		{"another file's", linux, right + "  initrd.gz\n", false},
		{"cut short", linux, right[:50], false},
		{"UTF-16 cut short", linux, "\xff\xfe3", false},
		{"nothing but the mark", linux, "\xff\xfe", false},
		{"empty", linux, "", false},
		{"SHA-512", linux, right + right + "  linux\n", false},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			tr := newTree(t, t.TempDir())
			if err := tr.mkdir("debian"); err != nil {
				t.Fatal(err)
			}
			send := func(name, content string) error {
				p := tr.mustOpen(t, name, true)
				p.mustWrite(t, []byte(content), 0)
				return p.Close()
			}
			if err := send(tt.file, tt.text); err != nil {
				t.Fatal(err)
			}
			if err := send("debian/other", "of which there is no sum"); err != nil {
				t.Errorf("another file: %v", err)
			}
			if err := send("linux.part", string(big)); err != nil {
				t.Fatal(err)
			}
			reason := tt.file + " says " + right
			if !tt.usable {
				reason = tt.file + " does not have its SHA-256"
			}
			if err := send("debian/linux", "wrong"); err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("the wrong file closes with %v", err)
			}
			if err := send("debian/linux", string(big)); (err == nil) != tt.usable {
				t.Errorf("the right file closes with %v", err)
			}
			if err := tr.rename("linux.part", "debian/linux", true); (err == nil) != tt.usable {
				t.Errorf("the right file by another name: %v", err)
			}
		})
	}
}
