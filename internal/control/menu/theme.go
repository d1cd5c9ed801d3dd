package menu

import (
	_ "embed" // bar
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/loader"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
)

// The design: light letters on dark blue, and a lighter blue for the line under
// the cursor. Both boot loaders show the same colors.
const (
	colorBackground = "1b2733"
	colorTitle      = "ffffff"
	colorText       = "d8dee6"
	colorSelected   = "ffffff"
	colorDisabled   = "75818d"
	colorFaint      = "3b4d5f"
	colorCountdown  = "ffc857"
)

// colorBar is the color of the line under the cursor, and of bar.
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

// themeFile is the name of the theme in GRUB's folder.
const themeFile = "theme.txt"

// theme returns the files of GRUB's theme (GRUB manual, "Theme file format").
func theme(c *config.Config, foot string) map[string][]byte {
	if c.Menu.Serial {
		return nil // a text menu has no theme
	}
	var f loader.Lines
	f.Line(headline)
	// A theme has no escape for a double quote inside a text.
	f.Line(`title-text: "` + strings.ReplaceAll(c.Menu.Title, `"`, "'") + "  " + bootmenu.MACMark + `"`)
	f.Line(`title-color: "#` + colorTitle + `"`)
	f.Line(`title-font: "` + grub.ThemeFont + `"`)
	f.Line(`message-font: "` + grub.ThemeFont + `"`)
	f.Line(`message-color: "#` + colorText + `"`)
	f.Line(`terminal-font: "` + grub.ThemeFont + `"`)
	f.Line(`desktop-color: "#` + colorBackground + `"`)
	f.Line("+ boot_menu {")
	f.Line("  left = 10%  top = 20%  width = 80%  height = 60%")
	f.Line(`  item_font = "` + grub.ThemeFont + `"  item_color = "#` + colorText + `"`)
	f.Line("  item_height = 26  item_padding = 6  item_spacing = 2")
	f.Line(`  selected_item_color = "#` + colorSelected + `"  selected_item_pixmap_style = "bar_*.png"`)
	f.Line("}")
	f.Line("+ label {")
	f.Line(`  id = "__timeout__"  text = "Starts by itself in %d seconds..."`)
	f.Line(`  left = 10%  top = 84%  width = 80%  align = "center"`)
	f.Line(`  font = "` + grub.ThemeFont + `"  color = "#` + colorCountdown + `"`)
	f.Line("}")
	if c.Menu.Password.PBKDF2 != "" {
		f.Line("+ label {")
		f.Line(`  text = "The user name for locked entries is ` + grub.Superuser + `."`)
		f.Line(`  left = 10%  top = 92%  width = 80%  align = "center"`)
		f.Line(`  font = "` + grub.ThemeFont + `"  color = "#` + colorDisabled + `"`)
		f.Line("}")
	}
	if foot != "" {
		f.Line("+ label {")
		f.Line(`  text = "` + strings.ReplaceAll(foot, `"`, "'") + `"`)
		f.Line(`  left = 10%  top = 96%  width = 80%  align = "center"`)
		f.Line(`  font = "` + grub.ThemeFont + `"  color = "#` + colorText + `"`)
		f.Line("}")
	}
	return map[string][]byte{"grub/" + themeFile: f.Bytes(), "grub/bar_c.png": bar}
}

// bar is the image for the line under the cursor, which GRUB stretches. It is
// kept as a file so that no program links an image codec.
//
//go:embed bar.png
var bar []byte
