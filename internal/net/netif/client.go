package netif

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/vishvananda/netlink"

	"github.com/pxebox/pxebox/internal/base/jitter"
	"github.com/pxebox/pxebox/internal/net/netif/clientport"
	"github.com/pxebox/pxebox/internal/net/sock"
)

// fallbackAfter is how long the box waits for an answer from a DHCP server
// before it takes a temporary link-local address.
const fallbackAfter = 10 * time.Second

// ownTries is how often the client asks the server of an offer, or of an
// earlier lease, before it starts over.
const ownTries = 3

// client is the box's DHCP client on one interface (RFC 2131 §4.4). It belongs
// to the goroutine of run.
type client struct {
	*Keeper
	link netlink.Link
	wire *wire
	dhcp *nclient4.Client // sends and receives messages; the states are here
	host []dhcpv4.Modifier

	up      <-chan bool
	carrier bool

	held    held
	stop    func() // ends the search for a link-local address; nil: there is none
	unasked bool   // held has not been confirmed since the carrier came up
	said    string
}

// held is the lease in use; its addr is not valid if there is none.
type held struct {
	setup
	lifetime
	asked  time.Time  // when it was requested
	server netip.Addr // zero if it is not known
}

// The reasons why a request ends without an answer.
var (
	errSilence = errors.New("no answer from a DHCP server")
	errCarrier = errors.New("the carrier has changed")
	errRefused = errors.New("refused by the DHCP server (NAK)")
)

// lease keeps an address from the site's DHCP server on the interface. It ends
// only with ctx, or when the box itself fails.
func (k *Keeper) lease(ctx context.Context, l netlink.Link, up <-chan bool) error {
	a := l.Attrs()
	conn, err := clientport.Listen(a.Name, a.Index, a.HardwareAddr)
	if err != nil {
		return err
	}
	w := &wire{Conn: conn}
	// Each call transmits once: the client decides when to retransmit.
	// nclient4 logs nothing by default.
	d, err := nclient4.NewWithConn(w, a.HardwareAddr, nclient4.WithRetry(1), nclient4.WithTimeout(time.Hour))
	if err != nil {
		conn.Close()
		return fmt.Errorf("dhcp client on %s: %w", a.Name, err)
	}
	defer d.Close()
	c := &client{Keeper: k, link: l, wire: w, dhcp: d, up: up}
	if name, err := os.Hostname(); err == nil && domainName.MatchString(name) {
		c.host = append(c.host, dhcpv4.WithOption(dhcpv4.OptHostName(name)))
	}
	if c.held, err = k.leftover(l); err != nil {
		return err
	}
	c.unasked = c.held.addr.IsValid()
	defer c.stopLinkLocal()
	return c.run(ctx)
}

// forever is the kernel's value for an address lifetime without end, in
// seconds.
const forever = math.MaxUint32

// leftover returns a lease that an earlier run of this program left on the
// interface, as far as the kernel knows it.
func (k *Keeper) leftover(l netlink.Link) (held, error) {
	all, err := netlink.AddrList(l, netlink.FAMILY_V4)
	if err != nil {
		return held{}, fmt.Errorf("read addresses of %s: %w", l.Attrs().Name, err)
	}
	for _, a := range all {
		p := prefix(a.IPNet)
		// An address without end was a fixed or a link-local one.
		if k.isOwn(l.Attrs().Name, p) && a.ValidLft > 0 && a.ValidLft < forever {
			valid := time.Duration(a.ValidLft) * time.Second
			return held{setup: setup{addr: p, valid: valid}, lifetime: newLifetime(valid, 0, 0), asked: time.Now()}, nil
		}
	}
	return held{}, nil
}

