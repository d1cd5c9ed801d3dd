// Package version says which version of pxebox a program is.
package version

import (
	"cmp"
	"os"
	"runtime/debug"
	"strings"
	"sync"
)

// release is the version of the release that a program was built for, and commit is
// its commit. The linker sets them:
//
//	package=github.com/pxebox/pxebox/internal/base/version
//	go build -ldflags "-X $package.release=1.2.0 -X $package.commit=0123456789ab"
//
// Go records the commit too, but not in every checkout.
var release, commit string

// imageFile holds the version of a release's image for the box: one line.
const imageFile = "/etc/pxebox-version"

// String returns the version for logs and people: the release's, with the commit, or
// that of the source as Go recorded it, v1.2.3 or one that ends in the commit.
func String() string { return current() }

var current = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return describe(cmp.Or(release, line(imageFile)), commit, info)
})

func describe(release, commit string, info *debug.BuildInfo) string {
	if release == "" {
		return cmp.Or(info.Main.Version, "(devel)")
	}
	recorded, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			recorded = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if recorded != "" {
		commit = cmp.Or(commit, recorded+dirty)
	}
	if commit == "" { // not built in a checkout
		return release
	}
	return release + " (commit " + commit + ")"
}

// line returns the first line of a file, or "" if there is none.
func line(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(first)
}
