// Package generation is what passes from menuwatch to pxed: one file that
// holds all that pxed needs, published whole or not at all. It knows how such
// a file is built, written and watched; what the settings mean is not its
// business.
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
)

// Format is the shape of the file. pxed refuses any other: after an update
// both programs are new, and a file of the old shape is menuwatch's to redo.
const Format = 2

// FileName is the generation's name in the run directory.
const FileName = "generation.json"

// MaxSize bounds the file, in bytes: it is read into memory whole.
const MaxSize = bootmenu.MaxSize / 3 * 4

// Generation is one state of the box: settings, and the menus rendered from
// the same configuration.
type Generation struct {
	Format  int          `json:"format"`
	Network spec.Network `json:"network"`
	DHCP    spec.DHCP    `json:"dhcp"`
	TFTP    spec.TFTP    `json:"tftp"`
	Names   spec.Files   `json:"names"`
	// Files are the menus by the names that boot loaders ask for, such as
	// pxelinux.ConfigFile. bootmenu.MACMark and TokenMark in them stand for
	// what only the machine's own has.
	Files map[string][]byte `json:"files"`
	// Views are the menus of certain machines in place of Files, by name.
	// What a view lacks is as in Files.
	Views map[string]map[string][]byte `json:"views,omitempty"`
	// Machines say which, in their order.
	Machines []clients.Rule `json:"machines,omitempty"`
	// Handoffs are the WDS servers that entries lead to, by the entry's
	// name. An entry whose server has no address is not there.
	Handoffs map[string]handoff.Target `json:"handoffs,omitempty"`
	// TooLarge says that all menus together have more than bootmenu.MaxSize.
	// Such a generation is not whole, and is not encoded.
	TooLarge bool `json:"-"`

	// ID tells generations apart in logs: the start of the SHA-256 of the
	// published bytes, set by Decode.
	ID string `json:"-"`
}

// defaultFile is the generation of a box that is not configured. A test of
// package compile compares it with what becomes of the built-in configuration.
//
//go:embed default.json
var defaultFile []byte

// Default is the generation of a box that is not configured. pxed serves it
// where menuwatch has published none, without a compiler and a renderer.
func Default() Generation {
	g, err := Decode(defaultFile)
	if err != nil {
		panic(err) // the file is part of the program
	}
	g.ID = "" // it was not published
	return g
}

// TooLargeError is the error for a generation that no reader would take.
type TooLargeError struct{}

func (TooLargeError) Error() string {
	return fmt.Sprintf("the menus have more than %d bytes together", MaxSize)
}

// Encode returns the file's bytes. The same generation always gives the same.
// The error is a TooLargeError.
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

// validate reports what the compiler never makes. Those who use a Generation do not look
// at its values again: a network that is none would end pxed at each start.
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
	for entry, t := range g.Handoffs {
		for _, name := range t.Programs {
			check("handoff "+entry, spec.ValidateProgram(name))
		}
	}
	return errors.Join(errs...)
}

// Decode is the inverse of Encode, and refuses what Encode does not write.
func Decode(b []byte) (Generation, error) {
	if len(b) > MaxSize {
		return Generation{}, fmt.Errorf("decode generation: %d bytes or more, at most %d are allowed", len(b), MaxSize)
	}
	var head struct {
		Format int `json:"format"`
	}
	// The format first: with another one, any other error would mislead.
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
		return Generation{}, errors.New("decode generation: something follows after its end")
	}
	if err := g.validate(); err != nil {
		return Generation{}, fmt.Errorf("decode generation: %w", err)
	}
	sum := sha256.Sum256(b)
	g.ID = hex.EncodeToString(sum[:])[:12]
	return g, nil
}
