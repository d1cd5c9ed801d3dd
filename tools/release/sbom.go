package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// module is a Go module in an image.
type module struct {
	path, version string
	sum           string // as in go.sum: h1:…
}

// bootPackage is a Debian package with boot programs, as in assets/manifest.json.
type bootPackage struct {
	Name, Version, Release, SHA256 string
	Program                        string // what people call it
}

type bootFile struct {
	Name, Package, SHA256 string
}

type bootPrograms struct {
	Packages []bootPackage
	Files    []bootFile
}

// writeSBOM prints the SBOM of the release that is being built in the current
// folder, the project's. gokrazy/licenses.sh has listed the modules.
func writeSBOM(w io.Writer, version, at string) error {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return err
	}
	lists, err := filepath.Glob("build/licenses/*/modules.txt")
	if err != nil {
		return err
	}
	if len(lists) == 0 {
		return errors.New("build/licenses has no list of modules; build the images first")
	}
	sums, err := os.ReadFile("gokrazy/builddir/go.sum")
	if err != nil {
		return err
	}
	var modules []module
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			return err
		}
		modules = append(modules, parseModules(string(b), string(sums))...)
	}
	boot, err := readBootPrograms()
	if err != nil {
		return err
	}
	goVersion := strings.TrimPrefix(runtime.Version(), "go")
	return encodeSBOM(w, sbom(version, goVersion, t, modules, boot))
}

// readBootPrograms reads which boot programs the release has, and the source of the
// kernel, if make kernel has built one: that is not a Go module.
func readBootPrograms() (bootPrograms, error) {
	var boot bootPrograms
	b, err := os.ReadFile("assets/manifest.json")
	if err != nil {
		return boot, err
	}
	if err := json.Unmarshal(b, &boot); err != nil {
		return boot, fmt.Errorf("assets/manifest.json: %w", err)
	}
	b, err = os.ReadFile("build/kernel/packages.txt")
	if errors.Is(err, fs.ErrNotExist) {
		return boot, nil
	}
	boot.Packages = append(boot.Packages, parsePackages(string(b))...)
	return boot, err
}

func encodeSBOM(w io.Writer, b *cdx.BOM) error {
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).
		EncodeVersion(b, cdx.SpecVersion1_6)
}

// parseModules reads lines of a module and its version, and adds the sums. Our own
// module is left out: it has no version.
func parseModules(list, goSum string) []module {
	sums := map[string]string{}
	for line := range strings.Lines(goSum) {
		if f := strings.Fields(line); len(f) == 3 {
			sums[f[0]+" "+f[1]] = f[2]
		}
	}
	var modules []module
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) == 2 && f[1] != "v0.0.0" {
			modules = append(modules, module{f[0], f[1], sums[f[0]+" "+f[1]]})
		}
	}
	return modules
}

// parsePackages reads lines of assets/unpack.sh: a package's name, version,
// SHA-256 and release.
func parsePackages(list string) []bootPackage {
	var packages []bootPackage
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) == 4 {
			packages = append(packages, bootPackage{Name: f[0], Version: f[1], SHA256: f[2], Release: f[3]})
		}
	}
	return packages
}

// sbom lists what is in the images. Nothing in it depends on when or where it is
// made.
func sbom(version, goVersion string, at time.Time, modules []module, boot bootPrograms) *cdx.BOM {
	root := cdx.Component{
		Type:       cdx.ComponentTypeFirmware,
		BOMRef:     "pkg:github/pxebox/pxebox@" + purlEscape(version),
		Name:       "pxebox",
		Version:    version,
		PackageURL: "pkg:github/pxebox/pxebox@" + purlEscape(version),
	}
	components := []cdx.Component{library("std", goVersion, "")}
	components[0].Description = "Go's standard library"
	for _, m := range modules {
		components = append(components, library(m.path, m.version, m.sum))
	}
	for _, p := range boot.Packages {
		components = append(components, debianPackage(p, boot.Files))
	}
	slices.SortFunc(components, func(a, b cdx.Component) int { return strings.Compare(a.BOMRef, b.BOMRef) })
	// Both images have most of the modules.
	components = slices.CompactFunc(components, func(a, b cdx.Component) bool { return a.BOMRef == b.BOMRef })
	var refs []string
	for _, c := range components {
		refs = append(refs, c.BOMRef)
	}

	b := cdx.NewBOM()
	// In a release, all files are in one folder.
	root.ExternalReferences = &[]cdx.ExternalReference{{
		Type: cdx.ERTypeSourceDistribution, URL: sourcesName(version) + ".tar",
		Comment: "source of the programs that are under the GPL",
	}}
	b.Metadata = &cdx.Metadata{Timestamp: at.UTC().Format(time.RFC3339), Component: &root}
	b.Components = &components
	b.Dependencies = &[]cdx.Dependency{{Ref: root.BOMRef, Dependencies: &refs}}
	// The serial number is that of the content.
	var content bytes.Buffer
	if err := encodeSBOM(&content, b); err == nil {
		id := derive(content.String(), "serial number")
		id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // RFC 9562 §5.8
		b.SerialNumber = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	}
	return b
}

func library(name, version, sum string) cdx.Component {
	purl := "pkg:golang/" + name + "@" + purlEscape(version)
	c := cdx.Component{Type: cdx.ComponentTypeLibrary, BOMRef: purl, Name: name, Version: version, PackageURL: purl}
	// h1 is a SHA-256 over the names and sums of the module's files.
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && len(raw) == 32 {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(raw)}}
	}
	return c
}

// debianPackage describes a package, and as its parts the files that are in the image.
func debianPackage(p bootPackage, files []bootFile) cdx.Component {
	purl := "pkg:deb/debian/" + p.Name + "@" + purlEscape(p.Version) + "?distro=" + p.Release
	c := cdx.Component{
		Type:       cdx.ComponentTypeApplication,
		BOMRef:     purl,
		Name:       p.Name,
		Version:    p.Version,
		PackageURL: purl,
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: p.SHA256}},
	}
	var parts []cdx.Component
	for _, f := range files {
		if f.Package == p.Name {
			parts = append(parts, cdx.Component{
				Type:   cdx.ComponentTypeFile,
				BOMRef: purl + "#" + f.Name,
				Name:   path.Base(f.Name),
				Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: f.SHA256}},
			})
		}
	}
	if parts != nil {
		c.Components = &parts
	}
	return c
}

// purlEscape escapes a version for a package URL: of what versions contain, only
// the plus sign would be read as something else.
func purlEscape(version string) string { return strings.ReplaceAll(version, "+", "%2B") }
