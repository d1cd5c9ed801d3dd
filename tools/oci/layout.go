package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"time"
)

// The media types of the OCI image specification 1.0.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// name is the image's, without its version.
const name = "localhost/pxebox"

// descriptor refers to a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

// imageConfig is the configuration of an image.
type imageConfig struct {
	Created      string    `json:"created"`
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Config       runConfig `json:"config"`
	RootFS       rootFS    `json:"rootfs"`
	History      []history `json:"history"`
}

type runConfig struct {
	User       string
	Env        []string
	Cmd        []string
	WorkingDir string
	Labels     map[string]string
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type history struct {
	Created   string `json:"created"`
	CreatedBy string `json:"created_by"`
}

// image is the image for one architecture.
type image struct {
	version, architecture   string
	layer, config, manifest []byte
}

func newImage(d deb) (image, error) {
	files, at, err := rootfs(d.files)
	if err != nil {
		return image{}, err
	}
	i := image{version: d.version, architecture: d.architecture}
	if i.layer, err = compress(files); err != nil {
		return image{}, err
	}
	created := at.UTC().Format(time.RFC3339)
	i.config, err = json.Marshal(imageConfig{
		Created: created, Architecture: d.architecture, OS: "linux",
		Config: runConfig{
			User: "pxebox", WorkingDir: "/",
			Env: []string{"PATH=/usr/sbin:/usr/bin"},
			Cmd: []string{"pxebox", "help"}, // either program needs flags, and another container the other one
			Labels: map[string]string{
				"org.opencontainers.image.title":       "pxebox",
				"org.opencontainers.image.version":     d.version,
				"org.opencontainers.image.description": "network boot server with one menu for BIOS, UEFI and WDS",
				"org.opencontainers.image.source":      "https://github.com/pxebox/pxebox",
			},
		},
		RootFS:  rootFS{Type: "layers", DiffIDs: []string{digest(files)}},
		History: []history{{Created: created, CreatedBy: "the Debian package of pxebox " + d.version}},
	})
	if err != nil {
		return image{}, err
	}
	i.manifest, err = json.Marshal(manifest{
		SchemaVersion: 2, MediaType: typeManifest,
		Config: describe(typeConfig, i.config), Layers: []descriptor{describe(typeLayer, i.layer)},
	})
	return i, err
}

// writeLayout writes an OCI image layout whose index names one image for several
// architectures.
func writeLayout(w io.Writer, images []image) error {
	type dockerImage struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	files := map[string]entry{
		"oci-layout": {mode: 0o644, content: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		"blobs":      {mode: 0o755, folder: true}, "blobs/sha256": {mode: 0o755, folder: true},
	}
	add := func(b []byte) string {
		path := "blobs/sha256/" + digest(b)[len("sha256:"):]
		files[path] = entry{mode: 0o644, content: b}
		return path
	}
	all := index{SchemaVersion: 2, MediaType: typeIndex}
	var docker []dockerImage
	reference := name + ":" + tag(images[0].version)
	for _, i := range images {
		d := describe(typeManifest, i.manifest)
		d.Platform = &platform{Architecture: i.architecture, OS: "linux"}
		all.Manifests = append(all.Manifests, d)
		add(i.manifest)
		docker = append(docker, dockerImage{
			Config: add(i.config), RepoTags: []string{reference + "-" + i.architecture},
			Layers: []string{add(i.layer)},
		})
	}
	one, err := json.Marshal(all)
	if err != nil {
		return err
	}
	add(one)
	d := describe(typeIndex, one)
	// podman reads the reference, containerd and Docker the name.
	d.Annotations = map[string]string{
		"org.opencontainers.image.ref.name": reference,
		"io.containerd.image.name":          reference,
	}
	top := index{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{d}}
	for path, content := range map[string]any{"index.json": top, "manifest.json": docker} {
		b, err := json.Marshal(content)
		if err != nil {
			return err
		}
		files[path] = entry{mode: 0o644, content: b}
	}
	b, err := archive(files, time.Unix(0, 0))
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// tag returns a version as the tag of an image: 1.1.0~rc1 is 1.1.0-rc1.
func tag(version string) string { return strings.NewReplacer("~", "-", "+", "-").Replace(version) }

func describe(mediaType string, b []byte) descriptor {
	return descriptor{MediaType: mediaType, Digest: digest(b), Size: len(b)}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// compress packs with gzip, without a time or a name.
func compress(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}
