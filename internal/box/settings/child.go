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

// Limits of one check. The largest settings that the box accepts need 100 MB,
// and a second or two on slow hardware.
const (
	checkMemory = 256 << 20 // bytes
	checkTime   = 30 * time.Second
)

// CheckIn returns a check of settings that runs in a separate process. argv is
// the command line of a program that calls CheckStdin. Whatever the settings do
// to that process, the box keeps running. Settings that exceed the limits are
// rejected like any other mistake.
func CheckIn(argv ...string) Check {
	return func(text []byte) (config.Errors, error) { return checkIn(checkTime, text, argv...) }
}

func checkIn(limit time.Duration, text []byte, argv ...string) (warnings config.Errors, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out, log strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(string(text)), &out, &log
	err = cmd.Run()
	var exit *exec.ExitError
	says := func(text string) bool { return strings.Contains(log.String(), text) }
	switch {
	case ctx.Err() != nil:
		return nil, tooMuch(fmt.Sprintf("takes longer than %v to check", limit))
	// When memory runs out, Go's runtime exits with one of several messages;
	// for example, it may fail to start a thread. A bug in the program is a
	// panic.
	case errors.As(err, &exit) && says("fatal error:"):
		return nil, tooMuch(fmt.Sprintf("takes more than %d MiB of memory to check", checkMemory>>20))
	case errors.As(err, &exit) && exit.ExitCode() == 1: // it could not start
		return nil, fmt.Errorf("check the settings: %s", strings.TrimSpace(log.String()))
	case errors.As(err, &exit):
		return nil, tooMuch(fmt.Sprintf("cannot be checked: the check failed with %v", exit))
	case err != nil:
		return nil, fmt.Errorf("check the settings: %w", err)
	}
	var r result
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		return nil, fmt.Errorf("check the settings: %w", err)
	}
	if len(r.Mistakes) > 0 {
		return nil, r.Mistakes
	}
	return r.Warnings, nil
}

// result is what the process of a check writes.
type result struct {
	Mistakes, Warnings config.Errors
}

func tooMuch(problem string) error {
	const fix = "use fewer entries and machines, or shorter lists"
	return config.Errors{{File: FileName, Line: 1, Key: "file", Problem: problem, Fix: fix}}
}

// CheckStdin is the process that CheckIn starts: it reads settings and writes
// what is wrong with them, on this box. It limits itself first.
func CheckStdin(in io.Reader, out io.Writer) error {
	if err := limitSelf(); err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxBody))
	if err != nil {
		return err
	}
	var r result
	c, err := compile.Parse(FileName, text)
	if err == nil {
		var h hardware
		if h, err = thisHardware(); err == nil {
			r.Mistakes, r.Warnings = checkInterface(c, text, h)
		}
	}
	if err != nil && !errors.As(err, &r.Mistakes) {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// Parses checks settings in this process, whatever this box is.
func Parses(text []byte) (warnings config.Errors, err error) {
	_, err = compile.Parse(FileName, text)
	return nil, err
}

// limitSelf bounds the memory of this process, gives it the lowest priority for
// the processor, and makes it the first choice of the kernel's out-of-memory
// killer. It sets RLIMIT_DATA, which counts writable memory. RLIMIT_AS would be
// useless, because Go reserves far more address space than it uses.
func limitSelf() error {
	runtime.GOMAXPROCS(1)
	debug.SetMemoryLimit(checkMemory / 4 * 3)
	// Best effort.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(1000)), 0)
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 10)
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: checkMemory, Max: checkMemory}); err != nil {
		return fmt.Errorf("limit the memory: %w", err)
	}
	seconds := uint64(math.Ceil(2 * checkTime.Seconds())) // in case the parent process is gone
	if err := unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds}); err != nil {
		return fmt.Errorf("limit the time: %w", err)
	}
	return nil
}
