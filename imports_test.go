package pxebox_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pxebox/pxebox/"

// pure lists the packages that decide and render over plain values, each with
// the packages of this module that it may import. The direction is
//
//	cmd → edges (sockets, files, clocks) → pure → spec, loaders
//
// so that a decision can be tested and read without its surroundings.
var pure = map[string][]string{
	"config": {"internal/boot/ether", "internal/boot/firmware", "internal/boot/spec"},
	"config/parser": {
		"config", "internal/boot/ether", "internal/boot/firmware", "internal/boot/spec",
		"internal/boot/loader/grub", "internal/boot/loader/pxelinux",
	},
	"internal/boot/ether":   {},
	"internal/boot/spec":    {"internal/boot/ether", "internal/boot/firmware"},
	"internal/boot/clients": {"internal/boot/ether", "internal/boot/firmware", "internal/boot/spec"},
	"internal/boot/handoff": {"internal/boot/ether", "internal/boot/firmware", "internal/boot/spec",
		"internal/boot/clients"},
	"internal/boot/winpe":  {"internal/boot/firmware"},
	"internal/serve/lease": {"internal/boot/spec"},
	"internal/serve/pxe":   {"internal/boot/firmware"},
	"internal/serve/dhcp": {
		"internal/boot/firmware",
		"internal/boot/ether", "internal/boot/spec", "internal/boot/clients", "internal/boot/handoff",
		"internal/boot/trace", "internal/serve/pxe", "internal/serve/lease", "internal/serve/ladder",
	},
	"internal/serve/ladder": {"internal/boot/ether", "internal/boot/firmware", "internal/boot/clients",
		"internal/boot/trace"},
	"internal/control/menu": {
		"config", "internal/boot/bootmenu", "internal/boot/firmware", "internal/boot/clients", "internal/boot/handoff",
		"internal/boot/loader", "internal/boot/loader/grub", "internal/boot/loader/pxelinux", "internal/boot/spec",
		"internal/boot/winpe",
	},

	"internal/boot/loader":          {},
	"internal/boot/loader/grub":     {"internal/boot/loader"},
	"internal/boot/loader/pxelinux": {"internal/boot/loader"},

	"internal/tool/adopt/dhcpconf": {"internal/boot/spec"},
	"internal/tool/adopt/dnsmasq":  {"internal/boot/spec", "internal/tool/adopt/dhcpconf"},
	"internal/tool/adopt/iscdhcp":  {"internal/boot/spec", "internal/tool/adopt/dhcpconf"},

	"internal/boot/firmware": {},
	"internal/boot/bootmenu": {"internal/boot/firmware"},
	"internal/boot/trace":    {"internal/boot/ether", "internal/boot/firmware", "internal/boot/clients"},

	"internal/secureboot":           {"internal/secureboot/certtable"},
	"internal/secureboot/certtable": {},

	"internal/control/wdscerts": {"internal/secureboot"},
}

// linked lists the third-party packages that the pure packages may reach,
// directly or indirectly, including everything below them: parsers, code pages,
// hashes, the DHCP codec.
var linked = []string{
	"github.com/pelletier/go-toml/v2/unstable", "github.com/pelletier/go-toml/v2/internal/parserbridge",
	"golang.org/x/text/encoding", "golang.org/x/text/transform",
	"github.com/go-crypt/x",
	"github.com/smallstep/pkcs7",
	// dhcpv4 reaches the rest through its interface names and its readers.
	"github.com/insomniacslk/dhcp/dhcpv4", "github.com/insomniacslk/dhcp/iana",
	"github.com/insomniacslk/dhcp/interfaces", "github.com/insomniacslk/dhcp/rfc1035label",
	"github.com/u-root/uio", "github.com/pierrec/lz4/v4", "golang.org/x/sys/unix",
}

// sockets lists third-party packages below those in linked that open sockets.
var sockets = []string{"github.com/insomniacslk/dhcp/dhcpv4/nclient4", "github.com/insomniacslk/dhcp/dhcpv4/server4"}

// farOutside lists the standard library packages that a pure package must not
// reach even indirectly. The list outside would be too strict: fmt reaches os,
// and net/netip reaches the clock.
var farOutside = []string{"net/http", "net/rpc", "os/exec", "os/signal", "log/slog", "database/sql",
	"plugin", "testing"}

