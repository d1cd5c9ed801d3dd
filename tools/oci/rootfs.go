package main

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// user is the ID of the image's user and group, pxebox. It is none that a Debian
// host gives to a person or a service.
const user = 10067

// The capabilities of the programs, by their numbers in linux/capability.h.
const (
	capNetBindService = 10
	capNetRaw         = 13
)

// kept lists the files of the package that are in the image, with the capabilities
// of programs. A container engine gives a program of an ordinary user only those
// that its file has, and only if the container has all of them.
var kept = map[string][]int{
	"usr/sbin/pxed":                    {capNetBindService, capNetRaw},
	"usr/sbin/menuwatch":               {capNetBindService},
	"usr/bin/pxebox":                   nil,
	"etc/pxebox/pxebox.toml":           nil,
	"usr/share/pxebox/manifest.json":   nil,
	"usr/share/doc/pxebox/pxebox.toml": nil,
	"usr/share/doc/pxebox/copyright":   nil,
}

// accounts are the files that give the user a name.
var accounts = map[string]string{
	"etc/passwd": fmt.Sprintf("root:x:0:0:root:/root:/usr/sbin/nologin\n"+
		"pxebox:x:%d:%[1]d:pxebox network boot server:/var/lib/pxebox:/usr/sbin/nologin\n", user),
	"etc/group": fmt.Sprintf("root:x:0:\npxebox:x:%d:\n", user),
}

// owned lists the folders that the programs write to. A new volume gets the owner
// and mode that the folder below it has in the image.
var owned = []string{"run/pxebox", "var/lib/pxebox"}

// rootfs turns the files of a package into those of the image, as a tar archive.
// newest is the latest time of a file.
func rootfs(files []byte) (layer []byte, newest time.Time, err error) {
	entries := map[string]entry{}
	for r := tar.NewReader(bytes.NewReader(files)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, newest, err
		}
		name := strings.TrimPrefix(h.Name, "./")
		caps, ok := kept[name]
		if !ok || h.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, newest, err
		}
		if h.ModTime.After(newest) {
			newest = h.ModTime
		}
		entries[name] = entry{mode: h.Mode & 0o777, content: content, caps: caps}
	}
	for name := range kept {
		if _, ok := entries[name]; !ok {
			return nil, newest, fmt.Errorf("the package has no file /%s", name)
		}
	}
	for name, content := range accounts {
		entries[name] = entry{mode: 0o644, content: []byte(content)}
	}
	for _, name := range owned {
		entries[name] = entry{mode: 0o755, folder: true, owner: user}
	}
	entries["srv/pxebox"] = entry{mode: 0o755, folder: true}
	for _, name := range slices.Collect(maps.Keys(entries)) {
		for i := range len(name) {
			if name[i] == '/' {
				entries[name[:i]] = entry{mode: 0o755, folder: true}
			}
		}
	}
	layer, err = archive(entries, newest)
	return layer, newest, err
}

// entry is a file or folder of the image.
type entry struct {
	mode    int64
	owner   int
	folder  bool
	content []byte
	caps    []int
}

// archive writes entries in the order of their names, so a folder comes before what
// is in it.
func archive(entries map[string]entry, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: name, Mode: e.mode, Uid: e.owner, Gid: e.owner,
			Size: int64(len(e.content)), ModTime: at, Format: tar.FormatPAX,
		}
		if e.folder {
			h.Typeflag, h.Name = tar.TypeDir, name+"/"
		}
		if e.caps != nil {
			h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": string(capability(e.caps))}
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// capability returns a file's extended attribute with capabilities that its program
// has from its start: vfs_cap_data of linux/capability.h, version 2.
func capability(caps []int) []byte {
	const version2, effective = 0x02000000, 1
	var permitted uint32
	for _, c := range caps {
		permitted |= 1 << c
	}
	var b []byte
	for _, word := range []uint32{version2 | effective, permitted, 0, 0, 0} { // then inheritable, and 32 to 63
		b = binary.LittleEndian.AppendUint32(b, word)
	}
	return b
}
