package httpd

import (
	"context"
	"fmt"
	"net"

	"github.com/pxebox/pxebox/internal/base/portowner"
	"github.com/pxebox/pxebox/internal/net/sock"
)

// Listen opens a TCP port on one interface.
func Listen(ctx context.Context, ifname string, port int) (*net.TCPListener, error) {
	lc := net.ListenConfig{Control: sock.Control(sock.OnInterface(ifname))}
	l, err := lc.Listen(ctx, "tcp4", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, fmt.Errorf("on %s: %w", ifname, portowner.HTTP.At(port).Explain(err))
	}
	return l.(*net.TCPListener), nil
}
