// Package qemu runs guests: it starts QEMU, captures the guest's serial
// console, and controls the machine over QMP. It knows the machines of the lab
// (the appliance, also on a Raspberry Pi, a BIOS client, a plain Linux guest)
// but not what they say to each other.
package qemu

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// QEMU for each processor that it emulates.
const (
	AMD64 = "qemu-system-x86_64"
	ARM64 = "qemu-system-aarch64"
)

// Config describes a guest.
type Config struct {
	// Name distinguishes guests in errors and file names.
	Name string
	// Program is AMD64, also if empty, or ARM64.
	Program string
	// Args are QEMU's arguments, without those for display, serial port and
	// monitor.
	Args []string
	// MayEnd says that QEMU may end without Stop: when this guest restarts,
	// QEMU ends, and the caller starts it again.
	MayEnd bool
	// Port is the number of the serial port that is the console, counted from
	// 0.
	Port int
	// Display is QEMU's -display; empty means none.
	Display string
	// Log receives the lines of the serial console with their times; may be
	// nil.
	Log io.Writer
}

// Machine is a running guest.
type Machine struct {
	// Console is the guest's serial port.
	Console *Console

	name   string
	dir    string // holds the QMP socket
	mayEnd atomic.Bool
	cmd    *exec.Cmd
	stderr complaints
	exited chan struct{} // closed once the process is gone
	err    error         // the reason; valid after exited
	halted atomic.Bool   // by Stop
	qmp    sync.Mutex
}

// Start starts a guest. The caller must call Stop.
func Start(c Config) (*Machine, error) {
	program := cmp.Or(c.Program, AMD64)
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%s is missing: run make deps", program)
	}
	// Not below the test's own directory: a Unix socket's path is limited to
	// 108 bytes.
	dir, err := os.MkdirTemp("", "qemu")
	if err != nil {
		return nil, err
	}
	m := &Machine{name: c.Name, dir: dir, exited: make(chan struct{})}
	m.mayEnd.Store(c.MayEnd)
	display := c.Display
	if display == "" {
		display = "none"
	}
	args := append([]string{
		"-name", c.Name,
		"-display", display,
		"-monitor", "none",
		"-qmp", "unix:" + m.qmpPath() + ",server=on,wait=off",
	}, c.Args...)
	for range c.Port {
		args = append(args, "-serial", "null")
	}
	args = append(args, "-serial", "stdio")
	m.cmd = exec.Command(path, args...)
	m.cmd.Stderr = &m.stderr
	m.cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true, // this process handles a Ctrl-C
		// A test that exceeds its time limit dies without cleaning up; the
		// guest must not outlive it. The signal comes when the thread that
		// started QEMU ends (prctl(2)), and Go's threads end with the process.
		Pdeathsig: syscall.SIGKILL,
	}
	stdin, err := m.cmd.StdinPipe()
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	// After an internal error of KVM, QEMU keeps the guest paused and continues
	// to run. There is no point in waiting for that guest.
	m.stderr.fatal = func() { m.cmd.Process.Kill() }
	m.Console = newConsole(stdin, c.Log)
	m.cmd.Stdout = m.Console
	if err := m.cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	go func() {
		err := m.cmd.Wait()
		if text := m.stderr.String(); text != "" {
			err = errors.Join(errors.New(text), err)
		}
		m.err = fmt.Errorf("%s: QEMU ended: %w", c.Name, errors.Join(err, io.EOF))
		m.Console.end(m.err)
		os.RemoveAll(dir)
		close(m.exited)
	}()
	return m, nil
}

// Stop kills the guest, like pulling its plug, and waits until it is gone.
func (m *Machine) Stop() {
	m.halted.Store(true)
	m.cmd.Process.Kill()
	<-m.exited
}

// Exited is closed when the guest has ended, by itself or by Stop.
func (m *Machine) Exited() <-chan struct{} { return m.exited }

// Err returns the reason why the guest has ended, in QEMU's own words if there
// are any. It is valid once Exited is closed.
func (m *Machine) Err() error { return m.err }

// Failed reports whether the guest has ended although it should keep running.
// It is valid once Exited is closed.
func (m *Machine) Failed() bool {
	return !m.halted.Load() && (!m.mayEnd.Load() || m.stderr.isFatal() || !m.cmd.ProcessState.Success())
}

func (m *Machine) qmpPath() string { return filepath.Join(m.dir, "qmp") }

// complaints keeps the first few kilobytes of QEMU's stderr.
type complaints struct {
	fatal func() // called once, when QEMU reports an internal error

	mu   sync.Mutex
	b    []byte
	seen bool // whether the report of an internal error was seen
}

// internalError matches the start of QEMU's report that it cannot continue to
// run the guest, as in "KVM internal error. Suberror: 1".
var internalError = regexp.MustCompile(`(?i)internal error.*\n`)

func (c *complaints) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := 4096 - len(c.b); room > 0 {
		c.b = append(c.b, p[:min(room, len(p))]...)
	}
	if !c.seen && internalError.Match(c.b) {
		c.seen = true
		c.fatal()
	}
	return len(p), nil
}

func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimSpace(string(c.b))
}

func (c *complaints) isFatal() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}
