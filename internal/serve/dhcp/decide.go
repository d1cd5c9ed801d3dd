// Package dhcp decides how to answer a DHCP packet: RFC 2131 for the server
// that leases addresses, PXE 2.1 for the proxy alongside another server. Decide
// is a pure function of the packet, the settings and the pools; sockets, clocks
// and the disk are elsewhere. Package pxe knows what firmware needs in an
// answer.
package dhcp

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/serve/ladder"
	"github.com/pxebox/pxebox/internal/serve/pxe"
)

// The ports that questions arrive on.
const (
	ServerPort     = 67   // RFC 2131 §4.1
	ClientPort     = 68   // RFC 2131 §4.1
	BootServerPort = 4011 // PXE 2.1 §2.2.3
)

// Question is a received packet, and what it says about its client. NewQuestion
// makes one.
type Question struct {
	Msg  *dhcpv4.DHCPv4
	Port int            // ServerPort or BootServerPort: where it arrived
	From netip.AddrPort // its source
	// Again marks a question that was decided before: it is not counted as
	// another packet.
	Again bool
	Bare  bool // BOOTP without the magic cookie (RFC 951)
	// Raw is the packet as it arrived; nil if no program follows packets.
	Raw []byte

	fields
	client  pxe.Client
	boots   bool            // the client is network-booting firmware
	machine clients.Machine // for any other client only the MAC is known
	plain   pxe.Plain       // what a client that is not PXE firmware says
	rungs   ladder.Rungs    // what its earlier boots call for
}

// NewQuestion classifies a packet.
func NewQuestion(m *dhcpv4.DHCPv4, port int, from netip.AddrPort) Question {
	q := Question{Msg: m, Port: port, From: from, fields: readFields(m, port, from),
		machine: clients.Machine{MAC: ether.From(m.ClientHWAddr)}}
	if q.client, q.boots = pxe.Classify(m); q.boots {
		q.machine.Firmware = q.client.Firmware
		if guid := q.client.GUID; len(guid) == 17 {
			q.machine.GUID = clients.GUID([16]byte(guid[1:])) // after its type
		}
	}
	if !q.boots {
		q.plain = pxe.ClassifyPlain(m)
	}
	return q
}

// Has returns the address that the client uses, as far as the packet shows it.
// It is the zero Addr if the client has none yet.
func (q Question) Has() netip.Addr { return q.has }

// Firmware returns what the packet itself says about the client's firmware;
// empty for a client that is not network-booting firmware.
func (q Question) Firmware() string {
	if !q.boots {
		return ""
	}
	return q.client.String()
}

// IPXE reports whether the packet is that of an iPXE that boots.
func (q Question) IPXE() bool { return q.boots && q.client.IPXE }

// asBIOS returns the question of a client that predates PXE and says nothing
// about its firmware.
func (q Question) asBIOS() Question {
	q.client, q.machine = pxe.Client{Firmware: "bios"}, clients.Machine{MAC: q.machine.MAC, Firmware: "bios"}
	return q
}

// Answer is what to send, and where. Msg is nil if the box stays silent; Why
// gives the reason in either case, for the log.
type Answer struct {
	Msg *dhcpv4.DHCPv4
	To  netip.AddrPort
	// Link, if set, is the hardware address to send to: the client has no
	// address yet and cannot answer ARP (RFC 2131 §4.1).
	Link net.HardwareAddr
	Why  string
	// Trouble marks a silence, or what an answer Lacks, that an administrator
	// must fix.
	Trouble bool
	// Notable marks any other silence toward a machine that asks this box, or
	// that boots from the network. The log must show that the box received the
	// packet.
	Notable bool
	// Lacks says why an answered machine gets nothing to boot; empty for all
	// others.
	Lacks string
	// Refused marks the silence toward a packet that cannot come from a machine
	// of a served network.
	Refused bool
	// Limited marks the silence toward a packet of a flood.
	Limited bool
	// Addr is the offered or leased address; the zero Addr if there is none.
	Addr netip.Addr
	// Probe says that the client did not have Addr before. The server must
	// check on the link that no other machine uses it before it sends this (RFC
	// 2131 §2.2).
	Probe bool
	// Delay is how long to hold the answer back, for firmware that misses an
	// immediate one.
	Delay time.Duration
	// Commit says that the answer grants a lease, which must be on disk before
	// this is sent (RFC 2131 §3.1 step 4).
	Commit bool
	// Firmware is the kind of firmware, as the settings name it; empty for a
	// client that is not a network boot firmware.
	Firmware string
	// Machine is the client, if it is network-booting firmware, and Has is the
	// address that this packet shows it has; zero if not known. Relayed says
	// that a relay agent vouches for both.
	Machine clients.Machine
	Has     netip.Addr
	Relayed bool
	// Handoff is the menu entry whose server this packet sends the machine to.
	Handoff handoff.Boot
	// Adapted says how the answer differs from the usual one, because of what the
	// machine did after its last answers.
	Adapted ladder.Departure
	// Other is the server that the client has chosen instead of this one.
	Other netip.Addr
	// Took is the server whose offer the client accepts with this packet, if it
	// is another one: in proxy mode too, where that is as it should be.
	Took netip.Addr
	// IPXE says that the client is iPXE.
	IPXE bool
}

