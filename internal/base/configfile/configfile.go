// Package configfile reads a configuration from a file. Package config defines
// what the text means.
package configfile

import (
	"bytes"
	"fmt"
	"os"
)

// Read reads a configuration. An empty file is one that is being written, or that
// was cut off while writing; it does not mean the default.
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
