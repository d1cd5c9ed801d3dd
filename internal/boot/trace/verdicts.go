package trace

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

const (
	// thinking is how long a machine may take between two steps. EDK2 waits four
	// seconds for offers and for each answer.
	thinking = 10 * time.Second
	// soon is how long WDS takes at least until it has started something that
	// cannot fail in a way that restarts the machine.
	soon = 90 * time.Second
	// returning is how long a machine may take from a restart to its next
	// network boot. A server tests its memory meanwhile.
	returning = 3 * time.Minute
)

// The findings that code names. The others are only in the table.
const (
	CameBack Finding = "came-back"
	Unknown  Finding = "unknown"
)

// verdicts is the table: what a boot shows, what that means, and what to try.
// The first row that applies to a boot counts. The order goes from the end of a
// boot to its beginning; docs/trouble.md has the rows in the order of a boot.
var verdicts = []Row{
	// Nothing from the machine.
	{
		Finding: "nothing-received", Sentence: "The box has received nothing from this machine.",
		Advice: []string{
			"Check the cable, and that network boot over IPv4 is on in the firmware's setup.",
			"If the machine is in another VLAN or behind a router, its relay agent (IP helper) must pass DHCP on to " +
				"the box.",
			"If the switch port runs spanning tree, turn on portfast for it.",
		},
		is: func(f facts) (mark, bool) { return mark{}, len(f.marks) == 0 },
	},

	// Handed over.
	{
		Finding: CameBack,
		Sentence: "The machine came back {after} after it was handed over[ to {entry}][ ({server})]: nothing " +
			"started there.",
		Advice: []string{
			"Read what the screen says before it restarts: 0xc000000f is the BCD or boot.stl, 0xc0000225 a missing " +
				"file of the image, 0xc0000272 no boot image for this firmware.",
			"Check on the WDS server that it has a boot image for this firmware, and that it answers known and " +
				"unknown machines, or approve the pending request.",
			"UDP ports 69 and 4011 of the WDS server must be open to this machine.",
		},
		is: facts.cameBack,
	},
	{
		Finding: "wds-system-runs", Good: true,
		Sentence: "WDS[ ({entry})] started a system: it asked for an address at {time}.",
		Advice:   []string{"If Windows Setup finds no network, add the driver of this network card to the boot image."},
		is:       func(f facts) (mark, bool) { return f.with(handed, system) },
	},
	{
		Finding: "handed-over", Good: true, Sentence: "Handed over[ to {entry}][ ({server})] at {time}.",
		Advice: []string{
			"The box has no part in the boot any more: if the machine does not go on, look at the WDS server.",
			"If the screen shows a Pending Request ID, approve the machine on the WDS server.",
		},
		is: func(f facts) (mark, bool) { return f.get(handed) },
	},
	{
		Finding: "hand-over-refused", Sentence: "The box refused to hand the machine over[ to {entry}][: {why}].",
		Advice: []string{
			"Start the machine again and choose the entry again: the menu may be older than the box's last start.",
			"If it happens again, the box knows this address by another MAC address: look for a network bridge or a " +
				"copied address.",
		},
		is: func(f facts) (mark, bool) { return f.trouble(func(m mark) bool { return m.role == HandOver }) },
	},
	{
		Finding: "restarted-for-hand-over", Good: true,
		Sentence: "The machine asked at {time} to be handed over[ to {entry}], and restarted.",
		Advice:   []string{"Its next boot says whether it arrived."},
		is:       func(f facts) (mark, bool) { return f.wants(!f.Next.IsZero()) },
	},
	{
		Finding:  "not-back-for-hand-over",
		Sentence: "The machine asked at {time} to be handed over[ to {entry}], and did not boot from the network again.",
		Advice: []string{
			"The choice counts for the next network boot, for five minutes: start it by hand, for example with F12, " +
				"and choose the entry again if that time is over.",
			"Put the network before the disk in the firmware's boot order.",
		},
		is: func(f facts) (mark, bool) { return f.wants(f.now.Sub(f.at(wanted)) > returning) },
	},
	{
		Finding: "restarts-for-hand-over", Running: true, Good: true,
		Sentence: "The machine asked at {time} to be handed over[ to {entry}], and restarts.",
		Advice:   []string{"Let it boot from the network again."},
		is:       func(f facts) (mark, bool) { return f.wants(true) },
	},

	// A transfer failed, and nothing has gone well since.
	{
		Finding:  "first-stage-missing",
		Sentence: "The machine asked for the boot file {file}, which the box does not have.",
		Advice: []string{
			"Correct the file's name in [boot], or copy the file into the boot folder.",
			"If another DHCP server names this file, remove options 66 and 67 there.",
		},
		is: func(f facts) (mark, bool) { return f.failed(NotFound, FirstStage) },
	},
	{
		Finding: "entry-file-missing", Sentence: "The file {file} of the entry[ {entry}] is missing on the box.",
		Advice: []string{"Copy the file into the boot folder, or correct the entry."},
		is:     func(f facts) (mark, bool) { return f.failed(NotFound, Kernel, Initrd) },
	},
	{
		Finding: "stage-file-missing", Sentence: "The boot program asked for {file}, which the box does not have.",
		Advice: []string{
			"Copy the file into the boot folder, next to the boot program.",
			"If [boot] names a program of your own, copy all of its parts from the same package.",
		},
		is: func(f facts) (mark, bool) { return f.failed(NotFound, SecondStage, Menu) },
	},
	{
		Finding: "box-failed", Sentence: "The box could not read {file}[ after {size}].",
		Advice: []string{
			"The box's log says why: its disk or USB stick may be failing.",
			"Copy the file into the boot folder once more.",
		},
		is: func(f facts) (mark, bool) { return f.failed(Failed) },
	},
	{
		Finding: "file-refused", Sentence: "The box refused to send {file}[: {why}].",
		Advice: []string{"A link that leads out of the boot folder is not served: copy the file itself into it."},
		is:     func(f facts) (mark, bool) { return f.failed(Refused) },
	},
	{
		Finding:  "transfer-unanswered",
		Sentence: "The machine asked for {file}, and acknowledged nothing that the box sent.",
		Advice: []string{
			"A firewall between the box and the machine may let UDP port 69 through, and not the ports of the " +
				"transfer: they change with each file.",
			"Try [tftp] max_block = 512 in the settings: some networks lose large packets.",
			"Another machine may have the same address.",
		},
		is: func(f facts) (mark, bool) {
			return f.trouble(func(m mark) bool { return m.outcome == TimedOut && m.bytes == 0 })
		},
	},
	{
		Finding: "transfer-stalled", Sentence: "The machine stopped answering after {size} of {file}.",
		Advice: []string{
			"Check the cable, the port and the switch: look for errors and for a speed that both sides negotiate.",
			"If the machine was switched off or restarted, there is nothing to do.",
			"Try [tftp] max_block = 512 and max_window = 1 in the settings.",
		},
		is: func(f facts) (mark, bool) { return f.failed(TimedOut) },
	},
	{
		Finding: "transfer-aborted", Sentence: "The machine broke off {file} after {size}.",
		Advice: []string{
			"The file may be too large for the machine's memory or for its boot program.",
			"Try the same entry once more, and another file if it happens again.",
		},
		is: func(f facts) (mark, bool) { return f.failed(Aborted) },
	},

	// A host that reads files, and not as a boot does.
	{
		Finding: "files-without-dhcp", Good: true,
		Sentence: "The host read {file} at {time}[, {size}], and did not ask for an address before.",
		Advice: []string{
			"A program that tests or watches the box, and a person with a TFTP client, do that.",
			"If it is a machine that boots, another DHCP server sent it to the box: the box must receive its DHCP " +
				"packets to say why it stops.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(whole)
			return m, ok && !f.asked() && !f.bootsOnItsOwn()
		},
	},

	// An entry was chosen.
	{
		Finding: "system-runs", Good: true,
		Sentence: "Started[ {entry}]; its system asked for an address at {time}.",
		Advice:   []string{"The network works in the system: what happens now is up to the system."},
		is: func(f facts) (mark, bool) {
			if f.ownProgram() {
				return f.with(loose, system)
			}
			return f.entry(f.has(system), system)
		},
	},
	{
		Finding: "system-loads", Good: true, Sentence: "Started[ {entry}]; afterwards {file} was read at {time}.",
		Advice: []string{"What happens now is up to the system."},
		is:     func(f facts) (mark, bool) { return f.entry(f.has(extra), extra) },
	},
	{
		Finding: "system-restarted", Sentence: "The machine started again soon after it had loaded[ {entry}].",
		Advice: []string{
			"Read what the screen says before it restarts. A kernel that panics restarts at once.",
			"Check the entry's arguments, and that kernel and initrd are of the same version.",
			"The machine may have too little memory for the initrd, or a firmware that its kernel does not support.",
		},
		is: func(f facts) (mark, bool) {
			return f.entry(!f.Next.IsZero() && f.Next.Sub(f.last) < soon, kernel)
		},
	},
	{
		Finding: "loads-entry", Running: true, Good: true, Sentence: "The machine loads[ {entry}]: {file}.",
		Advice: []string{"Wait: a large file takes a while."},
		is:     func(f facts) (mark, bool) { return f.entry(f.open > 0, chosen) },
	},
	{
		Finding:  "kernel-refused",
		Sentence: "{file} was sent whole, and no initrd was asked for: GRUB may have refused the kernel's signature.",
		Advice: []string{
			"If the screen says \"bad shim signature\", Secure Boot is on and the kernel is not signed by Debian: " +
				"mark the entry with signed = false, or turn Secure Boot off.",
			"A distribution's own shim and GRUB start its kernels under Secure Boot.",
			"If the entry has no initrd, and the machine runs, there is nothing to do.",
		},
		is: func(f facts) (mark, bool) {
			m, _ := f.get(kernel)
			return f.entry(f.uefi() && !isEFI(m.what) && !f.has(initrd) && f.quiet(thinking), kernel)
		},
	},
	{
		Finding:  "system-silent",
		Sentence: "Loaded[ {entry}] at {time}; nothing has been received from its system.",
		Advice: []string{
			"If the screen is black or shows a panic, check the entry's arguments and whether the machine has enough " +
				"memory for the initrd.",
			"The system may lack the driver of this network card.",
			"A system that uses no network, or a fixed address, is silent too.",
		},
		is: func(f facts) (mark, bool) { return f.entry(f.Next.IsZero() && f.quiet(returning), kernel) },
	},
	{
		Finding: "started", Running: true, Good: true, Sentence: "Started[ {entry}] at {time}.",
		Advice: []string{"Wait for the system: it has not asked for an address yet."},
		is:     func(f facts) (mark, bool) { return f.entry(f.has(kernel), kernel) },
	},
	{
		Finding: "entry-stopped", Sentence: "The machine asked for {file}[ of {entry}] and did not load it.",
		Advice: []string{
			"Choose the entry again, and read what the screen says.",
			"The file may be too large for the machine's memory.",
		},
		is: func(f facts) (mark, bool) { return f.entry(true, chosen) },
	},

	// The menu was read.
	{
		Finding: "started-disk", Good: true,
		Sentence: "The machine left the menu without an entry's files; a system on its disk asked for an address at " +
			"{time}.",
		Advice: []string{"If it should boot from the network, choose an entry before the menu's time is over."},
		is:     func(f facts) (mark, bool) { return f.with(menu, system) },
	},
	{
		Finding: "restarted-from-menu", Good: true, Sentence: "The machine read the menu at {time}, and was restarted.",
		Advice: []string{"If it was not restarted by hand, read what the screen says after the choice: \"bad shim " +
			"signature\" means that Secure Boot refuses the entry's kernel."},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(menu)
			return m, ok && !f.Next.IsZero()
		},
	},
	{
		Finding: "in-menu", Running: true, Good: true,
		Sentence: "The machine read the menu at {time} and has asked for nothing since: it waits there, or has " +
			"started its disk.",
		Advice: []string{
			"Choose an entry on the screen.",
			"If an entry was chosen and the screen says \"bad shim signature\", Secure Boot refuses its kernel: mark " +
				"the entry with signed = false.",
		},
		is: func(f facts) (mark, bool) { return f.get(menu) },
	},

	// The box did not answer the last question.
	{
		Finding: "limited", Sentence: "The machine asks too often, and the box leaves out some answers.",
		Advice: []string{
			"Switch the machine off for a minute: firmware or a network loop may repeat its packets.",
			"If other machines show the same, look for a loop in the network.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.silenced()
			return m, ok && (m.why == WhyLimited || strings.Contains(m.why, "too many"))
		},
	},
	{
		Finding:  "no-address-left",
		Sentence: "The machine asked for an address, and the box has none to lease[: {why}].",
		Advice: []string{
			"Enlarge range in the settings, or shorten lease: each machine that was here in that time keeps its " +
				"address.",
			"If few machines are on that network, something there takes addresses in many names: the log lines " +
				"\"dhcp: answered\" show to whom the addresses went.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.silenced()
			return m, ok && strings.HasPrefix(m.why, WhyNoAddress)
		},
	},
	{
		Finding: "no-boot-file", Sentence: "The box has nothing to boot for this machine[ ({firmware})][: {why}].",
		Advice: []string{
			"Name a file for this firmware in [boot] of the settings.",
			"Most PCs can boot another way: switch between UEFI and legacy BIOS, or between PXE and HTTP boot, in " +
				"the firmware's setup.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.silenced()
			m.what = ""
			return m, ok && !f.elsewhere() && strings.HasPrefix(m.why, "no boot file")
		},
	},

	// The first stage was sent.
	{
		Finding: "raspberry-pi-started", Good: true, Sentence: "The Raspberry Pi read its kernel {file} at {time}.",
		Advice: []string{"If its screen stays dark, compare the file with that of a working SD card."},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(whole)
			base := path.Base(fileName(m.what))
			isKernel := strings.HasPrefix(base, "kernel") || strings.HasPrefix(base, "vmlinuz")
			return m, ok && f.is(firmware.RaspberryPi) && (f.has(system) || isKernel)
		},
	},
	{
		Finding: "raspberry-pi-stopped", Sentence: "The Raspberry Pi read {file} last, and no kernel[, at {time}].",
		Advice: []string{
			"Copy the whole boot partition of a working SD card into the boot folder: firmware, config.txt, device " +
				"trees and kernel.",
			"config.txt may name a kernel that is not there.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(whole)
			return m, ok && f.is(firmware.RaspberryPi) && f.quiet(thinking)
		},
	},
	{
		Finding: "menu-missing", Sentence: "PXELINUX found no menu; it asked for {file} last.",
		Advice: []string{
			"The box serves its menu as pxelinux.cfg/default: start the machine again.",
			"If [boot] names a PXELINUX in a folder, the menu belongs into pxelinux.cfg in that folder.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(absent)
			return m, ok && f.has(first) && strings.Contains(fileName(m.what), "pxelinux.cfg/") && f.newest(m) &&
				f.quiet(thinking)
		},
	},
	{
		Finding:  "boot-program-asks-again",
		Sentence: "The boot program, started by {file}, asked the box again, and then for nothing more.",
		Advice: []string{
			"If it is iPXE, name a script for it: [boot] ipxe = \"boot.ipxe\" in the settings.",
			"Read what iPXE says on the screen; its messages have an address with an explanation.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(whole)
			return m, ok && f.at(again).After(m.at) && f.quiet(thinking)
		},
	},
	{
		Finding: "program-runs", Good: true,
		Sentence: "The boot program runs and read {file} last, at {time}: what it does next is up to it.",
		Advice: []string{
			"Read what the screen says: this program is not the box's own, and may load the rest from another server.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(whole)
			return m, ok && f.has(ran) && f.ownProgram()
		},
	},
	{
		Finding: "second-stage-silent", Sentence: "The boot program runs, and stopped after {file}, before the menu.",
		Advice: []string{
			"With Secure Boot, shim starts only programs of the same distribution: \"Security Violation\" on the " +
				"screen says that it refused this one.",
			"Take all parts of the boot program from one package: modules of another version do not load.",
			"Read what the screen says, and try the machine's other network port or firmware mode.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.latest(ran, second)
			return m, ok && f.has(whole) && !f.is(firmware.RaspberryPi) && f.quiet(thinking)
		},
	},
	{
		Finding: "boot-program-runs", Running: true, Good: true,
		Sentence: "The boot program runs[ and asks for its parts: {file}].",
		Advice:   []string{"Wait a few seconds."},
		is: func(f facts) (mark, bool) {
			m, ok := f.latest(ran, second)
			return m, f.has(whole) && (ok || f.has(again))
		},
	},
	{
		Finding:  "secure-boot-refused",
		Sentence: "{file} was sent whole at {time} and did not start: Secure Boot probably refused it.",
		Advice: []string{
			"Allow the Microsoft third-party UEFI CA (\"3rd party CA\") in the firmware's setup, or turn Secure Boot " +
				"off there.",
			"Update the firmware: old versions know only the certificates of 2011, and some refuse a file with two " +
				"signatures.",
			"If two such boots do not help, the box sends a shim with one signature, and then the entry that " +
				"fallback in [boot] names; a [[machine]] with boot = \"wds\" goes to WDS at once.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(first)
			return m, ok && f.uefi() && f.quiet(thinking)
		},
	},
	{
		Finding:  "bios-program-silent",
		Sentence: "{file} was sent whole at {time} and did not start, or asked for nothing more.",
		Advice: []string{
			"Check that {file} is a boot program for a BIOS: a file for UEFI does not start there.",
			"Update the network card's boot ROM, or try pxelinux.0 instead of lpxelinux.0: some ROMs hang in one of " +
				"them.",
			"If the file is a program that needs nothing more, there is nothing to do.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(first)
			return m, ok && f.quiet(thinking)
		},
	},
	{
		Finding: "first-stage-sent", Running: true, Good: true,
		Sentence: "{file} was sent whole at {time}; the machine starts it.",
		Advice:   []string{"Wait a few seconds."},
		is:       func(f facts) (mark, bool) { return f.get(first) },
	},

	// A file was requested.
	{
		Finding: "files-read", Good: true, Sentence: "The machine read {file} at {time}[, {size}].",
		Advice: []string{"The box has not seen how the machine started: it may run a system, or have booted before " +
			"the box was ready."},
		is: func(f facts) (mark, bool) { return f.get(loose) },
	},
	{
		Finding:  "raspberry-pi-files-missing",
		Sentence: "The Raspberry Pi asked for {file}, which the box does not have.",
		Advice: []string{
			"Copy the boot partition of a working SD card into the boot folder.",
			"A Raspberry Pi asks in a folder of its serial number first: that this one is missing is normal.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(absent)
			return m, ok && f.is(firmware.RaspberryPi)
		},
	},
	{
		Finding: "loading", Running: true, Good: true, Sentence: "The machine loads {file}.",
		Advice: []string{"Wait a few seconds."},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(requested)
			return m, ok && m.outcome != NotFound && m.outcome != Refused && !f.quiet(thinking)
		},
	},
	{
		Finding: "file-missing", Sentence: "The machine asked for {file}, which the box does not have.",
		Advice: []string{
			"If the site's DHCP server names this file in option 67, correct or remove it there.",
			"Copy the file into the boot folder if the box is meant to have it.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(absent)
			return m, ok && f.newest(m)
		},
	},
	{
		Finding: "download-stopped", Sentence: "The machine asked for {file}, and did not load it.",
		Advice: []string{
			"Start the machine again, and read the code that the screen shows.",
			"The file may be too large for the firmware, or the network loses large packets: try [tftp] max_block = " +
				"512.",
		},
		is: func(f facts) (mark, bool) { return f.get(requested) },
	},

	// Another server.
	{
		Finding:  "wds-answers-itself",
		Sentence: "The machine follows the WDS server[ {server}], which answers by itself with {file}.",
		Advice: []string{
			"On the WDS server run: wdsutil /Set-Server /UseDhcpPorts:No, and restart its service.",
			"If a DHCP server names that file, remove options 60, 66 and 67 there.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.follows()
			name := fileName(m.what)
			return m, ok && (strings.Contains(name, "wdsnbp") || strings.Contains(name, "wdsmgfw"))
		},
	},
	{
		Finding:  "another-server",
		Sentence: "Another server[, {server},] told the machine what to boot[: {file}]; it follows that one.",
		Advice: []string{
			"Remove options 60, 66 and 67 from that DHCP server, or switch off its network boot.",
			"If that server is right for this machine, there is nothing to do.",
		},
		is: facts.follows,
	},

	// Questions and answers.
	{
		Finding: "box-starting", Running: true, Good: true,
		Sentence: "The box does not answer yet: {why}. That is normal for a few seconds after its start.",
		Advice:   []string{"Wait a few seconds: the machine asks again."},
		is: func(f facts) (mark, bool) {
			m, ok := f.tooEarly()
			return m, ok && f.now.Sub(f.Began) < QuietAfter && f.Next.IsZero() && !f.gaveUp()
		},
	},
	{
		Finding: "asked-too-early", Sentence: "The machine asked before the box was ready, and gave up: {why}.",
		Advice: []string{
			"Start the machine again.",
			"If this happens again, read the box's log: it cannot look for other DHCP servers.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.tooEarly()
			return m, ok && f.quiet(QuietAfter)
		},
	},
	{
		Finding: "unanswered", Sentence: "The box received the machine's question and did not answer[: {why}].",
		Advice: []string{"The reason is in the box's log; docs/trouble.md says what to do about each."},
		is: func(f facts) (mark, bool) {
			m, ok := f.silenced()
			m.what = ""
			return m, ok
		},
	},
	{
		Finding: "address-refused", Sentence: "The box refused the address that the machine asked for.",
		Advice: []string{
			"The machine asks for a new address by itself: wait, or start it again.",
			"If it happens again, look for a second DHCP server.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(nak)
			return m, ok && f.newest(m) && f.quiet(thinking)
		},
	},
	{
		Finding:  "url-not-requested",
		Sentence: "The machine was told at {time} to boot {file}, and did not ask for it.",
		Advice: []string{
			"HTTP boot may be limited to HTTPS: allow plain HTTP in the firmware's setup.",
			"TCP port 80 of the box must be open to the machine.",
			"Or choose PXE boot over IPv4 instead of HTTP boot in the firmware's boot menu.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.toldFile()
			return m, ok && f.http() && f.quiet(thinking)
		},
	},
	{
		Finding:  "file-not-requested",
		Sentence: "The machine was told at {time} to load {file}, and did not ask for it.",
		Advice: []string{
			"UDP port 69 of the box must be open to the machine: look for a firewall, and for a router between them " +
				"that has no route back.",
			"The answer on port 4011 may be lost: a firewall must let it through in both directions.",
			"Start the machine again and read the code that the screen shows.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.toldFile()
			return m, ok && f.quiet(thinking)
		},
	},
	{
		Finding: "answered", Running: true, Good: true, Sentence: "The machine was told to load {file}.",
		Advice: []string{"Wait a few seconds."},
		is:     facts.toldFile,
	},
	{
		Finding:  "took-another-lease",
		Sentence: "The machine took the address of another DHCP server[, {server}], and not the box's.",
		Advice: []string{
			"Switch off one of the two DHCP servers, or let the box only add boot information: mode = \"auto\".",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(taken)
			return m, ok && m.server.IsValid() && f.leases() && f.quiet(thinking)
		},
	},
	{
		Finding:  "boot-server-not-asked",
		Sentence: "The machine took an address[ from {server}] and did not ask the box on port 4011 for its boot file.",
		Advice: []string{
			"UDP port 4011 of the box must be open to the machine: look for a firewall.",
			"Remove options 43, 60, 66 and 67 from the site's DHCP server: with them the machine asks there.",
			"Some firmware ignores a second server: mode = \"server\" puts everything into one answer.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(taken)
			return m, ok && f.quiet(thinking)
		},
	},
	{
		Finding: "asks", Running: true, Good: true, Sentence: "The machine has taken an address.",
		Advice: []string{"Wait a few seconds."},
		is:     func(f facts) (mark, bool) { return f.get(taken) },
	},
	{
		Finding: "offer-not-taken", Sentence: "The box offered an address at {time}, and the machine did not take it.",
		Advice: []string{
			"Another DHCP server may have answered first: look for one.",
			"The answer may not reach the machine: check the switch, and the relay agent if there is a router.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(offered)
			return m, ok && f.leases() && f.quiet(thinking)
		},
	},
	{
		Finding:  "no-address",
		Sentence: "The box answered at {time}, and the machine did not take an address from the site's DHCP server.",
		Advice: []string{
			"The site's DHCP server must have a free address for this machine, and answer in this network.",
			"If there is no DHCP server, let the box lease addresses: mode = \"server\".",
			"An HP machine with UEFI that asks again and again sees two offers and takes neither: mode = \"server\" " +
				"makes one of them.",
		},
		is: func(f facts) (mark, bool) {
			m, ok := f.get(offered)
			return m, ok && f.quiet(thinking)
		},
	},
	{
		Finding: "offered", Running: true, Good: true,
		Sentence: "The box has answered; the machine chooses among the answers.",
		Advice:   []string{"Wait a few seconds."},
		is:       func(f facts) (mark, bool) { return f.get(offered) },
	},
	{
		Finding: Unknown, Sentence: "The box cannot say what this machine does.",
		Advice: []string{"Look at the boot's events, and at the machine's screen."},
		is:     func(f facts) (mark, bool) { return mark{}, true },
	},
}

