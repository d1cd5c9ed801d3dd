package dhcp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/serve/lease"
	"github.com/pxebox/pxebox/internal/serve/pxe"
)

const (
	// declineFor is how long an address stays unused after another machine was
	// found using it (RFC 2131 §4.3.3 gives no time; dnsmasq also uses ten
	// minutes).
	declineFor = 10 * time.Minute
	// shortestLease is the minimum lease for a client that asks for less than
	// the settings give it.
	shortestLease = 5 * time.Second
)

// exchange is one question to the server that leases addresses, with what is
// known about the client.
type exchange struct {
	now      time.Time
	s        *Settings
	sub      *subnet
	q        Question
	m        *dhcpv4.DHCPv4
	id       lease.Client
	cloned   bool       // another machine holds a lease under the client's identifier
	fixed    netip.Addr // the address reserved for the client here, or zero
	hostname string     // from the reservation
	// to is where the answer sends the client; zero for this box, and until the
	// answer has its parameters.
	to handoff.Boot
	// lacks is why the answer to firmware names nothing to boot.
	lacks Answer
}

// serve answers as the server that leases addresses (RFC 2131 §4.3).
func serve(now time.Time, s *Settings, sub *subnet, q Question) Answer {
	x := &exchange{now: now, s: s, sub: sub, q: q, m: q.Msg}
	x.identify()
	a := x.answer()
	if a.Msg != nil {
		a.Lacks, a.Trouble = x.lacks.Why, x.lacks.Trouble
	}
	return a
}

func (x *exchange) answer() Answer {
	switch x.q.state {
	case stateInit:
		return x.discover()
	case stateSelecting:
		return x.selecting(x.q.wish)
	case stateInitReboot:
		return x.initReboot(x.q.wish)
	case stateBound:
		return x.renewing(x.q.has)
	case stateInform:
		return x.inform()
	case stateDecline:
		return x.decline()
	case stateRelease:
		return x.release()
	case stateBOOTP:
		return x.bootp()
	}
	if x.m.MessageType() == dhcpv4.MessageTypeRequest {
		return notable("a REQUEST without an address")
	}
	return notable("not a message that a client sends")
}

// identify finds the client's identity (RFC 2131 §4.2) and its reservation. A
// reservation by MAC applies whatever client identifier comes with it, because
// a machine's firmware, its installer and its system each send a different one.
func (x *exchange) identify() {
	x.id = hwClient(x.m.ClientHWAddr)
	r, ok := x.s.reserved[x.id]
	// RFC 2132 §9.14: at least 2 bytes. An identifier longer than one option
	// was sent in pieces, to make us remember more.
	id := x.m.Options[optClientID]
	switch {
	case ok || x.sub.byMAC:
		x.sub.pool.Rename(x.now, x.id, x.hw(), x.uses())
	case len(id) > 1 && len(id) <= 255:
		r, ok = x.identifyBy(idClient(id))
	}
	if ok && x.sub.network.Contains(r.Address) {
		x.fixed, x.hostname = r.Address, r.Hostname
		x.sub.pool.Rename(x.now, x.id, x.hw(), x.fixed)
	}
}

// identifyBy identifies the client by its identifier, unless another machine
// has it by now: cloned disks carry it. It returns the reservation for the
// identifier.
//
// The settings may reserve an address for an identifier, which then belongs to
// one machine, whatever its network cards. The reservation moves from one card
// to another if no probe finds the first one.
func (x *exchange) identifyBy(claimed lease.Client) (r spec.Reservation, ok bool) {
	pool, own := x.sub.pool, x.id
	x.id = pool.Identity(x.now, claimed, own, x.hw(), x.uses())
	r, ok = x.s.reserved[claimed]
	if x.id == claimed {
		return r, ok
	}
	offers := x.q.state == stateInit && x.s.Hold == ""
	if ok && offers && x.sub.network.Contains(r.Address) && !pool.InUse(x.now, r.Address) {
		pool.PassOn(x.now, r.Address)
		x.id = claimed
		return r, true
	}
	x.cloned = x.id == own
	return spec.Reservation{}, false
}

