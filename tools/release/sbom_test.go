package main

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// uuid is the form of a UUID of version 8 (RFC 9562 §5.8).
var uuid = regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

var (
	testModules = parseModules(`github.com/b/b v1.2.3
github.com/a/a v0.0.0-20260418085648-c38c3134b8a7
github.com/pxebox/pxebox v0.0.0
`, `github.com/b/b v1.2.3 h1:uVc8UZUe6tr40fFVnUP5Oj+veunVezqYl9z7DYw9xzw=
github.com/b/b v1.2.3/go.mod h1:xxxx
`)
	testBoot = bootPrograms{
		Packages: []bootPackage{{Name: "shim-signed", Version: "1.51~1+deb13u1", Release: "trixie",
			SHA256: strings.Repeat("ab", 32)}},
		Files: []bootFile{
			{"grub/usr/lib/shim/shimx64.efi.signed", "shim-signed", strings.Repeat("cd", 32)},
			{"grub/usr/lib/other", "other", strings.Repeat("cd", 32)},
		},
	}
)

func testSBOM(t *testing.T, version string, modules []module) string {
	t.Helper()
	var out bytes.Buffer
	at := time.Date(2026, 11, 30, 1, 0, 0, 0, time.FixedZone("CET", 3600))
	if err := encodeSBOM(&out, sbom(version, "1.26.0", at, modules, testBoot)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The SBOM is valid by the schema that CycloneDX's library brings.
func TestSBOMIsValid(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "schema")
	schemas := map[string]string{
		"bom-1.6.schema.json":  filepath.Join(dir, "bom-1.6.schema.json"),
		"jsf-0.82.schema.json": filepath.Join(dir, "jsf-0.82.schemax.json"),
		"spdx.schema.json":     filepath.Join(dir, "spdx.schema.json"),
	}
	document := testSBOM(t, "1.2.0", testModules)
	if err := validate(t, schemas, []byte(document)); err != nil {
		t.Errorf("%v\n%s", err, document)
	}
	if err := validate(t, schemas, []byte(strings.Replace(document, `"library"`, `"book"`, 1))); err == nil {
		t.Error("a component of an unknown type is valid")
	}
	for _, want := range []string{
		`"pkg:golang/github.com/b/b@v1.2.3"`, `"pkg:golang/std@1.26.0"`, `"timestamp": "2026-11-30T00:00:00Z"`,
		// The h1 of go.sum, in hexadecimal digits.
		`"b9573c51951eeadaf8d1f1559d43f93a3faf7ae9d57b3a9897dcfb0d8c3dc73c"`,
		`"pkg:deb/debian/shim-signed@1.51~1%2Bdeb13u1?distro=trixie"`, `"shimx64.efi.signed"`, `"Go's standard library"`,
		`"pxebox-1.2.0-sources.tar"`,
	} {
		if !strings.Contains(document, want) {
			t.Errorf("%s is missing:\n%s", want, document)
		}
	}
	if strings.Contains(document, "grub/usr/lib/other") {
		t.Error("a package has a file of another one")
	}
	if strings.Contains(document, `"pkg:golang/github.com/pxebox/pxebox`) {
		t.Error("our own module has no version, and is in it")
	}
}

// The SBOM of a build has what both images and a kernel of our own contain.
func TestWriteSBOM(t *testing.T) {
	const at = "2026-11-30T01:00:00Z"
	files := map[string]string{
		"build/licenses/pxebox-amd64/modules.txt": "example.org/pc v1.0.0\nexample.org/both v1.0.0\nnot a module\n\n",
		"build/licenses/pxebox-rpi/modules.txt":   "example.org/pi v1.0.0\nexample.org/both v1.0.0\n",
		"gokrazy/builddir/go.sum":                 "\nexample.org/pc v1.0.0 h1:" + strings.Repeat("A", 43) + "=\n",
		"assets/manifest.json":                    `{"packages": [{"name": "shim-signed", "version": "1"}]}`,
		"build/kernel/packages.txt":               "linux-source 6.12 ab trixie\n",
	}
	for situation, tt := range map[string]struct {
		change func(files map[string]string)
		err    string
		lacks  string
	}{
		"with a kernel from make kernel": {},
		"with gokrazy's kernel": {change: func(f map[string]string) { delete(f, "build/kernel/packages.txt") },
			lacks: "linux-source"},
		"before the images are built": {change: func(f map[string]string) {
			delete(f, "build/licenses/pxebox-amd64/modules.txt")
			delete(f, "build/licenses/pxebox-rpi/modules.txt")
		}, err: "build/licenses has no list of modules; build the images first"},
		"without sums": {change: func(f map[string]string) { delete(f, "gokrazy/builddir/go.sum") }, err: "go.sum"},
		"without boot programs": {change: func(f map[string]string) { delete(f, "assets/manifest.json") },
			err: "assets/manifest.json"},
		"a damaged list of boot programs": {change: func(f map[string]string) { f["assets/manifest.json"] = "{" },
			err: "assets/manifest.json: "},
		"a list that cannot be read": {change: func(f map[string]string) {
			delete(f, "build/kernel/packages.txt")
			f["build/kernel/packages.txt/x"] = ""
		}, err: "build/kernel/packages.txt"},
	} {
		t.Run(situation, func(t *testing.T) {
			t.Chdir(t.TempDir())
			files := maps.Clone(files)
			if tt.change != nil {
				tt.change(files)
			}
			for name, text := range files {
				err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644))
				if err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			err := writeSBOM(&out, "1.2.0", at)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) ||
				err != nil && strings.Contains(err.Error(), "%!") {
				t.Fatalf("the error is %v", err)
			}
			if err != nil {
				return
			}
			b := cdx.NewBOM()
			if err := cdx.NewBOMDecoder(&out, cdx.BOMFileFormatJSON).Decode(b); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, c := range *b.Components {
				names = append(names, c.Name)
			}
			want := []string{"linux-source", "shim-signed", "example.org/both", "example.org/pc", "example.org/pi", "std"}
			want = slices.DeleteFunc(want, func(name string) bool { return name == tt.lacks })
			if !slices.Equal(names, want) {
				t.Errorf("the components are %q, want %q", names, want)
			}
			depends := (*b.Dependencies)[0]
			if depends.Ref != b.Metadata.Component.BOMRef || len(*depends.Dependencies) != len(want) ||
				(*depends.Dependencies)[0] != (*b.Components)[0].BOMRef {
				t.Errorf("the dependencies are %+v", depends)
			}
			if !uuid.MatchString(b.SerialNumber) {
				t.Errorf("the serial number is %s", b.SerialNumber)
			}
		})
	}
	if err := writeSBOM(io.Discard, "1.2.0", "today"); err == nil {
		t.Error("a date without a time is accepted")
	}
}

func TestParsePackages(t *testing.T) {
	sum := strings.Repeat("0f", 32)
	got := parsePackages("linux-source-6.12 6.12.57-1 " + sum + " trixie\n\n")
	want := []bootPackage{{Name: "linux-source-6.12", Version: "6.12.57-1", Release: "trixie", SHA256: sum}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

// The order in which modules are found, and how often, changes nothing; another
// version changes the serial number.
func TestSBOMIsReproducible(t *testing.T) {
	serial := func(s string) string { _, s, _ = strings.Cut(s, `"serialNumber": "`); return s[:45] }
	first := testSBOM(t, "1.2.0", testModules)
	again := slices.Concat(testModules, testModules)
	slices.Reverse(again)
	if second := testSBOM(t, "1.2.0", again); second != first {
		t.Errorf("they differ:\n%s%s", first, second)
	}
	if other := testSBOM(t, "1.2.1", testModules); serial(other) == serial(first) {
		t.Errorf("two versions have the serial number %s", serial(first))
	}
}
