package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

var commit = time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)

// packed returns a package with the files of the image and others.
func packed(t *testing.T, architecture string, without ...string) deb {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range append(slices.Sorted(maps.Keys(kept)), "usr/lib/systemd/system/pxed.service") {
		if slices.Contains(without, name) {
			continue
		}
		content := architecture + " " + name
		h := &tar.Header{Name: "./" + name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content)), ModTime: commit}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
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
		i, err := newImage(packed(t, architecture))
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
	if _, ok := files["usr/lib/systemd/system/pxed.service"]; ok {
		t.Error("systemd's unit is in the image")
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

func TestPackageWithoutProgram(t *testing.T) {
	if _, err := newImage(packed(t, "amd64", "usr/sbin/pxed")); err == nil ||
		!strings.Contains(err.Error(), "the package has no file /usr/sbin/pxed") {
		t.Errorf("the error is %v", err)
	}
}
