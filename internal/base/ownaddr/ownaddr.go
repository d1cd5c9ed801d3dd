// Package ownaddr reads the file of the run directory in which pxed lists the
// addresses that it has set: one line per address, "eth0 192.168.77.1/24".
package ownaddr

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// Own is an address that pxed has set, in this or an earlier run since the
// machine started.
type Own struct {
	Interface string
	Addr      netip.Prefix
}

// maxSize is more than the size that the file ever has, in bytes.
const maxSize = 64 << 10

// File returns the name of the file.
func File(runDir string) string { return filepath.Join(runDir, "own-address") }

// Read returns the addresses. There are none if the file cannot be read.
func Read(runDir string) []Own {
	f, err := os.Open(File(runDir))
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSize))
	if err != nil {
		return nil
	}
	return parse(string(b))
}

// parse skips lines that pxed would not write.
func parse(text string) []Own {
	var all []Own
	for line := range strings.Lines(text) {
		name, addr, _ := strings.Cut(strings.TrimSpace(line), " ")
		if p, err := netip.ParsePrefix(addr); err == nil && p.Addr().Is4() && name != "" {
			all = append(all, Own{name, p})
		}
	}
	return all
}
