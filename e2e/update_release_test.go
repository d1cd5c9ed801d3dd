//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/release"
	"github.com/pxebox/pxebox/internal/test/releasetest"
)

// releases makes update files of the checkout, signed with its key.
type releases struct {
	u      *updated
	key    releasetest.Key
	public string // the file of the public key
	dir    string
}

func newReleases(u *updated) *releases {
	u.t.Helper()
	r := &releases{u: u, key: releasetest.NewKey(u.t), dir: u.t.TempDir()}
	r.public = filepath.Join(r.dir, "release.pub")
	if err := os.WriteFile(r.public, r.key.Public(u.t), 0o600); err != nil {
		u.t.Fatal(err)
	}
	return r
}

// build returns the update file of a version.
func (r *releases) build(version string) string {
	t := r.u.t
	t.Helper()
	// Where the licences and the build folder are found from.
	folder, err := os.MkdirTemp(buildDir, "release-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	parent := filepath.Join("build", filepath.Base(folder))
	file := filepath.Join(r.dir, version+".gaf")
	if err := r.u.run(r.u.within(updates), "env", "PXEBOX_VERSION="+version, "PXEBOX_RELEASE_KEY="+r.public,
		"gokrazy/instance.sh", r.u.instance, parent); err != nil {
		t.Fatal(err)
	}
	if err := r.u.run(r.u.within(updates), "go", "tool", "-modfile=tools/go.mod", "gok", "--parent_dir", parent,
		"-i", r.u.instance, "overwrite", "--gaf", file); err != nil {
		t.Fatal(err)
	}
	r.sign(file, version)
	return file
}

// sign signs an update file.
func (r *releases) sign(file, version string) {
	t := r.u.t
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	signature := r.key.Sign(t, f, release.Stamp{Version: version, Instance: r.u.instance}.String())
	if err := os.WriteFile(file+release.SignatureSuffix, signature, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tampered returns a copy of an update file in which one byte differs.
func (r *releases) tampered(file string) string {
	t := r.u.t
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := os.ReadFile(file + release.SignatureSuffix)
	content[len(content)/2] ^= 1
	changed := strings.TrimSuffix(file, ".gaf") + "-tampered.gaf"
	if err := errors.Join(err, os.WriteFile(changed, content, 0o600),
		os.WriteFile(changed+release.SignatureSuffix, signature, 0o600)); err != nil {
		t.Fatal(err)
	}
	return changed
}

// send sends an update file as a person does who has downloaded it.
func (r *releases) send(file string, flags ...string) error {
	args := []string{"run", "./cmd/pxebox", "update", "--known-boxes", r.u.known, r.u.addr.String(), file}
	return r.u.run(r.u.within(updates+isKept), "go", append(args, flags...)...)
}

// accepts sends an update file that the box has to keep.
func (r *releases) accepts(root int, version, file string, flags ...string) {
	t := r.u.t
	t.Helper()
	if err := r.send(file, flags...); err != nil {
		t.Fatal(err)
	}
	r.u.wait(isKept, keeps, root)
	r.u.checkIntact()
	if got := r.running(); got.Version != version {
		t.Errorf("the box runs %q, not %s", got.Version, version)
	}
}

// refuses sends an update file that the box has to refuse.
func (r *releases) refuses(why, file string, flags ...string) {
	t := r.u.t
	t.Helper()
	before := r.running()
	if err := r.send(file, flags...); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: %v; want %q", filepath.Base(file), err, why)
	}
	if got := r.running(); got != before {
		t.Errorf("the box runs %+v", got)
	}
	if text := r.u.box.Console.Text()[r.u.read:]; strings.Contains(text, "the next boot tries the other root") {
		t.Errorf("the box tries %s", filepath.Base(file))
	}
}

// running returns what the box says that it runs.
func (r *releases) running() (b release.Box) {
	t := r.u.t
	t.Helper()
	text := r.u.request(http.MethodGet, strings.TrimPrefix(release.Path, "/"), bytes.NewReader(nil), nil)
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return b
}

// TestReleaseUpdate updates a box that was built from source to a release, to
// the next one, back to the first, and back to the build from source.
func TestReleaseUpdate(t *testing.T) {
	u := newUpdated(t, "release-update", "BIOS")
	r := newReleases(u)
	old, next := r.build("1.9.0"), r.build("1.10.0~rc1")
	if got := r.running(); got != (release.Box{Stamp: release.Stamp{Instance: instance}}) {
		t.Errorf("an image built from source runs %+v", got)
	}
	r.refuses("cannot verify an update", old)
	r.refuses("is not valid for this file", r.tampered(old), "--key", r.public)
	r.accepts(3, "1.9.0", old, "--key", r.public)

	r.refuses("is not valid for this file", r.tampered(next))
	r.accepts(2, "1.10.0~rc1", next)

	r.refuses("it is version 1.9.0, and the box runs 1.10.0~rc1", old)
	r.accepts(3, "1.9.0", old, "--older")

	if err := u.makeUpdate(u.within(updates + isKept)); err != nil {
		t.Fatal(err)
	}
	u.wait(isKept, keeps, 2)
	u.checkIntact()
	if got := r.running(); got.Version != "" || got.Key != "" {
		t.Errorf("the build from source runs %+v", got)
	}
}
