// Package boxclient sends settings, boot files and updates to a running box, on
// behalf of its owner. It runs on Linux, macOS and Windows; only an update needs
// another program, the go command. The box decides what to do with what it
// receives.
package boxclient

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// The box's ports, for a HOST without one.
const (
	pagePort        = "443"
	oldSettingsPort = "8443" // of the settings, in earlier versions
	uploadPort      = "22"
	updatePort      = "8080"
)

// withPort returns the address of a host, with a default port if it has none.
func withPort(host, port string) string {
	if strings.Contains(host, ":") {
		return host
	}
	return net.JoinHostPort(host, port)
}

// openKnown opens a file of known boxes, or creates it.
func openKnown(file string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
}

// isNew returns the message about a box that is trusted for the first time.
func isNew(host, fingerprint string) string {
	return fmt.Sprintf("%s is new: trusted from now on, with the fingerprint %s\n", host, fingerprint)
}

// notTheSame returns the error for a box that differs from the known one.
func notTheSame(host, was, now, where string) error {
	return fmt.Errorf("this is not the box that was at %s before (%s, now %s): "+
		"if you expect another box, delete its line in %s", host, was, now, where)
}