// facts are a boot and the time at which to judge it.
type facts struct {
	*Boot
	now time.Time
}

// quiet reports whether the machine has done nothing for some time, or has
// started again or gone on to another way to boot instead.
func (f facts) quiet(d time.Duration) bool {
	return !f.Next.IsZero() || f.gaveUp() || f.open == 0 && f.now.Sub(f.last) >= d
}

// runs reports whether a boot may go on. Without its DHCP packets, it may be a
// host that only reads what a boot reads.
func (f facts) runs() bool {
	return f.Next.IsZero() && f.now.Sub(f.last) < patience && (f.asked() || !f.quiet(QuietAfter))
}

// asked reports whether a DHCP packet of the machine was seen, also of its system.
func (f facts) asked() bool {
	return slices.ContainsFunc([]sign{asks, silenced, offered, otherOffer, taken, named, nak, handed, system}, f.has)
}

// bootsOnItsOwn reports whether files were read in the order of a boot up to the
// menu. So does a machine that another DHCP server sends to the box, whose DHCP
// packets the box does not receive.
func (f facts) bootsOnItsOwn() bool { return f.stage >= InMenu && f.has(first) && f.has(ran) }

func (f facts) is(k firmware.Kind) bool { return firmware.Kind(f.Firmware) == k }

// uefi reports whether the machine has UEFI, by what it says or by the file that
// it loads.
func (f facts) uefi() bool {
	m, _ := f.get(first)
	return strings.HasPrefix(f.Firmware, "uefi") || !f.is(firmware.BIOS) && isEFI(m.what)
}

