// Package menu renders a configuration's boot menu into the files that boot
// loaders request: PXELINUX on a BIOS, GRUB on UEFI. What a menu looks like on
// each firmware is decided here and nowhere else. The package reads no files,
// sends nothing, and does not know how a machine came to ask.
package menu

import (
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/winpe"
)

// Status is what is known of the site when the menu is rendered.
type Status struct {
	// WDS holds what is known of each WDS server, by its name in the
	// configuration.
	WDS map[string]bootmenu.Server
	// Missing lists the boot files that an entry needs and that are missing, by
	// the entry's name.
	Missing map[string][]string
	// Page is the address of the box's page, such as https://192.168.77.1. The
	// foot of each menu names it. Empty if there is no page.
	Page string
	// Unsigned lists the files of an entry that have no signature at all, by the
	// entry's name. Menus do not depend on it: the overview does.
	Unsigned map[string][]string
	// WinPE holds what is known of the images of Windows PE, by the entry's name.
	// Nothing is known of one that is not in the map: it counts as complete.
	WinPE map[string]WinPE
}

// WinPE is what is known of an image of Windows PE.
type WinPE struct {
	winpe.State
	// Cache is the folder in the cache with what was taken out of its boot.wim;
	// empty for none.
	Cache string
	// Reading says that boot.wim is still being read.
	Reading bool
	// Problem says why nothing could be taken out of boot.wim; empty if something
	// was, or if nothing had to be.
	Problem string
}

// Rendered is the result of rendering a configuration.
type Rendered struct {
	// Files are the menus by the names that boot loaders request, such as
	// pxelinux.ConfigFile. They contain bootmenu.MACMark and TokenMark as
	// placeholders for what differs between machines.
	Files map[string][]byte `json:"files"`
	// Views are the menus of certain machines, by name. They replace Files; a
	// file that a view lacks is as in Files.
	Views map[string]map[string][]byte `json:"views,omitempty"`
	// Machines assign the views to machines, in the order of the rules.
	Machines []clients.Rule `json:"machines,omitempty"`
	// Handoffs are the servers and programs that the firmware boots for entries, by
	// the entry's name. An entry whose server has no address is not in the map.
	Handoffs map[string]handoff.Target `json:"handoffs,omitempty"`
	// Chain is where pxechn.c32 leads; zero if that is not known.
	Chain handoff.Chain `json:"chain,omitzero"`
	// Fallback is the entry that a machine boots which does not start shim; empty
	// for none, or if its server is down.
	Fallback string `json:"fallback,omitempty"`
	// TooLarge reports that all menus together exceed bootmenu.MaxSize. Rendering
	// stopped there: Views is empty, and no rule has a view.
	TooLarge bool `json:"-"`
}

// The kinds of firmware that have a menu, as the settings name them.
const (
	bios = firmware.BIOS
	uefi = firmware.UEFIX64
)

// Render returns the menus. c comes from parser.Parse, which rejects any text
// that would end its line.
func Render(c *config.Config, st Status) Rendered {
	s := newSite(c, st)
	out := Rendered{Files: s.files(selection{}, c.Menu.Default), Chain: s.chain()}
	for name, content := range theme(c, s.foot()) {
		out.Files[name] = content
	}
	for _, e := range c.Entries {
		t, where, ok := s.handsOverTo(e)
		if !ok {
			continue
		}
		if out.Handoffs == nil {
			out.Handoffs = map[string]handoff.Target{}
		}
		out.Handoffs[e.Name] = t
		if e.Name == c.DHCP.Fallback && (e.Kind() != config.KindWDS || s.lead(e).state != bootmenu.Down) {
			out.Fallback = e.Name
		}
		out.Files[handoff.Request{Entry: e.Name}.File()] = restartNotice(e, where)
		out.Files[handoff.Request{Entry: e.Name, Menu: true}.File()] = restartConfig(e, where)
		if e.Kind() == config.KindWDS && needsRestart(s.lead(e).server, bios) {
			out.Files[handoff.RefusedFile] = refusedMenu(c, s.foot())
		}
	}
	out.Views, out.Machines, out.TooLarge = s.machines(bootmenu.MaxSize - size(out.Files))
	return out
}

// files renders one menu for each boot loader. only and preset are as in
// page.
func (s *site) files(only selection, preset string) map[string][]byte {
	grubPage := s.page(uefi, only, preset)
	out := map[string][]byte{
		pxelinux.ConfigFile: pxelinuxMenu(s.Config, s.page(bios, only, preset)),
		grub.ConfigFile:     grubMenu(s.Config, grubPage),
	}
	if text := helpText(grubPage.items); text != nil {
		out[grubHelp] = text
	}
	return out
}

// size returns the total size of files in bytes.
func size(files map[string][]byte) (n int) {
	for _, content := range files {
		n += len(content)
	}
	return n
}
