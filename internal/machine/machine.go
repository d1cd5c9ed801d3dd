// Package machine tells the machines of a site apart: who has which address,
// as DHCP saw it, and which of the site's rules fits whom. It is pure, and
// what a rule leads to is decided elsewhere.
package machine

import "github.com/pxebox/pxebox/config"

// Machine is what is known of one machine.
type Machine struct {
	MAC config.MAC
	// GUID is as the firmware's setup shows it, in small letters; empty where
	// the firmware does not say.
	GUID string
	// Firmware is one of config.Firmwares, or empty.
	Firmware string
}

// Rule is a [[machine]] with what it leads to.
type Rule struct {
	config.Machine
	// View names the menus that the machine gets in place of the general
	// ones; empty for those.
	View string `json:"view,omitempty"`
	// Handoff names the target that the machine boots from, without a menu.
	Handoff string `json:"handoff,omitempty"`
}
