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
		{situation: "directory", entry: entry{name: "bin", mode: fs.ModeDir | 0o755}, want: `^drwxr-xr-x .* bin\n`},
		{situation: "program", entry: entry{name: "init", mode: 0o755, content: []byte("#!/bin/sh")},
			want: `^-rwxr-xr-x .* 9 .* init\n`},
		{situation: "empty file", entry: entry{name: "etc/leases", mode: 0o644},
			want: `^-rw-r--r-- .* 0 .* etc/leases\n`},
		{situation: "link", entry: entry{name: "bin/sh", mode: fs.ModeSymlink | 0o777, content: []byte("busybox")},
			want: `^lrwxrwxrwx .* bin/sh -> busybox\n`},
		{situation: "name of 1 byte", entry: entry{name: "a", mode: 0o644, content: []byte("1")}, want: ` a\n`},
		{situation: "name of 2 bytes", entry: entry{name: "ab", mode: 0o644, content: []byte("12")}, want: ` ab\n`},
		{situation: "name of 3 bytes", entry: entry{name: "abc", mode: 0o644, content: []byte("123")}, want: ` abc\n`},
		{situation: "name of 4 bytes", entry: entry{name: "abcd", mode: 0o644, content: []byte("1234")},
			want: ` abcd\n`},
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
