// Oci makes a container image from Debian packages of pxebox, an image for each
// architecture in one file. The file is an OCI image layout in a tar archive, which
// podman, skopeo and containerd load; for Docker it also has the index that "docker
// save" writes.
//
//	oci -o pxebox-oci.tar pxebox_1.0.0_amd64.deb pxebox_1.0.0_arm64.deb
//
// Two runs on the same packages write equal files. It needs dpkg-deb, no container
// engine and no root.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	out := flag.String("o", "", "the `file` to write")
	flag.Parse()
	if *out == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: oci -o FILE DEB...")
		os.Exit(2)
	}
	if err := write(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "oci:", err)
		os.Exit(1)
	}
}

// write makes the image from packages, and moves it to its place when it is
// complete.
func write(path string, debs []string) error {
	var images []image
	for _, deb := range debs {
		p, err := readPackage(deb)
		if err != nil {
			return fmt.Errorf("%s: %w", deb, err)
		}
		if len(images) > 0 && images[0].version != p.version {
			return fmt.Errorf("%s is of version %s, %s of %s", debs[0], images[0].version, deb, p.version)
		}
		i, err := newImage(p)
		if err != nil {
			return fmt.Errorf("%s: %w", deb, err)
		}
		images = append(images, i)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".oci-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // which fails once it is renamed
	if err := errors.Join(writeLayout(f, images), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// deb is a Debian package: the fields that are needed, and its files as a tar
// archive.
type deb struct {
	version, architecture string
	files                 []byte
}

func readPackage(path string) (deb, error) {
	fields, err := run("dpkg-deb", "-f", path, "Version", "Architecture")
	if err != nil {
		return deb{}, err
	}
	var d deb
	for line := range strings.Lines(string(fields)) {
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "Version":
			d.version = strings.TrimSpace(value)
		case "Architecture":
			d.architecture = strings.TrimSpace(value) // Debian and Go both write amd64 and arm64
		}
	}
	d.files, err = run("dpkg-deb", "--fsys-tarfile", path)
	return d, err
}

func run(name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w: %s", cmd, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