// notLinked lists what the packages of a folder must not link, directly or
// indirectly: whole folders of packages.
var notLinked = map[string][]string{
	// The control plane: no DHCP, no leases, no packet socket. Without these it
	// also builds for macOS. It reads who signed a boot program, and signs nothing.
	"cmd/menuwatch": {
		module + "internal/serve", module + "internal/box", module + "internal/net", module + "internal/tool/adopt",
		"go.etcd.io/bbolt", "github.com/mdlayher", "github.com/vishvananda", "github.com/prometheus",
		"golang.org/x/net", "golang.org/x/crypto",
		"image",
	},
	// The data plane: nothing that reads or renders what a person writes,
	// queries WDS servers or changes the box.
	"cmd/pxed": {
		module + "config", module + "internal/control", module + "internal/tool", module + "internal/box",
		module + "internal/secureboot", "github.com/smallstep/pkcs7",
		"github.com/pelletier", "github.com/go-crypt", "go.etcd.io/bbolt",
		"golang.org/x/crypto", "golang.org/x/term", "github.com/pkg/sftp", "net/http/httputil",
		"image",
	},
	// The tool for people: nothing that runs only on Linux. make lint builds it
	// for other systems.
	"cmd/pxebox": {
		module + "internal/serve", module + "internal/box", module + "internal/net", module + "internal/base/durable",
		module + "internal/control/menuwatch", module + "internal/control/wdsprobe",
		"go.etcd.io/bbolt", "github.com/mdlayher", "github.com/vishvananda", "github.com/prometheus",
		"image",
	},
	// The box: it queries pxed as a machine does, and serves no machine.
	"cmd/appliance": {
		module + "internal/serve", module + "internal/tool", module + "internal/boot/bootfiles",
		module + "internal/net/netif",
		module + "internal/control/menuwatch", module + "internal/control/wdsprobe",
		module + "internal/control/resolve", module + "internal/control/sitefiles",
		"go.etcd.io/bbolt", "github.com/mdlayher", "github.com/vishvananda", "github.com/prometheus",
		"image",
	},

	// The servers work with their own types, not with those of the file that a
	// person writes.
	"internal/serve":      {module + "config", module + "internal/control"},
	"internal/boot":       {module + "config", module + "internal/control", module + "internal/serve"},
	"internal/net":        {module + "config", module + "internal/control", module + "internal/serve"},
	"internal/generation": {module + "config", module + "internal/control", module + "internal/serve"},

	// The types of the configuration, and everything derived from them, need no
	// parser.
	"internal/control/menu":      {module + "config/parser", "github.com/pelletier"},
	"internal/control/sitefiles": {module + "config/parser", "github.com/pelletier"},

	// The packages that work with a menu's names and health need no renderer.
	"internal/control/wdsprobe": {module + "internal/control/menu", module + "internal/boot/handoff",
		module + "config/parser"},
	"internal/boot/bootfiles": {module + "internal/boot/handoff"},
	"assets/fetch":            {module + "internal/control", module + "config"},
	// A package that serves every wing imports none of them.
	"internal/base": {
		module + "config", module + "internal/boot", module + "internal/serve", module + "internal/control",
		module + "internal/generation", module + "internal/box", module + "internal/tool", module + "internal/net",
		module + "internal/secureboot",
	},
}

// except lists packages below those in notLinked that a folder links all the
// same.
var except = map[string][]string{
	// The codec of DNS messages, for mDNS. It opens nothing and imports only
	// errors.
	"cmd/menuwatch": {"golang.org/x/net/dns/dnsmessage"},
	// Where signatures are in a file, without what reads them.
	"cmd/pxed": {module + "internal/secureboot/certtable"},
}

// outside lists the packages through which a program reaches the outside world.
// net itself is allowed, because its types are part of packet libraries. The
// names in openers forbid what it can open.
var outside = []string{
	"os", "os/exec", "os/signal", "syscall", "log", "log/slog", "net/http", "math/rand", "math/rand/v2",
	"io/ioutil", "path/filepath", "github.com/fsnotify/fsnotify", "golang.org/x/sys/unix",
}

// openers lists calls by which a package opens sockets or reads a clock.
var openers = []string{
	"net.Listen", "net.Dial", "net.Interface", "net.Lookup", "net.DefaultResolver",
	"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.NewTimer", "time.NewTicker", "time.Tick",
}

// pkg is what go list reports about a package.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string // everything that it links, except itself
}

