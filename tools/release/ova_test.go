package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A disk that is not a VMDK, or not there, makes no OVA.
func TestOVARefuses(t *testing.T) {
	dir := t.TempDir()
	vmdk, text := filepath.Join(dir, "right.vmdk"), filepath.Join(dir, "text.vmdk")
	header := bytes.NewBuffer(nil)
	if err := binary.Write(header, binary.LittleEndian, vmdkHeader{Magic: [4]byte{'K', 'D', 'M', 'V'}}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(vmdk, header.Bytes(), 0o644),
		os.WriteFile(text, bytes.Repeat([]byte("x"), 512), 0o644)); err != nil {
		t.Fatal(err)
	}
	const at = "2026-11-30T01:00:00Z"
	for situation, tt := range map[string]struct{ at, vmdk, ova, err string }{
		"a date without a time":   {"2026-11-30", vmdk, "a.ova", "parsing time"},
		"no disk":                 {at, vmdk + "x", "a.ova", "no such file"},
		"a text":                  {at, text, "a.ova", "text.vmdk: this is not a VMDK"},
		"no folder":               {at, vmdk, "none/a.ova", "no such file"},
		"a name that tar refuses": {at, vmdk, strings.Repeat("x", 200) + ".ova", "USTAR"},
	} {
		err := makeOVA("1.2.0", tt.at, tt.vmdk, filepath.Join(dir, tt.ova))
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", situation, err)
		}
	}
}

// The descriptor is well-formed, describes the disk, and comes first; the sums in
// the manifest are right; two files are equal.
func TestOVA(t *testing.T) {
	dir := t.TempDir()
	vmdk, file := filepath.Join(dir, "pxebox-1.2.0-amd64.vmdk"), filepath.Join(dir, "pxebox-1.2.0-amd64.ova")
	var content bytes.Buffer
	header := vmdkHeader{Magic: [4]byte{'K', 'D', 'M', 'V'}, Version: 3, Capacity: 4096}
	if err := binary.Write(&content, binary.LittleEndian, header); err != nil {
		t.Fatal(err)
	}
	content.Write(make([]byte, 5000))
	if err := os.WriteFile(vmdk, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var files [2][]byte
	for i := range files {
		if err := makeOVA("1.2.0", "2026-11-30T01:00:00Z", vmdk, file); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = b
		// The mode and time of the disk's file are not in it.
		if err := os.Chmod(vmdk, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("two files differ")
	}

	var names []string
	parts := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(files[0])); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Format != tar.FormatUSTAR {
			t.Errorf("%s is in the format %v", h.Name, h.Format)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names, parts[h.Name] = append(names, h.Name), string(b)
	}
	want := []string{"pxebox-1.2.0-amd64.ovf", "pxebox-1.2.0-amd64.mf", "pxebox-1.2.0-amd64.vmdk"}
	if !slices.Equal(names, want) {
		t.Fatalf("the files are %v", names)
	}
	var sums string
	for _, name := range []string{want[0], want[2]} {
		sums += fmt.Sprintf("SHA256(%s)= %x\n", name, sha256.Sum256([]byte(parts[name])))
	}
	if parts[want[1]] != sums {
		t.Errorf("the manifest is\n%sand not\n%s", parts[want[1]], sums)
	}
	descriptor := parts[want[0]]
	for _, part := range []string{
		`ovf:href="pxebox-1.2.0-amd64.vmdk"`, fmt.Sprintf(`ovf:size="%d"`, content.Len()), `ovf:capacity="2097152"`,
		"<Version>1.2.0</Version>", "<rasd:ResourceSubType>AHCI</rasd:ResourceSubType>",
	} {
		if !strings.Contains(descriptor, part) {
			t.Errorf("the descriptor lacks %s:\n%s", part, descriptor)
		}
	}
	for d := xml.NewDecoder(strings.NewReader(descriptor)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
