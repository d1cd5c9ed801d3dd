package menu

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// Note describes what a firmware's menu lacks or cannot do.
type Note struct {
	Entry    string        // its name; empty where the note is about the whole menu
	Firmware firmware.Kind // empty where the note holds for all
	Why      string
}

// Check returns what each firmware's menu leaves out, in the order of the
// configuration. None of it is an error: a menu for two kinds of firmware has
// entries for only one of them.
func Check(c *config.Config) []Note {
	s := newSite(c, Status{})
	var out []Note
	for i, e := range c.Entries {
		for _, firmware := range []firmware.Kind{bios, uefi} {
			note := func(why string) { out = append(out, Note{e.Name, firmware, why}) }
			if reason := s.unable(e, firmware); reason.Text != "" {
				why := "not shown: " + reason.String()
				if c.Menu.Default == e.Name {
					why += "; it is the default, so that menu waits for a key"
				}
				note(why)
				continue
			}
			if e.Kind() == config.KindSubmenu && len(s.list(firmware, []int{i}, selection{})) == 0 {
				note("not shown: " + string(nothingInside))
				continue
			}
			if firmware == bios {
				if needsLPXELINUX(c, e) {
					note(string(urlNeedsLPXE))
				}
				if e.Kind() == config.KindSubmenu && e.Help != "" {
					note("its help is not shown: PXELINUX does not support help for a submenu")
				}
				continue
			}
			if e.Unsigned {
				note("not shown with Secure Boot: it is not signed")
			}
			if e.Kind() == config.KindLinux && strings.ContainsAny(e.Append, `\'`) {
				note(`GRUB adds a \ before each \ and ' in its arguments`)
			}
		}
	}
	out = append(out, readable(c)...)
	if c.Menu.Serial {
		out = append(out, Note{Firmware: uefi, Why: "the menu is on the serial port only if the firmware's console is"})
	}
	why := "no menu: the box has no boot program for it"
	if c.DHCP.Mode.Answers() {
		why += "; a [[machine]] can lead it to a WDS server"
	}
	for _, firmware := range []firmware.Kind{firmware.UEFIIA32, firmware.UEFIARM64} {
		if c.DHCP.BootFiles[firmware] == "" {
			out = append(out, Note{Firmware: firmware, Why: why})
		}
	}
	if !c.DHCP.Mode.Answers() {
		out = append(out, s.unheard()...)
	}
	return out
}

// reURL matches a file on another server. Only lpxelinux.0 supports HTTP and FTP;
// pxelinux.0 takes the whole URL as a file name (doc/pxelinux.txt,
// core/fs/pxe/pxe.c).
var reURL = regexp.MustCompile(`(?im)^\s*(?:kernel|linux|boot|bss|pxe|fdimage|comboot|com32|config|initrd)\s+(?:\S*,)?(?:https?|ftp)://` +
	`|\binitrd=(?:\S*,)?(?:https?|ftp)://`)

// needsLPXELINUX reports whether an entry's lines load files by URL on a BIOS
// that loads pxelinux.0. What another program of the site can load is unknown.
func needsLPXELINUX(c *config.Config, e config.Entry) bool {
	program := path.Base(c.DHCP.BootFiles[bios])
	return (program == "." || strings.EqualFold(program, "pxelinux.0")) && reURL.MatchString(e.PXELINUX)
}

// reSecret matches what looks like a secret in an entry's lines: a key whose name
// suggests one, with a value, or a URL that contains a password.
var reSecret = regexp.MustCompile(`(?i)(?:passw|passphrase|pwd|rootpw|secret|token|credential|api.?key|psk)[\w.:/-]*=|\w://[^/\s:@]+:[^/\s@]+@`)

// readable warns about what a site may not expect: machines read their menus
// without a password, so anyone on the network can too.
func readable(c *config.Config) (out []Note) {
	if c.Menu.Password != (config.Password{}) {
		out = append(out,
			Note{Why: "anyone on the network can read the hashes of the menu's password, and the files and arguments of entries with locked = true: choose a long password that is used for nothing else"})
	}
	for _, e := range c.Entries {
		if slices.ContainsFunc([]string{e.Append, e.PXELINUX, e.GRUB}, reSecret.MatchString) {
			out = append(out,
				Note{Entry: e.Name,
					Why: "its arguments seem to contain a secret such as a password, and anyone on the network can read them"})
		}
	}
	return out
}

// unheard lists the [[machine]] rules that have no effect where the box does not
// receive DHCP. There it knows a machine only by the name that PXELINUX requests
// for its menu, which holds the MAC.
func (s *site) unheard() (out []Note) {
	const off = `dhcp.mode is "off"`
	if len(s.Machines) > 0 {
		out = append(out,
			Note{Firmware: uefi, Why: "no [[machine]] has an effect: the box knows these machines by DHCP, and " + off})
	}
	if slices.ContainsFunc(s.Machines, func(m config.Machine) bool {
		e, starts := s.starts(m.Boot)
		return len(m.GUID) > 0 || starts && e.Kind() == config.KindWDS
	}) {
		out = append(out,
			Note{Firmware: bios,
				Why: "a [[machine]] with a guid, or that boots from a WDS server, has no effect: " + off})
	}
	return out
}

// unable says why a firmware cannot run an entry at all, or returns the zero
// Reason if it can.
func (s *site) unable(e config.Entry, firmware firmware.Kind) Reason {
	switch e.Kind() {
	case config.KindWDS:
		i := slices.IndexFunc(s.WDS, func(w config.WDS) bool { return w.Name == e.WDS })
		switch {
		case i < 0:
			return Reason{}
		case s.WDS[i].Programs[firmware] == "":
			return because(noProgram, "server", e.WDS)
		case needsRestart(s.WDS[i], firmware) && !s.DHCP.Mode.Answers():
			return because(needsDHCP)
		}
	case config.KindWinPE:
		if needsRestart(config.WDS{}, firmware) && !s.DHCP.Mode.Answers() {
			return because(needsDHCP)
		}
	case config.KindProgram:
		if program(e, firmware) != "" {
			if e.HandsOver() && needsRestart(config.WDS{}, firmware) && !s.DHCP.Mode.Answers() {
				return because(needsDHCP)
			}
			return Reason{}
		}
		if firmware == bios {
			return because(efiOnly)
		}
		file := path.Base(e.File)
		switch pxelinux.KindOf(e.File) {
		case pxelinux.Module:
			return because(moduleOnly, "file", file)
		case pxelinux.CDImage, pxelinux.DiskImage:
			return because(memdiskOnly, "file", file)
		}
		return because(biosOnly, "file", file)
	case config.KindRaw:
		if firmware == bios && e.PXELINUX == "" {
			return because(noPXELINUXLines)
		}
		if firmware != bios && e.GRUB == "" {
			return because(noGRUBLines)
		}
	}
	return Reason{}
}
