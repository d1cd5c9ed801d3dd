//go:build unix

package sitefiles

import (
	"io/fs"
	"syscall"
)

// inode returns the number that another file of the same name would not have.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
