// Package configfile reads a configuration from a file. What the text means is
// package config's business.
package configfile

import (
	"bytes"
	"fmt"
	"os"
)

// Read reads a configuration. An empty file is one that is being written, or
// whose writing was cut off; it does not stand for the default.
func Read(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("read configuration: %s is empty", name)
	}
	return data, nil
}
