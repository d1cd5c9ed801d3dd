package dhcpload

import (
	"encoding/binary"
	"net/netip"
)

// The fields of a packet that the load writes or reads, by their offsets (RFC
// 2131 §2). The other fields stay zero.
const (
	atXID     = 4
	atYiaddr  = 16
	atGiaddr  = 24
	atChaddr  = 28
	atCookie  = 236
	atOptions = 240
	length    = 300 // RFC 1542 §2.1: no client sends less
)

// Options (RFC 2132), and the messages of option 53.
const (
	optPad         = 0
	optRequested   = 50
	optMessageType = 53
	optServerID    = 54
	optParameters  = 55
	optClientID    = 61
	optEnd         = 255

	discover = 1
	offer    = 2
	request  = 3
	ack      = 5
)

var cookie = [4]byte{99, 130, 83, 99}

// question returns the common part of a DISCOVER and a REQUEST, as a relay
// agent forwards them.
func question(giaddr netip.Addr) []byte {
	b := make([]byte, length)
	b[0], b[1], b[2], b[3] = 1, 1, 6, 1 // BOOTREQUEST, Ethernet, its addresses' length, one hop
	copy(b[atGiaddr:], giaddr.AsSlice())
	copy(b[atCookie:], cookie[:])
	return b
}

// asks turns b into the first message of an exchange.
func asks(b []byte, xid uint32, mac [6]byte) {
	binary.BigEndian.PutUint32(b[atXID:], xid)
	copy(b[atChaddr:], mac[:])
	copy(b[atOptions:], []byte{
		optMessageType, 1, discover,
		optClientID, 7, 1, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
		// perfdhcp requests the same: mask, broadcast, time offset, router,
		// domain, name servers, host name.
		optParameters, 7, 1, 28, 2, 3, 15, 6, 12, optEnd,
	})
}

// takes turns b into the REQUEST that accepts an offer.
func takes(b []byte, o []byte, server []byte) {
	copy(b[atXID:], o[atXID:atXID+4])
	copy(b[atChaddr:], o[atChaddr:atChaddr+6])
	mac := b[atChaddr:]
	copy(b[atOptions:], []byte{
		optMessageType, 1, request,
		optClientID, 7, 1, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
		optRequested, 4, o[atYiaddr], o[atYiaddr+1], o[atYiaddr+2], o[atYiaddr+3],
		optServerID, 4, server[0], server[1], server[2], server[3],
		optParameters, 7, 1, 28, 2, 3, 15, 6, 12, optEnd,
	})
}

// answer reads a server's message. It returns its type, or 0 if it has none,
// and option 54.
func answer(b []byte) (kind byte, server []byte) {
	if len(b) < atOptions || b[0] != 2 || [4]byte(b[atCookie:]) != cookie {
		return 0, nil
	}
	for o := b[atOptions:]; len(o) > 0 && o[0] != optEnd; {
		if o[0] == optPad {
			o = o[1:]
			continue
		}
		if len(o) < 2 || len(o) < 2+int(o[1]) {
			return 0, nil
		}
		value := o[2 : 2+int(o[1])]
		switch {
		case o[0] == optMessageType && len(value) == 1:
			kind = value[0]
		case o[0] == optServerID && len(value) == 4:
			server = value
		}
		o = o[2+len(value):]
	}
	return kind, server
}
