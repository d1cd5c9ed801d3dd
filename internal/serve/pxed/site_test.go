package pxed

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// menuwatch reports on the folder that is now at the boot folder's path, and
// pxed serves the same one.
func TestBootFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newBox(t, spec.ModeProxy)
		must := func(errs ...error) {
			t.Helper()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
		}
		fill := func(text string) error {
			return errors.Join(os.Mkdir(d.BootDir, 0o755),
				os.WriteFile(filepath.Join(d.BootDir, "linux"), []byte(text), 0o644))
		}
		read := func() string {
			f, err := d.files.open(first, "linux")
			if err != nil {
				return "missing"
			}
			defer f.Close()
			return content(t, f)
		}
		looked := func(situation string, news bool, want string) {
			t.Helper()
			if got := d.files.look(); got != news {
				t.Errorf("%s: news: %v, want %v", situation, got, news)
			}
			if got := read(); got != want {
				t.Errorf("%s: %q, want %q", situation, got, want)
			}
		}
		looked("none", false, "missing")
		must(fill("first"))
		looked("it has come", true, "first")
		looked("nothing has changed", false, "first")

		under, err := d.files.open(first, "linux") // a transfer
		must(err)
		before := d.files.site
		must(os.Rename(d.BootDir, d.BootDir+".old"), fill("second"))
		looked("another in its place", true, "second")
		must(os.RemoveAll(d.BootDir + ".old"))
		looked("the old one removed", false, "second")
		if got := content(t, under); got != "first" {
			t.Errorf("the transfer goes on with %q", got)
		}
		must(under.Close())

		must(os.RemoveAll(d.BootDir))
		looked("it has gone", true, "missing")
		looked("it has gone, still", false, "missing")
		must(fill("third"))
		looked("it is back", true, "third")
		must(os.Rename(d.BootDir, d.BootDir+".new"), os.Symlink(d.BootDir+".new", d.BootDir))
		looked("by a link", false, "third")

		if _, err := before.Stat("."); err != nil {
			t.Errorf("who looks a name up in the old folder hears %v", err)
		}
		time.Sleep(lookUp + 1) // the bubble's clock
		synctest.Wait()
		if _, err := before.Stat("."); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the old folder is held forever: %v", err)
		}
		if n := strings.Count(d.said.String(), "boot folder is gone"); n != 1 {
			t.Errorf("told %d times that it has gone; the log:\n%v", n, d.said)
		}
		must(d.files.site.Close())
	})
}
