package grub

import (
	"maps"
	"slices"
)

// Commands are the commands that menus use, each with its GRUB module. Under
// Secure Boot GRUB has only the modules built into the signed program.
var Commands = map[string]string{
	"[":                       "test",
	"boot":                    "boot",
	"cat":                     "cat",
	"chainloader":             "chain",
	"configfile":              "configfile",
	"echo":                    "echo",
	"exit":                    "minicmd",
	"export":                  "normal",
	"initrd":                  "linux",
	"linux":                   "linux",
	"loadfont":                "font",
	"menuentry":               "normal",
	"password_pbkdf2":         "password_pbkdf2",
	"reboot":                  "reboot",
	"sleep":                   "sleep",
	"submenu":                 "normal",
	"terminal_output":         "terminal",
	"terminal_output gfxterm": "gfxterm",
	"set gfxmode":             "efi_gop",
	"set theme":               "gfxmenu",
}

// devices are the modules by which GRUB reaches the box, and the disks that
// local_disk searches; regexp finds those by a pattern.
var devices = []string{"efinet", "fat", "http", "net", "part_gpt", "part_msdos", "png", "regexp", "tftp"}

// Modules returns the modules that GRUB needs for the menus, sorted.
func Modules() []string {
	all := append(slices.Collect(maps.Values(Commands)), devices...)
	slices.Sort(all)
	return slices.Compact(all)
}
