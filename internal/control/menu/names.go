package menu

import (
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// Names of other packages, under which pxed's tests know them.
const (
	MACMark = bootmenu.MACMark
	Up      = bootmenu.Up
	Down    = bootmenu.Down

	PXELINUXConfig = pxelinux.ConfigFile
	GRUBConfig     = grub.ConfigFile
)

type (
	Server = bootmenu.Server
	Health = bootmenu.Health
	State  = bootmenu.State
)
