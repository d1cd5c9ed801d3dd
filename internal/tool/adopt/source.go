package adopt

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
	"github.com/pxebox/pxebox/internal/tool/adopt/dnsmasq"
	"github.com/pxebox/pxebox/internal/tool/adopt/iscdhcp"
)

// sources are the user's arguments, sorted by kind.
type sources struct {
	tree     string // folder of a TFTP server; "" for none
	dhcp     []*dhcpconf.Config
	files    []string // names of the dhcp files, as notes show them
	fromRoot bool     // the tree is a configuration's tftp-root
	// folders are the folders of the files.
	folders []string
}

// readSources reads the configurations of DHCP servers. It takes a folder as the
// tree of a TFTP server.
func readSources(names []string) (sources, error) {
	var s sources
	for _, name := range names {
		st, err := os.Stat(name)
		switch {
		case err != nil:
			return s, err
		case st.IsDir() && s.tree != "":
			return s, fmt.Errorf("%s is a second folder, after %s: name only one", name, s.tree)
		case st.IsDir():
			s.tree = name
			continue
		case !st.Mode().IsRegular():
			return s, fmt.Errorf("%s is neither a file nor a folder", name)
		}
		cfg, err := readDHCP(name)
		if err != nil {
			return s, err
		}
		s.dhcp, s.files = append(s.dhcp, cfg), append(s.files, filepath.Base(name))
		s.folders = append(s.folders, filepath.Dir(name))
	}
	return s, nil
}

func readDHCP(name string) (*dhcpconf.Config, error) {
	dir, err := openTree(filepath.Dir(name), "")
	if err != nil {
		return nil, err
	}
	defer dir.root.Close()
	files := included{dir, filepath.Base(name)}
	data, err := files.Read(files.main)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	switch kindOf(string(data)) {
	case dnsmasqConf:
		return dnsmasq.Parse(files.main, files)
	case dhcpdConf:
		return iscdhcp.Parse(files.main, files)
	case table:
		return dhcpconf.ReadTable(files.main, data), nil
	}
	return nil, fmt.Errorf("%s is not a dnsmasq.conf, a dhcpd.conf of ISC or a table of mac,address,hostname: "+
		"name one of these, or the folder of a TFTP server", name)
}

// fileKind is what a file is.
type fileKind int

// The kinds of files.
const (
	notKnownFile fileKind = iota
	dnsmasqConf
	dhcpdConf
	table
)

var (
	reDnsmasq = regexp.MustCompile(`^[a-z][a-z0-9-]*[ \t]*(=.*)?$`)
	reDhcpd   = regexp.MustCompile(`^([a-z][a-z0-9-]*\b.*[;{]|\}.*|.*;[ \t]*\}?)[ \t]*(#.*)?$`)
)

// kindOf determines the kind of a file from the majority of its lines.
func kindOf(text string) fileKind {
	votes, first := map[fileKind]int{}, true
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		begins := first
		first = false
		switch {
		case begins && (strings.HasPrefix(line, "{") || strings.HasPrefix(line, "<")):
			return notKnownFile // Kea's JSON, or XML
		case len(dhcpconf.ReadTable("", []byte(line)).Hosts) > 0 && !strings.Contains(line, "="):
			votes[table]++
		case reDhcpd.MatchString(line):
			votes[dhcpdConf]++
		case reDnsmasq.MatchString(line):
			votes[dnsmasqConf]++
		}
	}
	best := notKnownFile
	for _, k := range []fileKind{dnsmasqConf, dhcpdConf, table} {
		if votes[k] > votes[best] {
			best = k
		}
	}
	return best
}

// included are the files that a configuration can include: those in its folder
// and below. Nothing else is read, whatever an include says.
type included struct {
	dir  *tree
	main string // the configuration
}

var errElsewhere = errors.New("it is outside the configuration's folder: copy it there")

// name returns a file or folder relative to the configuration's folder. Includes
// mostly use absolute paths; a configuration copied from another machine finds
// the files that were copied along with it.
func (f included) name(name string) (string, error) {
	name = filepath.ToSlash(name)
	if rel, err := filepath.Rel(f.dir.abs, filepath.FromSlash(name)); path.IsAbs(name) && err == nil &&
		filepath.IsLocal(rel) {
		return f.dir.real(filepath.ToSlash(rel)), nil
	}
	for rest := strings.TrimLeft(path.Clean(name), "/"); rest != "" && fs.ValidPath(rest); {
		real := f.dir.real(rest)
		if _, err := f.dir.root.Stat(real); err == nil && (rest != f.main || rest == name) {
			return real, nil
		}
		_, after, ok := strings.Cut(rest, "/")
		if !ok {
			break
		}
		rest = after
	}
	return "", errElsewhere
}

func (f included) Read(name string) ([]byte, error) {
	file, err := f.name(name)
	if err != nil {
		return nil, err
	}
	st, err := f.dir.root.Stat(file)
	switch {
	case err != nil:
		return nil, reason(err)
	case !st.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	case st.Size() > maxConfig:
		return nil, fmt.Errorf("it has %d bytes", st.Size())
	}
	data, err := f.dir.root.ReadFile(file)
	return data, reason(err)
}

func (f included) List(folder string) ([]string, error) {
	dir, err := f.name(folder)
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(f.dir.root.FS(), dir)
	if err != nil {
		return nil, reason(err)
	}
	var out []string
	for _, e := range entries {
		if st, err := f.dir.root.Stat(f.dir.real(path.Join(dir, e.Name()))); err == nil && st.Mode().IsRegular() {
			out = append(out, path.Join(dir, e.Name()))
		}
	}
	slices.Sort(out)
	return out, nil
}

// tftpRoot returns the folder that a configuration names as the TFTP server's,
// and the folder of PXELINUX in it, if both exist.
func (s sources) tftpRoot() (root, menus string, ok bool) {
	for i, cfg := range s.dhcp {
		dir := cfg.TFTPRoot.Value
		if dir == "" {
			continue
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(s.folders[i], dir)
		}
		for _, b := range cfg.Boots {
			file := strings.TrimPrefix(filepath.ToSlash(b.File), "/")
			if base(file) == "pxelinux.0" || base(file) == httpLoader {
				if menus = path.Dir(file); menus == "." {
					menus = ""
				}
				break
			}
		}
		for _, m := range slices.Compact([]string{menus, ""}) {
			if t, err := locate(dir, m); err == nil {
				t.root.Close()
				return dir, m, true
			}
		}
	}
	return "", "", false
}

// parseOwn parses the box's address with its prefix length.
func parseOwn(s string) (netip.Prefix, error) {
	if s == "" {
		return netip.Prefix{}, nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4() {
		return netip.Prefix{},
			fmt.Errorf("--address %s is not an IPv4 address with its prefix length, such as 192.168.77.1/24", s)
	}
	return p, nil
}

// order lists the files in the order in which they are read.
func (s sources) order(src *tree) []string {
	if src == nil {
		return s.files
	}
	return append(slices.Clip(s.files), src.order...)
}
