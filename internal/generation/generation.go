// Package generation is what passes from menuwatch to pxed: one file that
// holds all that pxed needs, published whole or not at all. It knows how such
// a file is built, written and watched; what the settings mean is not its
// business.
package generation

import (
	"github.com/pxebox/pxebox/config"
)

// Format is the shape of the file. pxed refuses any other: after an update
// both programs are new, and a file of the old shape is menuwatch's to redo.
const Format = 1

// FileName is the generation's name in the run directory.
const FileName = "generation.json"

// Generation is one state of the box: settings, and the menus rendered from
// the same configuration.
type Generation struct {
	Format  int            `json:"format"`
	Network config.Network `json:"network"`
	DHCP    config.DHCP    `json:"dhcp"`
	// Files are the rendered menus by the name that firmware asks for, such
	// as "pxelinux.cfg/default".
	Files map[string][]byte `json:"files"`

	// ID tells generations apart in logs: the start of the SHA-256 of the
	// published bytes, set by Decode.
	ID string `json:"-"`
}
