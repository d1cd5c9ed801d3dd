// Package selftest checks whether the box's daemons still work. It sends pxed
// DHCP and TFTP requests as a machine would, to the sockets that machines use.
// It also decides what to do about a daemon that fails, but does not do it.
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

// ErrNoAddress is what Pxed returns while no interface is up with an IPv4
// address, so that there is no server to ask.
var ErrNoAddress = errors.New("the box has no address on a network")

const (
	// answerWithin is far more than a busy box needs. A lost packet is sent
	// again.
	answerWithin = time.Second
	tries        = 3

	tftpPort = 69
)

// Pxed sends requests to pxed on each interface, and returns nil once one
// interface has answered all of them: pxed serves on only one. file is a name
// to request by TFTP. If it is empty, a refusal is enough; a box that is too
// busy for another transfer still sends one. since is what pxed has done since
// the last check, and excuses silence.
//
// A packet from one of the box's addresses to the same address never leaves the
// box. The kernel treats it as received on the interface that the sender is
// bound to, so it reaches the sockets bound to that interface.
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

// askDHCP sends a DHCPINFORM, as a client that only wants parameters does (RFC
// 2131 §3.4): it changes no lease.
func askDHCP(ctx context.Context, l net.Interface, self netip.Addr) error {
	q, err := dhcpv4.NewInform(l.HardwareAddr, self.AsSlice())
	if err != nil {
		return fmt.Errorf("self-test: dhcp: %w", err)
	}
	return ask(ctx, l, self, dhcpv4.ServerPort, q.ToBytes(), func(b []byte) ([]byte, error) {
		r, err := dhcpv4.FromBytes(b)
		if err == nil && (r.OpCode != dhcpv4.OpcodeBootReply || r.TransactionID != q.TransactionID) {
			err = errors.New("not an answer to the request")
		}
		return nil, err
	})
}

// TFTP opcodes (RFC 1350 §5, RFC 2347).
const (
	opRead  = 1
	opError = 5
	opOACK  = 6
)

// absent is a file that no boot folder contains.
const absent = "pxebox-self-test"

// askTFTP requests a file's size (RFC 2349), not the file.
func askTFTP(ctx context.Context, l net.Interface, self netip.Addr, file string) error {
	name := file
	if name == "" {
		name = absent
	}
	q := append(binary.BigEndian.AppendUint16(nil, opRead), name+"\x00octet\x00tsize\x000\x00"...)
	return ask(ctx, l, self, tftpPort, q, func(b []byte) ([]byte, error) {
		if len(b) < 2 {
			return nil, errors.New("not a TFTP packet")
		}
		switch binary.BigEndian.Uint16(b) {
		case opOACK:
			// The server would retransmit until it gets an error.
			return append(binary.BigEndian.AppendUint16(nil, opError), "\x00\x00self-test\x00"...), nil
		case opError:
			if file == "" {
				return nil, nil
			}
		}
		return nil, fmt.Errorf("%q is not served", file)
	})
}

// ask sends a request to a port of the box and passes the first answer to
// check. It sends back what check returns.
func ask(
	ctx context.Context, l net.Interface, self netip.Addr, port int, question []byte,
	check func([]byte) (reply []byte, err error),
) (err error) {
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
			continue // no answer yet
		}
		reply, err := check(b[:n])
		if reply != nil {
			_, _ = conn.WriteTo(reply, from) // if it is lost, the server times out
		}
		return err
	}
	return err
}
