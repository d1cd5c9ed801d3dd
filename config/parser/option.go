package parser

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// elsewhere are the option codes that no [[option]] can set, each with the
// fix. The server writes them itself, from the packet or from other keys.
var elsewhere = map[uint8]string{
	0:   "leave it out: it fills gaps",
	1:   "leave it out: the netmask is that of the network",
	3:   "write router",
	6:   "write dns",
	12:  "write hostname below [[reservation]]",
	15:  "write domain",
	26:  "write mtu",
	28:  "leave it out: the broadcast address is that of the network",
	42:  "write ntp",
	50:  "leave it out: only clients send it",
	51:  "write lease",
	52:  "leave it out: it is added where a packet is full",
	53:  "leave it out: it is the type of each packet",
	54:  "leave it out: it is the box's address",
	55:  "leave it out: only clients send it",
	56:  "leave it out: it is added to refusals",
	57:  "leave it out: only clients send it",
	58:  "write lease: a machine renews after half of it",
	59:  "write lease: a machine asks all servers after 7/8 of it",
	61:  "write client below [[reservation]]",
	82:  "leave it out: relay agents get back what they sent",
	97:  "leave it out: machines get back what they sent",
	119: "write search",
	121: "write routes",
	255: "leave it out: it ends each packet",
}

func (v value) code() uint8 {
	code := uint8(v.integer(0, 255))
	if !v.in.ok("code") {
		return 0
	}
	if fix, ok := elsewhere[code]; ok {
		v.fail(fmt.Sprintf("option %d is set by the box itself", code), fix)
	}
	return code
}

// optionValue refuses a value that an option has no room for.
func (v value) optionValue(b []byte) []byte {
	switch {
	case !v.in.ok(v.field.name):
		return nil
	case len(b) == 0:
		v.fail("is empty", "write "+v.field.name+" = "+v.field.example)
	case len(b) > maxOption:
		v.fail(fmt.Sprintf("has %d bytes", len(b)), fmt.Sprintf("keep it to %d: an option holds no more", maxOption))
	}
	return b
}

// optionIP is any IPv4 address, a mask and 0.0.0.0 among them: what the option
// means is not known here.
func (v value) optionIP() []byte {
	var b []byte
	for _, a := range each(v, func(v value) netip.Addr {
		s, ok := v.text()
		a, err := netip.ParseAddr(s)
		if ok && (err != nil || !a.Is4()) {
			v.fail(fmt.Sprintf("%q is not an IPv4 address", s),
				"write one such as "+strings.Trim(v.field.example, "[]"))
		}
		return a
	}) {
		b = append(b, a.AsSlice()...)
	}
	return v.optionValue(b)
}

func (v value) optionText() []byte {
	s, ok := v.text()
	if !ok || !v.printable(s) {
		return nil
	}
	return v.optionValue([]byte(s))
}

func (v value) optionHex() []byte {
	s, ok := v.text()
	if !ok {
		return nil
	}
	b, err := spec.ParseHex(s)
	if err != nil {
		v.fail(fmt.Sprintf("%q is not a sequence of bytes", s),
			"write two hexadecimal digits for each byte, as in "+v.field.example)
	}
	return v.optionValue(b)
}

// optionNumber is a number in network byte order, with a sign or without, and as
// wide as the key size says. A size that cannot be used is a separate error.
func (v value) optionNumber() []byte {
	size := 4
	if n := v.in.node.get("size"); n != nil && n.kind == unstable.Integer && slices.Contains(sizes, n.text) {
		size = int(n.text[0] - '0')
	}
	n := v.integer(-1<<(8*size-1), 1<<(8*size)-1)
	return binary.BigEndian.AppendUint32(nil, uint32(n))[4-size:]
}

var sizes = []string{"1", "2", "4"}

func (v value) optionSize() {
	if v.n.kind != unstable.Integer || !slices.Contains(sizes, v.n.text) {
		v.fail("is not 1, 2 or 4", "write size = 1, 2 or 4: how many bytes the number takes")
	}
}

// optionAddresses are addresses of machines, as many as an option holds.
func (v value) optionAddresses() []netip.Addr {
	out := v.addresses()
	if len(out) > maxAddresses {
		v.fail(fmt.Sprintf("has %d addresses", len(out)),
			fmt.Sprintf("keep it to %d: an option holds no more", maxAddresses))
		return nil
	}
	return out
}

// checkOptions looks at the [[option]]s inside of [dhcp] or a [[subnet]], and
// at the bytes that all options make, inherited ones included.
func checkOptions(b block, options []spec.Option) {
	lines := map[uint8]int{}
	for i, o := range b.items("option") {
		if !o.ok("") {
			continue
		}
		o.require("code", "write code = 150")
		var values []string
		for _, key := range []string{"ip", "text", "hex", "number"} {
			if o.has(key) {
				values = append(values, key)
			}
		}
		switch {
		case len(values) == 0:
			o.fail("", "has no value", `write one of ip, text, hex, or number and size`)
		case len(values) > 1:
			o.fail(values[1], "is a second value, next to "+values[0], "keep one")
		case values[0] == "number":
			o.require("size", "write size = 1, 2 or 4: how many bytes the number takes")
		case o.has("size"):
			o.fail("size", "is only valid with a number", "leave it out")
		}
		if !o.ok("code") {
			continue
		}
		code := options[i].Code
		if line, ok := lines[code]; ok {
			o.fail("code", fmt.Sprintf("option %d appears twice, first on line %d", code, line), "keep one of them")
			continue
		}
		lines[code] = o.line("code")
	}
	size := 0
	for _, o := range options {
		size += 2 + len(o.Value)
	}
	// A subnet without options has those of [dhcp], where this is reported.
	if size > maxOptions && b.has("option") {
		b.fail("option", fmt.Sprintf("all options together take %d bytes", size),
			fmt.Sprintf("keep them to %d: a packet has no room for more", maxOptions))
	}
}
