package httpd

import (
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// settled is how old a file's last change must be. A second change within the
// same tick of the file system's clock, which is 2 s on FAT, would not show.
const settled = 2 * time.Second

// etag returns a strong validator (RFC 9110 §8.8.1) without reading the file,
// so that a client that resumes a download never joins the parts of two files.
// A program that replaces a file may set the size and the time of the old one.
// Then the inode differs, or the time of the last change, which only the kernel
// sets. For a file that has just changed, etag returns "".
func etag(info fs.FileInfo, now time.Time) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	// Abs: if the clock starts at 1970, only the distance is meaningful.
	if !ok || now.Sub(time.Unix(st.Ctim.Unix())).Abs() < settled {
		return ""
	}
	return fmt.Sprintf(`"%x-%x-%x-%x-%x"`, st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano())
}
