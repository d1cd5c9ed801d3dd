// Package ether has a single type for the hardware address of an Ethernet card.
// Sockets and netlink keep net.HardwareAddr, which has any length.
package ether

import (
	"encoding/hex"
	"fmt"
	"net"
)

// MAC is a hardware address of six bytes. It is comparable, so it can be a map
// key. The zero MAC means that the address is not known: no card has it.
type MAC [6]byte

// From returns the address from a packet or a neighbor entry; the zero MAC if
// it has another length, which no Ethernet card has.
func From(hw []byte) MAC {
	if len(hw) != len(MAC{}) {
		return MAC{}
	}
	return MAC(hw)
}

// ParseMAC reads an address with colons, with hyphens as Windows shows it, or
// without separators, as on some labels.
func ParseMAC(s string) (MAC, error) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == len(MAC{}) {
		return MAC(b), nil
	}
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != len(MAC{}) {
		return MAC{}, fmt.Errorf("%q is not a hardware address of six bytes", s)
	}
	return MAC(hw), nil
}

// MustParseMAC is ParseMAC for an address that is known to be valid, as in
// tests. It panics if it is not.
func MustParseMAC(s string) MAC {
	m, err := ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

// IsValid reports whether m is not the zero MAC.
func (m MAC) IsValid() bool { return m != MAC{} }

// String returns the form used in menus, logs and settings:
// "52:54:00:12:34:56", in lower case. The zero MAC is empty.
func (m MAC) String() string {
	if !m.IsValid() {
		return ""
	}
	return net.HardwareAddr(m[:]).String()
}

// MarshalText is String.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is ParseMAC; an empty text is the zero MAC.
func (m *MAC) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*m = MAC{}
		return nil
	}
	*m, err = ParseMAC(string(b))
	return err
}