// ownProgram reports whether the first stage is the site's own, not a boot loader
// that reads a menu of the box.
func (f facts) ownProgram() bool {
	m, ok := f.get(first)
	base := path.Base(fileName(m.what))
	isMenuLoader := slices.ContainsFunc(menuLoaders, func(l string) bool { return strings.HasPrefix(base, l) })
	return ok && !f.is(firmware.RaspberryPi) && !isMenuLoader
}

// menuLoaders are how the names of boot loaders begin that read a menu. boot is
// for bootx64.efi, which is shim on a medium.
var menuLoaders = []string{"shim", "grub", "pxelinux", "lpxelinux", "syslinux", "bootx64", "bootaa64", "bootia32"}

func (f facts) http() bool { return strings.HasSuffix(f.Firmware, "-http") }

func isEFI(name string) bool { return strings.HasSuffix(fileName(name), ".efi") }

// newest reports whether no other sign is later than m, except its repetitions.
func (f facts) newest(m mark) bool {
	for _, k := range f.marks {
		if f.expand(k).at.After(m.at) && k.sign != asks {
			return false
		}
	}
	return true
}

// latest returns the later one of two signs.
func (f facts) latest(a, b sign) (mark, bool) {
	if f.at(b).After(f.at(a)) {
		a = b
	}
	return f.get(a)
}

