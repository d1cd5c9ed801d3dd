// Package selftest tells whether the box's daemons still do their work. It
// asks pxed by DHCP and TFTP as a machine would, over the sockets that
// machines use. What is done about a daemon that fails is judged here too, but
// not done.
package selftest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/net/sock"
)

// ErrNoAddress is what Pxed returns as long as there is nobody to ask: no
// interface is up and has an IPv4 address.
var ErrNoAddress = errors.New("the box has no address on a network")

const (
	// answerWithin is far above what a busy box needs; a lost packet is asked
	// for again.
	answerWithin = time.Second
	tries        = 3

	tftpPort = 69
)

// Pxed asks pxed on each interface, and returns nil once one has answered all:
// pxed serves on one only. file is a name to ask for by TFTP. Where it is
// empty a refusal will do, which even a box that has no place for another
// transfer sends. What pxed has done since it was asked last excuses silence.
//
// A packet from an address of the box to the same never leaves it. The kernel
// takes it for one that came in on the interface that the sender is bound to,
// and so it gets to sockets that are bound to that interface.
func Pxed(ctx context.Context, file string, since pulse.Progress) error {
	links, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("self-test: %w", err)
	}
	var errs []error
	for _, l := range links {
		if l.Flags&net.FlagLoopback != 0 || l.Flags&net.FlagRunning == 0 || len(l.HardwareAddr) != 6 {
			continue
		}
		addrs, err := l.Addrs()
		if err != nil {
			errs = append(errs, fmt.Errorf("self-test: %s: %w", l.Name, err))
		}
		for _, a := range addrs {
			prefix, err := netip.ParsePrefix(a.String())
			if err != nil || !prefix.Addr().Is4() {
				continue
			}
			err = errors.Join(
				since.DHCP.Excuse(askDHCP(ctx, l, prefix.Addr())),
				since.TFTP.Excuse(askTFTP(ctx, l, prefix.Addr(), file)))
			if err == nil {
				return nil
			}
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return ErrNoAddress
	}
	return errors.Join(errs...)
}

// askDHCP asks as RFC 2131 §3.4 has a client that only wants parameters: that
// changes no lease.
func askDHCP(ctx context.Context, l net.Interface, self netip.Addr) error {
	q, err := dhcpv4.NewInform(l.HardwareAddr, self.AsSlice())
	if err != nil {
		return fmt.Errorf("self-test: dhcp: %w", err)
	}
	return ask(ctx, l, self, dhcpv4.ServerPort, q.ToBytes(), func(b []byte) ([]byte, error) {
		r, err := dhcpv4.FromBytes(b)
		if err == nil && (r.OpCode != dhcpv4.OpcodeBootReply || r.TransactionID != q.TransactionID) {
			err = errors.New("that is no answer to the question")
		}
		return nil, err
	})
}

// Of TFTP (RFC 1350 §5, RFC 2347).
const (
	opRead  = 1
	opError = 5
	opOACK  = 6
)

// absent is a file that no boot folder has.
const absent = "pxebox-self-test"

// askTFTP asks for a file's size (RFC 2349), and not for the file.
func askTFTP(ctx context.Context, l net.Interface, self netip.Addr, file string) error {
	name := file
	if name == "" {
		name = absent
	}
	q := append(binary.BigEndian.AppendUint16(nil, opRead), name+"\x00octet\x00tsize\x000\x00"...)
	return ask(ctx, l, self, tftpPort, q, func(b []byte) ([]byte, error) {
		if len(b) < 2 {
			return nil, errors.New("that is no TFTP")
		}
		switch binary.BigEndian.Uint16(b) {
		case opOACK:
			// The server would repeat itself until it is told off.
			return append(binary.BigEndian.AppendUint16(nil, opError), "\x00\x00self-test\x00"...), nil
		case opError:
			if file == "" {
				return nil, nil
			}
		}
		return nil, fmt.Errorf("%q is not served", file)
	})
}

// ask sends a question to a port of the box and has check look at the first
// answer. What check returns is sent back.
func ask(ctx context.Context, l net.Interface, self netip.Addr, port int, question []byte, check func([]byte) (reply []byte, err error)) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("self-test: %s, port %d: %w", l.Name, port, err)
		}
	}()
	lc := net.ListenConfig{Control: sock.Control(sock.OnInterface(l.Name))}
	conn, err := lc.ListenPacket(ctx, "udp4", ":0")
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(self, uint16(port)))
	b := make([]byte, 1500)
	for range tries {
		if _, err = conn.WriteTo(question, to); err != nil {
			return err
		}
		if err = conn.SetReadDeadline(time.Now().Add(answerWithin)); err != nil {
			return err
		}
		var n int
		var from net.Addr
		if n, from, err = conn.ReadFrom(b); err != nil {
			continue // no answer, or none yet
		}
		reply, err := check(b[:n])
		if reply != nil {
			_, _ = conn.WriteTo(reply, from) // if it is lost, the server gives up by itself
		}
		return err
	}
	return err
}
