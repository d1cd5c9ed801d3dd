package pxe

import (
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Boot is what a machine is to load: a file, and the server that has it.
type Boot struct {
	NextServer netip.Addr // siaddr
	File       string     // at most 127 bytes: the packet's file field is 128 with its NUL
}

// BootFile is the program that a machine of the architecture loads from the
// box itself, or "" when there is none for it.
func BootFile(a Arch) string {
	switch a {
	case BIOS:
		return "pxelinux.0"
	}
	return ""
}

// Describe adds to a DHCP server's own OFFER or ACK what the firmware needs
// in order to boot b (PXE 2.1 §2.2.2, the combined DHCP and PXE server).
//
// Both siaddr and the file field are filled, because EDK2 takes no notice of
// options 66 and 67 where siaddr is zero and asks the DHCP server instead.
// Option 60 with tag 6 = 8 in option 43 says that this is the whole answer:
// without them the iPXE in Debian's ROMs waits two more seconds for a proxy's
// offer.
func Describe(reply *dhcpv4.DHCPv4, c Client, b Boot) {
	identify(reply, c)
	name(reply, b)
	reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation,
		[]byte{tagDiscoveryControl, 1, discoveryBootFile, optionEnd}))
}

// ProxyOffer fills the OFFER of a proxyDHCP server on port 67 (PXE 2.1
// §2.2.3): it names the server and no file, and option 60 without option 43
// obliges the client to ask on port 4011 for the rest.
//
// A file here would spare that round trip, but the packet that PXELINUX then
// hands on as the cached reply has yiaddr 0, and pxechn.c32 with -W passes a
// machine with no address to the WDS program. The answer on 4011 can carry
// the address, so we ask for that dialogue.
func ProxyOffer(reply *dhcpv4.DHCPv4, c Client, self netip.Addr) {
	identify(reply, c)
	// EDK2 sends its 4011 request to siaddr, and to option 54 only where
	// siaddr is zero; iPXE always to option 54. Both name us.
	reply.ServerIPAddr = net.IP(self.AsSlice())
}

// BootServerAck fills the ACK on port 4011 (PXE 2.1 §2.2.4) with the file to
// load.
//
// yiaddr repeats the client's own address, against the specification, which
// has a boot server leave it zero: PXELINUX keeps this packet as the cached
// reply, and what it chains to reads its own address from there.
func BootServerAck(reply, request *dhcpv4.DHCPv4, c Client, b Boot) {
	identify(reply, c)
	name(reply, b)
	reply.ClientIPAddr = request.ClientIPAddr
	reply.YourIPAddr = request.ClientIPAddr
	if c.BootItem != nil {
		// The client drops an ACK that does not repeat the item it asked for.
		v := append([]byte{tagBootItem, byte(len(c.BootItem))}, c.BootItem...)
		reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, append(v, optionEnd)))
	}
}

// identify makes the reply one that PXE firmware will look at: it ignores a
// proxy's offer without option 60, and a GUID is to come back as it went.
func identify(reply *dhcpv4.DHCPv4, c Client) {
	reply.UpdateOption(dhcpv4.OptClassIdentifier(classPXE))
	if c.GUID != nil {
		reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientMachineIdentifier, c.GUID))
	}
}

func name(reply *dhcpv4.DHCPv4, b Boot) {
	reply.ServerIPAddr = net.IP(b.NextServer.AsSlice())
	reply.BootFileName = b.File
}