func (c *client) run(ctx context.Context) error {
	for {
		var err error
		switch phase, wait := c.held.at(time.Since(c.held.asked)); {
		case ctx.Err() != nil:
			return ctx.Err()
		case c.held.addr.IsValid() && phase == expired:
			c.lose("the lease has expired")
		case !c.carrier:
			c.idle(ctx, wait)
		case c.unasked:
			err = c.reboot(ctx)
		case !c.held.addr.IsValid():
			err = c.acquire(ctx)
		case phase == bound:
			c.idle(ctx, wait)
		default:
			err = c.extend(ctx, phase, wait)
		}
		if err != nil {
			return err
		}
	}
}

// idle waits for d, or until the carrier changes.
func (c *client) idle(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case up := <-c.up:
		c.changed(up)
	}
}

// changed handles a carrier change. "A client SHOULD use DHCP to reacquire or
// verify its IP address and network parameters whenever the local network
// parameters may have changed; e.g., at system boot time or after a
// disconnection from the local network" (RFC 2131 §3.7).
func (c *client) changed(up bool) {
	c.carrier = up
	c.unasked = c.held.addr.IsValid()
	c.stopLinkLocal()
}

// acquire requests a new lease until it gets one, or the carrier changes, or
// the lease that is still in use expires.
func (c *client) acquire(ctx context.Context) error {
	began := time.Now()
	for n := 0; ; n++ {
		passed := time.Since(began)
		wait := jitter.Tenth(backoff(n))
		if c.stop == nil {
			if passed >= fallbackAfter {
				c.startLinkLocal(ctx)
			} else {
				wait = min(wait, fallbackAfter-passed)
			}
		}
		if c.held.addr.IsValid() {
			left := c.held.end - time.Since(c.held.asked)
			if left <= 0 {
				return nil
			}
			wait = min(wait, left)
		}
		asked := time.Now()
		offer, err := c.ask(ctx, wait, netip.Addr{}, c.discover(passed), isOffer)
		switch {
		case errors.Is(err, errSilence):
			if time.Since(began) >= fallbackAfter {
				c.say("network: no DHCP server answers; still asking")
			}
			continue
		case err != nil:
			return c.pause(ctx, err)
		}
		for try := range ownTries {
			var ack *dhcpv4.DHCPv4
			ack, err = c.ask(ctx, jitter.Tenth(backoff(try)), netip.Addr{}, c.selecting(offer, passed),
				answers(offer.ServerIdentifier()))
			if err == nil {
				return c.bind(ctx, ack, asked)
			}
			if !errors.Is(err, errSilence) {
				break
			}
		}
		if errors.Is(err, errSilence) || errors.Is(err, errRefused) {
			// "If the client receives a DHCPNAK message, the client restarts
			// the configuration process" (RFC 2131 §3.1 step 5).
			c.Log.Warn("network: an offered address was not leased", "interface", c.link.Attrs().Name, "err", err)
			if !sleep(ctx, time.Second) {
				return nil
			}
			continue
		}
		return c.pause(ctx, err)
	}
}

// reboot asks whether the previous lease is still valid on the current network
// (RFC 2131 §3.2). Without an answer the lease stays in use until it expires,
// while the client looks for another.
func (c *client) reboot(ctx context.Context) error {
	for try := range ownTries {
		asked := time.Now()
		m := c.request(dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(c.held.addr.Addr().AsSlice())))
		ack, err := c.ask(ctx, jitter.Tenth(backoff(try)), netip.Addr{}, m, answers(nil))
		switch {
		case err == nil:
			return c.bind(ctx, ack, asked)
		case errors.Is(err, errRefused):
			c.lose("it is not valid on this network")
			return nil
		case !errors.Is(err, errSilence):
			return c.pause(ctx, err)
		}
	}
	return c.acquire(ctx)
}

