// Package netns makes hosts and LANs out of Linux network namespaces. They have
// no name in the file system: the kernel removes a namespace with all its
// interfaces when its last process and file are gone, so nothing is left behind
// however a test ends. The package deals with links and processes, and knows
// nothing about DHCP.
package netns

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Namespace is one host: a network stack with only lo.
type Namespace struct {
	file  *os.File
	cores int // that its programs may use; 0: all
}

// New makes a namespace. It needs root (CAP_SYS_ADMIN).
func New() (*Namespace, error) {
	n := &Namespace{}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare a network namespace (root is needed): %w", err)
		}
		var err error
		n.file, err = os.Open(ofThread)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := n.Run("ip", "link", "set", "lo", "up"); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Close releases the namespace.
func (n *Namespace) Close() error { return n.file.Close() }

// Do calls f on a thread that is in the namespace. Sockets that f opens and
// programs that it starts stay there.
func (n *Namespace) Do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("setns: %w", err)
		}
		return f()
	})
}

// ofThread is the namespace of the calling thread.
const ofThread = "/proc/thread-self/ns/net"

// onThread calls f, which may change its thread's namespace, and then restores
// the namespace.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open(ofThread)
		if err != nil {
			done <- err
			return
		}
		defer home.Close()
		err = f()
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			// The thread is in the wrong namespace: it stays locked, so it ends
			// with this goroutine.
			done <- errors.Join(err, fmt.Errorf("setns back: %w", back))
			return
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}

// Limit holds the programs that are started from now on to the first cores of
// the machine; 0 means all. Their children and threads inherit that.
func (n *Namespace) Limit(cores int) error {
	all, err := Cores()
	if err != nil {
		return err
	}
	if cores < 0 || cores > len(all) {
		return fmt.Errorf("the machine has %d cores, not %d", len(all), cores)
	}
	n.cores = cores
	return nil
}

// Start starts a program in the namespace. The program does not outlive this
// process.
func (n *Namespace) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return n.Do(func() error {
		if n.cores == 0 {
			return cmd.Start()
		}
		all, err := Cores()
		if err != nil {
			return err
		}
		// Before the program begins: a Go program counts the cores only then.
		return On(all[:n.cores], cmd.Start)
	})
}

// Cores returns the numbers of the processors that the calling thread may use.
func Cores() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	var all []int
	for i := range 64 * len(set) {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	return all, nil
}

// On calls f on some processors only. The thread does not end afterwards,
// because programs that it started would be killed with it (PR_SET_PDEATHSIG).
func On(cores []int, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, set unix.CPUSet
	for _, i := range cores {
		set.Set(i)
	}
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return os.NewSyscallError("sched_setaffinity", err)
	}
	err := f()
	return errors.Join(err, os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &before)))
}

// Kill ends all processes in the namespace, including those that a program
// started in the background: the host loses its power.
func (n *Namespace) Kill() error {
	own, err := n.file.Stat()
	if err != nil {
		return err
	}
	for alive := true; alive; {
		alive = false
		processes, err := filepath.Glob("/proc/[0-9]*/ns/net")
		if err != nil {
			return err
		}
		for _, path := range processes {
			// A process that has just ended has no namespace.
			if there, err := os.Stat(path); err != nil || !os.SameFile(own, there) {
				continue
			}
			pid, err := strconv.Atoi(strings.Split(path, "/")[2])
			if err != nil {
				return err
			}
			// One more round: it may have started another process in the
			// meantime.
			alive = true
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && err != unix.ESRCH {
				return fmt.Errorf("kill %d: %w", pid, err)
			}
		}
	}
	return nil
}

// Run runs a program in the namespace until it ends. A returned error contains
// the program's output.
func (n *Namespace) Run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	out, err := n.output(cmd)
	if err != nil {
		return fmt.Errorf("%v: %w: %s", cmd, err, out)
	}
	return nil
}

func (n *Namespace) output(cmd *exec.Cmd) ([]byte, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	err = n.Start(cmd)
	w.Close()
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(r)
	return out, errors.Join(err, cmd.Wait())
}

// LAN is a segment: a bridge in its own namespace.
type LAN struct {
	*Namespace
	ports int
}

// Bridge is the name of the LAN's own interface, which all its frames pass.
const Bridge = "br0"

// NewLAN makes a segment without hosts.
func NewLAN() (*LAN, error) {
	n, err := New()
	if err != nil {
		return nil, err
	}
	// No spanning tree: a port forwards at once. No snooping, and no IPv6
	// traffic from the bridge itself.
	err = errors.Join(
		n.Run("ip", "link", "add", Bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0",
			"mcast_snooping", "0"),
		n.Run("ip", "link", "set", Bridge, "up", "promisc", "on", "addrgenmode", "none"))
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return &LAN{Namespace: n}, nil
}

// Plug connects a host to the segment with a named interface, which gets the
// hardware address mac unless mac is empty. Frames pass when Plug returns.
func (l *LAN) Plug(host *Namespace, name, mac string) error {
	l.ports++
	port := fmt.Sprintf("port%d", l.ports)
	add := []string{"link", "add", port, "type", "veth", "peer", "name", name}
	if mac != "" {
		add = append(add, "address", mac)
	}
	// The peer is made here and then moved: "ip" names the target namespace by
	// a file, and the host's is open in this process.
	add = append(add, "netns", fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), host.file.Fd()))
	err := errors.Join(
		l.Run("ip", add...),
		l.Run("ip", "link", "set", port, "master", Bridge, "up", "addrgenmode", "none"),
		host.Run("ip", "link", "set", name, "up", "addrgenmode", "none"))
	if err != nil {
		return err
	}
	return errors.Join(l.awaitLink(port), host.awaitLink(name))
}

// awaitLink waits until an interface with both ends up carries frames. The
// kernel notifies the queue and the bridge of a new carrier from a work queue
// that shares a lock with all changes of all interfaces. While many interfaces
// are being set up, frames sent before that are dropped without an error.
func (n *Namespace) awaitLink(name string) error {
	const patience = time.Minute
	return n.Do(func() error {
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			link, err := netlink.LinkByName(name)
			switch {
			case err != nil:
				return fmt.Errorf("interface %s: %w", name, err)
			case link.Attrs().OperState == netlink.OperUp:
				return nil
			case time.Now().After(end):
				return fmt.Errorf("interface %s is %v after %v, not up", name, link.Attrs().OperState, patience)
			}
		}
	})
}
