// Package generation defines what passes from menuwatch to pxed: one file with
// all that pxed needs, published whole or not at all. The package encodes, writes
// and watches that file; it does not know what the settings mean.
package generation

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

// Format is the version of the file format. pxed rejects any other: after an
// update both programs are new, and menuwatch rewrites a file in the old format.
const Format = 4

// FileName is the generation's name in the run directory.
const FileName = "generation.json"

// MaxSize limits the file, in bytes, because it is read into memory whole.
const MaxSize = bootmenu.MaxSize / 3 * 4

// Generation is one state of the box: its settings, and the menus rendered from
// the same configuration.
type Generation struct {
	Format  int          `json:"format"`
	Network spec.Network `json:"network"`
	DHCP    spec.DHCP    `json:"dhcp"`
	TFTP    spec.TFTP    `json:"tftp"`
	HTTP    spec.HTTP    `json:"http,omitzero"`
	Names   spec.Files   `json:"names"`
	Metrics spec.Metrics `json:"metrics"`
	// Files are the menus by the names that boot loaders request, such as
	// pxelinux.ConfigFile. They contain bootmenu.MACMark and TokenMark as
	// placeholders for what differs between machines.
	Files map[string][]byte `json:"files"`
	// Views are the menus of certain machines, by name. They replace Files; a
	// file that a view lacks is as in Files.
	Views map[string]map[string][]byte `json:"views,omitempty"`
	// Machines assign the views to machines, in the order of the rules.
	Machines []clients.Rule `json:"machines,omitempty"`
	// Handoffs are the servers and programs that the firmware boots for entries, by
	// the entry's name. An entry whose server has no address is not in the map.
	Handoffs map[string]handoff.Target `json:"handoffs,omitempty"`
	// Chain is where PXELINUX's module pxechn.c32 leads from these menus; zero if
	// that is not known.
	Chain handoff.Chain `json:"chain,omitzero"`
	// Parts say which boot files belong to which entries, by their names in lower
	// case.
	Parts map[string]Part `json:"parts,omitempty"`
	// TooLarge reports that all menus together exceed bootmenu.MaxSize. Such a
	// generation is incomplete, and is not encoded.
	TooLarge bool `json:"-"`

	// ID identifies a generation in logs: the start of the SHA-256 of the
	// published bytes, set by Decode.
	ID string `json:"-"`
}

// Part is what a boot file is to the menu's entries.
type Part struct {
	Role  trace.Role `json:"role"`            // trace.Kernel or trace.Initrd
	Entry string     `json:"entry,omitempty"` // empty if several entries load the file
}

// defaultFile is the generation of a box that is not configured. A test of
// package compile compares it with the result of compiling the built-in
// configuration.
//
//go:embed default.json
var defaultFile []byte

// Default returns the generation of a box that is not configured. pxed serves it
// until menuwatch publishes one, and so needs no compiler or renderer.
func Default() Generation {
	g, err := Decode(defaultFile)
	if err != nil {
		panic(err) // the file is part of the program
	}
	g.ID = "" // it was not published
	return g
}

// TooLargeError is the error for a generation that no reader would accept.
type TooLargeError struct{}

func (TooLargeError) Error() string {
	return fmt.Sprintf("all menus together exceed %d bytes", MaxSize)
}

// Encode returns the file's bytes. Equal generations give equal bytes. The error
// is a TooLargeError.
func Encode(g Generation) ([]byte, error) {
	if g.TooLarge {
		return nil, fmt.Errorf("encode generation: %w", TooLargeError{})
	}
	b, err := json.MarshalIndent(g, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode generation: %w", err)
	}
	b = append(b, '\n')
	if len(b) > MaxSize {
		return nil, fmt.Errorf("encode generation: %w", TooLargeError{})
	}
	return b, nil
}

// maxAlternatives limits the programs that a machine may try one after the other.
const maxAlternatives = 4

// validate rejects values that the compiler never produces. Users of a Generation
// do not check its values again: an invalid network would end pxed at each start.
func (g Generation) validate() error {
	var errs []error
	check := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	check("network", g.Network.Validate())
	check("dhcp", g.DHCP.Validate())
	check("tftp", g.TFTP.Validate())
	check("http", g.HTTP.Validate())
	check("metrics", g.Metrics.Validate())
	for entry, t := range g.Handoffs {
		if t.Self && t.Server.IsValid() {
			check("handoff "+entry, errors.New("it has the box and another server"))
		}
		if t.WinPE != nil {
			check("handoff "+entry, t.WinPE.Validate())
		}
		for _, name := range t.Programs {
			check("handoff "+entry, spec.ValidateProgram(name))
		}
		for firmware, names := range t.Alternatives {
			if len(names) > maxAlternatives {
				check("handoff "+entry,
					fmt.Errorf("%s has %d alternatives; the limit is %d", firmware, len(names), maxAlternatives))
				continue
			}
			for _, name := range names {
				check("handoff "+entry, spec.ValidateProgram(name))
			}
		}
	}
	for file, p := range g.Parts {
		if p.Role != trace.Kernel && p.Role != trace.Initrd {
			check("parts", fmt.Errorf("%s: %q is not the role of a file of an entry", file, p.Role))
		}
	}
	return errors.Join(errs...)
}

// Decode is the inverse of Encode, and rejects what Encode does not write.
func Decode(b []byte) (Generation, error) {
	if len(b) > MaxSize {
		return Generation{}, fmt.Errorf("decode generation: %d bytes or more; the limit is %d", len(b), MaxSize)
	}
	var head struct {
		Format int `json:"format"`
	}
	// Check the format first: with another format, any other error would mislead.
	if err := json.Unmarshal(b, &head); err != nil {
		return Generation{}, fmt.Errorf("decode generation: %w", err)
	}
	if head.Format != Format {
		return Generation{}, fmt.Errorf("decode generation: format %d, this program reads %d", head.Format, Format)
	}
	var g Generation
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&g); err != nil {
		return Generation{}, fmt.Errorf("decode generation: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Generation{}, errors.New("decode generation: data after its end")
	}
	if err := g.validate(); err != nil {
		return Generation{}, fmt.Errorf("decode generation: %w", err)
	}
	g.ID = identify(b)
	return g, nil
}

// identify returns the ID of a generation's bytes.
func identify(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])[:12]
}
