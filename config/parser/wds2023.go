package parser

import (
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// programs2023 are the programs that Windows Server has next to those of
// programs, signed with the certificates of 2023. There are none for IA32.
var programs2023 = []struct {
	firmware firmware.Kind
	file     string
}{
	{"uefi-x64", `boot_EX\x64\wdsmgfw_EX.efi`},
	{"uefi-arm64", `boot_EX\arm64\wdsmgfw_EX.efi`},
}

// wdsPrograms2023 are the keys of a [[wds]] for these programs.
func wdsPrograms2023() []field {
	var out []field
	for _, p := range programs2023 {
		out = append(out, field{string(p.firmware) + "-2023", "'" + p.file + "'", func(r *reader, v value) {
			last(r.cfg.WDS).Programs2023[p.firmware] = v.wdsProgram()
		}})
	}
	return out
}

// fill2023 completes the programs of 2023. Windows' default counts only if the
// other program is Windows' own too: a server for which the site names another
// one, such as Configuration Manager's, may have a program of Windows that leads
// elsewhere.
func fill2023(w *config.WDS) {
	for _, p := range programs2023 {
		file, named := w.Programs2023[p.firmware]
		switch {
		case named && file == "":
			delete(w.Programs2023, p.firmware)
		case !named && isDefault(p.firmware, w.Programs[p.firmware]):
			w.Programs2023[p.firmware] = p.file
		}
	}
}

// isDefault reports whether a program is the one that Windows has for a firmware.
// Windows ignores case, and a leading backslash.
func isDefault(kind firmware.Kind, file string) bool {
	for _, p := range programs {
		if p.firmware == kind {
			return strings.EqualFold(strings.TrimPrefix(file, `\`), p.file)
		}
	}
	return false
}
