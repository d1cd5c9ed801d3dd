package peer

import (
	"fmt"
	"io"
	"io/fs"
)

// entry is one file of an initial RAM file system.
type entry struct {
	name    string // without a leading slash
	mode    fs.FileMode
	content []byte // for a link: its target
}

// writeInitramfs writes entries in the format that Linux unpacks at boot: cpio
// "newc" (Documentation/driver-api/early-userspace/buffer-format.rst). A
// directory must come before its entries.
func writeInitramfs(w io.Writer, entries []entry) error {
	const trailer = "TRAILER!!!"
	for i, e := range append(entries, entry{name: trailer}) {
		// inode, mode, uid, gid, links, mtime, size, device, device of a
		// special file, length of the name with its NUL, checksum (unused)
		_, err := fmt.Fprintf(w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
			i+1, unixMode(e.mode), 0, 0, 1, 0, len(e.content), 0, 0, 0, 0, len(e.name)+1, 0)
		if err != nil {
			return err
		}
		const header = 110
		if err := writePadded(w, header, append([]byte(e.name), 0)); err != nil {
			return err
		}
		if err := writePadded(w, 0, e.content); err != nil {
			return err
		}
	}
	return nil
}

// writePadded writes b, and zeros up to a multiple of four. before is the
// number of bytes in front of b that count towards it.
func writePadded(w io.Writer, before int, b []byte) error {
	if _, err := w.Write(b); err != nil {
		return err
	}
	_, err := w.Write(make([]byte, -(before+len(b))&3))
	return err
}

// unixMode returns a mode as stat(2) has it.
func unixMode(m fs.FileMode) uint32 {
	mode := uint32(m.Perm())
	switch m.Type() {
	case fs.ModeDir:
		mode |= 0o040000
	case fs.ModeSymlink:
		mode |= 0o120000
	case 0:
		mode |= 0o100000
	}
	return mode
}
