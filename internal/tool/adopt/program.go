package adopt

import (
	"path"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// httpLoader is the PXELINUX that loads from HTTP and FTP URLs (doc/pxelinux.txt,
// "lpxelinux.0").
const httpLoader = "lpxelinux.0"

// noServer is the placeholder for a WDS server that the menus do not name. It
// never resolves (RFC 2606 §2).
const noServer = "wds.invalid"

// program converts a program into the box's equivalent entry. ok is false for all
// other programs.
func (c *converter) program(e *pxelinux.Entry, image, arguments string) (out config.Entry, files []used, ok bool) {
	name := base(image)
	by := lineOf(e.Lines, e.Line, e.Type)
	stem := strings.TrimSuffix(name, path.Ext(name))
	switch {
	case name == "chain.c32" && wholeDisk(arguments), stem == "abortpxe" && isNBP(name):
		// Windows' abortpxe ends the network boot, and the BIOS continues with
		// the disk.
		return config.Entry{Disk: true}, nil, true
	case name == "chain.c32":
		c.remark(by, "a menu on UEFI does not show it: it starts another disk, or a partition of one")
	case name == "reboot.c32" || name == "reboot.com":
		return power("reboot", arguments), nil, true
	case name == "poweroff.c32" || name == "poweroff.com":
		return power("poweroff", arguments), nil, true
	case stem == "wdsnbp" && isNBP(name), isNBP(name) && slices.Contains(windows, stem) && c.isWDSFolder(image):
		c.lost(by, "is the boot program of the WDS server that this folder comes from: write that server below [[wds]]")
		out, files, why := c.wdsAt(noServer, wdsBIOS)
		return out, files, why == ""
	case isNBP(name) && slices.Contains(windows, stem):
		c.remark(by,
			"is the Windows boot program, which also loads bootmgr.exe, Boot/BCD and the files that BCD names: copy them")
	case name == "mboot.c32":
		return c.mboot(image, arguments, by)
	}
	return out, nil, false
}

// windows are Windows' boot programs for a BIOS, including those of RIS.
var windows = []string{"pxeboot", "startrom", "hdlscom1", "hdlscom2"}

func isNBP(name string) bool {
	return slices.Contains([]string{".com", ".n12", ".0"}, strings.ToLower(path.Ext(name)))
}

// isWDSFolder reports whether a program is in the folder of a WDS server, which
// also contains wdsnbp.com; some guides tell users to rename the program for
// PXELINUX.
func (c *converter) isWDSFolder(image string) bool {
	dir := path.Dir(strings.ReplaceAll(image, `\`, "/"))
	for _, name := range []string{"wdsnbp.com", "wdsnbp.0", "wdsmgfw.efi"} {
		if _, ok := c.lookup(path.Join(dir, name)); ok {
			return true
		}
	}
	return false
}

// wholeDisk reports whether chain.c32 starts the first disk as firmware does
// (doc/chain.txt): partition 0 is the disk's boot record.
func wholeDisk(arguments string) bool {
	words := slices.DeleteFunc(strings.Fields(strings.ToLower(arguments)), func(w string) bool {
		return w == "swap" || w == "keeppxe" || w == "0"
	})
	return len(words) == 1 && slices.Contains([]string{"hd0", "hd0,0", "0x80", "boot", "boot,0"}, words[0]) ||
		len(words) == 0 && strings.TrimSpace(arguments) != ""
}

// power restarts or powers off the machine, on each firmware.
func power(what, arguments string) config.Entry {
	lines := pxelinux.Append([]string{"COM32 " + what + ".c32"}, pxelinux.Decode(arguments))
	command := map[string]string{"reboot": "reboot", "poweroff": "halt"}[what] // GRUB's command
	return config.Entry{PXELINUX: strings.Join(lines, "\n"), GRUB: command}
}

// mboot adds the files that ESXi's mboot.c32 loads without being told: boot.cfg
// names them. SYSLINUX has a different program with that name, which does not
// read boot.cfg.
func (c *converter) mboot(image, arguments string, by pxelinux.Line) (out config.Entry, files []used, ok bool) {
	module, there := c.lookup(image)
	dir := path.Dir(strings.ReplaceAll(image, `\`, "/"))
	list := path.Join(dir, "boot.cfg")
	words := strings.Fields(arguments)
	if i := slices.Index(words, "-c"); i >= 0 && i+1 < len(words) {
		list = strings.ReplaceAll(words[i+1], `\`, "/")
	}
	cfg, found := c.lookup(list)
	if !there || !found {
		return out, nil, false
	}
	data, err := c.read(list)
	if err != nil {
		c.lost(by, "%s cannot be read: %v", list, err)
		return out, nil, false
	}
	c.esxi[module] = true
	c.remark(by, "is VMware's own, for PXELINUX 3.86, and the box's PXELINUX 6 cannot start it; "+
		"%s and what it names are copied",
		path.Base(list))
	files = []used{{module, by}, {cfg, by}}
	prefix, modules := bootCfg(string(data))
	for _, m := range modules {
		name, found := "", false
		for _, folder := range []string{prefix, dir, ""} {
			if name, found = c.lookup(path.Join(folder, strings.TrimLeft(m, "/"))); found {
				break
			}
		}
		if !found {
			c.remark(by, "%s names %s, which does not exist", list, brief(m))
			continue
		}
		files = append(files, used{name, by})
	}
	return config.Entry{File: module, Append: arguments}, files, true
}

// bootCfg returns the files in ESXi's boot.cfg, and their folder.
func bootCfg(text string) (prefix string, files []string) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "prefix":
			prefix = value
		case "kernel":
			files = append(files, first(value))
		case "modules":
			for m := range strings.SplitSeq(value, "---") {
				files = append(files, first(m))
			}
		}
	}
	return prefix, slices.DeleteFunc(files, func(s string) bool { return s == "" || s == "/" })
}

// url reports a name that only httpLoader can load.
func (c *converter) url(name string, by pxelinux.Line) {
	scheme, _, ok := strings.Cut(strings.ToLower(name), "://")
	if ok && !c.http && slices.Contains([]string{"http", "ftp"}, scheme) {
		c.http = true
		c.remark(by, "%s can load from a URL, which pxelinux.0 cannot: [boot] names it", httpLoader)
	}
}

// nextPXELINUX returns the folder of another PXELINUX that an entry starts.
func (c *converter) nextPXELINUX(e *pxelinux.Entry) (dir string, ok bool) {
	if e.Disabled || e.Action != pxelinux.Boot || e.Type != "KERNEL" && e.Type != "PXE" {
		return "", false
	}
	image, _ := c.image(e)
	if !slices.Contains([]string{"pxelinux.0", "lpxelinux.0", "gpxelinux.0"}, base(image)) {
		return "", false
	}
	file, found := c.lookup(image)
	return path.Dir(file), found
}

// nextMenu converts the menus of another PXELINUX into a submenu.
func (c *converter) nextMenu(e *pxelinux.Entry, dir, in string, unlisted bool) *result {
	l := lineOf(e.Lines, e.Line, e.Type)
	file := path.Join(dir, cfgDir, "default")
	if _, ok := c.find(file); !ok {
		c.lost(l, "starts another PXELINUX, which has no menus there: it would show this menu again")
		return nothing(e)
	}
	c.remark(l, "starts another PXELINUX: the menu of all machines in %s is a submenu here", path.Join(dir, cfgDir))
	// The other PXELINUX prefixes the names in its menus with its folder.
	return c.fileMenu(e, menuFiles{[]string{file}, true, dir}, in, unlisted)
}
