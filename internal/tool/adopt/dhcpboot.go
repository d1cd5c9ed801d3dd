package adopt

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// optionBoots turns options 66 and 67 that name a WDS program into boot programs:
// the box reaches WDS in other ways.
func (c *converter) optionBoots(cfg *dhcpconf.Config) {
	for i := range cfg.Networks {
		n := &cfg.Networks[i]
		file := slices.IndexFunc(n.Options, func(o dhcpconf.Option) bool { return o.Code == 67 && isWDS(o.Text) })
		if file < 0 {
			continue
		}
		b := dhcpconf.Boot{Line: n.Options[file].Line, File: n.Options[file].Text}
		for _, o := range n.Options {
			if o.Code == 66 {
				b.Server = o.Text
			}
		}
		n.Options = slices.DeleteFunc(slices.Clone(n.Options), func(o dhcpconf.Option) bool {
			return o.Code == 66 || o.Code == 67
		})
		if !slices.ContainsFunc(cfg.Boots, func(o dhcpconf.Boot) bool { return o.Line == b.Line }) {
			cfg.Boots = append(cfg.Boots, b)
		}
	}
}

// isWDS reports whether a boot program belongs to a WDS server, or to SCCM, which
// uses WDS.
func isWDS(file string) bool {
	file = strings.ToLower(strings.ReplaceAll(file, `\`, "/"))
	name := path.Base(file)
	return slices.Contains([]string{"wdsnbp.com", "wdsnbp.0", "wdsmgfw.efi"}, name) ||
		slices.Contains([]string{"pxeboot.com", "pxeboot.n12", "pxeboot.0", "bootmgfw.efi"}, name) &&
			slices.Contains([]string{"boot", "smsboot"}, strings.Split(strings.TrimLeft(file, "/"), "/")[0])
}

// boots creates [[wds]] and entries from the boot programs of WDS servers.
func (c *converter) boots(cfg *dhcpconf.Config) {
	// Boot programs with a screen text come first.
	slices.SortStableFunc(cfg.Boots, func(a, b dhcpconf.Boot) int {
		return cmp.Compare(min(1, len(b.Label)), min(1, len(a.Label)))
	})
	for _, b := range cfg.Boots {
		l := lineFrom(b.Line)
		name := base(b.File)
		switch {
		case isWDS(b.File):
			c.bootWDS(b)
		case name == httpLoader:
			c.http = true
			c.remark(l, "is also one of the box's own programs: [boot] names it")
		case name == "pxelinux.0" || name == "pxelinux" || name == "gpxelinux.0":
			c.remark(l, "the box starts its own PXELINUX")
		case name == "":
			c.lost(l, "the box itself is the boot server")
		default:
			c.lost(l, "the box starts its own boot loaders, with the menu: to use another one, write it below [boot]")
		}
	}
}

func (c *converter) bootWDS(b dhcpconf.Boot) {
	l := lineFrom(b.Line)
	server := b.Server
	if server == "" {
		server = noServer
		c.lost(l, "does not say which server is the WDS server: write it below [[wds]]")
	}
	if b.Label == "" {
		c.starting(l,
			"machines of the old server start it at once: here it is an entry of the menu, which waits for a key")
	}
	kind, program := wdsProgram(b.File)
	for i, w := range c.wds {
		if w.Server != server && (w.Server != noServer || server == noServer) {
			continue
		}
		if w.Server != server {
			c.wds[i].Server = server // the entry comes from a menu that does not name the server
		}
		if _, has := w.Programs[kind]; !has {
			c.wds[i].Programs[kind] = program
		} else if w.Programs[kind] != program {
			c.lost(l, "a WDS server has one program for each firmware: this one has %s", w.Programs[kind])
		}
		return
	}
	w := config.WDS{Server: server, Programs: map[firmware.Kind]string{kind: program}, Name: "wds"}
	if n := len(c.wds); n > 0 {
		w.Name += "-" + strconv.Itoa(n+1)
	}
	c.wds = append(c.wds, w)
	if why := c.refused(config.Entry{WDS: w.Name}); why != "" {
		c.wds = c.wds[:len(c.wds)-1]
		c.lost(l, "leads to a WDS server that a configuration cannot name: %s", why)
		return
	}
	if slices.ContainsFunc(c.entries, func(e entry) bool { return e.WDS == w.Name }) ||
		len(c.entries) >= config.MaxEntries {
		return
	}
	e := config.Entry{WDS: w.Name, Name: c.name(false, w.Name)}
	e.Label = c.label(cmp.Or(printable(b.Label), "Windows Deployment Services"), pxelinux.Line{File: l.File,
		Number: l.Number})
	c.entries = append(c.entries, entry{e, l.Place()})
}

// wdsProgram returns the firmware that a WDS program is for, and the program as a
// pxebox.toml writes it.
func wdsProgram(file string) (kind firmware.Kind, program string) {
	program = strings.TrimLeft(strings.ReplaceAll(file, "/", `\`), `\`)
	lower := strings.ToLower(program)
	switch {
	case !strings.HasSuffix(lower, ".efi"):
		kind = bios
	case strings.Contains(lower, `\x86\`):
		kind = firmware.UEFIIA32
	case strings.Contains(lower, `\arm64\`):
		kind = firmware.UEFIARM64
	default:
		kind = firmware.UEFIX64
	}
	if strings.EqualFold(program, wdsDefaults[kind]) || !strings.Contains(program, `\`) {
		program = wdsDefaults[kind] // a bare name is in the WDS folder
	}
	return kind, program
}

// wdsDefaults are the programs of a WDS server that a configuration need not
// name.
var wdsDefaults = map[firmware.Kind]string{
	bios:               wdsBIOS,
	firmware.UEFIIA32:  `boot\x86\wdsmgfw.efi`,
	firmware.UEFIX64:   `boot\x64\wdsmgfw.efi`,
	firmware.UEFIARM64: `boot\arm64\wdsmgfw.efi`,
}

// tftpRoots reports the folders of TFTP servers whose menus are not read.
func (c *converter) tftpRoots(s sources) {
	for _, cfg := range s.dhcp {
		switch root := cfg.TFTPRoot; {
		case root.Value == "":
		case s.tree == "":
			c.lost(lineFrom(root.Line),
				"no menus of PXELINUX were read: name the folder of the TFTP server as well, for its menus and boot files")
		case s.fromRoot:
			c.remark(lineFrom(root.Line), "its menus and boot files are used")
		}
	}
}

// fromDHCP completes a menu when no PXELINUX server's entries are given.
func (c *converter) fromDHCP() {
	if len(c.entries) == 0 {
		return // the built-in menu
	}
	c.entries = append(c.entries, entry{Entry: config.Entry{
		Name: c.name(true, config.BootDisk), Label: "This computer's own disk", Disk: true,
	}})
}
