// Package clients tells the machines of a site apart: which machine has which
// address, as seen by DHCP, which of the site's rules matches it, and which
// machines have had their one boot. It is pure. What a rule leads to is decided
// elsewhere.
package clients

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Machine is what is known about one machine.
type Machine struct {
	MAC ether.MAC
	// GUID is as the firmware's setup shows it, in lower case; empty if the
	// firmware does not send it.
	GUID string
	// Firmware is empty if it is not known.
	Firmware firmware.Kind
}

// GUID writes the 16 bytes of a GUID as firmware setups and Windows show them.
// The first three fields are numbers with the low byte first, on the wire as in
// SMBIOS (SMBIOS 3.2 §7.2.1; RFC 4578 §2.3 takes the bytes from there). It
// returns "" for SMBIOS's "none": all zeros, or all ones.
func GUID(b [16]byte) string {
	if b == [16]byte{} || b == [16]byte(slices.Repeat([]byte{0xff}, 16)) {
		return ""
	}
	var g [16]byte
	binary.BigEndian.PutUint32(g[0:], binary.LittleEndian.Uint32(b[0:]))
	binary.BigEndian.PutUint16(g[4:], binary.LittleEndian.Uint16(b[4:]))
	binary.BigEndian.PutUint16(g[6:], binary.LittleEndian.Uint16(b[6:]))
	copy(g[8:], b[8:])
	s := hex.EncodeToString(g[:])
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// Rule is a [[machine]] and what it leads to.
type Rule struct {
	spec.Machine
	// View names the menus that the machine gets instead of the general
	// ones; empty for the general ones.
	View string `json:"view,omitempty"`
	// Waits says that the View starts nothing before a key is pressed.
	Waits bool `json:"waits,omitempty"`
	// Handoff names the target that the machine boots from, without a menu.
	Handoff string `json:"handoff,omitempty"`
}

// Fits reports whether the rule applies to this machine: the machine matches
// each selector field that is set, by one of its values. Properties that the
// machine does not report match no value.
func (r Rule) Fits(m Machine) bool {
	return fits(r.MAC, func(begins string) bool { return isMAC(m.MAC.String(), begins) }) &&
		fits(r.GUID, func(v string) bool { return v == m.GUID }) &&
		fits(r.Firmware, func(v firmware.Kind) bool { return v == m.Firmware })
}

func fits[T any](values []T, is func(T) bool) bool {
	return len(values) == 0 || slices.ContainsFunc(values, is)
}

// isMAC compares whole bytes: "52:54:0" is not a prefix of 52:54:00.
func isMAC(mac, begins string) bool {
	rest, ok := strings.CutPrefix(mac, begins)
	return ok && begins != "" && (rest == "" || rest[0] == ':')
}

// Offers reports whether a machine gets a menu by the rule, with an entry that is
// in the general menu.
func (r Rule) Offers(entry string) bool {
	return r.Boot == spec.BootMenu && fits(r.Entries, func(name string) bool { return name == entry })
}

// Match returns the first rule that applies to a machine and is not spent.
func Match(rules []Rule, m Machine, spent func(Rule) bool) (Rule, bool) {
	for _, r := range rules {
		if r.Fits(m) && !(r.Once && spent(r)) {
			return r, true
		}
	}
	return Rule{}, false
}