func (x *exchange) hw() string { return string(x.m.ClientHWAddr) }

// uses returns the address that the client says it has or wants.
func (x *exchange) uses() netip.Addr {
	if x.q.has.IsValid() {
		return x.q.has
	}
	return x.q.wish
}

// The prefixes distinguish a hardware address from a client identifier of the
// same bytes.
func hwClient(hw []byte) lease.Client { return lease.Client("hw" + string(hw)) }

// idClient returns the client with an identifier. An identifier that is a
// hardware type and address means the client that sends none and has this
// address (RFC 2131 §4.2): firmware omits what iPXE and Windows send there.
func idClient(id []byte) lease.Client {
	const ethernet = 1
	if len(id) == 7 && id[0] == ethernet {
		return hwClient(id[1:])
	}
	return lease.Client("id" + string(id))
}

// Restored converts leases from before the start to the current client names.
// Earlier versions treated a hardware address in an identifier as a separate
// client.
func Restored(records []lease.Record) []lease.Record {
	out := slices.Clone(records)
	for i := range out {
		if id, ok := strings.CutPrefix(string(out[i].Client), "id"); ok {
			out[i].Client = idClient([]byte(id))
		}
	}
	return out
}

// discover is §4.3.1.
func (x *exchange) discover() Answer {
	if x.s.Hold != "" {
		return problem(x.s.Hold)
	}
	a, fresh := x.fixed, false
	if !a.IsValid() || !x.sub.pool.OfferReserved(x.now, x.id, a) {
		var ok bool
		a, fresh, ok = x.sub.pool.Offer(x.now, x.id, x.q.wish, x.sub.pool.Spare(x.now, x.hw()))
		if !ok {
			// The machine has an address, but under another name.
			if own := x.sub.pool.GiveBack(x.now, x.id, x.hw()); own.IsValid() {
				a, fresh, ok = x.sub.pool.Offer(x.now, x.id, own)
			}
		}
		if !ok && x.canProbe() {
			// Better one that was in use than none: the probe finds out.
			a, ok = x.sub.pool.Retry(x.now, x.id)
			fresh = true
		}
		if !ok {
			return problem(trace.WhyNoAddress + x.sub.network.String())
		}
	}
	answer := deliver(x.q, x.grant(dhcpv4.MessageTypeOffer, a), "offer")
	if hw := x.sub.pool.HeldBy(a); hw != "" && hw != x.hw() {
		fresh = true // same identifier, but another machine's hardware address
	}
	answer.Addr, answer.Probe = a, fresh && x.canProbe()
	if x.q.boots {
		answer.Delay = pxe.OfferDelay(x.m, x.q.client)
	}
	return answer
}

// canProbe reports whether the box can find out if an address is in use: ARP
// reaches only the link.
func (x *exchange) canProbe() bool { return x.s.probe && x.sub == x.s.local }

// grant is an OFFER or ACK of an address.
func (x *exchange) grant(t dhcpv4.MessageType, a netip.Addr) *dhcpv4.DHCPv4 {
	r := newReply(x.s, x.m, t)
	r.YourIPAddr = a.AsSlice()
	x.times(r)
	x.parameters(r)
	return r
}

// leaseTime returns the configured time, or less if the client asks for less
// (§4.3.1).
func (x *exchange) leaseTime() time.Duration {
	if v := x.m.Options[optLeaseTime]; len(v) == 4 {
		wish := time.Duration(binary.BigEndian.Uint32(v)) * time.Second
		return min(max(wish, shortestLease), x.sub.lease)
	}
	return x.sub.lease
}

// times writes options 51, 58 and 59, with T1 and T2 at the fractions of
// §4.4.5.
func (x *exchange) times(r *dhcpv4.DHCPv4) {
	d := x.leaseTime()
	seconds := func(d time.Duration) []byte { return binary.BigEndian.AppendUint32(nil, uint32(d/time.Second)) }
	set(r, optLeaseTime, seconds(d))
	set(r, optT1, seconds(d/2))
	set(r, optT2, seconds(d*7/8))
}

