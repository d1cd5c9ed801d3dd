package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/e2e/wds"
)

// askAgain is how long a question to a box that is not up yet may stay
// unanswered. A lost datagram is no event, so this one wait is by the clock.
const askAgain = 500 * time.Millisecond

// WaitReady waits until the box serves a menu that contains text. PXELINUX
// asks for the menu by TFTP, and so does this; that a box is up says nothing,
// since it starts with a built-in menu.
func (l *Lab) WaitReady(ctx context.Context, box netip.Addr, text string) error {
	for {
		conn, err := l.Observer.ListenUDP(0)
		if err != nil {
			return err
		}
		block, err := readFirstBlock(conn, box, "pxelinux.cfg/default")
		conn.Close()
		if err == nil && bytes.Contains(block, []byte(text)) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("its menu starts with %q", block)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the box at %v to serve the menu with %q: %w; %v", box, text, context.Cause(ctx), err)
		case <-time.After(askAgain):
		}
	}
}

// readFirstBlock asks for a file by TFTP and breaks off after the first block.
func readFirstBlock(conn net.PacketConn, server netip.Addr, name string) ([]byte, error) {
	const opData, opError = 3, 5
	request := append([]byte{0, 1}, name+"\x00octet\x00"...)
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(server, wds.PortTFTP))
	if _, err := conn.WriteTo(request, to); err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(askAgain)); err != nil {
		return nil, err
	}
	buf := make([]byte, 1500)
	n, from, err := conn.ReadFrom(buf)
	if err != nil {
		return nil, err
	}
	if n < 4 || binary.BigEndian.Uint16(buf) != opData {
		return nil, fmt.Errorf("the box answers a read request with %q", buf[:n])
	}
	if _, err := conn.WriteTo([]byte{0, opError, 0, 0, 0}, from); err != nil {
		return nil, err
	}
	return buf[4:n], nil
}
