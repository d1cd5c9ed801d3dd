package handoff

import (
	"strings"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// folder holds the files that ask for a handoff. Nothing of that name on disk
// is looked at.
const folder = "handoff"

// suffix marks the file for PXELINUX, which takes it for a menu.
const suffix = ".cfg"

// Request is what the name of a file asks for.
type Request struct {
	Entry string
	MAC   ether.MAC // whose next boot it is about
	Token string    // as its menu had it
	Menu  bool      // the file is for PXELINUX
}

// File is the rendered file that the request is answered with.
func (r Request) File() string {
	if r.Menu {
		return folder + "/" + r.Entry + suffix
	}
	return folder + "/" + r.Entry
}

// Name is what the machine with that address reads.
func (r Request) Name() string { return Name(r.Entry, r.MAC.String(), r.Token, r.Menu) }

// Name is what a menu asks for a handoff with. In place of the address and the
// token it may have what stands for them until the menu is read, such as GRUB's
// $net_default_mac, which has the form of an ether.MAC.
func Name(entry, mac, token string, menu bool) string {
	name := folder + "/" + entry + "/" + mac + "/" + token
	if menu {
		name += suffix
	}
	return name
}

// Parse reads a name as a boot loader sends it; false where it is another
// file's. GRUB begins it with a slash, and may write the address in capitals;
// PXELINUX writes hyphens in file names of its own making.
func Parse(raw string) (Request, bool) {
	parts := strings.Split(strings.TrimLeft(raw, "/"), "/")
	if len(parts) != 4 || parts[0] != folder || parts[1] == "" {
		return Request{}, false
	}
	token, menu := strings.CutSuffix(parts[3], suffix)
	mac, err := ether.ParseMAC(parts[2])
	if err != nil || !mac.IsValid() || len(parts[2]) != len("52:54:00:12:34:56") || len(token) != TokenLen {
		return Request{}, false
	}
	return Request{Entry: parts[1], MAC: mac, Token: token, Menu: menu}, true
}
