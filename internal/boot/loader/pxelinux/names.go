package pxelinux

import (
	"regexp"
	"strings"
)

// Folder is where PXELINUX looks for its menus, and ConfigFile the one that it
// requests if there is none for the machine's UUID, MAC or IP address
// (doc/pxelinux.txt).
const (
	Folder     = "pxelinux.cfg/"
	ConfigFile = Folder + "default"
)

// reMachine matches the names that PXELINUX requests before ConfigFile: its
// UUID, its hardware type and address, and ever shorter prefixes of its IP
// address (doc/pxelinux.txt).
var reMachine = regexp.MustCompile(`^pxelinux\.cfg/([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{2}(-[0-9a-f]{2})+|[0-9a-f]{1,8})$`)

// NamesMachine reports whether a lower-case name is one for the menu of certain
// machines.
func NamesMachine(name string) bool { return reMachine.MatchString(name) }

// MAC returns the hardware address in a lower-case name that PXELINUX builds
// from the machine's hardware type, 01 for Ethernet, and address:
// "pxelinux.cfg/01-52-54-00-12-34-56" (doc/pxelinux.txt). Only its length is
// checked; the caller parses it.
func MAC(name string) (mac string, ok bool) {
	mac, ok = strings.CutPrefix(name, Folder+"01-")
	return mac, ok && len(mac) == len("52-54-00-12-34-56")
}
