// Package manifest records which boot programs of others an image holds: from
// which packages they come, and what was verified of each. make assets writes
// it, the image carries it, and pxed logs it. It holds the form, and no
// judgement.
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

// File is a file that was taken.
type File struct {
	Name    string // its path below assets
	Package string
	SHA256  string // in hex
	// Of a program for UEFI:
	Signers []Signer `json:",omitempty"`
	SBAT    []string `json:",omitempty"` // its components: name,generation
	Revokes string   `json:",omitempty"` // of shim: the SBAT level below which it starts nothing
}

// Signer is whose signature a file bears.
type Signer struct {
	Authority string // the authority's name
	SHA256    string // of the authority's certificate, by which it is known, in hex
	Signer    string // the name of the certificate whose key signed
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
		panic(err) // strings and lists of them
	}
	return append(b, '\n')
}

// Package returns the package of a name; the zero value where there is none.
func (m Manifest) Package(name string) Package {
	for _, p := range m.Packages {
		if p.Name == name {
			return p
		}
	}
	return Package{}
}

// Programs returns for each program the package that it is in, the first of its
// packages.
func (m Manifest) Programs() []Package {
	var first []Package
	for _, p := range m.Packages {
		if !slices.ContainsFunc(first, func(q Package) bool { return q.Program == p.Program }) {
			first = append(first, p)
		}
	}
	return first
}

// Facts are what was verified of the programs in a package, as keys and values
// for a log. Those of a package without programs for UEFI are none.
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
