package dhcp

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// raw is a DISCOVER up to its options. The host name in its file field counts
// only if option 52 says so.
func raw(options ...byte) []byte {
	b := message(dhcpv4.MessageTypeDiscover).ToBytes()[:atOptions]
	copy(b[atFile:], []byte{optHostname, 2, 'p', 'c', optEnd})
	return append(append(b, optMessageType, 1, 1), options...)
}

func TestParse(t *testing.T) {
	class := []byte{optClass, 3, 'P', 'X', 'E'}
	for situation, tc := range map[string]struct {
		packet []byte
		class  string // option 60
		host   string // option 12
	}{
		"as RFC 2131 has it":                   {packet: raw(append(class, optEnd)...), class: "PXE"},
		"no end mark, and the packet ends":     {packet: raw(class...), class: "PXE"},
		"no end mark, and padding":             {packet: raw(append(class, make([]byte, 60)...)...), class: "PXE"},
		"it ends behind the code of an option": {packet: raw(append(class, optClientID)...), class: "PXE"},
		"it ends inside an option":             {packet: raw(append(class, optClientID, 7, 1, 2)...), class: "PXE"},
		"more options behind the end mark":     {packet: raw(append([]byte{optEnd}, class...)...)},
		"options go on in the file field": {packet: raw(append(class, optOverload, 1, 1)...),
			class: "PXE", host: "pc"},
		"two message types": {packet: raw(append(class, optMessageType, 1, 1, optEnd)...),
			class: "PXE"},
		"option 52 is cut off": {packet: raw(append(class, optOverload, 1)...), class: "PXE"},
	} {
		t.Run(situation, func(t *testing.T) {
			m, bare, err := Parse(tc.packet)
			if err != nil || bare {
				t.Fatalf("bare %v, %v", bare, err)
			}
			if m.MessageType() != dhcpv4.MessageTypeDiscover || string(m.Options[optClass]) != tc.class ||
				string(m.Options[optHostname]) != tc.host {
				t.Errorf("%v, option 60 %q, option 12 %q", m.MessageType(), m.Options[optClass], m.Options[optHostname])
			}
			if isFile := m.BootFileName != ""; isFile != (tc.host == "") {
				t.Errorf("the file field is read as the name %q", m.BootFileName)
			}
			if m.ClientHWAddr.String() != mac.String() {
				t.Errorf("from %v", m.ClientHWAddr)
			}
		})
	}
}

func TestParseMalformed(t *testing.T) {
	hlen := raw(optEnd)
	hlen[2] = 16
	for situation, tc := range map[string]struct {
		packet []byte
		why    string
		mac    bool
	}{
		"nothing":                   {packet: nil, why: "ends within the fixed fields"},
		"cut off behind the MAC":    {packet: raw()[:100], why: "ends within the fixed fields", mac: true},
		"longer than a frame":       {packet: raw(make([]byte, 1400)...), why: "longer than 1500 bytes", mac: true},
		"an address of another net": {packet: hlen, why: "not an Ethernet client", mac: true},
	} {
		t.Run(situation, func(t *testing.T) {
			m, _, err := Parse(tc.packet)
			var why MalformedError
			if m != nil || !errors.As(err, &why) || !strings.Contains(why.Why, tc.why) ||
				(why.MAC.String() == mac.String()) != tc.mac {
				t.Errorf("got %v, %v (%v)", m, err, why.MAC)
			}
		})
	}
}

// BOOTP from before RFC 1497 has no magic cookie, and no options. Neither has
// the answer.
func TestBOOTPWithoutCookie(t *testing.T) {
	packet := raw()[:atOptions-len(cookie)]
	clear(packet[atFile:])
	for situation, vendor := range map[string][]byte{
		"an empty vendor area":    make([]byte, 64),
		"another vendor's cookie": append([]byte("CMU\x00"), make([]byte, 60)...),
		"no vendor area":          nil,
	} {
		t.Run(situation, func(t *testing.T) {
			m, bare, err := Parse(append(bytes.Clone(packet), vendor...))
			if err != nil || !bare || len(m.Options) > 0 {
				t.Fatalf("options %v, bare %v, %v", m, bare, err)
			}
			q := NewQuestion(m, ServerPort, unset)
			q.Bare = bare
			a := Decide(t0, settings("server", reserveFirst), q)
			if a.Msg == nil || address(a.Msg.YourIPAddr) != first || a.Msg.BootFileName != "pxelinux.0" {
				t.Fatalf("got %+v", a)
			}
			b := q.Encode(a.Msg)
			if len(b) != bootpSize || len(bytes.Trim(b[atOptions-len(cookie):], "\x00")) > 0 {
				t.Errorf("%d bytes, vendor area % x", len(b), b[atOptions-len(cookie):])
			}
			q.Bare = false
			if b := q.Encode(a.Msg); !bytes.HasPrefix(b[atOptions-len(cookie):], cookie) {
				t.Error("a client that knows the cookie gets none")
			}
		})
	}
}
