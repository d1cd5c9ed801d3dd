// Package report writes measurements into a page of documentation: one section
// per benchmark, with the machine that it ran on. The package knows nothing
// about the measurements or their presentation.
package report

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Write writes text into the named section of a Markdown file. It replaces the
// section's text, or appends the section. Two comments mark the section.
func Write(path, name, text string) error {
	page, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, replace(page, name, text), 0o644)
}

func replace(page []byte, name, text string) []byte {
	begin := fmt.Sprintf("<!-- %s: written by make %s -->\n", name, name)
	end := fmt.Sprintf("<!-- end of %s -->\n", name)
	section := begin + text + end
	before, rest, found := bytes.Cut(page, []byte(begin))
	_, after, ended := bytes.Cut(rest, []byte(end))
	if !found || !ended {
		if len(page) > 0 {
			section = "\n" + section
		}
		return append(bytes.Clone(page), section...)
	}
	return bytes.Join([][]byte{before, after}, []byte(section))
}

// Machine describes this machine in one line: processors, kernel, Go.
func Machine() (string, error) {
	model := runtime.GOARCH
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(info)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", os.NewSyscallError("uname", err)
	}
	// The kernel's version without its builder's suffix.
	release, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-")
	return fmt.Sprintf("%d cores (%s), Linux %s, %s", runtime.NumCPU(), model, release, runtime.Version()), nil
}
