// Package ether has the one type for the hardware address of an Ethernet card.
// Sockets and netlink keep net.HardwareAddr, which has any length.
package ether

import (
	"encoding/hex"
	"fmt"
	"net"
)

// MAC is a hardware address of six bytes. It can be compared, and be the key of
// a map. The zero MAC means that the address is not known: no card has it.
type MAC [6]byte

// From is the address in a packet or of a neighbor; the zero MAC where it has
// another length, which no Ethernet card's has.
func From(hw []byte) MAC {
	if len(hw) != len(MAC{}) {
		return MAC{}
	}
	return MAC(hw)
}

// ParseMAC reads an address with colons, with hyphens as Windows shows it, or
// without any separators, as some labels have it.
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

// MustParseMAC is ParseMAC for an address that is right, as in tests. It panics
// where it is not.
func MustParseMAC(s string) MAC {
	m, err := ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

// IsValid reports whether m is an address, and not the zero MAC.
func (m MAC) IsValid() bool { return m != MAC{} }

// String is the form of menus, logs and the settings: "52:54:00:12:34:56", with
// small letters. The zero MAC is empty.
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