// extend sends one request for more time: to the lease's server while renewing,
// to all servers while rebinding (RFC 2131 §4.4.5).
func (c *client) extend(ctx context.Context, p phase, wait time.Duration) error {
	a := c.held.addr.Addr()
	var to netip.Addr
	if p == renewing && c.held.server.IsValid() {
		to = c.held.server
		closeUnicast, err := c.wire.openUnicast(ctx, c.link.Attrs().Name, a)
		if err == nil {
			defer closeUnicast()
		} else {
			to = netip.Addr{} // another client has the port; a broadcast works as well
		}
	}
	asked := time.Now()
	ack, err := c.ask(ctx, wait, to, c.request(dhcpv4.WithClientIP(a.AsSlice())), answers(nil))
	switch {
	case err == nil:
		return c.bind(ctx, ack, asked)
	case errors.Is(err, errRefused):
		c.lose("its server refused to renew it")
		return nil
	case errors.Is(err, errSilence):
		c.say("network: no DHCP server answers, so the lease is not renewed yet")
		return nil
	}
	return c.pause(ctx, err)
}

// bind applies a lease.
func (c *client) bind(ctx context.Context, ack *dhcpv4.DHCPv4, asked time.Time) error {
	s, life, err := leased(ack, c.held.setup)
	if err != nil {
		return c.pause(ctx, fmt.Errorf("unusable lease: %w", err))
	}
	c.stopLinkLocal()
	if err := c.apply(c.link, s); err != nil {
		return err
	}
	server, _ := netip.AddrFromSlice(ack.ServerIdentifier().To4())
	log := c.Log.Info
	if s.addr == c.held.addr && !c.unasked && c.said == "" {
		log = c.Log.Debug // a routine renewal
	}
	log("network: address leased", "interface", c.link.Attrs().Name, "address", s.addr, "server", server,
		"for", life.end)
	c.held = held{setup: s, lifetime: life, asked: asked, server: server}
	c.unasked, c.said = false, ""
	if c.Leased != nil {
		c.Leased(ctx, ack)
	}
	return nil
}

// lose gives up the lease.
func (c *client) lose(why string) {
	c.Log.Warn("network: lease lost", "interface", c.link.Attrs().Name, "address", c.held.addr, "why", why)
	c.drop(c.link, c.held.addr)
	c.held, c.unasked = held{}, false
}

// pause handles errors that interrupt an exchange but not the client.
func (c *client) pause(ctx context.Context, err error) error {
	if errors.Is(err, errCarrier) || ctx.Err() != nil {
		return nil // run checks both
	}
	if c.said != err.Error() {
		c.said = err.Error()
		c.Log.Warn("network: the DHCP client failed; retrying", "interface", c.link.Attrs().Name, "err", err)
	}
	c.idle(ctx, retryEvery)
	return nil
}

// say logs once that no server answers.
func (c *client) say(message string) {
	if c.said == "" {
		c.said = message
		c.Log.Warn(message, "interface", c.link.Attrs().Name)
	}
}

// ask sends a message and waits for an answer, at most for wait. A NAK is
// errRefused. The zero Addr means all servers.
func (c *client) ask(
	ctx context.Context, wait time.Duration, to netip.Addr, m *dhcpv4.DHCPv4, match nclient4.Matcher,
) (*dhcpv4.DHCPv4, error) {
	dest := nclient4.DefaultServers
	if to.IsValid() {
		dest = &net.UDPAddr{IP: to.AsSlice(), Port: dhcpv4.ServerPort}
	}
	inTime, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	type answer struct {
		*dhcpv4.DHCPv4
		error
	}
	got := make(chan answer, 1)
	go func() {
		m, err := c.dhcp.SendAndRead(inTime, dest, m, match)
		got <- answer{m, err}
	}()
	select {
	case up := <-c.up:
		cancel()
		<-got
		c.changed(up)
		return nil, errCarrier
	case a := <-got:
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(a.error, context.DeadlineExceeded):
			return nil, errSilence
		case a.error != nil:
			return nil, fmt.Errorf("ask a DHCP server: %w", a.error)
		case a.MessageType() == dhcpv4.MessageTypeNak:
			return nil, errRefused
		}
		return a.DHCPv4, nil
	}
}

