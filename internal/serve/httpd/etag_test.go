package httpd

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// ctime returns when a file was last changed, according to the kernel.
func ctime(t *testing.T, name string) time.Time {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(info.Sys().(*syscall.Stat_t).Ctim.Unix())
}

func TestETag(t *testing.T) {
	for _, tc := range []struct {
		situation string
		change    func(name string) error
		same      bool
	}{
		{situation: "nothing happens", change: func(string) error { return nil }, same: true},
		{situation: "it is read", change: func(name string) error { _, err := os.ReadFile(name); return err },
			same: true},
		{situation: "another content of the same size and time", change: func(name string) error {
			if err := os.WriteFile(name, []byte("9876543210"), 0o644); err != nil {
				return err
			}
			return os.Chtimes(name, longAgo, longAgo)
		}},
		{situation: "another file of the same size and time in its place", change: func(name string) error {
			if err := os.WriteFile(name+".part", []byte("9876543210"), 0o644); err != nil {
				return err
			}
			if err := os.Chtimes(name+".part", longAgo, longAgo); err != nil {
				return err
			}
			return os.Rename(name+".part", name)
		}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "linux")
			if err := os.WriteFile(name, []byte(kernel), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(name, longAgo, longAgo); err != nil {
				t.Fatal(err)
			}
			tag := func() string {
				info, err := os.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				return etag(info, ctime(t, name).Add(settled))
			}
			before, at := tag(), ctime(t, name)
			if before == "" {
				t.Fatal("a settled file has no tag")
			}
			// A change within one tick of the kernel's clock does not show, so
			// a file must be settled.
			for next := filepath.Join(t.TempDir(), "tick"); !tc.same; {
				if err := os.WriteFile(next, nil, 0o644); err != nil {
					t.Fatal(err)
				}
				if ctime(t, next).After(at) {
					break
				}
			}
			if err := tc.change(name); err != nil {
				t.Fatal(err)
			}
			if after := tag(); (after == before) != tc.same {
				t.Errorf("its tag was %s and is %s", before, after)
			}
		})
	}
}

// A file that has just changed may change again without a visible difference.
func TestNoETagOfFreshFile(t *testing.T) {
	name := t.TempDir()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		situation string
		age       time.Duration
		has       bool
	}{
		{situation: "just written"},
		{situation: "a second old", age: time.Second},
		{situation: "settled", age: settled, has: true},
		{situation: "of next year, by a clock without a battery", age: -settled, has: true},
	} {
		if tag := etag(info, ctime(t, name).Add(tc.age)); (tag != "") != tc.has {
			t.Errorf("%s: its tag is %q", tc.situation, tag)
		}
	}
}
