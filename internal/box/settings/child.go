package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/control/compile"
)

// Bounds of one check. The largest settings that the box takes need 100 MB, and
// a second or two on slow hardware.
const (
	checkMemory = 256 << 20 // bytes
	checkTime   = 30 * time.Second
)

// CheckIn returns a check of settings that runs in a separate process: argv
// is the command line of a program that calls CheckStdin. Whatever settings do
// to that process, the box goes on. Settings that are too much for it are
// refused like any other mistake.
func CheckIn(argv ...string) func(text []byte) error {
	return func(text []byte) error { return checkIn(checkTime, text, argv...) }
}

func checkIn(limit time.Duration, text []byte, argv ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out, log strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(string(text)), &out, &log
	err := cmd.Run()
	var exit *exec.ExitError
	says := func(text string) bool { return strings.Contains(log.String(), text) }
	switch {
	case ctx.Err() != nil:
		return tooMuch(fmt.Sprintf("takes longer than %v to check", limit))
	// Where memory ends Go's runtime does, with one of several texts: it may be
	// a thread that cannot be started. A program's own fault is a panic.
	case errors.As(err, &exit) && says("fatal error:"):
		return tooMuch(fmt.Sprintf("takes more than %d MiB of memory to check", checkMemory>>20))
	case errors.As(err, &exit) && exit.ExitCode() == 1: // it could not begin
		return fmt.Errorf("check the settings: %s", strings.TrimSpace(log.String()))
	case errors.As(err, &exit):
		return tooMuch(fmt.Sprintf("cannot be checked: the check ends with %v", exit))
	case err != nil:
		return fmt.Errorf("check the settings: %w", err)
	}
	var mistakes config.Errors
	if err := json.Unmarshal([]byte(out.String()), &mistakes); err != nil {
		return fmt.Errorf("check the settings: %w", err)
	}
	if len(mistakes) == 0 {
		return nil
	}
	return mistakes
}

func tooMuch(problem string) error {
	const fix = "have fewer entries and machines, or shorter lists"
	return config.Errors{{File: FileName, Line: 1, Key: "file", Problem: problem, Fix: fix}}
}

// CheckStdin is the process of CheckIn: it reads settings and writes what is
// wrong with them. Before that it limits itself.
func CheckStdin(in io.Reader, out io.Writer) error {
	if err := limitSelf(); err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxBody))
	if err != nil {
		return err
	}
	mistakes := config.Errors{}
	if err := Parses(text); err != nil && !errors.As(err, &mistakes) {
		return err
	}
	return json.NewEncoder(out).Encode(mistakes)
}

// Parses returns what is wrong with settings, as config.Errors, or nil. It does
// so in this process.
func Parses(text []byte) error {
	_, err := compile.Parse(FileName, text)
	return err
}

// limitSelf bounds the memory of this process, and puts it last in line for the
// processor and first for the kernel's out-of-memory killer. Of address space Go
// reserves far more than it uses, so that RLIMIT_AS would bound nothing useful:
// RLIMIT_DATA counts what can be written to.
func limitSelf() error {
	runtime.GOMAXPROCS(1)
	debug.SetMemoryLimit(checkMemory / 4 * 3)
	// The two are a help where they work.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(1000)), 0)
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 10)
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: checkMemory, Max: checkMemory}); err != nil {
		return fmt.Errorf("limit the memory: %w", err)
	}
	seconds := uint64(math.Ceil(2 * checkTime.Seconds())) // should the process that waits for it be gone
	if err := unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds}); err != nil {
		return fmt.Errorf("limit the time: %w", err)
	}
	return nil
}