// with returns b if the boot shows it and a.
func (f facts) with(a, b sign) (mark, bool) {
	m, _ := f.get(a)
	found, ok := f.get(b)
	if found.entry == "" {
		found.entry, found.server = m.entry, m.server
	}
	return found, ok && f.has(a)
}

// back returns how long after a hand-over the machine came back.
func (f facts) back() time.Duration {
	if f.Back != nil {
		return f.Back.After
	}
	return f.Next.Sub(f.handedOver().At)
}

// cameBack reports whether the boot comes soon after a hand-over, and has started
// nothing else; or ends soon after its hand-over.
func (f facts) cameBack() (mark, bool) {
	if h := f.Back; h != nil {
		nothingElse := (f.stage <= InMenu || f.has(handed)) && !f.has(trouble) && !f.has(system)
		return mark{at: h.At, server: h.Server, entry: h.Entry}, nothingElse
	}
	h := f.handedOver()
	return mark{at: h.At, server: h.Server, entry: h.Entry}, h.before(f.Next)
}

// wants returns the request for a hand-over, if it is the machine's last choice.
func (f facts) wants(only bool) (mark, bool) {
	m, ok := f.get(wanted)
	return m, ok && only && !f.at(menu).After(m.at) && !f.at(kernel).After(m.at)
}

