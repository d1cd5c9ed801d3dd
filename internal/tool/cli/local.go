package cli

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pxebox/pxebox/internal/base/portowner"
	"github.com/pxebox/pxebox/internal/base/version"
	"github.com/pxebox/pxebox/internal/control/resolve"
	"github.com/pxebox/pxebox/internal/control/tftpread"
	"github.com/pxebox/pxebox/internal/tool/adopt"
	"github.com/pxebox/pxebox/internal/tool/preview"
)

func (a *app) check() *cobra.Command {
	var boot string
	var probe, ports bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "check a pxebox.toml, or the ports of this host",
		Long: `Check reads a configuration as a box does. It prints each mistake with its line
and how to fix it. If there are none, it prints notes, such as which firmware does
not show an entry.

With --boot and --probe it also prints who signed the EFI programs in the boot folder
and on the WDS servers: a machine with Secure Boot on starts only those by an
authority that it trusts.

With --ports it says instead which programs have the ports that pxebox needs on this
Linux host, and what to do about each. Root sees more than others. FILE is then
` + preview.InstalledFile + `, if no other is named.`,
		Example: `  pxebox check pxebox.toml
  pxebox check --boot /srv/boot pxebox.toml
  pxebox check --probe pxebox.toml
  sudo pxebox check --ports`,
		Args: func(cmd *cobra.Command, args []string) error {
			if ports {
				return cobra.MaximumNArgs(1)(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: run(func(args []string) error {
			if ports {
				return preview.Ports(a.out, strings.Join(args, ""), portowner.Use.Owners)
			}
			err := preview.Check(a.out, args[0], boot)
			if err != nil || !probe {
				return err
			}
			ctx, stop := interruptible()
			defer stop()
			return preview.Probe(ctx, a.out, args[0], resolve.Lookup, tftpread.Program)
		}),
	}
	cmd.Flags().StringVar(&boot, "boot", "", "also check that the boot files are in this `folder`")
	cmd.Flags().BoolVar(&ports, "ports", false, "say which programs of this host have the ports")
	cmd.Flags().BoolVar(&probe, "probe", false, "also read the boot programs of the WDS servers, by TFTP")
	return cmd
}

func (a *app) render() *cobra.Command {
	var boot string
	cmd := &cobra.Command{
		Use:   "render FILE DIR",
		Short: "write the menus of a pxebox.toml into a folder, for inspection",
		Long: `Render writes the menus that machines get into a folder: the general ones, and
those of certain machines below "views". It looks up the names of WDS servers.`,
		Example: `  pxebox render pxebox.toml /tmp/menus
  pxebox render --boot /srv/boot pxebox.toml /tmp/menus`,
		Args: cobra.ExactArgs(2),
		RunE: run(func(args []string) error {
			return preview.Render(context.Background(), args[0], boot, args[1], resolve.Lookup)
		}),
	}
	cmd.Flags().StringVar(&boot, "boot", "", "mark the entries whose boot files are not in this `folder`")
	return cmd
}

func (a *app) adopt() *cobra.Command {
	var job adopt.Job
	var install bool
	cmd := &cobra.Command{
		Use:   "adopt SOURCE... DIR",
		Short: "convert a PXELINUX or DHCP server's files into a pxebox.toml and a boot folder",
		Long: `Adopt reads the files of other servers, and writes pxebox.toml and boot/ into DIR. A
SOURCE is one of these, recognized by its content:

  a folder      that a TFTP server serves, with pxelinux.0 and pxelinux.cfg in it or
                in a folder below, such as bios: its menus and boot files
  dnsmasq.conf  or a file of dnsmasq.d: ranges, reservations, options, networks, WDS
  dhcpd.conf    of ISC's DHCP server: the same
  a table       with rows of mac,address,hostname: reservations

Files that a configuration includes are read in its folder and below. The folder of
a tftp-root line is read if it exists and no other folder is named.

It prints each line that the pxebox.toml cannot express, and each boot file that is
missing. It does not change existing files: a pxebox.toml in DIR is an error.

With --install there is no DIR: the result becomes the settings and boot files of this
host, where the Debian package is installed. It replaces only settings that are all
comments.`,
		Example: `  pxebox adopt /var/lib/tftpboot site
  pxebox adopt --menus bios /srv/tftp site
  pxebox adopt /etc/dnsmasq.conf /etc/dnsmasq.d/lab.conf site
  pxebox adopt --address 192.168.77.1/24 /etc/dhcp/dhcpd.conf /srv/tftp site
  pxebox adopt machines.csv site
  sudo pxebox adopt --install /etc/dnsmasq.conf /srv/tftp
  pxebox check --boot site/boot site/pxebox.toml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if install {
				return cobra.MinimumNArgs(1)(cmd, args)
			}
			return cobra.MinimumNArgs(2)(cmd, args)
		},
		RunE: run(func(args []string) error {
			if install {
				job.Sources = args
				return job.Install(a.out, preview.InstalledFile, preview.InstalledBoot)
			}
			job.Sources, job.Into = args[:len(args)-1], args[len(args)-1]
			return job.Run(a.out)
		}),
	}
	cmd.Flags().BoolVar(&install, "install", false, "make the result the settings and boot files of this host")
	cmd.Flags().StringVar(&job.Menus, "menus", "",
		"the PXELINUX `folder` below the TFTP server's folder, such as bios, if several have menus")
	cmd.Flags().StringVar(&job.Address, "address", "",
		"the box's own `address` with its prefix length, which it needs to lease addresses")
	return cmd
}

func (a *app) hashPassword() *cobra.Command {
	return &cobra.Command{
		Use:   "hash-password",
		Short: "ask for a menu's password, and print the line for [menu]",
		Long: `Hash-password asks for a password twice, and prints the line with its hash to put
below [menu]. If the input is not a terminal, the password is its first line.`,
		Example: `  pxebox hash-password >>pxebox.toml   # where [menu] is the last table
  pxebox hash-password <password.txt`,
		Args: cobra.NoArgs,
		RunE: run(func([]string) error { return HashPassword(a.in, a.out, a.err) }),
	}
}

// builtOf returns this program's version and what it was built for.
func builtOf() string {
	return fmt.Sprintf("%s %s %s/%s", version.String(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the version of this program",
		Example: "  pxebox version",
		Args:    cobra.NoArgs,
		RunE: run(func([]string) error {
			_, err := fmt.Fprintln(a.out, "pxebox", builtOf())
			return err
		}),
	}
}
