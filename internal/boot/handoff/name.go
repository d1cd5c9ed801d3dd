package handoff

import (
	"strings"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// folder holds the files that ask for a handoff. Nothing of that name on disk
// is looked at.
const folder = "handoff"

// suffix marks the file for PXELINUX, which takes it for a menu.
const suffix = ".cfg"

// Request is what the name of a file asks for.
type Request struct {
	Entry string
	MAC   spec.MAC // whose next boot it is about
	Token string   // as its menu had it
	Menu  bool     // the file is for PXELINUX
}

// File is the rendered file that the request is answered with.
func (r Request) File() string {
	if r.Menu {
		return folder + "/" + r.Entry + suffix
	}
	return folder + "/" + r.Entry
}

// Name is what the machine with that address reads: by GRUB, whose
// $net_default_mac has the form of a spec.MAC.
func (r Request) Name() string {
	name := folder + "/" + r.Entry + "/" + string(r.MAC) + "/" + r.Token
	if r.Menu {
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
	mac := parts[2]
	token, menu := strings.CutSuffix(parts[3], suffix)
	if len(mac) != len("52:54:00:12:34:56") || len(token) != TokenLen {
		return Request{}, false
	}
	b, err := spec.ParseHex(mac)
	if err != nil || len(b) != 6 {
		return Request{}, false
	}
	return Request{Entry: parts[1], MAC: spec.MAC(spec.NewHex(b)), Token: token, Menu: menu}, true
}
