// Command hang does to programs of the box what a bug in them would: it stops
// them. With -kill they end without a message, as if the kernel had run out of
// memory. A test uploads it to the box as gok run would.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/pxebox/pxebox/internal/box/selftest"
)

func main() {
	kill := flag.Bool("kill", false, "end them with SIGKILL instead")
	always := flag.Bool("always", false, "do it each time that they are started, as long as the machine runs")
	first := flag.Bool("init", false, "have the machine's first program stand still, which no signal can")
	flag.Parse()
	if *first {
		say("init", 1, hold(1))
		for { // the stopped program continues when this process ends
			time.Sleep(time.Hour)
		}
	}
	signal := syscall.SIGSTOP
	if *kill {
		signal = syscall.SIGKILL
	}
	done := map[int]bool{}
	for {
		for _, name := range flag.Args() {
			pids := selftest.Processes("/user/" + name)
			if len(pids) == 0 && !*always {
				say(name, 0, errors.New("does not run"))
			}
			for _, pid := range pids {
				if !done[pid] {
					done[pid] = true
					say(name, pid, syscall.Kill(pid, signal))
				}
			}
		}
		if !*always {
			os.Exit(125) // gokrazy does not start it again
		}
		time.Sleep(time.Second)
	}
}

// hold stops all threads of a process as a debugger does (ptrace(2)). They
// continue when the thread that called hold ends.
func hold(pid int) error {
	const seize, interrupt = 0x4206, 0x4207
	runtime.LockOSThread()
	held := map[int]bool{}
	// A thread that still runs may start more.
	for before := -1; before < len(held); {
		before = len(held)
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			return err
		}
		for _, task := range tasks {
			tid, err := strconv.Atoi(filepath.Base(task))
			if err != nil {
				return err
			}
			if held[tid] {
				continue
			}
			held[tid] = true
			for _, request := range []uintptr{seize, interrupt} {
				if _, _, e := syscall.Syscall6(syscall.SYS_PTRACE, request, uintptr(tid), 0, 0, 0, 0); e != 0 {
					return fmt.Errorf("ptrace: %w", e)
				}
			}
		}
	}
	return nil
}

// say prints the result on the box's console.
func say(name string, pid int, err error) {
	if kmsg, e := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); e == nil {
		fmt.Fprintf(kmsg, "hang: %s, process %d: %v\n", name, pid, err)
		kmsg.Close()
	}
}
