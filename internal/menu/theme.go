package menu

import (
	_ "embed" // bar
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/bootmenu"
)

// The looks: light letters on a dark blue, the line under the cursor in a
// lighter one. Both boot loaders show the same colors.
const (
	colorBackground = "1b2733"
	colorTitle      = "ffffff"
	colorText       = "d8dee6"
	colorSelected   = "ffffff"
	colorDisabled   = "75818d"
	colorFaint      = "3b4d5f"
	colorCountdown  = "ffc857"
)

// colorBar is that of the line under the cursor, and of bar.
const colorBar = "2f6fb0"

// vesaColors are for vesamenu.c32: a color's name, its ANSI form for text
// mode, foreground and background as #AARRGGBB, and the shadow (doc/menu.txt,
// MENU COLOR).
var vesaColors = []string{
	"MENU BACKGROUND #ff" + colorBackground,
	"MENU COLOR SCREEN 37;40 #ff" + colorText + " #00000000 none",
	"MENU COLOR BORDER 30;44 #ff" + colorFaint + " #00000000 none",
	"MENU COLOR TITLE 1;36;44 #ff" + colorTitle + " #00000000 none",
	"MENU COLOR UNSEL 37;44 #ff" + colorText + " #00000000 none",
	"MENU COLOR HOTKEY 1;37;44 #ff" + colorText + " #00000000 none",
	"MENU COLOR SEL 7;37;40 #ff" + colorSelected + " #ff" + colorBar + " none",
	"MENU COLOR HOTSEL 1;7;37;40 #ff" + colorSelected + " #ff" + colorBar + " none",
	"MENU COLOR DISABLED 1;30;44 #ff" + colorDisabled + " #00000000 none",
	"MENU COLOR SCROLLBAR 30;44 #ff" + colorBar + " #00000000 none",
	"MENU COLOR TIMEOUT_MSG 37;40 #ff" + colorText + " #00000000 none",
	"MENU COLOR TIMEOUT 1;37;40 #ff" + colorCountdown + " #00000000 none",
	"MENU COLOR HELP 37;40 #ff" + colorText + " #00000000 none",
	"MENU COLOR PWDBORDER 30;47 #ff" + colorText + " #ff" + colorBar + " none",
	"MENU COLOR PWDHEADER 31;47 #ff" + colorSelected + " #ff" + colorBar + " none",
	"MENU COLOR PWDENTRY 30;47 #ff" + colorSelected + " #ff" + colorBar + " none",
}

// themeFile is the theme in GRUB's folder.
const themeFile = "theme.txt"

// theme returns the files of GRUB's theme (GRUB manual, "Theme file format").
func theme(c *config.Config) map[string][]byte {
	if c.Menu.Serial {
		return nil // a text menu has none
	}
	var f lines
	f.line(headline)
	// A theme knows no way to write a double quote inside of a text.
	f.line(`title-text: "` + strings.ReplaceAll(c.Menu.Title, `"`, "'") + "  " + bootmenu.MACMark + `"`)
	f.line(`title-color: "#` + colorTitle + `"`)
	f.line(`title-font: "` + themeFont + `"`)
	f.line(`message-font: "` + themeFont + `"`)
	f.line(`message-color: "#` + colorText + `"`)
	f.line(`terminal-font: "` + themeFont + `"`)
	f.line(`desktop-color: "#` + colorBackground + `"`)
	f.line("+ boot_menu {")
	f.line("  left = 10%  top = 20%  width = 80%  height = 60%")
	f.line(`  item_font = "` + themeFont + `"  item_color = "#` + colorText + `"`)
	f.line("  item_height = 26  item_padding = 6  item_spacing = 2")
	f.line(`  selected_item_color = "#` + colorSelected + `"  selected_item_pixmap_style = "bar_*.png"`)
	f.line("}")
	f.line("+ label {")
	f.line(`  id = "__timeout__"  text = "Starts by itself in %d seconds..."`)
	f.line(`  left = 10%  top = 84%  width = 80%  align = "center"`)
	f.line(`  font = "` + themeFont + `"  color = "#` + colorCountdown + `"`)
	f.line("}")
	if c.Menu.Password.PBKDF2 != "" {
		f.line("+ label {")
		f.line(`  text = "The user name for locked entries is ` + superuser + `."`)
		f.line(`  left = 10%  top = 92%  width = 80%  align = "center"`)
		f.line(`  font = "` + themeFont + `"  color = "#` + colorDisabled + `"`)
		f.line("}")
	}
	return map[string][]byte{"grub/" + themeFile: f.Bytes(), "grub/bar_c.png": bar}
}

// themeFont is the one font in Debian's signed GRUB.
const themeFont = "Unifont Regular 16"

// bar is the line under the cursor: GRUB stretches it. It is kept as a file so
// that no program links an image codec.
//
//go:embed bar.png
var bar []byte
