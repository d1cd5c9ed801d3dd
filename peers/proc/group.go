package proc

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Group counts the processor time of a process and of all that it starts from
// then on, also of those that have ended and that their parent did not wait for:
// cgroups(7).
type Group struct{ dir string }

// NewGroup counts a process with its children. It needs root, and a cgroup2 file
// system.
func NewGroup(pid int) (*Group, error) {
	root, err := unified()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(root, "pxebox-")
	if err != nil {
		return nil, err
	}
	g := &Group{dir}
	if err := g.add(pid); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

func (g *Group) add(pid int) error {
	if err := os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); err != nil {
		return err
	}
	// Those that it starts from now on are in the group.
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return err
	}
	for _, s := range strings.Fields(string(children)) {
		child, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("child %q of %d: %w", s, pid, err)
		}
		if err := g.add(child); err != nil && !ended(err) {
			return err
		}
	}
	return nil
}

func ended(err error) bool { return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) }

// CPU returns the user and system processor time that was used since NewGroup.
func (g *Group) CPU() (time.Duration, error) {
	b, err := os.ReadFile(filepath.Join(g.dir, "cpu.stat"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if s, ok := strings.CutPrefix(line, "usage_usec "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
			return time.Duration(n) * time.Microsecond, err
		}
	}
	return 0, fmt.Errorf("%s/cpu.stat has no usage_usec", g.dir)
}

// Close ends the counting. The processes must have ended.
func (g *Group) Close() error {
	// The kernel lets go of a process a moment after its parent knows.
	for range 100 {
		if err := os.Remove(g.dir); err == nil || !errors.Is(err, syscall.EBUSY) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return os.Remove(g.dir)
}

// unified returns where the cgroup2 file system is mounted.
func unified() (string, error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if fields := strings.Fields(in.Text()); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1], nil
		}
	}
	return "", errors.New("no cgroup2 file system is mounted: mount -t cgroup2 none /sys/fs/cgroup")
}
