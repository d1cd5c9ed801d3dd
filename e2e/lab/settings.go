package lab

import (
	"fmt"
	"time"
)

// Pieces of a pxebox.toml for the site: one of ServerMode and ProxyMode, then
// Menu, then entries.
const (
	ServerMode = `
[network]
address = "192.168.77.1/24"

[dhcp]
mode   = "server"
range  = ["192.168.77.100-192.168.77.150"]
lease  = "1h"
router = "192.168.77.1"
dns    = ["192.168.77.1"]
`
	ProxyMode = `
[network]
address = "dhcp"

[dhcp]
mode = "proxy"
`
	// WDSEntry is the entry "wds" and its server.
	WDSEntry = `
[[wds]]
name   = "wds"
server = "192.168.77.2"

[[entry]]
name  = "wds"
label = "Windows Deployment Services"
wds   = "wds"
`
	// DiskEntry is the entry "disk".
	DiskEntry = `
[[entry]]
name  = "disk"
label = "This computer's own disk"
disk  = true
`
	// DebianEntry is the entry "debian"; its boot files are the caller's to
	// put into place.
	DebianEntry = `
[[entry]]
name   = "debian"
label  = "Debian installer"
kernel = "debian/linux"
initrd = ["debian/initrd.gz"]
append = "console=ttyS0,115200"
`
)

// Title is the menu's.
const Title = "The lab's network boot menu"

// Menu is the section [menu]; a timeout of 0 waits for a key.
func Menu(timeout time.Duration, entry string, serial bool) string {
	return fmt.Sprintf(`
[menu]
title   = %q
timeout = %q
default = %q
serial  = %v
`, Title, timeout, entry, serial)
}

// SettingsFile is where the box looks for its settings, on /perm.
const SettingsFile = "pxebox/pxebox.toml"

// BootDir is where it looks for the site's boot files, on /perm.
const BootDir = "pxebox/boot"
