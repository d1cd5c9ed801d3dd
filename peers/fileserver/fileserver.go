// Package fileserver runs programs that serve a folder, ours or third-party
// ones, so that they can be measured next to each other. Each has its own host,
// and a second host at the other end of a cable for the clients. The package
// does not know the protocol or the requests.
package fileserver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/pxebox/pxebox/peers/box"
	"github.com/pxebox/pxebox/peers/netns"
	"github.com/pxebox/pxebox/peers/proc"
)

// Address is the address of each server, on its own cable.
var Address = netip.MustParseAddr("192.168.77.1")

// Clients are the addresses of Running.Client: many, because some servers limit
// what they do for one address at a time.
var Clients = func() (all []netip.Addr) {
	network := netip.MustParsePrefix(crowd)
	for a := network.Addr().Next(); network.Contains(a.Next()); a = a.Next() {
		all = append(all, a)
	}
	return all
}()

// Link is the name of each server's interface.
const Link = "eth0"

const (
	serverAddr = "192.168.77.1/24"
	clientAddr = "192.168.77.2/24"
	crowd      = "192.168.77.128/25"
)

// Server is a program that can be run.
type Server struct {
	Name  string
	start func(ctx context.Context, host *netns.Namespace, dir string, files map[string][]byte) (pid int,
		stop func() error, err error)
}

// On runs the server on a host that the caller made, in an empty folder, with
// files to serve. stop ends it.
func (s Server) On(
	ctx context.Context, host *netns.Namespace, dir string, files map[string][]byte,
) (pid int, stop func() error, err error) {
	return s.start(ctx, host, dir, files)
}

// Running is a running server.
type Running struct {
	Client *netns.Namespace // the clients' host
	Host   *netns.Namespace // the server's host
	PID    int

	dir   string
	group *proc.Group
	stop  func() error
}

// Start runs the server with files to serve, by name, on so many cores; 0: all.
func (s Server) Start(ctx context.Context, cores int, files map[string][]byte) (_ *Running, err error) {
	r := &Running{stop: func() error { return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", s.Name, err), r.Close())
		}
	}()
	if r.dir, err = os.MkdirTemp("", "fileserver-"); err != nil {
		return nil, err
	}
	// Some servers read as a different user, who needs access.
	if err = os.Chmod(r.dir, 0o755); err != nil {
		return nil, err
	}
	if r.Host, err = netns.New(); err != nil {
		return nil, err
	}
	if r.Client, err = netns.New(); err != nil {
		return nil, err
	}
	if err = errors.Join(
		netns.Connect(r.Host, r.Client, Link),
		r.Host.Run("ip", "addr", "add", serverAddr, "dev", Link),
		r.Client.Run("ip", "addr", "add", clientAddr, "dev", Link),
		r.Client.Run("ip", "route", "add", "local", crowd, "dev", "lo"),
		r.Host.Limit(cores)); err != nil {
		return nil, err
	}
	pid, stop, err := s.start(ctx, r.Host, r.dir, files)
	if err != nil {
		return nil, err
	}
	r.PID, r.stop = pid, stop
	if r.group, err = proc.NewGroup(pid); err != nil {
		return nil, err
	}
	return r, nil
}

// Close ends the server and removes its files.
func (r *Running) Close() error {
	err := r.stop()
	if r.group != nil {
		err = errors.Join(err, r.group.Close())
	}
	for _, n := range []*netns.Namespace{r.Host, r.Client} {
		if n != nil {
			err = errors.Join(err, n.Close())
		}
	}
	return errors.Join(err, os.RemoveAll(r.dir))
}

// CPU returns the processor time used by the server and its children.
func (r *Running) CPU() (time.Duration, error) { return r.group.CPU() }

// Pxed returns our server, from a folder with both programs. It only serves
// files; more is appended to its configuration.
func Pxed(bin, more string) Server {
	return Box(bin, fmt.Sprintf("[network]\naddress = %q\n[dhcp]\nmode = \"off\"\n%s", serverAddr, more))
}

