package pxe

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// Boot is what a machine must load: a file, and the server that has it. For
// HTTP boot the file is a URL.
type Boot struct {
	NextServer netip.Addr // siaddr
	File       string
}

// MaxFile is the longest name that fits into a packet's file field, which ends
// with a NUL (RFC 2131 §2).
const MaxFile = 127

// Shim is the box's first stage for UEFI.
const Shim = "shimx64.efi"

// builtIn are the programs that come with the box.
var builtIn = map[firmware.Kind]string{firmware.BIOS: "pxelinux.0", firmware.UEFIX64: Shim}

// BootFile returns the program that the firmware loads from the box, or "" if
// there is none. The settings take precedence over the built-in programs.
func BootFile(settings map[firmware.Kind]string, k firmware.Kind) string {
	if file, ok := settings[k]; ok {
		return file
	}
	return builtIn[k]
}

// IsURL reports whether a file is fetched by HTTP.
func IsURL(file string) bool { return strings.Contains(file, "://") }

// LoadsIPXE reports whether a boot file's name says that it is iPXE, or a
// program built on it. If iPXE is answered with such a file, it loads itself in
// an endless loop.
func LoadsIPXE(file string) bool {
	name := strings.ToLower(path.Base(file))
	switch path.Ext(name) {
	case ".ipxe", ".gpxe", ".cfg", ".txt", ".php": // a script
		return false
	case ".kpxe", ".kkpxe", ".kkkpxe", ".lkrn": // only iPXE builds have these
		return true
	}
	if strings.Contains(name, "gpxelinux") {
		return false
	}
	return slices.ContainsFunc([]string{"ipxe", "gpxe", "undionly", "snponly", "snp.efi", "netboot.xyz"},
		func(s string) bool {
			return strings.Contains(name, s)
		})
}

// IsShim reports whether a boot file is shim, which does nothing but load another
// file from the box, by its name.
func IsShim(file string) bool { return strings.Contains(strings.ToLower(path.Base(file)), "shim") }

// loaders are parts of the names of boot loaders other than iPXE. A user may
// start iPXE from the menus of one; iPXE then boots as the machine's firmware
// does.
var loaders = []string{"pxelinux", "shim", "grub", "syslinux", "bootmgfw", "wdsmgfw", "wdsnbp", "pxeboot"}

// MayLoadIPXE reports whether a boot file may be iPXE under another name.
func MayLoadIPXE(file string) bool {
	name := strings.ToLower(path.Base(file))
	return !slices.ContainsFunc(loaders, func(s string) bool { return strings.Contains(name, s) })
}

// Describe adds to an OFFER or ACK of a DHCP server what the firmware needs to
// boot b (PXE 2.1 §2.2.2, the combined DHCP and PXE server).
func Describe(reply *dhcpv4.DHCPv4, c Client, b Boot) {
	identify(reply, c)
	Name(reply, b)
	switch {
	case c.Firmware == firmware.RaspberryPi:
		raspberryPi(reply, b)
	case !c.HTTP:
		reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, discoverNothing))
	}
}

// ProxyOffer fills the OFFER of a proxyDHCP server on port 67 (PXE 2.1 §2.2.3).
//
// For PXE it names the server and no file. Option 60 without option 43 makes
// the client ask on port 4011 for the rest. A file here would save that round
// trip, but PXELINUX passes this packet on as the cached reply, with yiaddr 0,
// and a program that pxechn.c32 -W chains to would then have no address. The
// answer on 4011 can carry the address.
//
// If b is at a WDS server, firmware that asks siaddr on 4011 (EDK2) asks that
// server, which names its program itself, as it does next to a DHCP server
// without this box. Firmware that asks option 54 (iPXE) asks us, and finds the
// server and the program in our ACK. In both cases the cached replies that
// Microsoft's programs read name their own server.
//
// HTTP boot and the Raspberry Pi do not use port 4011: they get everything
// here.
func ProxyOffer(reply *dhcpv4.DHCPv4, c Client, b Boot) {
	identify(reply, c)
	switch {
	case c.Firmware == firmware.RaspberryPi:
		Name(reply, b)
		raspberryPi(reply, b)
	case c.HTTP:
		Name(reply, b)
	default:
		reply.ServerIPAddr = net.IP(b.NextServer.AsSlice())
	}
}

// FirmOffer is a ProxyOffer for a machine that boots from another server while
// a second PXE server answers on the link, or by a program that this server would
// not name. It is complete, with the file and
// option 43 = 06 01 08 ff. EDK2 prefers it to any offer without option 43,
// whichever comes first (PxeBcDhcp4.c, PxeBcSelectDhcp4Offer), and asks no
// server on port 4011. Not all machines get it: see ProxyOffer about PXELINUX,
// and some vendors' UEFI is said to ignore a proxy's offer with option 43. It
// returns false if it has nothing to add: for a BIOS, whose boot program would
// find no client address in it, and for clients that get everything in the
// ProxyOffer anyway.
func FirmOffer(reply *dhcpv4.DHCPv4, c Client, b Boot) bool {
	if c.HTTP || c.Arch == archBIOS {
		return false
	}
	Describe(reply, c, b)
	return true
}

// BootServerAck fills the ACK on port 4011 (PXE 2.1 §2.2.4) with the file to
// load.
//
// yiaddr repeats the client's address, although the specification has a boot
// server leave it zero: see PXELINUX among the quirks.
func BootServerAck(reply, request *dhcpv4.DHCPv4, c Client, b Boot) {
	identify(reply, c)
	Name(reply, b)
	reply.ClientIPAddr = request.ClientIPAddr
	reply.YourIPAddr = request.ClientIPAddr
	if c.BootItem != nil {
		// The client drops an ACK that does not repeat the item it asked for.
		v := append([]byte{tagBootItem, byte(len(c.BootItem))}, c.BootItem...)
		reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, append(v, tagEnd)))
	}
}

// identify adds what the firmware needs to accept the reply, and echoes its
// GUID unchanged (PXE 2.1 §2.2.3).
func identify(reply *dhcpv4.DHCPv4, c Client) {
	class := classPXE
	if c.HTTP {
		class = classHTTP
	}
	reply.UpdateOption(dhcpv4.OptClassIdentifier(class))
	if c.GUID != nil {
		reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientMachineIdentifier, c.GUID))
	}
}

// Name fills siaddr and the file field, even if options say the same. A URL may
// be too long for the field; it then goes into option 67.
func Name(reply *dhcpv4.DHCPv4, b Boot) {
	reply.ServerIPAddr = net.IP(b.NextServer.AsSlice())
	if len(b.File) <= MaxFile {
		reply.BootFileName = b.File
	} else {
		reply.UpdateOption(dhcpv4.OptBootFileName(b.File))
	}
}

// raspberryPi adds what the Pi's boot ROM looks for. The ROM asks for option
// 66; newer loaders also accept siaddr.
func raspberryPi(reply *dhcpv4.DHCPv4, b Boot) {
	reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, raspberryPiBoot))
	reply.UpdateOption(dhcpv4.OptTFTPServerName(b.NextServer.String()))
}
