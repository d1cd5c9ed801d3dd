// Package report puts what was measured into a page of documentation: a
// section for each benchmark, with the machine that it ran on. What is
// measured, and how it is told, is not known here.
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

// Write puts text into the section of a name of a Markdown file, in the place
// of what was there, or at the end. The section stands between two comments.
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

// Machine describes this one in a line: processors, kernel, Go.
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
	// The kernel's version without what its builder has put behind it.
	release, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-")
	return fmt.Sprintf("%d cores (%s), Linux %s, %s", runtime.NumCPU(), model, release, runtime.Version()), nil
}
