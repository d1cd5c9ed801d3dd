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

// WaitReady waits until the box serves a menu that contains text. That a box is
// up says nothing, since it starts with a built-in menu.
func (l *Lab) WaitReady(ctx context.Context, box netip.Addr, text string) error {
	return l.WaitMenu(ctx, box, func(menu []byte) bool { return bytes.Contains(menu, []byte(text)) })
}

// WaitMenu waits until the box serves a menu as it has to be. PXELINUX asks for
// the menu by TFTP, and so does this.
func (l *Lab) WaitMenu(ctx context.Context, box netip.Addr, is func(menu []byte) bool) error {
	for {
		menu, err := l.Read(box, "pxelinux.cfg/default")
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

// Refusal is a server's error packet (RFC 1350 §5).
type Refusal struct {
	Code    uint16
	Message string
}

func (r *Refusal) Error() string { return fmt.Sprintf("TFTP error %d: %s", r.Code, r.Message) }

// Read reads a file by TFTP as the observer, without options (RFC 1350). A
// server that says no gives a *Refusal.
func (l *Lab) Read(server netip.Addr, name string) ([]byte, error) {
	conn, err := l.Observer.ListenUDP(0)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return readFile(conn, server, name)
}

func readFile(conn net.PacketConn, server netip.Addr, name string) ([]byte, error) {
	const opData, opAck, opError = 3, 4, 5
	to := net.Addr(net.UDPAddrFromAddrPort(netip.AddrPortFrom(server, wds.PortTFTP)))
	packet := append([]byte{0, 1}, name+"\x00octet\x00"...)
	buf := make([]byte, 1500)
	var file []byte
	for next := uint16(1); ; {
		if _, err := conn.WriteTo(packet, to); err != nil {
			return nil, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(askAgain)); err != nil {
			return nil, err
		}
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return nil, err
		}
		to = from
		switch {
		case n < 4:
			return nil, fmt.Errorf("the server answers with %q", buf[:n])
		case binary.BigEndian.Uint16(buf) == opError:
			return nil, &Refusal{binary.BigEndian.Uint16(buf[2:]), string(bytes.TrimRight(buf[4:n], "\x00"))}
		case binary.BigEndian.Uint16(buf) != opData:
			return nil, fmt.Errorf("the server answers with %q", buf[:n])
		}
		block := binary.BigEndian.Uint16(buf[2:])
		packet = binary.BigEndian.AppendUint16([]byte{0, opAck}, block)
		if block != next {
			continue // sent again, because our ACK took long
		}
		next++
		if file = append(file, buf[4:n]...); n < 4+512 {
			_, err := conn.WriteTo(packet, to)
			return file, err
		}
	}
}
