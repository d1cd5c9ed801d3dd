package pxe

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// What firmware sends or expects contrary to the specifications, in one place.
// "Tried" is iPXE 1.0.0+git-20190125 (the ROM that Debian 12's QEMU has for
// its network cards), EDK2 2022.11 (OVMF) and PXELINUX 6.04; a flow is a
// capture in internal/serve/dhcp/testdata/flows.
//
//	who            what                                             source
//	iPXE           ignores a proxy's offer without option 60        tried
//	               waits 2 s longer if a server's offer has none    tried; flow a1
//	               asks port 4011 from port 68, at option 54        flow m1
//	EDK2           asks port 4011 from port 4011, at siaddr, and    flow u2c
//	               at option 54 only if siaddr is zero              tried
//	               needs an answer on 4011 after a proxy's offer    tried: PXE-E16
//	               with option 60 and without 43
//	               ignores options 66 and 67 if siaddr is zero      tried
//	               puts option 43 before 53; sends 57 = 65280       flow u4
//	PXELINUX       passes on the 4011 ACK as the cached reply, and  flows m1, m7
//	               pxechn.c32 -W takes the client's address from
//	               its yiaddr
//	some ROMs      omit option 97, or send another length;          reports
//	               send option 60 as the bare class, without 93
//	some UEFI      sends an HTTP architecture with PXE's class      reports
//	x64 firmware   sends architecture 9 (byte code) for 7           reports; IANA's registry
//	Raspberry Pi   identifies itself as a BIOS; wants the text      Raspberry Pi documentation,
//	               "Raspberry Pi Boot" in option 43                 PXE_OPTION43
//	Pi 2 and 3B    their ROM misses an immediate offer              openSUSE/netboot-rpi3b;
//	                                                                dnsmasq's dhcp-reply-delay
//	iPXE           started by a file of the box, asks like the      ipxe.org, "Breaking the
//	               firmware, and would load that file again         infinite loop"
//	U-Boot         reads siaddr, not option 66; not a PXE client    its source, net/bootp.c
//	some UEFI      ignores a proxy's offer with option 43           reports
//	HP UEFI        asks endlessly if a proxy's and a server's       reports
//	               offer both arrive: set mode = "server"

// discoverNothing is option 43 that makes firmware boot the file named in the
// packet. Without it the iPXE in Debian's ROMs waits for a proxy's offer.
var discoverNothing = []byte{tagDiscoveryControl, 1, discoveryBootFile, tagEnd}

// raspberryPiBoot is option 43 as the Pi's boot ROM expects it: a boot menu
// with one item of that name. The ROM reads only the text.
var raspberryPiBoot = func() []byte {
	const item = "Raspberry Pi Boot"
	v := []byte{tagDiscoveryControl, 1, 0x03, tagMenuPrompt, 4, 0, 'P', 'X', 'E', tagBootMenu, 3 + byte(len(item)), 0,
		0, byte(len(item))}
	return append(append(v, item...), tagEnd)
}()

// piGUID is the start of the GUID of a Raspberry Pi 4 or later ("RPi4", "RPi5";
// setting DHCP_OPTION97 of its boot loader).
var piGUID = []byte("\x00RPi")

// piPrefixes are the address blocks of Raspberry Pi in IEEE's registry, as of
// November 2026: six hexadecimal digits, or seven and nine for its smaller
// blocks. The boot ROM of a Pi 2 or 3, and older loaders of the Pi 4, derive
// the GUID from the serial number, which does not identify a Pi.
var piPrefixes = []string{
	"b827eb", "dca632", "e45f01", "28cdc1", "d83add", "2ccf67", "88a29e", "98fe54", "f040af9", "8c1f6434a",
}

// archBIOS is the BIOS type. A Pi's ROM sends it as well.
const archBIOS firmware.Arch = 0x00

// isRaspberryPi tells a Pi's boot ROM from a BIOS. UEFI on a Pi identifies
// itself by its architecture.
func isRaspberryPi(m *dhcpv4.DHCPv4, c Client) bool {
	if c.Arch != archBIOS || c.HTTP {
		return false
	}
	if bytes.HasPrefix(c.GUID, piGUID) {
		return true
	}
	mac := hex.EncodeToString(m.ClientHWAddr)
	return slices.ContainsFunc(piPrefixes, func(p string) bool { return strings.HasPrefix(mac, p) })
}

// pi3Prefix is the address block of the Pis up to the 3B. The 3B+, which also
// has newer blocks, has a fixed ROM.
const pi3Prefix = "b827eb"

// slowOffer is about a second, the dnsmasq dhcp-reply-delay that sites set for
// that ROM; slightly less, for a client that listens for exactly a second.
const slowOffer = 990 * time.Millisecond

// OfferDelay returns how long to delay an offer until the client listens: the
// boot ROM of a Pi 2 or 3 misses an immediate one.
func OfferDelay(m *dhcpv4.DHCPv4, c Client) time.Duration {
	if c.Firmware == firmware.RaspberryPi && c.Arch == archBIOS && !bytes.HasPrefix(c.GUID, piGUID) &&
		strings.HasPrefix(hex.EncodeToString(m.ClientHWAddr), pi3Prefix) {
		return slowOffer
	}
	return 0
}
