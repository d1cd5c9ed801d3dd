// Package config holds what a site writes in pxebox.toml: its types, the file
// that explains every key, and what is wrong in a file. Package parser reads it. A
// value that got past that can be used without looking at it again.
package config

import (
	"net/netip"
	"path"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Config is one pxebox.toml, checked.
type Config struct {
	Network  Network
	DHCP     DHCP
	TFTP     TFTP
	HTTP     HTTP
	Page     Page
	Files    Files
	Metrics  Metrics
	Syslog   Syslog
	WDS      []WDS // each [[wds]], and then each [[bootserver]]; no two have the same name
	Menu     Menu
	Entries  []Entry
	Machines []Machine
	// Warnings are what is right by itself and will hardly work as it is, in the
	// order of the lines.
	Warnings Errors
}

// Network says how the box itself gets onto the wire.
type Network struct {
	// Interface is the network interface to serve on; empty means the only
	// wired one there is.
	Interface string
	// Address is the box's own address with its prefix length, as in
	// 192.168.77.1/24. The zero Prefix means "ask a DHCP server".
	Address netip.Prefix
	// Gateway is the box's own default router. Only with a fixed Address;
	// the zero Addr means none.
	Gateway netip.Addr
	// DNS are the name servers that the box itself asks. Only with a fixed
	// Address.
	DNS []netip.Addr
}

// DHCP is what machines are told.
type DHCP struct {
	Mode spec.Mode
	// Force leases although another DHCP server answers on the link. Counts
	// in ModeServer.
	Force bool
	// Probe asks by ARP whether an address is in use before it is offered to
	// a machine that did not have it last.
	Probe bool
	// Ranges are the addresses to lease on the box's own subnet in
	// ModeServer, in the order they are to be used.
	Ranges []spec.Range
	Parameters
	// Subnets are those behind relay agents.
	Subnets []Subnet
	// Reservations are addresses that belong to one machine each.
	Reservations []Reservation
	// BootFiles are the programs that firmware loads, by its kind: a boot file,
	// or an http:// URL for those that end in -http. Firmware without a name in
	// firmware.Kinds is named by its number, as firmware.Arch's Kind does. A kind
	// that is not there gets the built-in program, an empty file none.
	// firmware.IPXE is what iPXE loads, on any firmware.
	BootFiles map[firmware.Kind]string
	// Adapt answers a machine differently that the last answers did not help.
	Adapt bool
	// Fallback is the name of an Entry that a machine boots which does not start
	// shim; empty for none.
	Fallback string
}

// Parameters are what the machines of one subnet are told along with their
// address. A zero value leaves the option out.
type Parameters struct {
	// Identify says by what leases tell machines apart; empty is
	// spec.IdentifyClient.
	Identify spec.Identify
	// Lease is how long an address is leased (option 51).
	Lease  spec.Duration
	Router netip.Addr   // option 3
	DNS    []netip.Addr // option 6
	Domain string       // option 15
	Search []string     // option 119
	NTP    []netip.Addr // option 42
	MTU    int          // option 26, bytes
	// Routes are option 121, without the default route. A client that reads
	// it takes no notice of option 3 (RFC 3442), so Router belongs in both.
	Routes []spec.Route
	// Options are any others, ready for the wire: none of the codes that the
	// fields above stand for, and each code once.
	Options []spec.Option
}

// Subnet is a network behind a relay agent. Its Parameters are complete: what
// the file leaves out is as in DHCP, but for the router and the routes.
type Subnet struct {
	Network netip.Prefix
	Ranges  []spec.Range
	Parameters
}

// Reservation is an address that is one machine's own, in or outside the
// ranges.
type Reservation struct {
	// MAC or Client names the machine; the other is empty.
	MAC      ether.MAC
	Client   spec.Hex // option 61 as it is on the wire
	Address  netip.Addr
	Hostname string // option 12
}

// TFTP bounds what machines may ask for.
type TFTP struct {
	Port spec.Port // the zero Port is 69
	// MaxBlock is the largest block, in bytes; 0 is what fits into one
	// packet of the link. More is sent in fragments, which some ROMs cannot
	// put together.
	MaxBlock int
	// MaxWindow is the largest window, in blocks (RFC 7440); 0 is the
	// server's own choice.
	MaxWindow int
}

// HTTP is the server for HTTP boot, and for the metrics.
type HTTP struct {
	Port spec.Port // the zero Port is 80
}

// Page is the owner's page. The zero Port is what menuwatch is started with.
type Page struct {
	Port spec.Port
}

// Files says how names find the site's boot files.
type Files struct {
	// AnyCase lets a name find a file that differs from it in case alone, as
	// on Windows.
	AnyCase bool
	// OwnMenus puts menus that the site wrote by hand before the rendered
	// ones: pxelinux.cfg/* and grub/grub.cfg* in the boot folder.
	OwnMenus bool
}

// Metrics says who may read the metrics.
type Metrics struct {
	// Allow are the networks whose hosts may read /metrics, instead of those of
	// the machines. Nil means those of the machines; empty means none.
	Allow []netip.Prefix
}

// Syslog is the server that gets a line for each boot.
type Syslog struct {
	// Server is its IPv4 address or host name; empty means none.
	Server   string
	Port     uint16         // 0 means SyslogPort
	Protocol SyslogProtocol // empty means SyslogUDP
}

// SyslogPort is the port of a server that has none (RFC 5426 §3.3).
const SyslogPort = 514

// SyslogProtocol is how lines are sent to the server.
type SyslogProtocol string

const (
	SyslogUDP SyslogProtocol = "udp" // RFC 5426
	SyslogTCP SyslogProtocol = "tcp" // RFC 6587
)

// WDS is one boot server that machines are handed over to: a Windows Deployment
// Services server, or any other.
type WDS struct {
	Name   string
	Server string // IP address or host name
	// Programs are the network boot programs by the firmware that loads
	// them, for those that boot by TFTP from WDS: "bios",
	// "uefi-ia32", "uefi-x64", "uefi-arm64". A WDS server's have backslashes,
	// which are all that its ReadFilter lets through. Parse fills in the
	// defaults of a [[wds]]; an empty one says that the server has none for
	// this firmware.
	Programs map[firmware.Kind]string
	// Programs2023 are the same programs, signed with Microsoft's certificates
	// of 2023, for machines that no longer trust those of 2011. Parse fills in
	// the defaults if the program of Programs is Windows' own. A firmware that
	// is not in the map has none.
	Programs2023 map[firmware.Kind]string
	// Probe is how often the server is asked whether it is there; 0 is
	// never.
	Probe spec.Duration
	// Probe4011 asks its boot service too, which may leave a pending device
	// in the server's list.
	Probe4011 bool
	// OnDown is what happens to entries of a server that does not answer.
	OnDown OnDown
	// BIOSRoute is how a PC with a BIOS gets to the server from the menu.
	BIOSRoute BIOSRoute
	// Other says that it is a [[bootserver]], and not a [[wds]]: it has no
	// default programs, and their names may have any slashes.
	Other bool
}

// Section returns the header of the server's settings.
func (w WDS) Section() string {
	if w.Other {
		return "[[bootserver]]"
	}
	return "[[wds]]"
}

// OnDown is what happens to an entry whose server does not answer.
type OnDown string

const (
	OnDownMark OnDown = "mark" // says so in its label
	OnDownHide OnDown = "hide" // is not shown
	OnDownNext OnDown = "next" // leads to the next server of its kind in the file that answers
)

// BIOSRoute is how a PC with a BIOS gets from the menu to another boot server.
type BIOSRoute string

const (
	RouteChain  BIOSRoute = "chain"  // by pxechn.c32, at once
	RouteReboot BIOSRoute = "reboot" // by a reboot that the box answers with the server, as on UEFI
)

// Addr returns the server's address where the configuration has it. A host
// name has none until it has been looked up.
func (w WDS) Addr() (netip.Addr, bool) {
	a, err := netip.ParseAddr(w.Server)
	return a, err == nil
}

// Menu is what every machine shows.
type Menu struct {
	Title    string
	Timeout  spec.Duration // 0 waits for a key without end
	Default  string        // name of an Entry; empty means the first
	Serial   bool          // also on the first serial port, at 115200 baud; then as text
	Password Password      // asked for by entries that are Locked
}

// Password is one password in the forms that the boot loaders compare with.
// The zero Password is none.
type Password struct {
	Crypt  string // "$6$…": SHA-512 crypt, for PXELINUX
	PBKDF2 string // "grub.pbkdf2.sha512.…", for GRUB
}

// Entry is one line of the menu. Kind says which of the fields count.
type Entry struct {
	Name  string
	Label string // what the screen shows
	Help  string // what the screen says of it; several lines; may be empty
	In    string // name of the submenu that it is in; empty for the top

	WDS      string   // KindWDS: name of a boot server, from wds or bootserver
	Kernel   string   // KindLinux: boot file
	Initrd   []string // KindLinux: boot files, loaded in order
	Append   string   // KindLinux, KindProgram: arguments
	File     string   // KindProgram: what a BIOS starts
	EFI      string   // KindProgram: what UEFI starts
	PXELINUX string   // KindRaw: lines for PXELINUX, as they are
	GRUB     string   // KindRaw: lines for GRUB, as they are
	WinPE    string   // KindWinPE: folder of the boot folder
	Disk     bool     // KindDisk
	Submenu  bool     // KindSubmenu: the entries that are In it
	Start    Start    // KindProgram: what starts it

	Unsigned bool // its EFI program or kernel is not signed: not with Secure Boot
	Locked   bool // asks for the menu's password
	Erases   bool // asks for a confirmation
	Unlisted bool // only in the menus of machines that name it
}

// Start is what starts the program of an entry.
type Start string

const (
	// StartLoader has the boot loader start it that shows the menu.
	StartLoader Start = ""
	// StartFirmware has the firmware start it at the machine's next network
	// boot. The program then finds what it would find without a menu: the
	// firmware's own check of its signature, and the firmware's PXE protocol.
	StartFirmware Start = "firmware"
)

// HandsOver reports whether choosing an entry ends the box's menu, and the
// firmware itself starts what comes next.
func (e Entry) HandsOver() bool { return e.WDS != "" || e.WinPE != "" || e.Start == StartFirmware }

// StartsOnUEFI reports whether an entry of KindProgram has a program for UEFI.
func (e Entry) StartsOnUEFI() bool {
	return e.EFI != "" || strings.EqualFold(path.Ext(e.File), ".efi")
}

// Kind is what choosing an Entry does.
type Kind int

const (
	KindWDS     Kind = iota + 1 // hand over to another boot server
	KindLinux                   // kernel, initrd, arguments
	KindDisk                    // boot the machine's own disk
	KindProgram                 // another boot file
	KindSubmenu                 // open another menu
	KindRaw                     // what the site wrote for a boot loader
	KindWinPE                   // Windows PE from the boot folder
)

// Kind tells which of them an Entry that got past Parse is.
func (e Entry) Kind() Kind {
	switch {
	case e.WDS != "":
		return KindWDS
	case e.WinPE != "":
		return KindWinPE
	case e.Kernel != "":
		return KindLinux
	case e.Disk:
		return KindDisk
	case e.Submenu:
		return KindSubmenu
	case e.PXELINUX != "" || e.GRUB != "":
		return KindRaw
	default:
		return KindProgram
	}
}

// Machine says what certain machines boot. Of the fields that say which, all
// that are there have to fit; in each, one of its values. The first Machine
// that fits counts.
type Machine struct {
	MAC      []string // "52:54:00:12:34:56", or its beginning "52:54:00", in small letters
	GUID     []string // as in the firmware's setup: "70786562-6f78-4c61-8000-000000000010", in small letters
	Firmware []firmware.Kind

	// Boot is BootMenu, BootDisk or the name of an Entry that is started
	// without a menu.
	Boot string
	// Once makes Boot count for one boot. After that the next Machine that
	// fits counts, or the menu.
	Once bool
	// Entries are the names of those that the machine's menu has; empty
	// means all that are not Unlisted.
	Entries []string
	// Default is as Menu.Default, for this machine's menu.
	Default string
	// Timeout is as Menu.Timeout, for this machine's menu; nil is the same.
	Timeout *spec.Duration
}

// Values of Machine.Boot other than the names of entries.
const (
	BootMenu = "menu"
	BootDisk = "disk" // an Entry of that name, or the machine's own disk
)