// Box returns our server with a configuration.
func Box(bin, configuration string) Server {
	return Server{"pxed", func(ctx context.Context, host *netns.Namespace, dir string, files map[string][]byte) (int,
		func() error, error) {
		b, err := box.Start(ctx, host, Link, bin, dir, configuration)
		if err != nil {
			return 0, nil, err
		}
		if err := write(filepath.Join(dir, "boot"), files); err != nil {
			return 0, nil, errors.Join(err, b.Stop())
		}
		return b.PID(), b.Stop, nil
	}}
}

// Command returns a third-party server: a program with its arguments. It runs
// in a folder, which is $DIR in its arguments and in its configuration. The
// configuration is written to the file conf; the files to serve are in
// $DIR/boot. The program stays in the foreground.
func Command(name, conf, program string, args ...string) Server {
	return Server{name, func(_ context.Context, host *netns.Namespace, dir string, files map[string][]byte) (int,
		func() error, error) {
		path, err := exec.LookPath(program)
		if err != nil {
			return 0, nil, fmt.Errorf("%s is missing: make has a target that fetches it for each benchmark", program)
		}
		here := func(s string) string { return strings.ReplaceAll(s, "$DIR", dir) }
		// A copy, because on some systems AppArmor denies the program at the
		// original path all files except its own.
		b, err := os.ReadFile(path)
		if err != nil {
			return 0, nil, err
		}
		own := filepath.Join(dir, filepath.Base(path))
		err = errors.Join(
			os.WriteFile(own, b, 0o755),
			os.WriteFile(filepath.Join(dir, "conf"), []byte(here(conf)), 0o644),
			os.Mkdir(filepath.Join(dir, "boot"), 0o755),
			write(filepath.Join(dir, "boot"), files))
		if err != nil {
			return 0, nil, err
		}
		cmd := exec.Command(own)
		for _, a := range args {
			cmd.Args = append(cmd.Args, here(a))
		}
		cmd.Dir = dir
		if cmd.Env, err = Environment(path); err != nil {
			return 0, nil, err
		}
		cmd.Stderr = os.Stderr
		if err := host.Start(cmd); err != nil {
			return 0, nil, fmt.Errorf("%s: %w", program, err)
		}
		return cmd.Process.Pid, func() error {
			// Its workers too, which would otherwise outlive it.
			err := host.Kill()
			var exit *exec.ExitError
			if ended := cmd.Wait(); ended != nil && !errors.As(ended, &exit) {
				err = errors.Join(err, ended)
			}
			return err
		}, nil
	}}
}

// Environment lets a program from an unpacked, not installed, package find the
// libraries that were unpacked with it. Debian 12 has some of them in /lib,
// Debian 13 has all of them in /usr/lib.
func Environment(program string) ([]string, error) {
	var folders []string
	for _, lib := range []string{"../lib", "../../lib"} {
		found, err := filepath.Glob(filepath.Join(filepath.Dir(program), lib, "*-linux-gnu"))
		if err != nil {
			return nil, err
		}
		for _, folder := range found {
			if folder, err = filepath.Abs(folder); err != nil {
				return nil, err
			}
			folders = append(folders, folder)
		}
	}
	if len(folders) == 0 {
		return os.Environ(), nil
	}
	return append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(folders, ":")), nil
}

// Named returns the name of a program with the version that it reports, which
// depends on the host's release. arg makes it print the version. For a program
// that is missing or reports no version, Named returns only the name.
func Named(name, program, arg string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		return name
	}
	cmd := exec.Command(path, arg)
	if cmd.Env, err = Environment(path); err != nil {
		return name
	}
	// atftpd and nginx print it to standard error.
	out, err := cmd.CombinedOutput()
	if err != nil {
		return name
	}
	return strings.TrimSpace(name + " " + versionIn(string(out)))
}

var version = regexp.MustCompile(`[0-9]+(\.[0-9]+)+`)

// versionIn returns the first version in a program's output.
func versionIn(text string) string { return version.FindString(text) }

// write writes files into a folder. Their names may contain folders.
func write(dir string, files map[string][]byte) error {
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644)); err != nil {
			return err
		}
	}
	return nil
}