// parameters writes the options that the client asks for in option 55, or all
// of them if it asks for none (§4.3.1). The mask is sent unasked too: an
// address is useless without it.
func (x *exchange) parameters(r *dhcpv4.DHCPv4) {
	asked := x.m.Options[uint8(dhcpv4.OptionParameterRequestList)]
	for code, v := range x.sub.options {
		if asked == nil || code == optSubnetMask || slices.Contains(asked, code) {
			set(r, code, v)
		}
	}
	if x.hostname != "" && (asked == nil || slices.Contains(asked, optHostname)) {
		set(r, optHostname, []byte(x.hostname))
	}
	x.load(r)
	x.way(r)
}

// load tells the client what to load, if it is one that boots.
func (x *exchange) load(r *dhcpv4.DHCPv4) {
	if !x.q.boots {
		x.plain(r)
		return
	}
	boot, to, ok := x.s.boot(x.now, x.q)
	if !ok {
		if !x.siteFile(r) {
			x.lacks = x.s.noBootFile(x.q)
		}
		return
	}
	x.to = to
	// The settings give these options for other machines.
	delete(r.Options, optTFTPServer)
	delete(r.Options, optBootFile)
	pxe.Describe(r, x.q.client, boot)
}

// way adds the router if the server that the client boots from, or the box
// itself, is on another network, even if the client did not ask for it. A
// Raspberry Pi 3 does not ask for it, and could not answer that server.
func (x *exchange) way(r *dhcpv4.DHCPv4) {
	server := address(r.ServerIPAddr)
	if !server.IsValid() {
		server = x.s.Self.Addr()
	}
	if v, ok := x.sub.options[optRouter]; ok && !x.sub.network.Contains(server) {
		set(r, optRouter, v)
	}
}

// plain tells a client that is not PXE firmware what to load, and from where:
// the file that [boot] has for its type, or what the settings give in options.
// siaddr is the next server to use in bootstrap (RFC 2131 §2), and the only one
// that U-Boot reads.
func (x *exchange) plain(r *dhcpv4.DHCPv4) {
	file := x.s.plainFile(x.q.plain)
	switch {
	case file != "":
		delete(r.Options, optTFTPServer)
		delete(r.Options, optBootFile)
		pxe.Name(r, pxe.Boot{NextServer: x.s.Self.Addr(), File: file})
	case !x.siteFile(r) && x.q.plain.Loads:
		r.ServerIPAddr = nextServer(x.sub.options, x.s.Self.Addr())
	}
}

// plainFile returns the file in [boot] for a client that is not PXE firmware.
// It uses only entries for the number of the client's type: a program for a
// PC's firmware does not run on U-Boot.
func (s *Settings) plainFile(p pxe.Plain) string {
	if file := s.bootFiles[firmware.IPXE]; p.IPXE && file != "" {
		return file
	}
	for _, k := range p.Kinds {
		if file := s.bootFiles[k]; file != "" && k.IsNumber() {
			return file
		}
	}
	return ""
}

// siteFile fills in siaddr if the settings name a boot file or its server in
// options, as dnsmasq does. It also fills in the file field, for a client that
// does not ask for option 67, and for firmware, which often reads only the
// field. It reports whether the options name a file.
func (x *exchange) siteFile(r *dhcpv4.DHCPv4) bool {
	file := string(x.sub.options[optBootFile])
	if x.s.Stages.startsItself(x.now, x.q, file) {
		delete(r.Options, optBootFile)
		return false
	}
	if file != "" && x.q.boots {
		x.s.Stages.told(x.now, x.q, file)
	}
	if file == "" && x.sub.options[optTFTPServer] == nil && x.sub.options[optTFTPAddress] == nil {
		return false
	}
	r.ServerIPAddr = nextServer(x.sub.options, x.s.Self.Addr())
	if _, asked := r.Options[optBootFile]; (!asked || x.q.boots) && len(file) <= pxe.MaxFile {
		r.BootFileName = file
	}
	return file != ""
}

