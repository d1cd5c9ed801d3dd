package lab

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/e2e/wds"
	"github.com/pxebox/pxebox/internal/test/tftpclient"
)

// askAgain is how long a request may stay unanswered before it is sent again,
// patience how often that happens. The loss of a datagram is not an event to
// wait for, so this one wait uses the clock.
const (
	askAgain = 500 * time.Millisecond
	patience = 60
)

// WaitReady waits until the box serves a menu that contains text. A box that
// merely runs is not enough, because it starts with a built-in menu.
func (l *Lab) WaitReady(ctx context.Context, box netip.Addr, text string) error {
	return l.WaitMenu(ctx, box, func(menu []byte) bool { return bytes.Contains(menu, []byte(text)) })
}

// WaitMenu waits until the box serves a menu that satisfies is. It requests the
// menu over TFTP, as PXELINUX does.
func (l *Lab) WaitMenu(ctx context.Context, box netip.Addr, is func(menu []byte) bool) error {
	for {
		menu, err := l.read(box, "pxelinux.cfg/default", 1)
		if err == nil && is(menu) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("its menu is\n%s", menu)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the menu of the box at %v: %w; %v", box, context.Cause(ctx), err)
		case <-time.After(askAgain):
		}
	}
}

// Refusal is a server's ERROR packet.
type Refusal = tftpclient.Error

// Read reads a file over TFTP as the observer, without options (RFC 1350), and
// retransmits if no answer comes. If the server sends an ERROR, Read returns a
// *Refusal.
func (l *Lab) Read(server netip.Addr, name string) ([]byte, error) {
	return l.read(server, name, patience)
}

// read sends up to tries requests for each block.
func (l *Lab) read(server netip.Addr, name string, tries int) ([]byte, error) {
	conn, err := l.Observer.ListenUDP(0)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(server, wds.PortTFTP))
	return tftpclient.Fetch(conn, to, name, tftpclient.Options{}, tftpclient.Retry{After: askAgain, Tries: tries})
}
