package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pxebox/pxebox/internal/base/configfile"
	"github.com/pxebox/pxebox/internal/base/credential"
	"github.com/pxebox/pxebox/internal/tool/boxclient"
)

const (
	// passwordEnv holds the box's password.
	passwordEnv = "PXEBOX_PASSWORD"
	// builtPassword is where earlier builds stored the password of their images,
	// and where a person may store that of a box.
	builtPassword = "build/update-password"
)

const aboutPassword = `
The box's password comes from the environment variable ` + passwordEnv + `, else
from the file of --password-file, else from the terminal. The first time, the box
that answers is trusted, and its fingerprint is printed: compare it with the one on
the box's console. From then on, only this box is accepted.`

func (a *app) settings() *cobra.Command {
	var passwordFile, known string
	cmd := &cobra.Command{
		Use:   "settings HOST[:PORT] FILE",
		Short: "send a pxebox.toml to a running box",
		Long: `Settings sends a pxebox.toml by HTTPS (port 443; port 8443 of a box with an earlier
version). The box checks it first: if it has mistakes, they are printed and nothing
changes.
` + aboutPassword,
		Example: `  pxebox settings 192.168.77.1 pxebox.toml
  PXEBOX_PASSWORD=... pxebox settings pxebox.example.org pxebox.toml`,
		Args: cobra.ExactArgs(2),
	}
	flagPassword(cmd, &passwordFile)
	cmd.Flags().StringVar(&known, "known-boxes", "",
		"the `file` of known boxes (default \"pxebox/known_boxes\" in the user's configuration folder)")
	cmd.RunE = run(func(args []string) error {
		text, err := configfile.Read(args[1])
		if err != nil {
			return err
		}
		if known, err = inConfigDir(known, "known_boxes", "--known-boxes"); err != nil {
			return err
		}
		password, err := a.password(passwordFile, cmd.Flags().Changed("password-file"))
		if err != nil {
			return err
		}
		ctx, stop := interruptible()
		defer stop()
		return boxclient.Settings{Host: args[0], Password: password, Known: known, Out: a.out}.Send(ctx, text)
	})
	return cmd
}

func (a *app) upload() *cobra.Command {
	var passwordFile, known, to string
	cmd := &cobra.Command{
		Use:   "upload HOST[:PORT] FILE...",
		Short: "send boot files to a running box",
		Long: `Upload sends boot files by SFTP (port 22), each with its SHA-256 first: machines see
a file only once the box has all of it and has verified its checksum. If an upload is
interrupted, run the same command again: it continues where it stopped.
` + aboutPassword,
		Example: `  pxebox upload 192.168.77.1 debian/linux debian/initrd.gz --to debian
  pxebox upload 192.168.77.1 memtest.efi`,
		Args: cobra.MinimumNArgs(2),
	}
	flagPassword(cmd, &passwordFile)
	cmd.Flags().StringVar(&to, "to", "", "the `folder` on the box, below its boot folder; created if needed")
	cmd.Flags().StringVar(&known, "known-hosts", "",
		"the `file` of known boxes, in OpenSSH's format "+
			"(default \"pxebox/known_hosts\" in the user's configuration folder)")
	cmd.RunE = run(func(args []string) (err error) {
		if known, err = inConfigDir(known, "known_hosts", "--known-hosts"); err != nil {
			return err
		}
		password, err := a.password(passwordFile, cmd.Flags().Changed("password-file"))
		if err != nil {
			return err
		}
		ctx, stop := interruptible()
		defer stop()
		bar := newBar(a.out)
		defer bar.end()
		return boxclient.Upload{
			Host: args[0], Password: password, KnownHosts: known, Folder: to,
			Out: bar, Progress: bar.show,
		}.Send(ctx, args[1:]...)
	})
	return cmd
}