// nextServer returns the TFTP server that the options name, in the form that
// siaddr has room for, or this box if they name none. It is nil if they name a
// host, which the client must look up.
func nextServer(options map[uint8][]byte, self netip.Addr) net.IP {
	if name := string(options[optTFTPServer]); name != "" {
		if a, err := netip.ParseAddr(name); err == nil && a.Is4() {
			return a.AsSlice()
		}
		return nil
	}
	if v := options[optTFTPAddress]; len(v) >= net.IPv4len {
		return net.IP(v[:net.IPv4len])
	}
	return self.AsSlice()
}

func (x *exchange) selecting(wish netip.Addr) Answer {
	if !x.meant() {
		x.sub.pool.Withdraw(x.now, x.id)
		a := ignored("the client accepted another server's offer")
		a.Other = x.q.server
		return a
	}
	if x.isOthers(wish) || !x.commitSelected(wish) {
		return x.refuse("not the address that was offered")
	}
	x.begins()
	return x.acknowledge(wish, "selecting")
}

// begins records that the machine has started to use an address. It asked
// without one, so it has no other on this network, under any name.
func (x *exchange) begins() { x.sub.pool.GiveBack(x.now, x.id, x.hw()) }

// initReboot answers a client that remembers an address from before.
func (x *exchange) initReboot(wish netip.Addr) Answer {
	if !x.sub.network.Contains(wish) {
		// "Server SHOULD send a DHCPNAK message to the client if the
		// 'requested IP address' is incorrect, or is on the wrong network."
		return x.refuse("init-reboot: an address from another network")
	}
	known, ok := x.known()
	switch {
	case !ok && x.cloned:
		return x.refuse("init-reboot: another machine has the client identifier")
	case !ok:
		// "it MUST remain silent": another server may know the client.
		return notable("init-reboot: no lease on record")
	case known != wish || x.isOthers(wish):
		return x.refuse("init-reboot: not the address on record")
	case !x.commit(wish):
		return x.refuse("init-reboot: another client has the address now")
	}
	x.begins()
	return x.acknowledge(wish, "init-reboot")
}

// renewing answers RENEWING by unicast or REBINDING by broadcast.
func (x *exchange) renewing(ciaddr netip.Addr) Answer {
	if x.q.server.IsValid() && !x.meant() {
		a := ignored("renewal: the client asks another server")
		a.Other = x.q.server
		return a
	}
	known, ok := x.known()
	switch {
	case !ok && x.cloned:
		return x.refuse("renewal: another machine has the client identifier")
	case !ok:
		return notable("renewal: no lease on record")
	case known != ciaddr || x.isOthers(ciaddr):
		return x.refuse("renewal: not the address on record")
	case !x.commit(ciaddr):
		return x.refuse("renewal: another client has the address now")
	}
	return x.acknowledge(ciaddr, "renewal")
}

// known returns the address that is reserved for the client, or that it holds
// or may return to. A reservation moves a client that has another address: its
// next renewal is refused, and it starts again.
func (x *exchange) known() (netip.Addr, bool) {
	if x.fixed.IsValid() && x.sub.pool.OfferReserved(x.now, x.id, x.fixed) {
		return x.fixed, true
	}
	return x.sub.pool.Known(x.now, x.id)
}

// isOthers reports whether an address is reserved for another machine. A client
// that leased it before the reservation was written must give it up.
func (x *exchange) isOthers(a netip.Addr) bool {
	owner, ok := x.s.owners[a]
	return ok && owner != x.id
}

func (x *exchange) record() lease.Record {
	host := x.m.Options[optHostname]
	return lease.Record{HW: string(x.m.ClientHWAddr), Length: x.leaseTime(),
		Hostname: string(host[:min(len(host), 64)])}
}

func (x *exchange) commit(a netip.Addr) bool {
	return x.sub.pool.Commit(x.now, x.id, a, x.record())
}

func (x *exchange) commitSelected(a netip.Addr) bool {
	if a == x.fixed { // a power cut may have lost the offer
		x.sub.pool.OfferReserved(x.now, x.id, a)
	}
	return x.sub.pool.CommitSelected(x.now, x.id, a, x.record())
}

