// Package manifest records which third-party boot programs an image holds,
// which packages they come from, and what was verified about each. make assets
// writes the manifest, the image carries it, and pxed logs it. The package
// defines the format and judges nothing.
package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Name is the file's name.
const Name = "manifest.json"

// Manifest is the whole record.
type Manifest struct {
	Packages []Package
	Files    []File
}

// Package is a Debian package that files were taken from.
type Package struct {
	Name    string // "grub-efi-amd64-signed"
	Program string // what people call it: "GRUB"
	Version string // as Debian writes it
	Release string // of Debian, by its code name
	SHA256  string // of the .deb, in hex
}

// File is one file from a package.
type File struct {
	Name    string // its path below assets
	Package string
	SHA256  string // in hex
	// Only for a UEFI program:
	Signers []Signer `json:",omitempty"`
	SBAT    []string `json:",omitempty"` // its components: name,generation
	Revokes string   `json:",omitempty"` // for shim: it starts nothing below this SBAT level
}

// Signer describes a signature of a file.
type Signer struct {
	Authority string // the authority's name
	SHA256    string // SHA-256 of the authority's certificate, its identity, in hex
	Signer    string // name of the certificate whose key signed
}

// Decode reads a manifest.
func Decode(b []byte) (Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err := d.Decode(&m)
	return m, err
}

// Encode writes a manifest.
func (m Manifest) Encode() []byte {
	b, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		panic(err) // only strings and lists of strings
	}
	return append(b, '\n')
}

// Package returns the package with a name, or the zero value if there is none.
func (m Manifest) Package(name string) Package {
	for _, p := range m.Packages {
		if p.Name == name {
			return p
		}
	}
	return Package{}
}

// File returns the file with a name, or the zero value if there is none.
func (m Manifest) File(name string) File {
	for _, f := range m.Files {
		if f.Name == name {
			return f
		}
	}
	return File{}
}

// Programs returns the package of each program. If several packages belong to a
// program, it returns the first one.
func (m Manifest) Programs() []Package {
	var first []Package
	for _, p := range m.Packages {
		if !slices.ContainsFunc(first, func(q Package) bool { return q.Program == p.Program }) {
			first = append(first, p)
		}
	}
	return first
}

// Facts returns what was verified about the programs in a package, as keys and
// values for a log. A package without UEFI programs has no facts.
func (m Manifest) Facts(p Package) []any {
	var facts []any
	for _, f := range m.Files {
		if f.Package != p.Name || len(f.Signers) == 0 {
			continue
		}
		var by []string
		for _, s := range f.Signers {
			by = append(by, s.Authority)
		}
		facts = append(facts, "signed_by", strings.Join(by, " and "), "sbat", strings.Join(f.SBAT, " "))
		if f.Revokes != "" {
			facts = append(facts, "revokes_below", f.Revokes)
		}
	}
	return facts
}