// isOffer accepts an offer of an address. A proxyDHCP server's offer has none.
func isOffer(m *dhcpv4.DHCPv4) bool {
	return m.MessageType() == dhcpv4.MessageTypeOffer && !m.YourIPAddr.IsUnspecified() && m.ServerIdentifier() != nil
}

// answers accepts an ACK or a NAK, from one server if server is not nil.
func answers(server net.IP) nclient4.Matcher {
	verdict := nclient4.IsMessageType(dhcpv4.MessageTypeAck, dhcpv4.MessageTypeNak)
	if server == nil {
		return verdict
	}
	return nclient4.IsAll(verdict, nclient4.IsCorrectServer(server))
}

// The messages; RFC 2131 §4.3.6 table 4 and §4.4.1 table 5 say what each
// contains.

func (c *client) discover(passed time.Duration) *dhcpv4.DHCPv4 {
	return c.message(dhcpv4.MessageTypeDiscover, withSeconds(passed))
}

func (c *client) selecting(offer *dhcpv4.DHCPv4, passed time.Duration) *dhcpv4.DHCPv4 {
	return c.request(withSeconds(passed),
		// "the DHCPREQUEST message MUST use the same value in the DHCP message
		// header's 'secs' field" (RFC 2131 §3.1 step 3), and the OFFER's xid
		// (table 5).
		dhcpv4.WithTransactionID(offer.TransactionID),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier())))
}

func (c *client) request(mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	return c.message(dhcpv4.MessageTypeRequest, mods...)
}

func (c *client) message(t dhcpv4.MessageType, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	var xid dhcpv4.TransactionID
	x := rand.Uint32()
	xid = dhcpv4.TransactionID{byte(x >> 24), byte(x >> 16), byte(x >> 8), byte(x)}
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: 1, ClientHWAddr: c.link.Attrs().HardwareAddr, TransactionID: xid,
		ClientIPAddr: net.IPv4zero, YourIPAddr: net.IPv4zero, ServerIPAddr: net.IPv4zero, GatewayIPAddr: net.IPv4zero,
		Options: dhcpv4.OptionsFromList(
			dhcpv4.OptMessageType(t),
			dhcpv4.OptMaxMessageSize(nclient4.MaxMessageSize),
			dhcpv4.OptParameterRequestList(dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer,
				dhcpv4.OptionDomainName, dhcpv4.OptionRenewTimeValue, dhcpv4.OptionRebindingTimeValue,
				// The box does not use these options. It
				// reports them through Leased.
				dhcpv4.OptionClassIdentifier, dhcpv4.OptionTFTPServerName, dhcpv4.OptionBootfileName)),
	}
	for _, mod := range append(c.host, mods...) {
		mod(m)
	}
	return m
}

func withSeconds(d time.Duration) dhcpv4.Modifier {
	return func(m *dhcpv4.DHCPv4) { m.NumSeconds = uint16(min(d/time.Second, 0xffff)) }
}

// wire sends broadcasts over the packet socket. While a plain socket is open,
// it sends unicasts over that. It receives all answers on the packet socket.
type wire struct {
	*clientport.Conn
	unicast net.PacketConn
}

// openUnicast opens the client's port on the leased address, so that the kernel
// finds the route to the server and does not reject its answer. The returned
// function closes the port.
func (w *wire) openUnicast(ctx context.Context, ifname string, a netip.Addr) (func(), error) {
	lc := net.ListenConfig{Control: sock.Control(sock.OnInterface(ifname))}
	p, err := lc.ListenPacket(ctx, "udp4", netip.AddrPortFrom(a, dhcpv4.ClientPort).String())
	if err != nil {
		return nil, err
	}
	w.unicast = p
	return func() { p.Close(); w.unicast = nil }, nil
}

func (w *wire) WriteTo(b []byte, to net.Addr) (int, error) {
	if u, ok := to.(*net.UDPAddr); ok && w.unicast != nil && !u.IP.Equal(net.IPv4bcast) {
		return w.unicast.WriteTo(b, to)
	}
	return w.Conn.WriteTo(b, to)
}
