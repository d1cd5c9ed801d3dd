// Package generation is what passes from menuwatch to pxed: one file that
// holds all that pxed needs, published whole or not at all. It knows how such
// a file is built, written and watched; what the settings mean is not its
// business.
package generation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/control/menu"
)

// Format is the shape of the file. pxed refuses any other: after an update
// both programs are new, and a file of the old shape is menuwatch's to redo.
const Format = 2

// FileName is the generation's name in the run directory.
const FileName = "generation.json"

// maxSize bounds the file, in bytes: it is read into memory whole.
const maxSize = bootmenu.MaxSize / 3 * 4

// Generation is one state of the box: settings, and the menus rendered from
// the same configuration.
type Generation struct {
	Format  int            `json:"format"`
	Network config.Network `json:"network"`
	DHCP    config.DHCP    `json:"dhcp"`
	TFTP    config.TFTP    `json:"tftp"`
	Names   config.Files   `json:"names"`
	menu.Rendered

	// ID tells generations apart in logs: the start of the SHA-256 of the
	// published bytes, set by Decode.
	ID string `json:"-"`
}

// Build makes the generation of a configuration and of what is known of the
// site.
func Build(c *config.Config, st menu.Status) Generation {
	return Generation{Format: Format, Network: c.Network, DHCP: c.DHCP, TFTP: c.TFTP, Names: c.Files, Rendered: menu.Render(c, st)}
}

// Parse reads a configuration as config.Parse does, and takes none whose
// generation no reader would take. The error is of type config.Errors.
func Parse(file string, data []byte) (*config.Config, error) {
	c, err := config.Parse(file, data)
	if err != nil {
		return nil, err
	}
	if _, err = Encode(Build(c, menu.Status{})); errors.As(err, new(TooLargeError)) {
		line := 1
		if at := reMachine.FindIndex(data); at != nil {
			line += bytes.Count(data[:at[0]], []byte("\n"))
		}
		return nil, config.Errors{{
			File: file, Line: line, Key: "machine",
			Problem: fmt.Sprintf("all menus together have more than the %d MiB that the box takes: each default and each list of entries makes a whole menu more", maxSize>>20),
			Mend:    "let machines share them, or have fewer entries",
		}}
	}
	return c, err
}

var reMachine = regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*machine\b`)

// Default is the generation of a box that nobody has configured. pxed serves
// it where menuwatch has published none.
func Default() Generation { return Build(config.Default(), menu.Status{}) }

// TooLargeError is the error for a generation that no reader would take.
type TooLargeError struct{}

func (TooLargeError) Error() string {
	return fmt.Sprintf("the menus have more than %d bytes together", maxSize)
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
	if len(b) > maxSize {
		return nil, fmt.Errorf("encode generation: %w", TooLargeError{})
	}
	return b, nil
}

// validate reports what Build never makes. Those who use a Generation do not look
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
			check("handoff "+entry, config.ValidateProgram(name))
		}
	}
	return errors.Join(errs...)
}

// Decode is the inverse of Encode, and refuses what Encode does not write.
func Decode(b []byte) (Generation, error) {
	if len(b) > maxSize {
		return Generation{}, fmt.Errorf("decode generation: %d bytes or more, at most %d are allowed", len(b), maxSize)
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
