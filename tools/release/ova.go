package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

//go:embed pxebox.ovf
var ovfTemplate string

// ovf returns the descriptor of the virtual machine (DMTF DSP0243 1.1).
func ovf(version, vmdk string, fileSize, capacity int64) ([]byte, error) {
	escape := func(s string) (string, error) {
		var b strings.Builder
		err := xml.EscapeText(&b, []byte(s))
		return b.String(), err
	}
	t, err := template.New("ovf").Funcs(template.FuncMap{"xml": escape}).Parse(ovfTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, struct {
		Version, VMDK      string
		FileSize, Capacity int64
	}{version, vmdk, fileSize, capacity})
	return b.Bytes(), err
}

// makeOVA puts a VMDK, which has to be of the kind streamOptimized, and the
// descriptor into one file. Its manifest has a SHA-256 of each (DSP0243 5.1).
func makeOVA(version, at, vmdk, file string) error {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return err
	}
	disk, err := os.Open(vmdk)
	if err != nil {
		return err
	}
	defer disk.Close()
	info, err := disk.Stat()
	if err != nil {
		return err
	}
	h, err := readVMDKHeader(disk)
	if err != nil {
		return fmt.Errorf("%s: %w", vmdk, err)
	}
	name := strings.TrimSuffix(filepath.Base(file), ".ova")
	descriptor, err := ovf(version, filepath.Base(vmdk), info.Size(), int64(h.Capacity)*vmdkSector)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, disk); err != nil {
		return err
	}
	if _, err := disk.Seek(0, io.SeekStart); err != nil {
		return err
	}
	manifest := fmt.Sprintf("SHA256(%s.ovf)= %x\nSHA256(%s)= %x\n",
		name, sha256.Sum256(descriptor), filepath.Base(vmdk), sum.Sum(nil))

	out, err := os.Create(file)
	if err != nil {
		return err
	}
	// The descriptor comes first; a reader must know what the disk is for.
	err = writeTar(out, t, []entry{
		{name + ".ovf", int64(len(descriptor)), bytes.NewReader(descriptor)},
		{name + ".mf", int64(len(manifest)), strings.NewReader(manifest)},
		{filepath.Base(vmdk), info.Size(), disk},
	})
	return errors.Join(err, out.Close())
}

type entry struct {
	name    string
	size    int64
	content io.Reader
}

// writeTar writes files as USTAR, which DSP0243 asks for.
func writeTar(w io.Writer, at time.Time, entries []entry) error {
	t := tar.NewWriter(w)
	for _, e := range entries {
		header := tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: e.size, Mode: 0o644,
			ModTime: at, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := io.Copy(t, e.content); err != nil {
			return err
		}
	}
	return t.Close()
}
