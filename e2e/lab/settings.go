package lab

import (
	"fmt"
	"time"
)

// Pieces of a pxebox.toml for the site: ServerMode or ProxyMode, then Menu,
// then entries.
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
	// LockedEntry is the entry "locked", for the server of WDSEntry. It
	// requires Password.
	LockedEntry = `
[[entry]]
name   = "locked"
label  = "Windows, with the password"
wds    = "wds"
locked = true
`
	// DiskEntry is the entry "disk".
	DiskEntry = `
[[entry]]
name  = "disk"
label = "This computer's own disk"
disk  = true
`
	// DebianEntry is the entry "debian". The caller must provide its boot
	// files.
	DebianEntry = `
[[entry]]
name   = "debian"
label  = "Debian installer"
kernel = "debian/linux"
initrd = ["debian/initrd.gz"]
append = "console=ttyS0,115200"
`
)

// Password is the menu's, as a person types it. PasswordHash is the output of
// pxebox hash-password for it.
const (
	Password     = "secret"
	PasswordHash = "$6$GpQDWF.KogrXAczV$hB3fy0MPnyP0Tr9xZk1YRgJPchZbae9Cg0/a0yb.Bo11TtvDJwNNq0k4GFNnPx8M9i3FbGytfsUWi0TIOePrd/ " +
		"grub.pbkdf2.sha512.10000.CF1857779F6BD0AE36E7727671352EA83C3BF90BC98E6A8B017A741732854431C34582F470607751FC685E7CF4AD497016C97785842DF6A3236914E2EEA92F0D." +
		"36050C71B4384CCDFC1EF73CC748B940B36E543CACEFB7F143821AAE9B55A77E3F74430668728EB406EA22775ADBE5E88E7E2E5FFF04246D561AD2BA10B47D77"
)

// Title is the menu's.
const Title = "The lab's network boot menu"

// Menu returns the section [menu]. A timeout of 0 waits for a key.
func Menu(timeout time.Duration, entry string, serial bool) string {
	return fmt.Sprintf(`
[menu]
title    = %q
timeout  = %q
default  = %q
serial   = %v
password = %q
`, Title, timeout, entry, serial, PasswordHash)
}

// SettingsFile is the path of the box's settings on /perm.
const SettingsFile = "pxebox/pxebox.toml"

// BootDir is the path of the site's boot files on /perm.
const BootDir = "pxebox/boot"
