// Package proc reads the kernel's counters of a server process: proc(5).
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// CPU returns the user and system processor time that a process has used with
// all its children: the running ones, and those that it waited for.
func CPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is in parentheses and may hold anything. utime, stime,
	// cutime and cstime are the fields 14 to 17, in ticks of 10 ms (USER_HZ is
	// 100).
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 15 {
		return 0, fmt.Errorf("%q is no stat", b)
	}
	ticks := 0
	for _, s := range f[11:15] {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, fmt.Errorf("%q is no stat: %w", b, err)
		}
		ticks += n
	}
	sum := time.Duration(ticks) * 10 * time.Millisecond
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	for _, s := range strings.Fields(string(children)) {
		child, err := strconv.Atoi(s)
		if err != nil {
			return 0, fmt.Errorf("child %q of %d: %w", s, pid, err)
		}
		cpu, err := CPU(child)
		// A process that has just ended is counted next time, with its parent.
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			return 0, err
		}
		sum += cpu
	}
	return sum, nil
}

// Resident returns the current memory of a process, in bytes.
func Resident(pid int) (int64, error) { return status(pid, "VmRSS:") }

// Peak returns the most memory that a process has had, in bytes.
func Peak(pid int) (int64, error) { return status(pid, "VmHWM:") }

func status(pid int, key string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, key); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s of %d: %w", key, pid, err)
			}
			return n << 10, nil
		}
	}
	return 0, fmt.Errorf("process %d has no %s it has ended", pid, key)
}
