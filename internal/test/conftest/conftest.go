// Package conftest has what the tests of the readers of DHCP servers'
// configurations share.
package conftest

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// Files maps names to the files of a configuration.
type Files map[string]string

// Read returns a file's content. The error is fs.ErrNotExist.
func (f Files) Read(name string) ([]byte, error) {
	if s, ok := f[name]; ok {
		return []byte(s), nil
	}
	return nil, fs.ErrNotExist
}

// List returns the names of the files in a folder. The error is fs.ErrNotExist.
func (f Files) List(folder string) ([]string, error) {
	var out []string
	for name := range f {
		if strings.HasPrefix(name, folder+"/") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	if len(out) == 0 {
		return nil, fs.ErrNotExist
	}
	return out, nil
}

// Value returns an option's value in one line.
func Value(o dhcpconf.Option) string {
	switch {
	case o.None:
		return "none"
	case len(o.IPs) > 0:
		return fmt.Sprint(o.IPs)
	case len(o.Names) > 0:
		return strings.Join(o.Names, " ")
	case o.Size > 0:
		return fmt.Sprintf("%d in %d", o.Num, o.Size)
	case len(o.Bytes) > 0:
		return fmt.Sprintf("%x", o.Bytes)
	}
	return fmt.Sprintf("%q", o.Text)
}
