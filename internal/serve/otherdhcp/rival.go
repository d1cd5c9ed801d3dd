package otherdhcp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/net/netif/clientport"
)

// Rival is another PXE server that offers machines on the link something to
// boot: a second box, a WDS server that was not configured to ignore them, or
// the site's deployment system. It leases nothing.
type Rival struct {
	Server netip.Addr
	MAC    string // where its packet came from: the server, or a relay agent
}

const (
	// rivalsAgain is how often the same rival is reported, and maxRivals
	// how many are reported in that time: their packets are easily forged.
	rivalsAgain = time.Minute
	maxRivals   = 16
)

// rival reads an offer of another PXE server (PXE 2.1 §2.2.3): it identifies
// itself by option 60, and gives no address.
func rival(me self, r reply) (Rival, bool) {
	m := r.msg
	if !r.onLink || m.OpCode != dhcpv4.OpcodeBootReply || bytes.Equal(r.sender, me.hw) ||
		m.MessageType() != dhcpv4.MessageTypeOffer {
		return Rival{}, false
	}
	if class := m.ClassIdentifier(); !strings.HasPrefix(class, "PXEClient") ||
		m.YourIPAddr.To4() != nil && !m.YourIPAddr.IsUnspecified() {
		return Rival{}, false
	}
	server, ok := netip.AddrFromSlice(m.ServerIdentifier().To4())
	if !ok || server.IsUnspecified() {
		server = r.from
	}
	if me.own(server) {
		return Rival{}, false // our offer, passed on by a relay agent
	}
	return Rival{server, r.sender.String()}, true
}

// Callbacks are the functions to call for servers that answer other machines.
type Callbacks struct {
	Rival func(Rival)
	Site  func(Site)
	// Offer is called for each packet that tells a machine what to boot.
	Offer func(Offer)
}

// WatchRivals reports other servers that tell machines what to boot, on one
// interface, until ctx ends or the socket fails. It only listens: each machine
// that boots makes them all answer, and it receives what they broadcast. own is
// as for Watch. The functions of report are called one at a time.
func (g *Detector) WatchRivals(
	ctx context.Context, ifname string, ifindex int, hw net.HardwareAddr, own func(netip.Addr) bool, report Callbacks,
) error {
	conn, err := clientport.Listen(ifname, ifindex, hw)
	if err != nil {
		return fmt.Errorf("look for other PXE servers: %w", err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	me := self{hw: hw, mac: g.mac, own: own}
	rivals := loglimit.Once[Rival]{Most: maxRivals, Again: rivalsAgain}
	sites := loglimit.Once[netip.Addr]{Most: maxRivals, Again: rivalsAgain}
	replies, failed := make(chan reply), make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { failed <- receive(ctx, conn, replies) }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return fmt.Errorf("look for other PXE servers: %w", err)
		case r := <-replies:
			if found, ok := offer(me, r); ok {
				report.Offer(found)
			}
			if found, ok := rival(me, r); ok && rivals.First(time.Now(), found) {
				report.Rival(found)
			}
			if found, ok := site(me, r); ok && sites.First(time.Now(), found.Server) {
				report.Site(found)
			}
		}
	}
}