func ignored(why string) Answer { return Answer{Why: why} }
func notable(why string) Answer { return Answer{Why: why, Notable: true} }
func problem(why string) Answer { return Answer{Why: why, Trouble: true} }

// Decide answers one question. It changes the pool of the client's subnet if
// the answer promises an address, and uses up a one-time boot when the client
// accepts it. now is the monotonic time.
func Decide(now time.Time, s *Settings, q Question) Answer {
	m := q.Msg
	switch {
	case m.OpCode != dhcpv4.OpcodeBootRequest:
		return ignored("not a request")
	case m.HWType != iana.HWTypeEthernet || len(m.ClientHWAddr) != 6:
		return notable("not an Ethernet client")
	case m.ClientHWAddr[0]&1 != 0: // IEEE 802 §8.2.2: the group bit
		return refused("a multicast hardware address")
	case s.IsSelfTest(q):
		return selfTest(s, q)
	case s.isOwn(m.ClientHWAddr):
		return ignored("a request from the box itself")
	case !s.Self.IsValid():
		return notable("the box has no address yet")
	case !s.Mode.Answers() && q.boots:
		return notable(`dhcp.mode is "off"`)
	case !s.Mode.Answers():
		return ignored("DHCP is off")
	}
	if why := s.admit(q); why != "" {
		return refused(why)
	}
	// Packets that a stranger sends in a machine's name are refused above, and
	// do not use up the machine's allowance.
	if s.Allow != nil && !q.Again && !s.Allow(now, m.ClientHWAddr, m.MessageType() == dhcpv4.MessageTypeDiscover) {
		return Answer{Why: "too many requests", Limited: true}
	}
	q = s.prefer(s.Stages.complete(now, q))
	q.rungs = s.rungs(now, q)
	a := decide(now, s, q)
	s.handed(now, q, &a)
	s.copied(q, &a)
	if q.boots {
		a.Firmware, a.Machine, a.IPXE = q.client.String(), q.machine, q.client.IPXE
	}
	if q.state == stateSelecting && q.server != s.Self.Addr() {
		// RFC 2131 §3.1 step 3: the REQUEST is broadcast, so that every server
		// sees which offer the client accepts.
		a.Took = q.server
	}
	return a
}

func decide(now time.Time, s *Settings, q Question) Answer {
	switch {
	case q.Port == BootServerPort:
		return bootServer(now, s, q)
	case s.Mode.Leases():
		return serve(now, s, s.subnetFor(q), q)
	case !q.boots:
		return notBooting(q)
	default:
		return proxy(now, s, q)
	}
}

// notBooting is the silence of a proxy toward a client that is not PXE
// firmware. Most of these are running systems. The others boot from the network
// in another way, and cannot use a proxy's offer: it has no address for them.
func notBooting(q Question) Answer {
	switch t := q.Msg.MessageType(); {
	case t == dhcpv4.MessageTypeNone:
		return notable("BOOTP: the client needs its address and its boot file from one server")
	case t == dhcpv4.MessageTypeDiscover && q.plain.Loads:
		return notable("boots from the network, but not by PXE (option 60): name its boot file on the DHCP server")
	}
	return ignored("not a network boot")
}

func (s *Settings) isOwn(hw net.HardwareAddr) bool {
	for _, own := range s.Own {
		if bytes.Equal(hw, own) {
			return true
		}
	}
	return false
}

