// Package cli is the command line of pxebox, the tool for a box's owner: its
// commands, flags and help, and how they show progress and failures. Other
// packages implement what the commands do.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
)

// The exit codes, as the help lists them.
const (
	exitFailed = 1
	exitUsage  = 2
)

const about = `pxebox checks and shows the settings of a box, converts them from PXELINUX and DHCP
servers, and sends settings, boot files and updates to a running box.

Exit codes:
  0  done
  1  it failed or was refused; the reasons are on standard error
  2  the command line is wrong`

// app is shared by the commands.
type app struct {
	in       *os.File
	out, err io.Writer
}

// Main runs a command line and returns the exit code.
func Main(args []string, in *os.File, out, errOut io.Writer) int {
	a := &app{in: in, out: out, err: errOut}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	cmd, err := root.ExecuteC()
	var failed failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &failed):
		fmt.Fprintln(errOut, failed.error)
		return exitFailed
	}
	fmt.Fprintf(errOut, "pxebox: %v\nRun '%s --help' for usage.\n", err, cmd.CommandPath())
	return exitUsage
}

// failure is an error from running a command, not from parsing its command line.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// run turns the errors of a command into failures.
func run(do func(args []string) error) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		if err := do(args); err != nil {
			return failure{err}
		}
		return nil
	}
}

// interruptible returns a context that Ctrl-C cancels. A command calls it after
// its questions: while the user types a password, Ctrl-C ends the program.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "pxebox",
		Short:         "the tool for people who run a box",
		Long:          about,
		Version:       builtOf(), // for --version
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.AddCommand(
		a.check(), a.render(), a.adopt(), a.hashPassword(),
		a.find(), a.settings(), a.upload(), a.update(),
		a.version(),
	)
	return root
}
