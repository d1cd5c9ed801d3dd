package version

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	stamped := func(source, revision, modified string) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: source}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified},
		}}
	}
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for situation, test := range map[string]struct {
		release, commit string
		info            *debug.BuildInfo
		want            string
	}{
		"a release": {
			release: "1.2.0", info: stamped("v0.0.0-20261130101500-0123456789ab", commit, "false"),
			want: "1.2.0 (commit 0123456789ab)",
		},
		"a release of a changed tree": {
			release: "1.2.0", info: stamped("v0.0.0-20261130101500-0123456789ab+dirty", commit, "true"),
			want: "1.2.0 (commit 0123456789ab-dirty)",
		},
		"a release of source without history": {release: "1.2.0", info: &debug.BuildInfo{}, want: "1.2.0"},
		"a release whose commit the linker was given": {
			release: "1.2.0", commit: "0123456789ab-dirty", info: &debug.BuildInfo{},
			want: "1.2.0 (commit 0123456789ab-dirty)",
		},
		"a release of a tree that was changed after the linker was given its commit": {
			release: "1.2.0", commit: "0123456789ab", info: stamped("", commit, "true"),
			want: "1.2.0 (commit 0123456789ab)",
		},
		"a setting of the build that is true": {
			release: "1.2.0", info: &debug.BuildInfo{Settings: []debug.BuildSetting{
				{Key: "vcs.revision", Value: commit}, {Key: "-trimpath", Value: "true"},
			}},
			want: "1.2.0 (commit 0123456789ab)",
		},
		"changed source without history": {
			release: "1.2.0", info: &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}},
			want: "1.2.0",
		},
		"a developer's build": {
			info: stamped("v0.0.0-20261130101500-0123456789ab+dirty", commit, "true"),
			want: "v0.0.0-20261130101500-0123456789ab+dirty",
		},
		"a developer's build without history": {info: &debug.BuildInfo{}, want: "(devel)"},
		"a short revision": {
			release: "1.2.0", info: stamped("", "17", "false"), want: "1.2.0 (commit 17)",
		},
	} {
		t.Run(situation, func(t *testing.T) {
			if got := describe(test.release, test.commit, test.info); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pxebox-version")
	if got := line(file); got != "" {
		t.Errorf("without a file: %q", got)
	}
	if err := os.WriteFile(file, []byte("1.2.0\r\nmore\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := line(file); got != "1.2.0" {
		t.Errorf("got %q, want 1.2.0", got)
	}
}

// The linker's flags of packages and releases set the version.
func TestLinkerFlags(t *testing.T) {
	const variables = "github.com/pxebox/pxebox/internal/base/version"
	for _, file := range []string{"Makefile", "packaging/debian/build.sh"} {
		b, err := os.ReadFile(filepath.Join("../../..", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), variables) {
			t.Errorf("%s does not set the version", file)
		}
	}
	cmd := exec.Command("go", "test", "-ldflags",
		"-X "+variables+".release=1.2.0 -X "+variables+".commit=0123456789ab", "-run", "^TestReleaseOfThisBinary$", "-count=1", ".")
	cmd.Env = append(os.Environ(), "PXEBOX_TEST_RELEASE=1.2.0 (commit 0123456789ab)")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", cmd, err, out)
	}
}

// TestReleaseOfThisBinary is the other half of TestLinkerFlags.
func TestReleaseOfThisBinary(t *testing.T) {
	want := os.Getenv("PXEBOX_TEST_RELEASE")
	if want == "" {
		t.Skip("TestLinkerFlags runs it")
	}
	if got := String(); got != want {
		t.Errorf("the version is %q, want %q", got, want)
	}
}
