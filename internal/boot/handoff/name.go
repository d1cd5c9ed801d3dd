package handoff

import (
	"strings"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// folder is the folder of the files that ask for a handoff. Files with that
// name on disk are ignored.
const folder = "handoff"

// suffix marks the file for PXELINUX, which reads it as a menu.
const suffix = ".cfg"

// RefusedFile is the menu that PXELINUX gets in place of a handoff that is
// refused. No entry has a slash in its name.
const RefusedFile = folder + "/refused/menu" + suffix

// Request is a handoff request, as a file name expresses it.
type Request struct {
	Entry string
	MAC   ether.MAC // the machine whose next boot it is about
	Token string    // as in its menu
	Menu  bool      // the file is for PXELINUX
}

// File returns the rendered file that answers the request.
func (r Request) File() string {
	if r.Menu {
		return folder + "/" + r.Entry + suffix
	}
	return folder + "/" + r.Entry
}

// Name returns the file name that the machine with that address reads.
func (r Request) Name() string { return Name(r.Entry, r.MAC.String(), r.Token, r.Menu) }

// Name returns the file name by which a menu asks for a handoff. Instead of the
// address and the token it may contain placeholders until the menu is read,
// such as GRUB's $net_default_mac, which has the form of an ether.MAC.
func Name(entry, mac, token string, menu bool) string {
	name := folder + "/" + entry + "/" + mac + "/" + token
	if menu {
		name += suffix
	}
	return name
}

// Parse reads a name as a boot loader sends it; false if it is another file's
// name. GRUB puts a slash before it, and may write the address in upper case;
// PXELINUX writes hyphens in the file names that it makes itself.
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
