package config

// Bounds of a menu. The menu program of PXELINUX draws a box of 80 columns less
// a margin of 10 on either side and the frame (menumain.c, draw_row): what is
// longer than 56 is cut off on the screen.
const (
	MaxLabel   = 56
	MaxName    = 32
	MaxEntries = 2000
	MaxDepth   = 4 // submenus around an entry: each is a level to get back from
	// The help of an entry stands below the menu, on a screen of 80 columns.
	MaxHelpLines   = 10
	MaxHelpColumns = 70
)
