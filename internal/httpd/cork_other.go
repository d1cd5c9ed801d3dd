//go:build !linux

package httpd

import "net"

// setCork does nothing: packets are as large as they happen to be.
func setCork(*net.TCPConn, bool) {}
