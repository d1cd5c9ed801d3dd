package pxed

import (
	"net/netip"
	"path"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/winpe"
)

// ownProgram is a program of this box that firmware starts.
type ownProgram struct {
	file  string // as Clean returns it
	entry string
	winpe *winpe.View // the image that it starts; nil if it is not Windows' boot manager
}

// ownPrograms returns these programs by their names as Fold returns them.
func ownPrograms(all []handoff.OwnProgram) map[string]ownProgram {
	own := map[string]ownProgram{}
	for _, p := range all {
		file, err := bootfiles.Clean(p.File)
		if err != nil {
			continue
		}
		o := ownProgram{file: file, entry: p.Entry}
		if p.WinPE != nil {
			o.winpe = &winpe.View{Folder: p.WinPE.Folder, Cache: p.WinPE.Cache, BIOS: p.BIOS}
		}
		name := bootfiles.Fold(p.File)
		if old, ok := own[name]; ok && old.entry != o.entry {
			o.entry = "" // several entries start it
		}
		own[name] = o
	}
	return own
}

// runs sets where the machine at an address finds its files first: in the folder
// of the program that it runs, or in that program's image of Windows PE.
func (f *files) runs(now *served, client netip.Addr, r *bootfiles.Reader) {
	program := f.desk.Runs(time.Now(), client)
	switch own := now.own[bootfiles.Fold(program)]; {
	case program == "":
	case own.winpe != nil:
		r.WinPE = own.winpe
	default:
		r.Folder = path.Dir(program)
	}
}

// winpePart returns what a file is to the boot of Windows PE; false if it belongs
// to no such boot. Windows' boot manager asks for about a dozen files that are
// normally missing, so these have no role.
func (f *files) winpePart(now *served, e trace.Event) (role trace.Role, entry string, ok bool) {
	name, err := bootfiles.Clean(e.What)
	if err != nil {
		return "", "", false
	}
	own, ok := now.own[bootfiles.Fold(name)]
	if !ok {
		own = now.own[bootfiles.Fold(f.desk.Runs(time.Now(), e.Addr))]
	}
	if own.winpe == nil {
		return "", "", false
	}
	switch own.winpe.PartOf(name) {
	case winpe.Program:
		return trace.Kernel, own.entry, true
	case winpe.Data, winpe.Image:
		return trace.Initrd, own.entry, true
	}
	return "", "", false
}
