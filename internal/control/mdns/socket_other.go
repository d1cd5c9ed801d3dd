//go:build !linux

package mdns

import (
	"errors"
	"net"
)

// Elsewhere than on Linux, the system announces names.
var errSystem = errors.New("it is announced on Linux only")

func listen(Link) (*net.UDPConn, error) { return nil, errSystem }

func alone(int) error { return errSystem }
