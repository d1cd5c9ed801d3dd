package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var commit = time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)

// packed returns a package with the files of the image and others. change may change
// a file; one that it returns false for is left out.
func packed(t *testing.T, architecture string, change func(*tar.Header) bool) deb {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range append(slices.Sorted(maps.Keys(kept)), "usr/lib/systemd/system/pxed.service") {
		content := architecture + " " + name
		h := &tar.Header{Name: "./" + name, Typeflag: tar.TypeReg, Mode: 0o4755, Size: int64(len(content)), ModTime: commit}
		if name == "usr/share/pxebox/manifest.json" {
			h.Mode, h.ModTime = 0o644, commit.Add(-time.Hour) // older than the files before it
		}
		if change != nil && !change(h) {
			continue
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return deb{version: "1.1.0~rc1", architecture: architecture, files: b.Bytes()}
}

// layout makes the image of two architectures.
func layout(t *testing.T) []byte {
	t.Helper()
	var images []image
	for _, architecture := range []string{"amd64", "arm64"} {
		i, err := newImage(packed(t, architecture, nil))
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, i)
	}
	var b bytes.Buffer
	if err := writeLayout(&b, images); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// file is a file of a tar archive.
type file struct {
	tar.Header
	content []byte
}

func unpack(t *testing.T, archive io.Reader) map[string]file {
	t.Helper()
	files := map[string]file{}
	for r := tar.NewReader(archive); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = file{*h, content}
	}
}

func decode(t *testing.T, b []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
}

// blob returns what a descriptor refers to, and checks it.
func blob(t *testing.T, files map[string]file, d descriptor, mediaType string) []byte {
	t.Helper()
	f, ok := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
	if !ok || d.MediaType != mediaType || d.Size != len(f.content) || digest(f.content) != d.Digest {
		t.Fatalf("the blob of %+v is wrong: %v, %d bytes, %s", d, ok, len(f.content), digest(f.content))
	}
	return f.content
}

func TestLayout(t *testing.T) {
	written := layout(t)
	files := unpack(t, bytes.NewReader(written))
	if got := string(files["oci-layout"].content); got != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout is %s", got)
	}
	var top, all index
	decode(t, files["index.json"].content, &top)
	if len(top.Manifests) != 1 || top.Manifests[0].Annotations["org.opencontainers.image.ref.name"] !=
		"localhost/pxebox:1.1.0-rc1" {
		t.Fatalf("index.json is %+v", top)
	}
	decode(t, blob(t, files, top.Manifests[0], typeIndex), &all)
	var docker []struct {
		Config           string
		RepoTags, Layers []string
	}
	decode(t, files["manifest.json"].content, &docker)
	if len(all.Manifests) != 2 || len(docker) != 2 {
		t.Fatalf("there are %d and %d images, want 2", len(all.Manifests), len(docker))
	}
	for n, architecture := range []string{"amd64", "arm64"} {
		d := all.Manifests[n]
		if *d.Platform != (platform{Architecture: architecture, OS: "linux"}) {
			t.Errorf("image %d is for %+v", n, d.Platform)
		}
		var m manifest
		decode(t, blob(t, files, d, typeManifest), &m)
		var c imageConfig
		decode(t, blob(t, files, m.Config, typeConfig), &c)
		if c.Architecture != architecture || c.OS != "linux" || c.Config.User != "pxebox" ||
			c.Created != "2026-11-30T10:00:00Z" || len(m.Layers) != 1 || len(c.RootFS.DiffIDs) != 1 {
			t.Errorf("the configuration is %+v, the layers are %+v", c, m.Layers)
		}
		packed, err := gzip.NewReader(bytes.NewReader(blob(t, files, m.Layers[0], typeLayer)))
		if err != nil {
			t.Fatal(err)
		}
		layer, err := io.ReadAll(packed)
		if err != nil || digest(layer) != c.RootFS.DiffIDs[0] {
			t.Errorf("the layer is not the one of the configuration: %v", err)
		}
		checkRootfs(t, architecture, unpack(t, bytes.NewReader(layer)))
		for _, path := range append(docker[n].Layers, docker[n].Config) {
			if _, ok := files[path]; !ok {
				t.Errorf("manifest.json names %s, which is missing", path)
			}
		}
		if want := "localhost/pxebox:1.1.0-rc1-" + architecture; !slices.Equal(docker[n].RepoTags, []string{want}) {
			t.Errorf("Docker's tags are %q, want %s", docker[n].RepoTags, want)
		}
	}
	if !bytes.Equal(written, layout(t)) {
		t.Error("two runs differ")
	}
}

