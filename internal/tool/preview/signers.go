package preview

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"path"
	"path/filepath"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/control/sitefiles"
	"github.com/pxebox/pxebox/internal/control/wdscerts"
	"github.com/pxebox/pxebox/internal/secureboot"
)

// Read returns a program of a WDS server, of up to wdscerts.MaxSize bytes.
type Read func(ctx context.Context, addr netip.Addr, name string) ([]byte, error)

// Probe asks the WDS servers of a configuration for their UEFI boot programs, one
// after the other, and prints who signed each. A server that does not answer is not
// an error.
func Probe(ctx context.Context, out io.Writer, file string, lookup Lookup, read Read) error {
	c, err := parse(file)
	if err != nil {
		return err
	}
	found := servers(ctx, c, lookup)
	for _, w := range c.WDS {
		st := found[w.Name]
		switch {
		case st.Wrong != "":
			fmt.Fprintf(out, "%s: wds %q: %s\n", file, w.Name, st.Wrong)
			continue
		case !st.Addr.IsValid():
			fmt.Fprintf(out, "%s: wds %q: no address is known for %s\n", file, w.Name, w.Server)
			continue
		}
		for _, name := range uefiPrograms(w) {
			b, err := read(ctx, st.Addr, name)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintf(out, "%s: wds %q at %v: %s\n", file, w.Name, st.Addr, aboutProgram(name, b, err))
		}
	}
	return nil
}

// uefiPrograms lists the programs of a server that have signatures.
func uefiPrograms(w config.WDS) (out []string) {
	for _, kind := range firmware.Kinds {
		if kind == firmware.BIOS {
			continue
		}
		for _, name := range []string{w.Programs[kind], w.Programs2023[kind]} {
			if name != "" {
				out = append(out, name)
			}
		}
	}
	return out
}

func aboutProgram(name string, b []byte, err error) string {
	if err != nil {
		return err.Error() // which names the program
	}
	return name + ": " + aboutSigners(b)
}

// aboutSigners says who signed a program.
func aboutSigners(program []byte) string {
	s := wdscerts.Examine(program, secureboot.Microsoft())
	if s.Problem != "" {
		return "Secure Boot refuses it: " + s.Problem
	}
	return "signed by " + s.String()
}

// localSigners prints who signed the EFI programs of a boot folder that a
// configuration names.
func localSigners(out io.Writer, file, boot string, c *config.Config, found map[string]sitefiles.File) {
	for _, name := range sitefiles.Needed(c) {
		// The built-in programs have no time: the build has checked them.
		f := found[name]
		if !strings.EqualFold(path.Ext(name), ".efi") || f.Err != nil || f.Size == 0 || f.Changed.IsZero() {
			continue
		}
		where := filepath.Join(boot, filepath.FromSlash(name))
		b, err := sitefiles.Read(boot, "", c.Files, name, wdscerts.MaxSize)
		if err != nil {
			fmt.Fprintf(out, "%s: note: %s cannot be read, for %s: %v\n", file, where, sitefiles.Users(c, name), err)
			continue
		}
		fmt.Fprintf(out, "%s: note: %s: %s\n", file, where, aboutSigners(b))
	}
}
