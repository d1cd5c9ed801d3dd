package trace

import (
	"path"
	"strings"
	"time"
)

// Note names a remark about an event that looks like a fault and is normal.
type Note string

// The notes.
const (
	SizeProbe  Note = "size-probe"
	MenuSearch Note = "menu-search"
	ShimExtra  Note = "shim-extra"
	GRUBList   Note = "grub-list"
	ReadInPart Note = "read-in-part"
)

var notes = map[Note]string{
	SizeProbe: "Normal: the firmware asks for the size, breaks off, and asks again for the file.",
	MenuSearch: "Normal: the boot program looks for a menu under several names, from the machine's own to a general " +
		"one.",
	ShimExtra:  "Normal: shim looks for revocations and certificates that most sites do not have.",
	GRUBList:   "Normal: GRUB looks for lists of modules; without them it uses those that are built in.",
	ReadInPart: "Normal: PXELINUX closes a module when it has seen enough of it.",
}

// Notes returns all notes with their English text.
func Notes() map[Note]string {
	all := map[Note]string{}
	for n, text := range notes {
		all[n] = text
	}
	return all
}

// Text returns the note's English text.
func (n Note) Text() string { return notes[n] }

// Note returns the remark about an event; empty if there is none.
func (e Event) Note() Note {
	name := fileName(e.What)
	base := path.Base(name)
	switch {
	case e.isProbe():
		return SizeProbe
	case e.Outcome == Aborted && e.Protocol == TFTP && strings.HasSuffix(base, ".c32"):
		return ReadInPart
	case e.Outcome != NotFound:
		return ""
	case strings.Contains(name, "pxelinux.cfg/"), strings.HasPrefix(name, "grub/grub.cfg-"):
		return MenuSearch
	case strings.HasPrefix(base, "revocations"), strings.HasPrefix(base, "shim_certificate"):
		return ShimExtra
	case strings.HasPrefix(name, "grub/") && strings.HasSuffix(base, ".lst"):
		return GRUBList
	}
	return ""
}

// probing is how long firmware takes at most to break off after the answer to
// its question for the size.
const probing = 5 * time.Second

// isProbe reports whether a transfer was firmware's question for a file's size:
// it sends an error after the OACK (RFC 2349 §4), and asks again for the file.
func (e Event) isProbe() bool {
	return e.Protocol == TFTP && e.Outcome == Aborted && e.Bytes == 0 && e.Took < probing
}
