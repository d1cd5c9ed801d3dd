package compile

import (
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/generation"
)

// parts returns which boot files belong to which entries.
func parts(entries []config.Entry) map[string]generation.Part {
	var out map[string]generation.Part
	add := func(entry string, role trace.Role, names ...string) {
		for _, name := range names {
			if name == "" {
				continue
			}
			file := strings.ToLower(strings.TrimLeft(name, "/")) // names of one file may differ in case
			if out == nil {
				out = map[string]generation.Part{}
			}
			p, ok := out[file]
			switch {
			case !ok:
				p = generation.Part{Role: role, Entry: entry}
			case p.Entry != entry:
				p.Entry = ""
			}
			out[file] = p
		}
	}
	for _, e := range entries {
		add(e.Name, trace.Kernel, e.Kernel, e.File, e.EFI)
		add(e.Name, trace.Initrd, e.Initrd...)
		for line := range strings.Lines(e.PXELINUX) {
			role, names := inPXELINUX(line)
			add(e.Name, role, names...)
		}
		for line := range strings.Lines(e.GRUB) {
			role, names := inGRUB(line)
			add(e.Name, role, names...)
		}
	}
	return out
}

// inPXELINUX returns the files that a line for PXELINUX loads (doc/syslinux.txt),
// and what they are.
func inPXELINUX(line string) (role trace.Role, files []string) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return "", nil
	}
	switch directive := strings.ToUpper(words[0]); directive {
	case "KERNEL", "LINUX", "BOOT", "BSS", "PXE", "FDIMAGE", "COMBOOT", "COM32":
		return trace.Kernel, plainNames(words[1:2])
	case "INITRD":
		return trace.Initrd, plainNames(strings.Split(words[1], ","))
	case "APPEND":
		for _, w := range words[1:] {
			if names, ok := strings.CutPrefix(w, "initrd="); ok {
				files = append(files, plainNames(strings.Split(names, ","))...)
			}
		}
	}
	return trace.Initrd, files
}

// inGRUB is like inPXELINUX, for a line of GRUB's commands.
func inGRUB(line string) (role trace.Role, files []string) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return "", nil
	}
	command, files := words[0], words[1:]
	for i := range files {
		files[i] = strings.Trim(files[i], `"'`)
	}
	switch {
	case slices.Contains([]string{"linux", "linuxefi", "linux16", "chainloader"}, command):
		return trace.Kernel, plainNames(files[:1])
	case slices.Contains([]string{"initrd", "initrdefi", "initrd16"}, command):
		return trace.Initrd, plainNames(files)
	}
	return "", nil
}

// plainNames returns those of some names that are names of boot files, and not
// those on another server, on a disk, or in a variable.
func plainNames(names []string) (out []string) {
	for _, n := range names {
		if n = pxelinux.CleanName(n); n != "" && !strings.ContainsAny(n, ":$()") {
			out = append(out, n)
		}
	}
	return out
}
