package peer

import (
	"bytes"
	"io/fs"
	"os/exec"
	"regexp"
	"testing"
)

// TestInitramfsIsReadByBusybox lists the archive with a third-party cpio.
func TestInitramfsIsReadByBusybox(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal("busybox is missing: run make deps")
	}
	for _, test := range []struct {
		situation string
		entry     entry
		want      string
	}{
		{"directory", entry{name: "bin", mode: fs.ModeDir | 0o755}, `^drwxr-xr-x .* bin\n`},
		{"program", entry{name: "init", mode: 0o755, content: []byte("#!/bin/sh")}, `^-rwxr-xr-x .* 9 .* init\n`},
		{"empty file", entry{name: "etc/leases", mode: 0o644}, `^-rw-r--r-- .* 0 .* etc/leases\n`},
		{"link", entry{name: "bin/sh", mode: fs.ModeSymlink | 0o777, content: []byte("busybox")}, `^lrwxrwxrwx .* bin/sh -> busybox\n`},
		{"name of 1 byte", entry{name: "a", mode: 0o644, content: []byte("1")}, ` a\n`},
		{"name of 2 bytes", entry{name: "ab", mode: 0o644, content: []byte("12")}, ` ab\n`},
		{"name of 3 bytes", entry{name: "abc", mode: 0o644, content: []byte("123")}, ` abc\n`},
		{"name of 4 bytes", entry{name: "abcd", mode: 0o644, content: []byte("1234")}, ` abcd\n`},
	} {
		t.Run(test.situation, func(t *testing.T) {
			var archive bytes.Buffer
			end := entry{name: "end", mode: 0o600} // found only if the entries before it are padded correctly
			if err := writeInitramfs(&archive, []entry{test.entry, end}); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(busybox, "cpio", "-tv")
			cmd.Stdin = &archive
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if !regexp.MustCompile(test.want).Match(out) || !regexp.MustCompile(`-rw------- .* end\n`).Match(out) {
				t.Errorf("the list is\n%s", out)
			}
		})
	}
}
