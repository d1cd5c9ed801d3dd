//go:build !linux

package httpd

import (
	"errors"
	"syscall"
)

// sentBytes is not known here, so no client counts as stalled.
func sentBytes(syscall.Conn) (acked uint64, waits bool, err error) {
	return 0, false, errors.ErrUnsupported
}