// list asks the go command for all packages of the module.
func list(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports,Deps", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("this test needs the go command in the PATH: go list: %v\n%s", err, &stderr)
	}
	all := map[string]pkg{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

func TestPurePackagesStayPure(t *testing.T) {
	all := list(t)
	for name, allowed := range pure {
		t.Run(name, func(t *testing.T) {
			p, ok := all[name]
			if !ok || len(p.GoFiles) == 0 {
				t.Fatalf("there is no package %s: take it off the list, or correct its name", name)
			}
			for _, other := range allowed {
				if _, ok := pure[other]; !ok {
					t.Errorf("%s may import %s, which is not on the list of pure packages", name, other)
				}
			}
			for _, imp := range p.Imports {
				ours, isOurs := strings.CutPrefix(imp, module)
				if isOurs && !slices.Contains(allowed, ours) {
					t.Errorf("%s imports %s; it may import %v", name, ours, allowed)
				}
				if slices.Contains(outside, imp) {
					t.Errorf("%s imports %s, which reaches outside", name, imp)
				}
			}
			for _, dep := range p.Deps {
				switch ours := strings.HasPrefix(dep, module); {
				case slices.Contains(farOutside, dep):
					t.Errorf("%s reaches %s; `go list -deps` shows through which package", name, dep)
				case ours || standard(dep):
				case !under(linked, dep) || under(sockets, dep):
					t.Errorf("%s reaches %s, which is not on the list of what pure packages may link", name, dep)
				}
			}
			for call, where := range calls(t, p) {
				t.Errorf("%s: %s is a job for the caller", where, call)
			}
		})
	}
}

func TestNoMoreIsLinkedThanNeeded(t *testing.T) {
	all := list(t)
	below := func(folder string) []string {
		return slices.DeleteFunc(slices.Sorted(maps.Keys(all)),
			func(name string) bool { return !under([]string{folder}, name) })
	}
	for folder, forbidden := range notLinked {
		t.Run(folder, func(t *testing.T) {
			names := below(folder)
			if len(names) == 0 {
				t.Fatalf("there is no package in %s: correct its name", folder)
			}
			for _, name := range names {
				for _, dep := range all[name].Deps {
					if under(forbidden, dep) && !slices.Contains(except[folder], dep) {
						t.Errorf("%s links %s%s", name, dep, through(all, all[name], dep))
					}
				}
			}
			for _, f := range forbidden {
				if ours, ok := strings.CutPrefix(f, module); ok && len(below(ours)) == 0 {
					t.Errorf("there is no package in %s for %s not to link: take it off the list, or correct its name",
						f, folder)
				}
			}
		})
	}
}

// through names the packages of this module through which p links dep.
func through(all map[string]pkg, p pkg, dep string) string {
	var by []string
	for _, d := range append(p.Deps, p.ImportPath) {
		if ours, ok := strings.CutPrefix(d, module); ok && slices.Contains(all[ours].Imports, dep) {
			by = append(by, ours)
		}
	}
	if by == nil {
		return ""
	}
	return ", by way of " + strings.Join(by, ", ")
}

// under reports whether a package is in one of some folders, or below one.
func under(folders []string, path string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

// standard reports whether a package is in the standard library: those have no
// dot in the first part of their path.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// Only programs wire things up, and programs are not imported.
func TestCommandsAreNotImported(t *testing.T) {
	for name, p := range list(t) {
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, module); ok && strings.HasPrefix(ours, "cmd/") {
				t.Errorf("%s imports %s", name, ours)
			}
		}
	}
}

// Product code links nothing that is only for tests and benchmarks.
func TestTestCodeIsNotImported(t *testing.T) {
	forTests := func(name string) bool {
		return slices.ContainsFunc([]string{"e2e/", "peers/", "internal/test/"}, func(folder string) bool {
			return strings.HasPrefix(name+"/", folder)
		})
	}
	for name, p := range list(t) {
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, module); ok && forTests(ours) && !forTests(name) {
				t.Errorf("%s imports %s", name, ours)
			}
		}
	}
}

// Package durable replaces every file that must survive a power cut: with
// renameio alone, the new name may be lost. The other files are in /run and
// /tmp, where a power cut loses everything.
func TestFilesAreReplacedDurably(t *testing.T) {
	may := []string{"internal/base/durable/durable.go", "internal/generation/file.go", "internal/net/netif/setup.go"}
	for name, p := range list(t) {
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			does := slices.ContainsFunc(f.Imports,
				func(i *ast.ImportSpec) bool { return strings.Contains(i.Path.Value, "/renameio") })
			if file = name + "/" + file; does && !slices.Contains(may, file) {
				t.Errorf("%s imports renameio", file)
			}
		}
	}
}

// calls finds the openers in a package's files, with the position of each.
func calls(t *testing.T, p pkg) map[string]string {
	t.Helper()
	found := map[string]string{}
	fset := token.NewFileSet()
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			call := x.Name + "." + sel.Sel.Name
			if slices.ContainsFunc(openers, func(o string) bool { return opens(call, o) }) {
				found[call] = fset.Position(n.Pos()).String()
			}
			return true
		})
	}
	return found
}

// opens reports whether a call is an opener. Those of package net come in
// families: net.ListenUDP, net.DialTimeout.
func opens(call, opener string) bool {
	return call == opener || strings.HasPrefix(opener, "net.") && strings.HasPrefix(call, opener)
}
