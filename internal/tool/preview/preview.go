// Package preview shows a user the effect of a configuration before a box gets
// it: its errors, notes about it, and the menus that it makes. The package
// publishes and serves nothing.
package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/base/configfile"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/control/compile"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/control/resolve"
	"github.com/pxebox/pxebox/internal/control/sitefiles"
	"github.com/pxebox/pxebox/internal/generation"
)

// Check reads a configuration file and reports notes about it: what will hardly
// work as it is, what is not shown on which firmware, and which boot files are
// missing in boot, and who signed its EFI programs. If boot is empty, it does not
// check boot files. None of these is an error. The returned error holds a line for each mistake.
func Check(out io.Writer, file, boot string) error {
	c, err := parse(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: OK\n", file)
	for _, w := range c.Warnings {
		fmt.Fprintf(out, "%s:%d: warning: %s: %s; %s\n", file, w.Line, w.Key, w.Problem, w.Fix)
	}
	for _, n := range networkNotes(c.Network) {
		fmt.Fprintf(out, "%s: note: %s\n", file, n)
	}
	for _, n := range menu.Check(c) {
		fmt.Fprintf(out, "%s: note: %s%s\n", file, about(n), n.Why)
	}
	if boot == "" {
		return nil
	}
	names := sitefiles.Needed(c)
	found := sitefiles.Look(boot, "", c.Files, names)
	for _, name := range names {
		where, err := filepath.Join(boot, filepath.FromSlash(name)), found[name].Err
		switch {
		case errors.Is(err, fs.ErrNotExist):
			fmt.Fprintf(out, "%s: note: %s is missing, for %s\n", file, where, sitefiles.Users(c, name))
		case err != nil:
			fmt.Fprintf(out, "%s: note: %s cannot be read, for %s: %v\n", file, where, sitefiles.Users(c, name), err)
		case found[name].Size == 0:
			fmt.Fprintf(out, "%s: note: %s is empty, for %s\n", file, where, sitefiles.Users(c, name))
		}
	}
	imageNotes(out, file, boot, c)
	localSigners(out, file, boot, c, found)
	return nil
}

// about says what a note is about, unless it is about everything.
func about(n menu.Note) string {
	switch {
	case n.Entry != "" && n.Firmware != "":
		return fmt.Sprintf("entry %q on %s: ", n.Entry, n.Firmware)
	case n.Entry != "":
		return fmt.Sprintf("entry %q: ", n.Entry)
	case n.Firmware != "":
		return string(n.Firmware) + ": "
	}
	return ""
}

// Lookup returns the IPv4 addresses of a host.
type Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

// parse reads a configuration file, and checks it as a whole.
func parse(file string) (*config.Config, error) {
	data, err := configfile.Read(file)
	if err != nil {
		return nil, err
	}
	return compile.Parse(file, data)
}

// lookupTimeout limits the query for one name, over all name servers.
const lookupTimeout = 5 * time.Second

// Render writes what machines would get into dir, for a person to read: the
// general menus, and the menus of certain machines below views. boot is as for
// Check.
func Render(ctx context.Context, file, boot, dir string, lookup Lookup) error {
	c, err := parse(file)
	if err != nil {
		return err
	}
	st := menu.Status{WDS: servers(ctx, c, lookup)}
	if boot != "" {
		found := sitefiles.Look(boot, "", c.Files, sitefiles.Needed(c))
		st.Missing = sitefiles.Missing(c,
			func(name string) bool { return found[name].Err == nil && found[name].Size > 0 })
		st.WinPE = winpeStatus(boot, c)
	}
	r := menu.Render(c, st)
	if r.TooLarge { // the state of the site has made them longer
		return fmt.Errorf("render: %w", generation.TooLargeError{})
	}
	files := maps.Clone(r.Files)
	for view, menus := range r.Views {
		for name, data := range menus {
			files[path.Join("views", view, name)] = data
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("render: %w", err)
		}
		if err := os.WriteFile(to, files[name], 0o644); err != nil {
			return fmt.Errorf("render: %w", err)
		}
	}
	return nil
}

// servers returns the addresses of the WDS servers. The menu says which were not
// found, and which addresses are wrong.
func servers(ctx context.Context, c *config.Config, lookup Lookup) map[string]bootmenu.Server {
	asked := map[string]bootmenu.Server{} // by host
	out := map[string]bootmenu.Server{}
	for _, w := range c.WDS {
		if a, ok := w.Addr(); ok {
			var st bootmenu.Server
			st.Addr, st.Wrong = resolve.Configured(a, nil)
			out[w.Name] = st
			continue
		}
		st, ok := asked[w.Server]
		if !ok {
			st = find(ctx, w.Server, lookup)
			asked[w.Server] = st
		}
		out[w.Name] = st
	}
	return out
}

func find(ctx context.Context, host string, lookup Lookup) bootmenu.Server {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	addrs, err := lookup(ctx, host)
	if err != nil {
		return bootmenu.Server{}
	}
	addr, err := resolve.Choose(netip.Addr{}, host, addrs, nil)
	if errors.As(err, new(*resolve.UnusableError)) {
		return bootmenu.Server{Wrong: err.Error()}
	}
	return bootmenu.Server{Addr: addr}
}
