package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Accel is how guests run: the value of QEMU's -accel.
type Accel string

const (
	KVM Accel = "kvm" // the host's processor runs them
	TCG Accel = "tcg" // QEMU emulates a processor
)

// AccelVariable is the environment variable that overrides the trial of KVM.
const AccelVariable = "ACCEL"

// Choice is an Accel, and the reason for it.
type Choice struct {
	Accel Accel
	Why   string
}

func (c Choice) String() string { return fmt.Sprintf("%s (%s)", c.Accel, c.Why) }

// Choose decides how guests run on this machine. forced is the value of
// AccelVariable, which decides if it is not empty. Otherwise guests run on KVM
// if a trial shows that KVM runs the appliance's kernel. kernel returns the
// path of that kernel.
func Choose(ctx context.Context, forced string, kernel func() (string, error)) (Choice, error) {
	return choose(forced, openKVM, func() error {
		path, err := kernel()
		if err != nil {
			return err
		}
		return try(ctx, KVM, path)
	})
}

// choose is Choose, independent of the machine that it runs on.
func choose(forced string, open, try func() error) (Choice, error) {
	switch Accel(forced) {
	case KVM, TCG:
		return Choice{Accel(forced), AccelVariable + "=" + forced}, nil
	case "":
	default:
		return Choice{}, fmt.Errorf("%s=%s: QEMU guests run on tcg or kvm; write %s=tcg or %s=kvm",
			AccelVariable, forced, AccelVariable, AccelVariable)
	}
	if err := open(); err != nil {
		return Choice{TCG, fmt.Sprintf("no KVM: %v", err)}, nil
	}
	if err := try(); err != nil {
		return Choice{TCG, "KVM does not run the appliance's kernel: " + inALine(err)}, nil
	}
	return Choice{KVM, "it runs the appliance's kernel"}, nil
}

// inALine returns the most informative line of an error's text: QEMU's warnings
// come before its errors, and the registers of the guest's processor after
// them.
func inALine(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if strings.Contains(line, "error") {
			return line
		}
	}
	return first
}

func openKVM() error {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// Where KVM works, the trial takes about a second. Where it does not, QEMU ends
// or reports an internal error, which needs no time limit. The limit is for a
// guest that hangs silently, and long enough for a busy host.
const trialLimit = 90 * time.Second

// noRoot is the message of a kernel without a disk: by then it has started all
// its parts on each processor.
const noRoot = "Kernel panic - not syncing: VFS: Unable to mount root fs"

// try boots a kernel as the appliance does, until it misses its disk.
//
// A boot sector would prove too little. On some hosts with nested
// virtualization KVM runs one, and then QEMU aborts because it cannot set a
// register of the CPU model "host", or the kernel stops at its first
// instruction of a newer kind.
func try(ctx context.Context, accel Accel, kernel string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, trialLimit, fmt.Errorf("it did not start within %v", trialLimit))
	defer cancel()
	m, err := Start(Config{Name: "trial", Args: append(cpu(accel),
		"-machine", "pc", "-m", "512", "-no-reboot", "-nic", "none",
		"-kernel", kernel, "-append", "console=ttyS0,115200",
	)})
	if err != nil {
		return err
	}
	defer m.Stop()
	_, err = m.Console.WaitFor(ctx, noRoot)
	if errors.Is(err, io.EOF) {
		<-m.Exited()
		return m.Err() // QEMU's own message, without the expected text
	}
	return err
}