// proxy answers on port 67 alongside the site's DHCP server (PXE 2.1 §2.2.3).
// The client's REQUEST is for the server whose address it accepts. But it is
// broadcast, and shows which address that is and that the boot goes on.
func proxy(now time.Time, s *Settings, q Question) Answer {
	switch q.Msg.MessageType() {
	case dhcpv4.MessageTypeDiscover:
	case dhcpv4.MessageTypeRequest:
		a := ignored("meant for the site's DHCP server")
		a.Has, a.Relayed = s.learned(q, q.wish)
		a.Handoff, _ = s.handsOver(now, q)
		s.takes(now, q, a.Handoff)
		if a.Handoff.Entry == "" {
			s.tookLease(now, q, a.Has)
		}
		return a
	default:
		return ignored("meant for the site's DHCP server")
	}
	boot, to, ok := s.boot(now, q)
	if !ok {
		return s.noBootFile(q)
	}
	r := newReply(s, q.Msg, dhcpv4.MessageTypeOffer)
	if s.namesProgram(boot, to) && pxe.FirmOffer(r, q.client, boot) {
		return deliver(q, r, "proxy offer, complete")
	}
	if q.rungs.Firm && s.mustAsk(q, boot) {
		return s.firmOffer(q, r, boot)
	}
	pxe.ProxyOffer(r, q.client, boot)
	a := deliver(q, r, "proxy offer")
	a.Delay = pxe.OfferDelay(q.Msg, q.client)
	return a
}

// bootServer answers on port 4011 (PXE 2.1 §2.2.4).
func bootServer(now time.Time, s *Settings, q Question) Answer {
	if !q.boots {
		return notable("a boot server request from a client that is neither PXE nor HTTP boot (option 60)")
	}
	switch q.Msg.MessageType() {
	case dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeInform:
	default:
		return notable("not a boot server request")
	}
	if q.client.WDS {
		return problem("a WDS boot program asks this box instead of the WDS server, because its cached DHCP packets name this box")
	}
	boot, to, ok := s.boot(now, q)
	if !ok {
		return s.noBootFile(q)
	}
	if climbs(q) {
		s.Ladder.Asked(now, q.machine)
	}
	s.takes(now, q, to)
	r := newReply(s, q.Msg, dhcpv4.MessageTypeAck)
	pxe.BootServerAck(r, q.Msg, q.client, boot)
	// To the port that the request came from: iPXE asks from 68, EDK2 from
	// 4011.
	port := q.From
	if port.Addr().IsUnspecified() {
		port = netip.AddrPortFrom(broadcast, port.Port())
	}
	return Answer{Msg: r, To: port, Why: "boot server ack", Has: address(q.From.Addr().AsSlice()), Handoff: to}
}

// prefer chooses the firmware of a machine that names several types: the first
// type with a boot file.
func (s *Settings) prefer(q Question) Question {
	for _, k := range q.client.Others {
		if pxe.BootFile(s.bootFiles, q.client.Firmware) != "" {
			break
		}
		if pxe.BootFile(s.bootFiles, k) != "" {
			q.client.Firmware, q.machine.Firmware = k, k
		}
	}
	return q
}

// boot returns what the client must load, and from where; false if there is
// nothing for it. to is zero for a client that boots from this box.
func (s *Settings) boot(now time.Time, q Question) (b pxe.Boot, to handoff.Boot, ok bool) {
	to, ok = s.handsOver(now, q)
	s.leaves(q, to)
	if ok {
		return pxe.Boot{NextServer: to.Server, File: to.Program}, to, true
	}
	file := s.file(q)
	if s.Stages.startsItself(now, q, file) {
		file = ""
	}
	if file = s.copyOf(q, file); file != "" {
		s.Stages.told(now, q, file)
	}
	return pxe.Boot{NextServer: s.Self.Addr(), File: file}, handoff.Boot{}, file != ""
}

// leaves ends the visit of a machine whose firmware boots again: it no longer runs
// the program that it was sent to. iPXE that was started that way asks by DHCP
// itself, and its boot goes on. So does that of a program that has the firmware
// ask once more and gets the same answer.
func (s *Settings) leaves(q Question, to handoff.Boot) {
	program := s.Plan.Visiting(q.machine.MAC)
	if program == "" || !q.boots || q.Msg.MessageType() != dhcpv4.MessageTypeDiscover ||
		q.client.IPXE && pxe.LoadsIPXE(program) || to.Self && strings.EqualFold(to.Program, program) {
		return
	}
	s.Plan.Leave(q.machine.MAC)
}

// file returns the boot file for the firmware, from the settings or built in.
func (s *Settings) file(q Question) string {
	if file, ok := s.bootFiles[firmware.IPXE]; ok && q.client.IPXE {
		return file
	}
	file := pxe.BootFile(s.bootFiles, q.client.Firmware)
	if pxe.IsURL(file) != q.client.HTTP {
		return "" // the registry has this type only once, for TFTP or for HTTP
	}
	return file
}

