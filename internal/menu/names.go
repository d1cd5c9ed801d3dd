package menu

import "github.com/pxebox/pxebox/internal/bootmenu"

// Names of package bootmenu, under which pxed's tests know them.
const (
	MACMark = bootmenu.MACMark
	Up      = bootmenu.Up
	Down    = bootmenu.Down
)

type (
	Server = bootmenu.Server
	Health = bootmenu.Health
	State  = bootmenu.State
)