// trouble returns the transfer that failed.
func (f facts) trouble(is func(mark) bool) (mark, bool) {
	m, ok := f.get(trouble)
	return m, ok && is(m)
}

// failed is trouble with an outcome, of files with one of the roles; any if none
// is given.
func (f facts) failed(o Outcome, roles ...Role) (mark, bool) {
	return f.trouble(func(m mark) bool {
		if m.outcome != o {
			return false
		}
		for _, r := range roles {
			if m.role == r {
				return true
			}
		}
		return len(roles) == 0
	})
}

// entry returns a sign of a boot in which an entry was chosen in the menu, and
// the menu was not read again since.
func (f facts) entry(only bool, s sign) (mark, bool) {
	c, ok := f.get(chosen)
	m, shown := f.get(s)
	if m.entry == "" {
		m.entry = c.entry
	}
	return m, ok && only && shown && !f.at(menu).After(c.at)
}

// silenced returns why the box did not answer, if that was the last thing.
func (f facts) silenced() (mark, bool) {
	m, ok := f.get(silenced)
	return m, ok && f.newest(m)
}

// tooEarly returns why the box did not answer yet, if it was starting.
func (f facts) tooEarly() (mark, bool) {
	m, ok := f.silenced()
	m.what = ""
	return m, ok && m.why == WhyLooking
}

// elsewhere reports whether another server told the machine what to boot.
func (f facts) elsewhere() bool { _, ok := f.follows(); return ok }

// follows returns what another server told the machine to boot, if the machine
// has asked the box for nothing since.
func (f facts) follows() (mark, bool) {
	m, ok := f.get(otherOffer)
	return m, ok && !f.has(requested) && f.quiet(thinking)
}

// toldFile returns the box's answer with the file to load, to a machine that has
// an address.
func (f facts) toldFile() (mark, bool) {
	if m, ok := f.get(named); ok {
		return m, true
	}
	m, ok := f.get(offered)
	return m, ok && m.what != "" && f.has(taken) && !f.leases()
}

// leases reports whether the box offered an address.
func (f facts) leases() bool {
	m, ok := f.get(offered)
	return ok && m.leased
}
