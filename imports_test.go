package pxebox_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pxebox/pxebox/"

// pure are the packages that decide and render over plain values, each with
// the packages of this module that it may import. The direction is
//
//	cmd → edges (sockets, files, clocks) → pure → config
//
// so that a decision can be tested, and read, without its surroundings.
var pure = map[string][]string{
	"config":           {},
	"internal/machine": {"config"},
	"internal/handoff": {"config", "internal/machine"},
	"internal/lease":   {"config"},
	"internal/pxe":     {"config"},
	"internal/dhcp":    {"config", "internal/pxe", "internal/lease", "internal/machine", "internal/handoff"},
	"internal/menu":    {"config", "internal/bootmenu", "internal/machine", "internal/handoff"},

	"internal/bootmenu":   {},
	"internal/pxelinux":   {},
	"internal/secureboot": {},
}

// outside are the packages through which a program meets the world. net itself
// is allowed: its types are part of packet libraries. What it can open is
// forbidden by the names in openers.
var outside = []string{
	"os", "os/exec", "os/signal", "syscall", "log", "log/slog", "net/http", "math/rand", "math/rand/v2",
	"io/ioutil", "path/filepath", "github.com/fsnotify/fsnotify", "golang.org/x/sys/unix",
}

// openers are calls by which a package opens sockets or reads a clock.
var openers = []string{
	"net.Listen", "net.Dial", "net.Interface", "net.Lookup", "net.DefaultResolver",
	"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.NewTimer", "time.NewTicker", "time.Tick",
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// list asks the go command about all packages of the module.
func list(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
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
				t.Fatalf("there is no package %s: take it off the list, or mend its name", name)
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
			for call, where := range calls(t, p) {
				t.Errorf("%s: %s is a job for the caller", where, call)
			}
		})
	}
}

// Nothing but a program wires things up, and programs are not imported.
func TestCommandsAreNotImported(t *testing.T) {
	for name, p := range list(t) {
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, module); ok && strings.HasPrefix(ours, "cmd/") {
				t.Errorf("%s imports %s", name, ours)
			}
		}
	}
}

// Product code links nothing that is for tests and benchmarks only.
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

// A file that is to outlive a power cut is replaced by package durable: renameio
// alone leaves the new name to chance. The others write where a power cut takes
// everything, to /run and /tmp.
func TestFilesAreReplacedDurably(t *testing.T) {
	may := []string{"internal/durable/durable.go", "internal/generation/file.go", "internal/netif/setup.go", "internal/pxed/armed.go"}
	for name, p := range list(t) {
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			does := slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return strings.Contains(i.Path.Value, "/renameio") })
			if file = name + "/" + file; does && !slices.Contains(may, file) {
				t.Errorf("%s imports renameio", file)
			}
		}
	}
}

// calls finds the openers in a package's files, each with its place.
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
