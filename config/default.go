package config

import (
	_ "embed"
	"slices"
)

// defaultFile is the reference of every key, and the settings of a box that
// is not configured.
//
//go:embed default.toml
var defaultFile []byte

// DefaultFile returns the built-in file, which explains every key.
func DefaultFile() []byte { return slices.Clone(defaultFile) }
