package httpd

import (
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// settled is how old a file's last change must be: another one within the same
// tick of the file system's clock, which is 2 s on FAT, would not show.
const settled = 2 * time.Second

// etag is a strong validator (RFC 9110 §8.8.1) that costs no reading, so that a
// client which resumes a download never joins the parts of two files. A program
// that replaces a file may set its size and its time to those of the old one; the
// inode or the time of its last change, which only the kernel sets, differs then.
// "" is for a file that has just changed.
func etag(info fs.FileInfo, now time.Time) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	// Abs: where the clock starts at 1970, only the distance tells something.
	if !ok || now.Sub(time.Unix(st.Ctim.Unix())).Abs() < settled {
		return ""
	}
	return fmt.Sprintf(`"%x-%x-%x-%x-%x"`, st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano())
}