// handsOver returns the server and the program that the client boots instead of
// what this box has for its firmware; the zero Boot and false for the latter.
// Each packet asks the plan once.
func (s *Settings) handsOver(now time.Time, q Question) (handoff.Boot, bool) {
	// Ask the plan in any case: a request from firmware ends the previous
	// one-time boot.
	to, ok := s.Plan.For(now, q.machine, q.Msg.TransactionID)
	if !ok {
		to, ok = s.fallback(now, q)
	}
	if !ok || q.client.HTTP { // the program is to be loaded by TFTP
		return handoff.Boot{}, false
	}
	if to.Self {
		if q.client.IPXE && pxe.LoadsIPXE(to.Program) {
			return handoff.Boot{}, false // it is the program itself that asks, and would load itself
		}
		to.Server = s.Self.Addr()
	}
	by := q.machine.Firmware
	return s.Plan.Choose(to, by, q.rungs.Program(to.Entry, by), ladder.WhyProgram), true
}

// noBootFile is the silence if boot has nothing for a machine. The log must
// show that the box received the packet. An empty file in [boot] is
// intentional, not a problem.
func (s *Settings) noBootFile(q Question) Answer {
	key := q.client.Firmware
	if q.client.IPXE {
		if file := s.file(q); file != "" {
			return problem("no boot file for ipxe: " + file +
				" would start iPXE again; name a script in [boot] with the key " + string(firmware.IPXE))
		}
		if _, ok := s.bootFiles[firmware.IPXE]; ok {
			key = firmware.IPXE
		}
	}
	why := "no boot file for " + string(key)
	if file, ok := s.bootFiles[key]; ok && file == "" {
		return notable(why + `: [boot] sets it to ""`)
	}
	return problem(why + ": name one in [boot]")
}

// takes records that the client goes to the server that it is handed over to.
func (s *Settings) takes(now time.Time, q Question, to handoff.Boot) {
	s.Plan.MarkUsed(now, q.machine, q.Msg.TransactionID, to)
}

// newReply starts an answer with the fields that it must repeat (RFC 2131 table
// 3).
func newReply(s *Settings, m *dhcpv4.DHCPv4, t dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	r := &dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootReply,
		HWType:        m.HWType,
		TransactionID: m.TransactionID,
		Flags:         m.Flags,
		GatewayIPAddr: m.GatewayIPAddr,
		ClientHWAddr:  m.ClientHWAddr,
		Options:       make(dhcpv4.Options, 16),
	}
	if t != dhcpv4.MessageTypeNone {
		set(r, optMessageType, []byte{byte(t)})
		set(r, optServerID, s.Self.Addr().AsSlice())
	}
	// RFC 6842 §3: echo the client identifier unchanged. RFC 3046 §2.2:
	// likewise the relay agent's option.
	for _, code := range []uint8{optClientID, optRelayAgent} {
		if v, ok := m.Options[code]; ok {
			set(r, code, v)
		}
	}
	return r
}

// deliver addresses a reply as RFC 2131 §4.1 requires.
func deliver(q Question, r *dhcpv4.DHCPv4, why string) Answer {
	a := Answer{Msg: r, To: netip.AddrPortFrom(broadcast, ClientPort), Why: why}
	yiaddr, giaddr := address(r.YourIPAddr), address(q.Msg.GatewayIPAddr)
	nak := r.MessageType() == dhcpv4.MessageTypeNak
	switch {
	case giaddr.IsValid():
		// "to the 'DHCP server' port on the BOOTP relay agent", which forwards
		// it to yiaddr unless the broadcast bit is set (RFC 1542 §4.1.2). A NAK
		// (RFC 2131 §4.3.2) and a proxy's offer have no yiaddr to send to.
		if !yiaddr.IsValid() {
			r.SetBroadcast()
		}
		a.To = netip.AddrPortFrom(giaddr, ServerPort)
	case nak:
		// "the server broadcasts any DHCPNAK messages"
	case q.has.IsValid():
		a.To = netip.AddrPortFrom(q.has, ClientPort)
	case q.Msg.IsBroadcast() || !yiaddr.IsValid():
		// A proxy's offer has no yiaddr to send to, whatever the flag says.
	default:
		a.To = netip.AddrPortFrom(yiaddr, ClientPort)
		a.Link = q.Msg.ClientHWAddr
	}
	return a
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// address converts the codec's form of an address into ours. It returns the
// zero Addr for 0.0.0.0 and for anything that is not an IPv4 address.
func address(ip net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(ip.To4())
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

func hasAddr(ip net.IP) bool { return address(ip).IsValid() }

// addressOption reads an option that holds one address.
func addressOption(m *dhcpv4.DHCPv4, code uint8) netip.Addr {
	if v := m.Options[code]; len(v) == 4 {
		return address(v)
	}
	return netip.Addr{}
}
