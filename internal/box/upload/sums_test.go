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
		{situation: "the sum alone", file: linux, text: right, usable: true},
		{situation: "made in another folder", file: linux, text: right + "  build/linux\n", usable: true},
		{situation: "sha256sum --tag", file: linux, text: "SHA256 (linux) = " + right + "\n", usable: true},
		{situation: "openssl dgst", file: linux, text: "SHA2-256(build/linux)= " + right + "\n", usable: true},
		{situation: "openssl 1.1", file: linux, text: "SHA256(linux)= " + right + "\n", usable: true},
		{situation: "certutil -hashfile", file: linux,
			text:   "SHA256 hash of linux:\r\n" + right + "\r\nCertUtil: -hashfile command completed successfully.\r\n",
			usable: true},
		{situation: "PowerShell 5, UTF-16", file: linux, text: inUTF16(strings.ToUpper(right) + "\r\n"), usable: true},
		{situation: "PowerShell 5, UTF-8", file: linux, text: "\uFEFF" + right + "\r\n", usable: true},
		{situation: "of a folder, --tag", file: all, text: "SHA256 (debian/linux) = " + right + "\n", usable: true},
		{situation: "of a folder, UTF-16", file: all, text: inUTF16(right + "  debian/linux\r\n"), usable: true},
		{situation: "another file's", file: linux, text: right + "  initrd.gz\n"},
		{situation: "cut short", file: linux, text: right[:50]},
		{situation: "UTF-16 cut short", file: linux, text: "\xff\xfe3"},
		{situation: "nothing but the mark", file: linux, text: "\xff\xfe"},
		{situation: "empty", file: linux},
		{situation: "SHA-512", file: linux, text: right + right + "  linux\n"},
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
