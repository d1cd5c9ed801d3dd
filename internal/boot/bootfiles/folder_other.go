//go:build !unix

package bootfiles

import (
	"io/fs"
	"os"
)

// folder identifies a folder by its name. Systems without inode numbers do not
// serve machines: they only run a person's check, which looks at each folder
// once.
type folder struct{ name string }

// folderOf identifies an open folder.
func folderOf(dir *os.File, _ fs.FileInfo) folder { return folder{dir.Name()} }
