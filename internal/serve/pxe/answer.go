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

// Boot is what a machine is to load: a file, and the server that has it. For
// HTTP boot the file is a URL.
type Boot struct {
	NextServer netip.Addr // siaddr
	File       string
}

// MaxFile is the room for a name in a packet's file field, which ends with a
// NUL (RFC 2131 §2).
const MaxFile = 127

// builtIn are the programs that the box brings along.
var builtIn = map[firmware.Kind]string{firmware.BIOS: "pxelinux.0", firmware.UEFIX64: "shimx64.efi"}

// BootFile is the program that the firmware loads from the box, or "" where
// there is none for it. What the settings say comes before what is built in.
func BootFile(settings map[firmware.Kind]string, k firmware.Kind) string {
	if file, ok := settings[k]; ok {
		return file
	}
	return builtIn[k]
}

// IsURL reports whether a file is fetched by HTTP.
func IsURL(file string) bool { return strings.Contains(file, "://") }

// LoadsIPXE reports whether a boot file is iPXE, or a program that is built on it,
// by its name. iPXE that is answered with such a file loads itself again and again.
func LoadsIPXE(file string) bool {
	name := strings.ToLower(path.Base(file))
	switch path.Ext(name) {
	case ".ipxe", ".gpxe", ".cfg", ".txt", ".php": // a script
		return false
	case ".kpxe", ".kkpxe", ".kkkpxe", ".lkrn": // only iPXE is built so
		return true
	}
	if strings.Contains(name, "gpxelinux") {
		return false
	}
	return slices.ContainsFunc([]string{"ipxe", "gpxe", "undionly", "snponly", "snp.efi", "netboot.xyz"}, func(s string) bool {
		return strings.Contains(name, s)
	})
}

// loaders are how the names of boot loaders read that are not iPXE. A person may
// start iPXE from their menus, and it then boots as the machine's firmware does.
var loaders = []string{"pxelinux", "shim", "grub", "syslinux", "bootmgfw", "wdsmgfw", "wdsnbp", "pxeboot"}

// MayLoadIPXE reports whether a boot file may be iPXE by another name.
func MayLoadIPXE(file string) bool {
	name := strings.ToLower(path.Base(file))
	return !slices.ContainsFunc(loaders, func(s string) bool { return strings.Contains(name, s) })
}

// Describe adds to a DHCP server's own OFFER or ACK what the firmware needs
// in order to boot b (PXE 2.1 §2.2.2, the combined DHCP and PXE server).
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

// ProxyOffer fills the OFFER of a proxyDHCP server on port 67 (PXE 2.1
// §2.2.3).
//
// For PXE it names the server and no file, and option 60 without option 43
// obliges the client to ask on port 4011 for the rest. A file here would
// spare that round trip, but PXELINUX hands this packet on as the cached
// reply, with yiaddr 0, and what pxechn.c32 chains to with -W is then a
// machine with no address. The answer on 4011 can carry the address.
//
// Where b is at a WDS server, firmware that asks siaddr on 4011 (EDK2) asks
// that server, which names its program itself, as it does beside a DHCP server
// without this box; firmware that asks option 54 (iPXE) asks us, and finds
// the server and the program in our ACK. Either way the cached replies that
// Microsoft's programs look into name their own server.
//
// HTTP boot and the Raspberry Pi know no port 4011: they get it all here.
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

// FirmOffer is a ProxyOffer for a machine that goes to another server, where a
// second PXE server answers on the link. It is complete, with the file and
// option 43 = 06 01 08 ff: EDK2 takes it before any offer without option 43,
// whichever comes first (PxeBcDhcp4.c, PxeBcSelectDhcp4Offer), and asks no server
// on port 4011. It is not what all machines get: see ProxyOffer about PXELINUX,
// and some vendors' UEFI is said to pass over a proxy's offer with option 43. It
// reports false where it has nothing to add: for a BIOS, whose boot program
// would find no address of its own in it, and for clients that are told all in
// the ProxyOffer anyway.
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
// yiaddr repeats the client's own address, against the specification, which
// has a boot server leave it zero: see PXELINUX among the quirks.
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

// identify makes the reply one that the firmware will look at, and returns
// its GUID as it came (PXE 2.1 §2.2.3).
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

// Name fills both siaddr and the file field, whatever options say the same.
// A URL may be too long for the field; it then goes into option 67.
func Name(reply *dhcpv4.DHCPv4, b Boot) {
	reply.ServerIPAddr = net.IP(b.NextServer.AsSlice())
	if len(b.File) <= MaxFile {
		reply.BootFileName = b.File
	} else {
		reply.UpdateOption(dhcpv4.OptBootFileName(b.File))
	}
}

// raspberryPi adds what the Pi's boot ROM looks for. It asks for option 66;
// newer loaders take siaddr as well.
func raspberryPi(reply *dhcpv4.DHCPv4, b Boot) {
	reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, raspberryPiBoot))
	reply.UpdateOption(dhcpv4.OptTFTPServerName(b.NextServer.String()))
}
