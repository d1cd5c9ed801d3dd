// Structure measures how a Go module is built, for comparison before and after
// a restructuring: lines and packages, imports between wings, long functions.
//
// A wing is a folder at the top of the module, or one directly below internal.
// The program prints figures and judges nothing.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// long is the longest function, in lines, that is not listed.
const long = 80

func main() {
	m, err := measure(append(os.Args[1:], ".")[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	m.print(os.Stdout)
}

// pkg is what go list prints about a package.
type pkg struct {
	ImportPath string
	Dir        string
	Module     struct{ Path string }
	Imports    []string

	GoFiles, CgoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
}

// list asks the go command for the packages of the module in a directory.
func list(root string) ([]pkg, error) {
	cmd := exec.Command("go", "list", "-e", "-tags", "e2e,peers", "-json", "./...")
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", root, err)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil || p.Module.Path == "" {
			return nil, errors.Join(err, fmt.Errorf("%s is not in a Go module: name the directory of one", root))
		}
		all = append(all, p)
	}
	return all, nil
}

// kind returns what a package is part of: product, build (the code that makes
// the image) or tests.
func kind(path string) string {
	switch folder, _, _ := strings.Cut(path, "/"); {
	case folder == "e2e", folder == "peers", strings.HasPrefix(path, "internal/test/"):
		return "tests"
	case folder == "cmd", folder == "config", folder == "internal":
		return "product"
	}
	return "build"
}

var kinds = []string{"product", "build", "tests"}

// function is a declared function and its length in lines.
type function struct {
	name, place string
	lines       int
}

// figures are what the program prints.
type figures struct {
	lines, packages map[string]int            // by kind
	imports         map[string]map[string]int // from wing to wing: how many pairs of packages
	functions       map[string][]function     // by kind, the longest first
}

func measure(root string) (figures, error) {
	f := figures{map[string]int{}, map[string]int{}, map[string]map[string]int{}, map[string][]function{}}
	all, err := list(root)
	if err != nil {
		return f, err
	}
	for _, p := range all {
		path, _ := below(p, p.ImportPath)
		k := kind(path)
		if code := slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles); len(code) > 0 {
			f.packages[k]++
			err = errors.Join(err, f.files(k, path, p.Dir, code))
		}
		err = errors.Join(err, f.files("tests", path, p.Dir, slices.Concat(p.TestGoFiles, p.XTestGoFiles)))
		for _, i := range p.Imports {
			to, ours := below(p, i)
			from, to := wing(path), wing(to)
			if !ours || k != "product" || from == to {
				continue
			}
			if f.imports[from] == nil {
				f.imports[from] = map[string]int{}
			}
			f.imports[from][to]++
		}
	}
	for _, fs := range f.functions {
		slices.SortFunc(fs, func(a, b function) int {
			return cmp.Or(cmp.Compare(b.lines, a.lines), cmp.Compare(a.place, b.place))
		})
	}
	return f, err
}

// below returns an import path without its package's module path, and whether
// it is in that module.
func below(p pkg, path string) (string, bool) {
	if path == p.Module.Path {
		return "", true
	}
	return strings.CutPrefix(path, p.Module.Path+"/")
}

// wing returns the wing of a package.
func wing(path string) string {
	folder, rest, _ := strings.Cut(path, "/")
	if folder == "internal" {
		folder, _, _ = strings.Cut(rest, "/")
	}
	return folder
}

// files counts the lines of files and records their functions.
func (f figures) files(kind, path, dir string, names []string) error {
	for _, name := range names {
		kind := kind
		if strings.HasSuffix(name, "_test.go") { // also for files that their build tag excludes
			kind = "tests"
		}
		source, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		f.lines[kind] += bytes.Count(source, []byte("\n"))
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(path, name), source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				from, to := set.Position(d.Pos()), set.Position(d.End())
				place := fmt.Sprintf("%s:%d", from.Filename, from.Line)
				f.functions[kind] = append(f.functions[kind], function{d.Name.Name, place, to.Line - from.Line + 1})
			}
		}
	}
	return nil
}

func (f figures) print(w io.Writer) {
	for _, k := range kinds {
		fmt.Fprintf(w, "%-8s %6d lines, %2d packages\n", k, f.lines[k], f.packages[k])
	}
	sum := 0
	var text strings.Builder
	for _, from := range slices.Sorted(maps.Keys(f.imports)) {
		fmt.Fprintf(&text, "  %s →", from)
		for _, to := range slices.Sorted(maps.Keys(f.imports[from])) {
			n := f.imports[from][to]
			sum += n
			fmt.Fprintf(&text, " %s %d", to, n)
			if f.imports[to][from] > 0 {
				text.WriteString(" (and back)")
			}
		}
		text.WriteString("\n")
	}
	fmt.Fprintf(w, "\nimports between wings of the product: %d\n%s\n", sum, &text)
	for _, k := range kinds {
		fs := f.functions[k]
		over, _ := slices.BinarySearchFunc(fs, long,
			func(f function, long int) int { return cmp.Compare(long, f.lines) })
		fmt.Fprintf(w, "functions of %s over %d lines: %d; the longest:\n", k, long, over)
		for _, f := range fs[:min(len(fs), max(1, over))] {
			fmt.Fprintf(w, "  %d %s %s\n", f.lines, f.name, f.place)
		}
	}
}
