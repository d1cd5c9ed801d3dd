//go:build unix

package bootfiles

import (
	"io/fs"
	"os"
	"syscall"
)

// folder identifies a folder for as long as its file system is mounted.
type folder struct{ device, inode uint64 }

// folderOf identifies an open folder.
func folderOf(_ *os.File, info fs.FileInfo) folder {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return folder{}
	}
	return folder{uint64(st.Dev), st.Ino}
}
