// Hang stops the pxebox daemon that it is given the name of, as a program that
// hangs would stand still. A test brings it to the box as gok run would.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	for _, name := range os.Args[1:] {
		b, err := os.ReadFile("/run/pxebox/" + name + ".alive")
		var pid int
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
		}
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGSTOP)
		}
		say(name, pid, err)
	}
	os.Exit(125) // once is enough: gokrazy does not start it again
}

// say tells it on the box's console.
func say(name string, pid int, err error) {
	if kmsg, e := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); e == nil {
		fmt.Fprintf(kmsg, "hang: %s, process %d: %v", name, pid, err)
		kmsg.Close()
	}
}
