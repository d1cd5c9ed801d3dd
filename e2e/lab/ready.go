package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/pxebox/pxebox/e2e/wds"
)

// askAgain is how long a question may stay unanswered before it is asked again,
// patience how often. A lost datagram is no event, so this one wait is by the
// clock.
const (
	askAgain = 500 * time.Millisecond
	patience = 60
)

// WaitReady waits until the box serves a menu that contains text. That a box is
// up says nothing, since it starts with a built-in menu.
func (l *Lab) WaitReady(ctx context.Context, box netip.Addr, text string) error {
	return l.WaitMenu(ctx, box, func(menu []byte) bool { return bytes.Contains(menu, []byte(text)) })
}

// WaitMenu waits until the box serves a menu as it has to be. PXELINUX asks for
// the menu by TFTP, and so does this.
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

// Refusal is a server's error packet (RFC 1350 §5).
type Refusal struct {
	Code    uint16
	Message string
}

func (r *Refusal) Error() string { return fmt.Sprintf("TFTP error %d: %s", r.Code, r.Message) }

// Read reads a file by TFTP as the observer, without options (RFC 1350), and
// asks again where nothing comes. A server that says no gives a *Refusal.
func (l *Lab) Read(server netip.Addr, name string) ([]byte, error) {
	return l.read(server, name, patience)
}

// read asks up to tries times for each block.
func (l *Lab) read(server netip.Addr, name string, tries int) ([]byte, error) {
	conn, err := l.Observer.ListenUDP(0)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return readFile(conn, server, name, tries)
}

func readFile(conn net.PacketConn, server netip.Addr, name string, tries int) ([]byte, error) {
	const opData, opAck, opError = 3, 4, 5
	to := net.Addr(net.UDPAddrFromAddrPort(netip.AddrPortFrom(server, wds.PortTFTP)))
	packet := append([]byte{0, 1}, name+"\x00octet\x00"...)
	var file []byte
	for next := uint16(1); ; {
		b, from, err := ask(conn, to, packet, tries)
		if err != nil {
			return nil, err
		}
		to = from
		switch {
		case len(b) < 4:
			return nil, fmt.Errorf("the server answers with %q", b)
		case binary.BigEndian.Uint16(b) == opError:
			return nil, &Refusal{binary.BigEndian.Uint16(b[2:]), string(bytes.TrimRight(b[4:], "\x00"))}
		case binary.BigEndian.Uint16(b) != opData:
			return nil, fmt.Errorf("the server answers with %q", b)
		}
		block := binary.BigEndian.Uint16(b[2:])
		packet = binary.BigEndian.AppendUint16([]byte{0, opAck}, block)
		if block != next {
			continue // sent again, because our ACK took long
		}
		next++
		if file = append(file, b[4:]...); len(b) < 4+512 {
			_, err := conn.WriteTo(packet, to)
			return file, err
		}
	}
}

// ask sends a packet until an answer comes.
func ask(conn net.PacketConn, to net.Addr, packet []byte, tries int) ([]byte, net.Addr, error) {
	buf := make([]byte, 1500)
	for {
		if _, err := conn.WriteTo(packet, to); err != nil {
			return nil, nil, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(askAgain)); err != nil {
			return nil, nil, err
		}
		n, from, err := conn.ReadFrom(buf)
		if err == nil {
			return buf[:n], from, nil
		}
		if tries--; tries == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, nil, err
		}
	}
}