func checkRootfs(t *testing.T, architecture string, files map[string]file) {
	t.Helper()
	names := slices.Sorted(maps.Keys(files))
	if want := []string{
		"etc/", "etc/group", "etc/passwd", "etc/pxebox/", "etc/pxebox/pxebox.toml", "run/", "run/pxebox/", "srv/",
		"srv/pxebox/", "usr/", "usr/bin/", "usr/bin/pxebox", "usr/sbin/", "usr/sbin/menuwatch", "usr/sbin/pxed",
		"usr/share/", "usr/share/doc/", "usr/share/doc/pxebox/", "usr/share/doc/pxebox/copyright",
		"usr/share/doc/pxebox/pxebox.toml", "usr/share/pxebox/", "usr/share/pxebox/manifest.json", "var/", "var/lib/",
		"var/lib/pxebox/",
	}; !slices.Equal(names, want) {
		t.Errorf("the image has %q, want %q", names, want)
	}
	if mode := files["usr/share/pxebox/manifest.json"].Mode; mode != 0o644 {
		t.Errorf("a text has the mode %o", mode)
	}
	const attribute = "SCHILY.xattr.security.capability"
	for name, caps := range map[string]string{
		// Bits 10 and 13, and 10: CAP_NET_BIND_SERVICE and CAP_NET_RAW.
		"usr/sbin/pxed":      "\x01\x00\x00\x02\x00\x24\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"usr/sbin/menuwatch": "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"usr/bin/pxebox":     "",
	} {
		f := files[name]
		if string(f.content) != architecture+" "+name || f.Mode != 0o755 || f.Uid != 0 {
			t.Errorf("%s is %q with mode %o of user %d", name, f.content, f.Mode, f.Uid)
		}
		if got := f.PAXRecords[attribute]; got != caps {
			t.Errorf("%s has the capabilities %x, want %x", name, got, caps)
		}
	}
	for name, owner := range map[string]int{
		"etc/": 0, "etc/pxebox/": 0, "srv/pxebox/": 0, "run/pxebox/": user, "var/lib/pxebox/": user,
	} {
		if f, ok := files[name]; !ok || f.Typeflag != tar.TypeDir || f.Uid != owner || f.Gid != owner || f.Mode != 0o755 {
			t.Errorf("%s: %v, user %d, mode %o; want user %d", name, ok, f.Uid, f.Mode, owner)
		}
	}
	if !strings.Contains(string(files["etc/passwd"].content), "\npxebox:x:10067:10067:") {
		t.Errorf("/etc/passwd is %s", files["etc/passwd"].content)
	}
}

// A package that lacks something makes no image.
func TestPackageIsRefused(t *testing.T) {
	const program = "./usr/sbin/pxed"
	files := packed(t, "amd64", nil).files
	for situation, tt := range map[string]struct {
		deb deb
		err string
	}{
		"without a program": {packed(t, "amd64", func(h *tar.Header) bool { return h.Name != program }),
			"the package has no file /usr/sbin/pxed"},
		"a link in place of a program": {packed(t, "amd64", func(h *tar.Header) bool {
			if h.Name == program {
				h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, "/bin/true", 0
			}
			return true
		}), "the package has no file /usr/sbin/pxed"},
		"cut off in a header": {deb{files: files[:100]}, "unexpected EOF"},
		"cut off in a file":   {deb{files: files[:513]}, "unexpected EOF"},
	} {
		if _, err := newImage(tt.deb); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", situation, err)
		}
	}
}

// A full disk is an error.
func TestLayoutIsNotWritten(t *testing.T) {
	i, err := newImage(packed(t, "amd64", nil))
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	r.Close()
	if err := writeLayout(w, []image{i}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the error is %v", err)
	}
}

// buildPackage builds a Debian package with the files of the image, without some.
func buildPackage(t *testing.T, version, architecture string, without ...string) string {
	t.Helper()
	dir := t.TempDir()
	for name := range maps.Keys(kept) {
		if slices.Contains(without, name) {
			continue
		}
		writeFile(t, filepath.Join(dir, "root", name), name)
	}
	writeFile(t, filepath.Join(dir, "root", "DEBIAN", "control"), "Package: pxebox\nVersion: "+version+
		"\nArchitecture: "+architecture+"\nMaintainer: x <x@example.org>\nDescription: x\n")
	file := filepath.Join(dir, "pxebox.deb")
	if out, err := exec.Command("dpkg-deb", "--build", "--root-owner-group", filepath.Join(dir, "root"), file).
		CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// The image's file is there when it is complete, or not at all.
func TestWrite(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("dpkg-deb is not installed: it is part of Debian's dpkg")
	}
	amd64, arm64 := buildPackage(t, "1.0.0", "amd64"), buildPackage(t, "1.0.0", "arm64")
	text := filepath.Join(t.TempDir(), "text")
	writeFile(t, text, "not a package")
	for situation, tt := range map[string]struct {
		debs []string
		out  string // in place of pxebox-oci.tar
		err  string
	}{
		"two architectures": {debs: []string{amd64, arm64}},
		"two versions": {debs: []string{amd64, buildPackage(t, "1.0.1", "arm64")},
			err: "pxebox.deb is of version 1.0.0, "},
		"not a package": {debs: []string{amd64, text}, err: "dpkg-deb: error: "},
		"no package":    {debs: []string{text + "x"}, err: "dpkg-deb: error: "},
		"not of pxebox": {debs: []string{buildPackage(t, "1.0.0", "amd64", "usr/sbin/pxed")},
			err: "pxebox.deb: the package has no file /usr/sbin/pxed"},
		"a folder that is not there":   {debs: []string{amd64}, out: "none/pxebox-oci.tar", err: "no such file"},
		"a folder in the file's place": {debs: []string{amd64}, out: "folder", err: "file exists"},
	} {
		t.Run(situation, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, cmp.Or(tt.out, "pxebox-oci.tar"))
			err := write(out, tt.debs)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("the error is %v", err)
			}
			if parts, err := filepath.Glob(filepath.Join(dir, ".oci-*")); err != nil || len(parts) > 0 {
				t.Errorf("left in the folder: %v, %v", parts, err)
			}
			info, err := os.Stat(out)
			if tt.err != "" {
				if err == nil && !info.IsDir() {
					t.Error("there is an image")
				}
				return
			}
			if err != nil || info.Mode() != 0o644 {
				t.Fatalf("%v, %v", info, err)
			}
			f, err := os.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var docker []struct{ RepoTags []string }
			var tags []string
			if err := json.Unmarshal(unpack(t, f)["manifest.json"].content, &docker); err != nil {
				t.Fatal(err)
			}
			for _, i := range docker {
				tags = append(tags, i.RepoTags...)
			}
			if want := []string{"localhost/pxebox:1.0.0-amd64", "localhost/pxebox:1.0.0-arm64"}; !slices.Equal(tags, want) {
				t.Errorf("its tags are %q", tags)
			}
		})
	}
}