func (x *exchange) acknowledge(a netip.Addr, why string) Answer {
	r := x.grant(dhcpv4.MessageTypeAck, a)
	r.ClientIPAddr = x.q.has.AsSlice() // table 3
	answer := deliver(x.q, r, why)
	answer.Addr, answer.Commit = a, true
	answer.Has, answer.Relayed = x.s.learned(x.q, a)
	answer.Handoff = x.to
	x.s.takes(x.now, x.q, x.to)
	return answer
}

// refuse is a DHCPNAK. While another server is on the link, its clients seem to
// have the wrong address; this box then refuses none of them.
func (x *exchange) refuse(why string) Answer {
	if x.s.Hold != "" {
		return notable(why + ", but another DHCP server may have leased it")
	}
	return deliver(x.q, newReply(x.s, x.m, dhcpv4.MessageTypeNak), why)
}

// inform is §4.3.5: parameters, but neither an address nor times.
func (x *exchange) inform() Answer {
	if x.s.hostSubnet(x.q.has) != x.sub {
		return notable("INFORM from an address outside its subnet")
	}
	r := newReply(x.s, x.m, dhcpv4.MessageTypeAck)
	r.ClientIPAddr = x.q.has.AsSlice()
	x.parameters(r)
	// "directly to the address given in the 'ciaddr' field", bypassing the agent.
	return Answer{Msg: r, To: netip.AddrPortFrom(x.q.has, ClientPort), Why: "inform"}
}

// decline is §4.3.3.
func (x *exchange) decline() Answer {
	a := x.q.wish
	if x.meant() && x.sub.pool.Decline(x.now, x.id, a, x.now.Add(declineFor)) {
		return problem("declined: another machine uses " + a.String())
	}
	return notable("DECLINE of an address that the client does not have")
}

// release is §4.3.4.
func (x *exchange) release() Answer {
	if x.meant() && x.sub.pool.Release(x.now, x.id, x.q.has) {
		return ignored("released")
	}
	return ignored("RELEASE of an address that the client does not have")
}

// meant reports whether option 54 names this box.
func (x *exchange) meant() bool { return x.q.server == x.s.Self.Addr() }

// bootp answers a client that predates DHCP (RFC 951, RFC 1534 §2). It cannot
// renew or release an address, so it gets only a reserved one.
func (x *exchange) bootp() Answer {
	if !x.fixed.IsValid() {
		return notable("BOOTP without a reservation")
	}
	if x.s.Hold != "" {
		return problem(x.s.Hold)
	}
	if !x.sub.pool.OfferReserved(x.now, x.id, x.fixed) {
		return notable("BOOTP: another client still has the reserved address")
	}
	r := newReply(x.s, x.m, dhcpv4.MessageTypeNone)
	r.YourIPAddr = x.fixed.AsSlice()
	r.ClientIPAddr = x.m.ClientIPAddr
	for code, v := range x.sub.options {
		set(r, code, v)
	}
	bios := x.q.asBIOS()
	boot, to, ok := x.s.boot(x.now, bios)
	switch {
	case x.m.BootFileName != "": // RFC 951 §7: the client names the file
		r.ServerIPAddr, r.BootFileName = x.s.Self.Addr().AsSlice(), x.m.BootFileName
	case ok:
		r.ServerIPAddr, r.BootFileName = boot.NextServer.AsSlice(), boot.File
	default:
		x.siteFile(r)
	}
	answer := deliver(x.q, r, "bootp")
	answer.Has, answer.Relayed = x.s.learned(x.q, x.fixed)
	answer.Machine, answer.Handoff = bios.machine, to
	x.s.takes(x.now, bios, to)
	return answer
}

// InUse tells the pool that another machine on the link uses an address that
// was about to be offered. The question can then be decided again.
func InUse(now time.Time, s *Settings, a netip.Addr) {
	if sub := s.subnetOf(a); sub != nil {
		sub.pool.Taken(now, a, now.Add(declineFor))
	}
}