func (a *app) update() *cobra.Command {
	var (
		u            boxclient.Update
		older        bool
		key          string
		passwordFile string
	)
	cmd := &cobra.Command{
		Use:   "update HOST[:PORT] [FILE.gaf]",
		Short: "update a running box to a release, or to the build of this checkout",
		Long: `Update sends a new system to a box (port 8080), and waits until the box has kept it
or has gone back to its old one: the box does that unless the new system is healthy
within two minutes. Settings, boot files and leases stay.

With FILE.gaf it sends a release. The signature, FILE.gaf.minisig, has to be in the
same folder: the box verifies both by the public key in its system, and refuses a file
that was changed, or one for other hardware. Before it installs a version older than
its own, it asks; --older is the answer where there is no terminal. A box whose system
was built from source, or has no such updates yet, has no key: with --key this program
verifies the file and sends it.

Without FILE.gaf it builds the system from the source tree with gok: run it in the root
of a checkout, with Go installed, after "make image" (or "make image-rpi"). "make
update HOST=..." does both. A box from an earlier build is also known by the
certificate of that build, in build/update-certificate.pem.
` + aboutPassword,
		Example: `  pxebox update 192.168.77.1 pxebox-1.2.0-amd64.gaf
  pxebox update 192.168.77.1                         # the build of this checkout
  pxebox update --instance pxebox-rpi 192.168.77.1   # for a Raspberry Pi`,
		Args: cobra.RangeArgs(1, 2),
	}
	cmd.Flags().BoolVar(&older, "older", false, "install the file although the box runs a newer version")
	cmd.Flags().StringVar(&key, "key", "", "the `file` with the release's public key, for a box that has none")
	cmd.Flags().StringVar(&u.Instance, "instance", "pxebox-amd64",
		"the `name` of the system: pxebox-amd64 or pxebox-rpi")
	cmd.Flags().StringVar(&u.Instances, "instances", "build/gokrazy", "the `folder` of the instances, prepared for gok")
	cmd.Flags().StringVar(&u.Certificate, "certificate", "build/update-certificate.pem",
		"the `file` with the certificate of an earlier build, if there is one")
	flagPassword(cmd, &passwordFile)
	cmd.Flags().StringVar(&u.Known, "known-boxes", "",
		"the `file` of known boxes (default \"pxebox/known_boxes\" in the user's configuration folder)")
	cmd.RunE = run(func(args []string) (err error) {
		if len(args) == 1 {
			if err := boxclient.InCheckout("."); err != nil {
				return err
			}
		}
		if u.Known, err = inConfigDir(u.Known, "known_boxes", "--known-boxes"); err != nil {
			return err
		}
		if u.Password, err = a.password(passwordFile, cmd.Flags().Changed("password-file")); err != nil {
			return err
		}
		u.Host = args[0]
		if len(args) == 1 {
			return a.sendBuild(u)
		}
		return a.sendRelease(boxclient.Release{
			Host: u.Host, Password: u.Password, Known: u.Known, Certificate: u.Certificate,
			File: args[1], Older: older, Key: key, Instance: u.Instance,
		})
	})
	return cmd
}

// sendBuild sends the build of this checkout.
func (a *app) sendBuild(u boxclient.Update) error {
	ctx, stop := interruptible()
	defer stop()
	bar := newBar(a.out)
	defer bar.end()
	u.Out = gokOutput{bar}
	return u.Send(ctx)
}

// sendRelease sends an update file. If the box asks whether it may be older, so
// does this program.
func (a *app) sendRelease(r boxclient.Release) error {
	send := func() error {
		ctx, stop := interruptible()
		defer stop()
		bar := newBar(a.out)
		defer bar.end()
		r.Out, r.Progress = bar, bar.show
		return r.Send(ctx)
	}
	err := send()
	if !errors.Is(err, boxclient.ErrOlder) || r.Older || !term.IsTerminal(int(a.in.Fd())) {
		return err
	}
	fmt.Fprintf(a.err, "%v\nInstall it all the same? [y/N] ", err)
	if !a.yes() {
		return errors.New("nothing was sent")
	}
	r.Older = true
	return send()
}

// yes reads the answer to a question: anything but y or yes is a no.
func (a *app) yes() bool {
	const longest = 100
	line, err := bufio.NewReader(io.LimitReader(a.in, longest)).ReadString('\n')
	if err != nil {
		return false
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}

func flagPassword(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "password-file", builtPassword,
		"the `file` with the box's password; the default is used if it exists")
}

// password returns the box's password. named reports that the user named the
// file.
func (a *app) password(file string, named bool) (string, error) {
	if password := os.Getenv(passwordEnv); password != "" {
		return password, nil
	}
	password, err := credential.ReadPassword(file)
	if err == nil {
		return password, nil
	}
	if named || !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w; or set %s", err, passwordEnv)
	}
	fd := int(a.in.Fd())
	if !term.IsTerminal(fd) {
		return "", fmt.Errorf("no password: set %s, or name a file that has it with --password-file", passwordEnv)
	}
	fmt.Fprint(a.err, "Password of the box: ")
	typed, err := term.ReadPassword(fd)
	fmt.Fprintln(a.err) // the Enter key was not echoed either
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	return string(typed), nil
}

// inConfigDir returns the file that the user named with a flag, or else the one
// in the user's configuration folder.
func inConfigDir(named, name, flag string) (string, error) {
	if named != "" {
		return named, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder for known boxes: %w; name a file with %s", err, flag)
	}
	return filepath.Join(dir, "pxebox", name), nil
}
