package trace

import (
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// Message is what a machine's screen may say when it does not boot.
type Message struct {
	Name string // a code, for example PXE-E16, or the text itself
	Text string // that the screen shows with a code
	// UEFI and BIOS say what it means on a machine with that firmware; the same
	// code often means another thing. It is empty if that firmware does not show
	// it.
	UEFI, BIOS string
	Advice     []string
	// From and To are the stages of boots that end with this message. Findings
	// are the verdicts that say the same.
	From, To Stage
	Findings []Finding

	also []string // other texts for the same
}

// on gives a message one meaning, whatever the firmware.
func (m Message) on(meaning string) Message { m.UEFI, m.BIOS = meaning, meaning; return m }

// Messages returns the table of what screens say, in the order of a boot.
func Messages() []Message { return slices.Clone(messages) }

// Fit is how a message goes with what the box has seen.
type Fit int

// The fits.
const (
	NotCompared Fit = iota // nothing is known of the boot
	Agrees                 // a boot that got that far ends like this
	Contradicts            // the box has seen something else: another boot, another port, or a typing error
)

// Match is a message that a text may mean.
type Match struct {
	Message
	Meaning string // on this machine's firmware; on both if it is not known
	Fit     Fit
}

// Look returns the messages that a text may mean: those that the boot agrees
// with first, and the likeliest of them first. A person types a part of what the
// screen shows, or a code, with or without PXE- before it. v is the verdict of
// the machine's boot, or zero if there is none.
func Look(text string, v Verdict) []Match {
	var all []Match
	for _, m := range find(text) {
		all = append(all, Match{m, m.meaning(v), m.fit(v)})
	}
	slices.SortStableFunc(all, func(a, b Match) int { return int(a.Fit) - int(b.Fit) })
	return all
}

func (m Message) meaning(v Verdict) string {
	switch {
	case m.UEFI == m.BIOS || m.BIOS == "":
		return m.UEFI
	case m.UEFI == "":
		return m.BIOS
	case strings.HasPrefix(v.Firmware, "uefi"):
		return m.UEFI
	case firmware.Kind(v.Firmware) == firmware.BIOS:
		return m.BIOS
	}
	return "UEFI: " + m.UEFI + " BIOS: " + m.BIOS
}

// fit compares the message with a boot's verdict.
func (m Message) fit(v Verdict) Fit {
	if v.Finding == "" || v.Finding == Unknown {
		return NotCompared
	}
	uefi := strings.HasPrefix(v.Firmware, "uefi")
	switch {
	case uefi && m.UEFI == "", firmware.Kind(v.Firmware) == firmware.BIOS && m.BIOS == "":
		return Contradicts // the other kind of firmware says so
	case slices.Contains(m.Findings, v.Finding), m.From <= v.Stage && v.Stage <= m.To:
		return Agrees
	}
	return Contradicts
}

var (
	checkCable = "Check the cable and the switch port, and that the port is not disabled in the firmware's setup."
	portfast   = "If the switch port runs spanning tree, turn on portfast for it."
	relay      = "If the machine is in another VLAN or behind a router, " +
		"its relay agent (IP helper) must pass DHCP on to the box."
	firewall4011 = "UDP ports 67 and 4011 of the box must be open to the machine: look for a firewall."
	firewallTFTP = "UDP port 69 of the box, and the ports of its answers, must be open to the machine: look for a " +
		"firewall."
	siteOptions = "Remove options 43, 60, 66 and 67 from the site's DHCP server."
	leaseFree   = "Check that the site's DHCP server has a free address in this network."
	smallBlocks = "Try [tftp] max_block = 512 and max_window = 1 in the settings."
	thirdParty  = "Allow the Microsoft third-party UEFI CA (\"3rd party CA\") in the firmware's setup, " +
		"or turn Secure Boot off there."
	readFilter = "The WDS server's ReadFilter must allow boot\\*, and the file must exist there."
	updateROM  = "Update the firmware, or the network card's boot ROM."
	wdsImage   = "On the WDS server, check that the boot image is complete, and add it once more."
	entryArgs  = "Check the entry's arguments, and that kernel and initrd are of the same version."
)

// messages is the table. EDK2's codes are those of its PXE driver, a BIOS's those
// of Intel's PXE ROM, which most others follow.
var messages = []Message{
	// The network card.
	{Name: "PXE-E05",
		Text: "Buffer size is smaller than the requested file · EEPROM checksum error", From: Asked, To: Loading,
		UEFI: "The boot file is larger than the memory that the firmware gives it.",
		BIOS: "The network card's own memory is damaged: its ROM does not start.",
		Advice: []string{"Name a smaller boot file in [boot], or update the firmware.",
			"On a BIOS, update or replace the network card."}},
	{Name: "PXE-E07", Text: "Network device error · PCI BIOS calls not supported", From: Silent, To: Loading,
		UEFI:   "The network card or its driver in the firmware failed.",
		BIOS:   "The network card's ROM does not work in this computer.",
		Advice: []string{checkCable, updateROM}},
	{Name: "PXE-E09", Text: "No I/O buffers · Unexpected UNDI loader error", From: Silent, To: Loading,
		UEFI:   "The firmware has run out of buffers for the network.",
		BIOS:   "The network card's driver could not be loaded.",
		Advice: []string{updateROM}},
	Message{Name: "PXE-E12",
		Text: "Could not detect network connection", To: Heard,
		Findings: []Finding{"nothing-received"},
		Advice:   []string{checkCable, portfast},
	}.on("The network port has no link."),
	{Name: "PXE-E61", Text: "Media test failure, check cable", To: Heard, Findings: []Finding{"nothing-received"},
		BIOS:   "The network port has no link.",
		Advice: []string{checkCable, "If this is not the port with the cable, choose the other one in the boot menu."},
		also:   []string{"media test failure", "check cable"}},
	{Name: "Media Presence",
		Text: "Checking media presence … No media detected", To: Heard,
		Findings: []Finding{"nothing-received"},
		UEFI:     "The network port has no link.",
		Advice:   []string{checkCable, portfast},
		also:     []string{"no media present", "media disconnected", "no media detected"}},

	// DHCP.
	{Name: "PXE-E16",
		Text: "No valid offer received", To: Asked,
		Findings: []Finding{"no-address", "no-boot-file", "nothing-received", "boot-server-not-asked"},
		UEFI:     "No DHCP server offered an address, or no server said what to boot, also on port 4011.",
		BIOS:     "No DHCP server offered an address together with something to boot.",
		Advice:   []string{leaseFree, firewall4011, relay},
		also:     []string{"no offer received", "no valid offer received"}},
	{Name: "PXE-E51",
		Text: "No DHCP or proxyDHCP offers were received", To: Offered,
		Findings: []Finding{"nothing-received", "no-address", "offer-not-taken"},
		BIOS:     "The ROM received no answer at all.",
		Advice: []string{relay, portfast,
			"Check that the box and the site's DHCP server are in the machine's network."}},
	{Name: "PXE-E52",
		Text: "proxyDHCP offers were received. No DHCP offers were received", From: Heard, To: Offered,
		Findings: []Finding{"no-address"},
		BIOS:     "The box answered, and no DHCP server offered an address.",
		Advice:   []string{leaseFree, "If there is no DHCP server, let the box lease addresses: mode = \"server\"."}},
	{Name: "PXE-E53",
		Text: "No boot filename received", To: Asked,
		Findings: []Finding{"no-boot-file", "unanswered", "nothing-received", "boot-server-not-asked"},
		BIOS:     "The ROM has an address, and no server said what to boot.",
		Advice:   []string{firewall4011, relay, portfast}},
	{Name: "PXE-E55", Text: "proxyDHCP service did not reply to request on port 4011", From: Offered, To: Asked,
		Findings: []Finding{"boot-server-not-asked", "unanswered", "file-not-requested"},
		BIOS:     "The ROM asked for its boot file on port 4011, and no answer arrived.",
		Advice:   []string{firewall4011, siteOptions}},
	{Name: "PXE-E18",
		Text: "Server response timeout", From: Offered, To: Loading,
		Findings: []Finding{"transfer-unanswered", "transfer-stalled"},
		UEFI:     "A server that the firmware asked did not answer: on port 4011, or with the boot file.",
		Advice:   []string{firewall4011, firewallTFTP, siteOptions}},
	{Name: "PXE-E11", Text: "ARP timeout", From: Offered, To: Loading,
		BIOS: "The ROM does not find the address of the server or the router that it was told.",
		Advice: []string{"Check the router that the DHCP server names (option 3), and its subnet mask (option 1).",
			siteOptions}},
	{Name: "PXE-E22",
		Text: "Client received ICMP error from server · BIOS extended memory copy error",
		From: Offered, To: Loading,
		UEFI:   "The server that the firmware asked has that port closed.",
		BIOS:   "The computer's BIOS could not copy the program to its memory.",
		Advice: []string{siteOptions, firewallTFTP}},
	Message{Name: "PXE-E74", Text: "Bad or missing PXE menu and/or prompt information", From: Heard, To: Asked,
		Advice: []string{siteOptions},
	}.on("A server sent option 43 in a form that this ROM does not read."),
	Message{Name: "PXE-E77",
		Text: "Bad or missing discovery server list", From: Heard, To: Asked,
		Findings: []Finding{"boot-server-not-asked", "another-server"},
		Advice:   []string{siteOptions},
	}.on("A server sent option 43 without a list of boot servers."),
	Message{Name: "PXE-E78",
		Text: "Could not locate boot server", From: Heard, To: Asked,
		Findings: []Finding{"boot-server-not-asked", "another-server"},
		Advice:   []string{siteOptions, firewall4011},
	}.on("The machine was told to look for a boot server, and none answered."),
	{Name: "PXE-E21", Text: "Remote boot cancelled · BIOS integrity check error", To: Transferred,
		UEFI:   "The network boot was cancelled by a key.",
		BIOS:   "The computer's BIOS refuses the ROM's memory.",
		Advice: []string{"Start the network boot again.", updateROM}},
	{Name: "PXE-EA0", Text: "Network boot canceled by keystroke", To: Transferred,
		BIOS: "The network boot was cancelled by a key.", Advice: []string{"Start the network boot again."}},
	{Name: "PXE-M0F", Text: "Exiting PXE ROM", To: Transferred,
		BIOS:   "The ROM gives up. A message before this one says why.",
		Advice: []string{"Read the message before this one."}},
	{Name: "PXE-E99", Text: "Unexpected network error", To: Loading,
		UEFI:   "The firmware's network failed in a way that it has no code for.",
		Advice: []string{checkCable, updateROM}},

	// The boot file.
	{Name: "PXE-E32",
		Text: "TFTP open timeout", From: Asked, To: Loading,
		Findings: []Finding{"file-not-requested", "transfer-unanswered"},
		BIOS:     "The ROM asked for the boot file, and no answer arrived.",
		Advice:   []string{firewallTFTP, siteOptions}},
	{Name: "PXE-E35",
		Text: "TFTP read timeout", From: Loading, To: Loading,
		Findings: []Finding{"transfer-stalled", "transfer-unanswered"},
		BIOS:     "The boot file stopped arriving.", Advice: []string{checkCable, firewallTFTP, smallBlocks}},
	{Name: "PXE-E36",
		Text: "Error received from TFTP server", From: Asked, To: Loading,
		Findings: []Finding{"first-stage-missing", "file-missing", "file-refused", "came-back", "handed-over"},
		BIOS:     "The server does not send this boot file. A line with PXE-T before this one has the server's words.",
		Advice:   []string{"Correct the file's name in [boot].", siteOptions}},
	{Name: "PXE-E23",
		Text: "Client received TFTP error from server", From: Asked, To: Loading,
		Findings: []Finding{"first-stage-missing", "file-missing", "file-refused", "came-back", "handed-over"},
		UEFI:     "The server does not send this boot file.",
		Advice:   []string{"Correct the file's name in [boot].", siteOptions, readFilter}},
	{Name: "PXE-E3B",
		Text: "TFTP Error - File Not Found", From: Asked, To: Loading,
		Findings: []Finding{"first-stage-missing", "file-missing", "came-back", "handed-over"},
		BIOS:     "The server does not have this boot file.",
		Advice:   []string{"Correct the file's name in [boot], or copy the file into the boot folder.", siteOptions}},
	{Name: "PXE-E3C",
		Text: "TFTP Error - Access violation", From: Asked, To: Loading,
		Findings: []Finding{"file-refused", "came-back", "handed-over"},
		BIOS:     "The server refuses to send this boot file.", Advice: []string{readFilter}},
	{Name: "PXE-E3F", Text: "TFTP packet size is invalid", From: Loading, To: Loading,
		BIOS: "The ROM does not accept packets of this size.", Advice: []string{smallBlocks, updateROM}},
	Message{Name: "PXE-T01",
		Text: "File not found", From: Asked, To: Loading,
		Findings: []Finding{"first-stage-missing", "file-missing", "came-back", "handed-over"},
		Advice:   []string{"Correct the file's name in [boot], or copy the file into the boot folder.", siteOptions},
	}.on("The server does not have this boot file."),
	Message{Name: "PXE-T02",
		Text: "Access violation", From: Asked, To: Loading,
		Findings: []Finding{"file-refused", "came-back", "handed-over"},
		Advice:   []string{readFilter},
	}.on("The server refuses to send this boot file."),
	Message{Name: "PXE-T04",
		Text: "Access violation", From: Asked, To: Loading,
		Findings: []Finding{"file-refused", "came-back", "handed-over"},
		Advice:   []string{readFilter},
	}.on("The server refuses to send this boot file. A WDS server does so."),
	{Name: "PXE-E79",
		Text: "NBP is too big to fit in free base memory", From: Loading, To: Loaded,
		Findings: []Finding{"bios-program-silent"},
		BIOS:     "The boot file is too large for a BIOS: it may be one for UEFI.",
		Advice:   []string{"Name pxelinux.0 in [boot] for bios."}},

	// Secure Boot and the boot programs.
	{Name: "Security Violation", From: Loaded, To: Started,
		Findings: []Finding{"secure-boot-refused", "second-stage-silent", "kernel-refused"},
		UEFI:     "Secure Boot refuses a program: no authority that this machine trusts has signed it.",
		Advice:   []string{thirdParty, "Update the firmware: old versions know only the certificates of 2011."},
		also: []string{"verification failed security violation", "secure boot violation",
			"invalid signature detected", "image authorization fail"}},
	{Name: "Access Denied", From: Loaded, To: Transferred,
		Findings: []Finding{"secure-boot-refused", "second-stage-silent"},
		UEFI:     "Secure Boot refuses the program that was loaded.",
		Advice:   []string{thirdParty, "Update the firmware: old versions know only the certificates of 2011."}},
	{Name: "SBAT self-check failed", From: Loaded, To: Loaded,
		Findings: []Finding{"secure-boot-refused", "second-stage-silent"},
		UEFI:     "The machine has revoked this version of shim or GRUB.",
		Advice: []string{"Update the box: a newer version has newer boot programs.",
			"If [boot] names a shim of your own, replace it by a newer one."},
		also: []string{"something has gone seriously wrong", "security policy violation",
			"verifying shim sbat data failed"}},
	{Name: "bad shim signature", From: InMenu, To: Started,
		Findings: []Finding{"kernel-refused", "in-menu", "restarted-from-menu"},
		UEFI:     "Secure Boot refuses the entry's kernel: Debian's GRUB starts only kernels that Debian has signed.",
		Advice: []string{"Mark the entry with signed = false, or turn Secure Boot off in the firmware's setup.",
			"Use a signed kernel of Debian."}},
	{Name: "prohibited by secure boot policy", From: Loaded, To: Started,
		Findings: []Finding{"kernel-refused", "second-stage-silent"},
		UEFI:     "Under Secure Boot GRUB does not load modules or other programs.",
		Advice:   []string{"Turn Secure Boot off in the firmware's setup, or leave this command out of the menu."}},
	Message{Name: "you need to load the kernel first", From: InMenu, To: Started,
		Findings: []Finding{"kernel-refused", "entry-file-missing", "in-menu"},
		Advice:   []string{"Read the line before this one: it says why the kernel was not loaded."},
	}.on("GRUB has not loaded the entry's kernel."),
	Message{Name: "GRUB: file not found",
		Text: "error: file … not found", From: Loaded, To: Started,
		Findings: []Finding{"entry-file-missing", "stage-file-missing"},
		Advice:   []string{"Copy the file into the boot folder, or correct the entry."},
		also: []string{"file not found", "could not find kernel image",
			"loading failed no such file or directory"},
	}.on("A file of the menu's entry is missing."),
	Message{Name: "out of memory", From: InMenu, To: Started,
		Findings: []Finding{"transfer-aborted", "kernel-refused", "entry-stopped"},
		Advice:   []string{"Add memory, or use a smaller initrd."},
	}.on("The entry's files do not fit into the memory that the boot program can use."),
	Message{Name: "timeout reading", From: Loaded, To: Started,
		Findings: []Finding{"transfer-stalled", "transfer-unanswered"},
		Advice:   []string{checkCable, smallBlocks},
		also: []string{"couldn't send network packet", "timeout could not resolve hardware address",
			"time out opening"},
	}.on("GRUB has lost the network while it read a file."),
	{Name: "Failed to load ldlinux.c32", From: Loaded, To: Loaded,
		Findings: []Finding{"second-stage-silent", "stage-file-missing"},
		BIOS:     "PXELINUX did not find its second part, or one of another version.",
		Advice:   []string{"Take pxelinux.0 and all .c32 files from one package."}},
	{Name: "Unable to locate configuration file", From: Loaded, To: Loaded,
		Findings: []Finding{"menu-missing", "second-stage-silent"},
		BIOS:     "PXELINUX did not find a menu.",
		Advice:   []string{"If [boot] names a PXELINUX in a folder, the menu belongs into pxelinux.cfg in that folder."},
		also:     []string{"no default or ui configuration directive found"}},
	Message{Name: "The box does not let this computer go there", From: InMenu, To: Started,
		Findings: []Finding{"hand-over-refused"},
		Advice: []string{"Start the machine again: the menu may be older than the box's last start.",
			"The box's log says why, in the line hand-over refused."},
	}.on("The box refused to hand this machine over."),

	// iPXE.
	Message{Name: "No configuration methods succeeded",
		Text: "http://ipxe.org/040ee119", To: Loaded,
		Findings: []Finding{"no-address", "nothing-received", "boot-program-asks-again"},
		Advice:   []string{leaseFree, portfast},
		also:     []string{"040ee119"},
	}.on("iPXE did not get an address from a DHCP server."),
	Message{Name: "Nothing to boot",
		Text: "No such file or directory (http://ipxe.org/2d03e13b)", From: Heard, To: Loaded,
		Findings: []Finding{"no-boot-file", "unanswered", "boot-server-not-asked", "boot-program-asks-again"},
		Advice:   []string{"Name a script for iPXE: [boot] ipxe = \"boot.ipxe\" in the settings.", firewall4011},
		also: []string{"2d03e13b", "no filename or root path specified",
			"no more network devices"},
	}.on("iPXE has an address, and no server said what to boot."),
	Message{Name: "Exec format error",
		Text: "http://ipxe.org/2e008081", From: Loading, To: Started,
		Findings: []Finding{"bios-program-silent", "secure-boot-refused", "started"},
		Advice: []string{"Check that the file is for this firmware: " +
			"a program for UEFI does not start on a BIOS, and the other way round.",
			"Under Secure Boot the file must be signed."},
		also: []string{"2e008081",
			"2e852001"},
	}.on("iPXE cannot start the file: it is for other firmware, or not signed."),
	Message{Name: "Operation not supported", Text: "http://ipxe.org/3c092003", From: Offered, To: Started,
		Advice: []string{"Use another build of iPXE, or a URL that begins with tftp:// or http://."},
		also:   []string{"3c092003"},
	}.on("This build of iPXE does not know the URL's protocol."),
	Message{Name: "Connection timed out",
		Text: "http://ipxe.org/4c…", From: Asked, To: Started,
		Findings: []Finding{"transfer-stalled", "transfer-unanswered", "file-not-requested"},
		Advice:   []string{firewallTFTP, checkCable},
	}.on("iPXE received no answer from the server that it asked."),

	// A system of an entry.
	Message{Name: "Kernel panic", From: Started, To: Transferred,
		Findings: []Finding{"system-restarted", "system-silent", "started"},
		Advice:   []string{entryArgs, "The machine may have too little memory for the initrd."},
		also: []string{"unable to mount root fs",
			"no working init found"},
	}.on("The entry's system stopped before it was up."),
	Message{Name: "No network interface detected", From: Started, To: Transferred,
		Findings: []Finding{"system-silent", "started"},
		Advice:   []string{"Use a newer kernel and initrd, with the driver of this network card."},
		also:     []string{"no ethernet card was detected"},
	}.on("The entry's system has no driver for this network card."),

	// WDS and Windows.
	windows("0xc000000f",
		"The boot configuration (BCD) or a file that it names is missing; with Secure Boot on current Windows, also "+
			"boot.stl.",
		wdsImage, readFilter),
	windows("0xc0000272", "The WDS server has no boot image for this machine's firmware.",
		"Add a boot image for x64, and set it as the default for x64 (UEFI)."),
	windows("0xc0000225",
		"A file of the boot image is missing, or the boot image does not fit the firmware.", wdsImage),
	windows("0xc0000001", "The boot image stopped loading.",
		"On the WDS server, turn off the TFTP variable window extension, or set a smaller TFTP block size.",
		"Check the cable and the switch."),
	windows("0xc000000e", "The device with the boot image is not reachable any more.",
		"Check the cable and the switch.", wdsImage),
	windows("0xc0000017", "The boot image does not fit into the machine's memory.",
		"Add memory, or use a smaller boot image."),
	windows("0xc0000098", "The boot configuration (BCD) names no system that can be started.", wdsImage),
	windows("0xc0000428", "Secure Boot refuses winload: its signature is revoked or not trusted.",
		"Update the boot image on the WDS server, and the machine's firmware."),
	windows("Pending Request ID", "The WDS server waits for an administrator's approval.",
		"Approve the machine on the WDS server, under Pending Devices."),
	windows("Press F12 for network service boot",
		"The WDS server waits for a key, and goes on to the disk without one.",
		"Press the key, or let the WDS server always continue the PXE boot.").with(
		"press enter for network boot service"),
	windows("No response from Windows Deployment Services server", "The WDS program does not reach its server.",
		"UDP ports 69 and 4011 of the WDS server must be open to this machine.",
		"Check that the service runs.").with("pxe boot aborted", "tftp download failed"),
	windows("An error occurred while starting networking", "Windows Setup has no driver for this network card.",
		"Add the driver to the boot image on the WDS server.").with("wdsclient an error occurred"),

	// The end of every failed boot.
	Message{Name: "No bootable device", To: Transferred,
		Advice: []string{"Read what the screen says before: this message only says that nothing else could be started."},
		also: []string{"no boot device found", "reboot and select proper boot device", "operating system not found",
			"no bootable option or device was found",
			"boot failed"},
	}.on("The firmware has tried everything in its boot order."),
}

// windows returns a message of WDS or of Windows' boot programs: the box sees
// nothing of it but the hand-over before.
func windows(name, meaning string, advice ...string) Message {
	return Message{
		Name:   name,
		Advice: advice, From: Transferred, To: Transferred,
		Findings: []Finding{CameBack, "handed-over", "wds-answers-itself"},
	}.on(meaning)
}

// with adds other texts for the same.
func (m Message) with(also ...string) Message { m.also = also; return m }
