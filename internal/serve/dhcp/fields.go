package dhcp

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// state is the state of a client when it sends a packet (RFC 2131 figure 5).
type state int

const (
	stateNone       state = iota // not a packet that a client may send
	stateInit                    // DISCOVER: it looks for servers
	stateSelecting               // it accepts an offer
	stateInitReboot              // it remembers an address
	stateBound                   // RENEWING or REBINDING: it uses its address
	stateInform                  // it has an address by other means
	stateDecline                 // it found its address in use
	stateRelease                 // it gives its address back
	stateBOOTP                   // RFC 951: no states
	stateBootServer              // PXE 2.1 §2.2.4: it has its address and asks for a file
)

// fields are the fields of a packet that have a meaning in the client's state.
// A value that the state does not use is a leftover of a sloppy client: an
// answer based on it goes to the wrong place.
type fields struct {
	state state
	// has is the address that the client uses; it answers ARP for this address.
	has netip.Addr
	// wish is the address that the client wants (option 50).
	wish netip.Addr
	// server is the server that the client speaks to (option 54).
	server netip.Addr
}

// readFields determines the state from the fields that RFC 2131 §4.3.2 and
// tables 4 and 5 have a client fill in, and reads only the fields of that
// state.
//
// ciaddr is "filled in only if client is in BOUND, RENEW or REBINDING state and
// can respond to ARP requests" (§2), and in INFORM and RELEASE (table 5).
func readFields(m *dhcpv4.DHCPv4, port int, from netip.AddrPort) fields {
	ciaddr, source := address(m.ClientIPAddr), address(from.Addr().AsSlice())
	wish, server := addressOption(m, optRequested), addressOption(m, optServerID)
	if port == BootServerPort {
		return fields{state: stateBootServer, has: ciaddr}
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		return fields{state: stateInit, wish: wish}
	case dhcpv4.MessageTypeRequest:
		return requestFields(ciaddr, source, wish, server)
	case dhcpv4.MessageTypeInform:
		if !ciaddr.IsValid() && !hasAddr(m.GatewayIPAddr) {
			ciaddr = source // seen from clients that leave ciaddr empty
		}
		return fields{state: stateInform, has: ciaddr}
	case dhcpv4.MessageTypeDecline:
		return fields{state: stateDecline, wish: wish, server: server}
	case dhcpv4.MessageTypeRelease:
		return fields{state: stateRelease, has: ciaddr, server: server}
	case dhcpv4.MessageTypeNone:
		return fields{state: stateBOOTP}
	}
	return fields{}
}

// requestFields distinguishes the kinds of DHCPREQUEST (RFC 2131 §4.3.2).
func requestFields(ciaddr, source, wish, server netip.Addr) fields {
	switch uses := ciaddr.IsValid() && ciaddr == source; {
	case uses && (!wish.IsValid() || wish == ciaddr):
		// The packet came from that address, whatever options it repeats.
		return fields{state: stateBound, has: ciaddr, server: server}
	case server.IsValid():
		if !wish.IsValid() { // seen from clients that put it in ciaddr
			wish = ciaddr
		}
		return fields{state: stateSelecting, wish: wish, server: server}
	case wish.IsValid():
		return fields{state: stateInitReboot, wish: wish}
	case ciaddr.IsValid():
		return fields{state: stateBound, has: ciaddr}
	}
	return fields{}
}
