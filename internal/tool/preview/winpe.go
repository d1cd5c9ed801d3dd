package preview

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/winpe"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/control/sitefiles"
	"github.com/pxebox/pxebox/internal/control/wdscerts"
	"github.com/pxebox/pxebox/internal/control/wim"
)

// image is an image of Windows PE in a boot folder.
type image struct {
	files    sitefiles.Image
	wim      string // its boot.wim; empty if there is none
	taken    []string
	programs map[string][]byte // EFI programs of boot.wim
	menu.WinPE
}

// images looks at the images of a configuration, and into their boot.wim.
func images(boot string, c *config.Config) (out []image) {
	folders := sitefiles.Images(c)
	found := sitefiles.LookInImages(boot, "", folders)
	for _, folder := range folders {
		im := image{files: sitefiles.Image{Folder: folder, Usable: func(name string) (sitefiles.File, bool) {
			f := found[name]
			return f, f.Err == nil && f.Size > 0
		}}}
		taken := map[string]firmware.Kind{}
		var lacks []winpe.Source
		if im.wim, lacks, _ = im.files.WIM(); im.wim != "" && len(lacks) > 0 {
			if err := im.lookInto(boot, lacks, taken); err != nil {
				im.Problem = err.Error()
			}
		}
		im.WinPE.State = im.files.State(taken)
		out = append(out, im)
	}
	return out
}

// lookInto finds what the box would take out of boot.wim.
func (im *image) lookInto(boot string, lacks []winpe.Source, taken map[string]firmware.Kind) error {
	f, err := sitefiles.OpenInImage(boot, "", im.wim)
	if err != nil {
		return err
	}
	defer f.Close()
	archive, err := wim.Open(f, f.Size())
	if err != nil {
		return err
	}
	files, err := archive.Find(lacks)
	if err != nil {
		return err
	}
	im.programs = map[string][]byte{}
	for _, file := range files {
		kind := firmware.Kind("")
		if path.Ext(file.Name) == ".efi" {
			var b bytes.Buffer
			if err := archive.Copy(&b, file); err != nil {
				return err
			}
			im.programs[file.Name], kind = b.Bytes(), sitefiles.MachineOf(bytes.NewReader(b.Bytes()))
		}
		taken[file.Name] = kind
		im.taken = append(im.taken, file.Name)
	}
	return nil
}

// winpeStatus returns what menus need to know of the images, by the entry's name.
func winpeStatus(boot string, c *config.Config) map[string]menu.WinPE {
	out := map[string]menu.WinPE{}
	all := images(boot, c)
	for _, e := range c.Entries {
		for _, im := range all {
			if im.files.Folder == e.WinPE {
				out[e.Name] = im.WinPE
			}
		}
	}
	return out
}

// imageNotes prints what images of Windows PE lack, what the box takes out of their
// boot.wim, and who signed their EFI programs.
func imageNotes(out io.Writer, file, boot string, c *config.Config) {
	for _, im := range images(boot, c) {
		note := func(name, format string, args ...any) {
			where := filepath.Join(boot, filepath.FromSlash(name))
			fmt.Fprintf(out, "%s: note: %s%s\n", file, where, fmt.Sprintf(format, args...))
		}
		users := sitefiles.Users(c, path.Join(im.files.Folder, winpe.WIM))
		switch {
		case im.Problem != "":
			note(im.wim, ": %s", im.Problem)
		case len(im.taken) > 0:
			note(im.wim, ": the box takes out of it, because the folder lacks it: %s", strings.Join(im.taken, ", "))
		}
		for _, kind := range []firmware.Kind{firmware.BIOS, firmware.UEFIX64} {
			if missing := im.Missing[kind]; len(missing) > 0 {
				note(im.files.Folder, " lacks what %s needs: %s, for %s", kind, strings.Join(missing, ", "), users)
			}
		}
		for _, name := range im.efi() {
			full := path.Join(im.files.Folder, name)
			if b, ok := im.programs[name]; ok {
				note(im.wim, ": %s: %s", name, aboutSigners(b))
			} else if b, err := sitefiles.Read(boot, "", config.Files{AnyCase: true}, full, wdscerts.MaxSize); err != nil {
				note(full, " cannot be read, for %s: %v", users, err)
			} else {
				note(full, ": %s", aboutSigners(b))
			}
		}
	}
}

// efi returns the EFI programs by which an image starts.
func (im *image) efi() (names []string) {
	for _, programs := range []map[firmware.Kind]string{im.Programs, im.Programs2023} {
		for kind, name := range programs {
			if kind != firmware.BIOS {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
