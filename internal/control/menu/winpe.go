package menu

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/winpe"
)

// file returns the file that a firmware starts for an entry of KindProgram or
// KindWinPE, or "" where there is none.
func (s *site) file(e config.Entry, kind firmware.Kind) string {
	if e.Kind() != config.KindWinPE {
		return program(e, kind)
	}
	name := s.status.WinPE[e.Name].Programs[kind]
	if name == "" {
		name = winpe.DefaultProgram(kind)
	}
	return path.Join(e.WinPE, name)
}

// lacks marks an entry whose image of Windows PE lacks files that the firmware
// needs.
func (s *site) lacks(it *item, kind firmware.Kind) {
	w := s.status.WinPE[it.Name]
	missing := s.missing(it.Entry, kind)
	if len(missing) == 0 {
		return
	}
	files := someOf(missing)
	wim := path.Join(it.WinPE, winpe.WIM)
	switch {
	case w.Reading:
		it.kill("(reading boot.wim)", "The box is still reading "+wim+", and takes out of it: "+files,
			because(readingWIM, "wim", wim, "files", files))
	case w.Problem != "":
		it.kill("(file missing)",
			fmt.Sprintf("The box does not have: %s; and cannot take that out of boot.wim: %s", files, w.Problem),
			because(wimUnreadable, "files", files, "why", w.Problem))
	default:
		it.kill("(file missing)", "The box does not have: "+files, because(filesMissing, "files", files))
	}
}

// someOf names the first few of some files: the menu reserves as many rows as the
// longest help text has.
func someOf(files []string) string {
	const most = 3
	if n := len(files) - most; n > 0 {
		files = append(files[:most:most], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(files, ", ")
}

// startsWinPE returns what the firmware boots for an entry of KindWinPE.
func (s *site) startsWinPE(e config.Entry) handoff.Target {
	w, known := s.status.WinPE[e.Name]
	t := handoff.Target{
		Self: true, Programs: map[firmware.Kind]string{},
		WinPE: &handoff.WinPE{Folder: e.WinPE, Cache: w.Cache},
	}
	kinds := slices.Collect(maps.Keys(w.Programs))
	if !known {
		kinds = []firmware.Kind{bios, uefi}
	}
	for _, kind := range kinds {
		if len(w.Missing[kind]) > 0 {
			continue // the machine gets the menu, which says why
		}
		t.Programs[kind] = s.file(e, kind)
		if newer := w.Programs2023[kind]; newer != "" {
			if t.Alternatives == nil {
				t.Alternatives = map[firmware.Kind][]string{}
			}
			t.Alternatives[kind] = []string{path.Join(e.WinPE, newer)}
		}
	}
	return t
}
