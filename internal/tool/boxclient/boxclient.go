// Package boxclient sends settings, boot files and updates to a running box, on
// behalf of its owner. It runs on Linux, macOS and Windows, and needs no program
// but the go command for an update. What the box does with what it gets is decided
// on the box.
package boxclient

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// The ports of a box where HOST names none.
const (
	settingsPort = "8443"
	uploadPort   = "22"
)

// withPort is the address of a host that may have named a port.
func withPort(host, port string) string {
	if strings.Contains(host, ":") {
		return host
	}
	return net.JoinHostPort(host, port)
}

// openKnown opens a file of boxes that are known, or makes it.
func openKnown(file string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
}

// isNew is what a person reads of a box that is trusted for the first time.
func isNew(host, fingerprint string) string {
	return fmt.Sprintf("%s is new: it is known by %s from now on\n", host, fingerprint)
}

// notTheSame is the error for a box that is not the one that is known.
func notTheSame(host, was, now, where string) error {
	return fmt.Errorf("this is not the box that was at %s before (%s, now %s): if that is right, delete its line in %s",
		host, was, now, where)
}
