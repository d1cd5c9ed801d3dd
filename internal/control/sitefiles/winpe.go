package sitefiles

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/winpe"
)

// Images returns the folders with images of Windows PE, in the order of the
// configuration and without duplicates.
func Images(c *config.Config) (folders []string) {
	seen := map[string]bool{}
	for _, e := range c.Entries {
		if e.WinPE != "" && !seen[e.WinPE] {
			seen[e.WinPE] = true
			folders = append(folders, e.WinPE)
		}
	}
	return folders
}

// inImages finds files in images of Windows PE, whose names have any case.
var inImages = config.Files{AnyCase: true}

// LookInImages looks for the files of images of Windows PE, as Look does. Which of
// them an image needs is for Image to say.
func LookInImages(dir, stick string, folders []string) map[string]File {
	var wanted []string
	for _, folder := range folders {
		for _, name := range winpe.Names() {
			wanted = append(wanted, path.Join(folder, name))
		}
	}
	return Look(dir, stick, inImages, wanted)
}

// Image is an image of Windows PE, as its folder has it.
type Image struct {
	Folder string
	// Usable returns a file of the folder, by its name in the boot folder; false if
	// machines must not be sent to load it.
	Usable func(name string) (File, bool)
}

func (i Image) has(name string) bool {
	_, ok := i.Usable(path.Join(i.Folder, name))
	return ok
}

// WIM returns the image's boot.wim, and what is to be taken out of it. The name is
// empty if there is no such file. Key differs if something else would be taken
// out.
func (i Image) WIM() (name string, lacks []winpe.Source, key string) {
	for _, n := range winpe.WIMNames() {
		f, ok := i.Usable(path.Join(i.Folder, n))
		if !ok {
			continue
		}
		name, lacks = path.Join(i.Folder, n), winpe.Lacks(i.has)
		h := sha256.New()
		fmt.Fprintf(h, "%q %d %d %d", name, f.Size, f.Changed.UnixNano(), f.Inode)
		for _, s := range lacks {
			fmt.Fprintf(h, " %q", s)
		}
		return name, lacks, hex.EncodeToString(h.Sum(nil)[:8])
	}
	return "", nil, ""
}

// State returns which firmware can start the image, with what was taken out of its
// boot.wim: files with the firmware that starts them, if they are EFI programs.
func (i Image) State(taken map[string]firmware.Kind) winpe.State {
	return winpe.Evaluate(winpe.Files{
		Has:    i.has,
		Cached: func(name string) bool { _, ok := taken[name]; return ok },
		Machine: func(name string) firmware.Kind {
			if f, ok := i.Usable(path.Join(i.Folder, name)); ok {
				return f.Machine
			}
			return taken[name]
		},
	})
}

// OpenInImage opens a file of an image of Windows PE.
func OpenInImage(dir, stick, name string) (*bootfiles.OnDisk, error) {
	files, close := open(dir, stick, inImages)
	defer close()
	f, err := files.Open(name, bootfiles.Reader{})
	if err != nil {
		return nil, err
	}
	onDisk, ok := f.(*bootfiles.OnDisk)
	if !ok {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return onDisk, nil
}
