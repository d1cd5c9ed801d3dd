package view

// english has the texts of the layout and of the pages about machines.
var english = catalog{
	"language.name": "English",

	"layout.skip":      "Skip to the content",
	"layout.nav":       "Pages",
	"layout.languages": "Language",
	"layout.logout":    "Log out",
	"layout.version":   "pxebox %s",

	"login.title":    "Log in",
	"login.intro":    "The password is the box's own: the one that the console shows, or the one that you chose.",
	"login.password": "Password",
	"login.button":   "Log in",
	"login.failed":   "That is not the password. Please try again.",
	"login.wait":     "There were too many attempts. Please wait %s, then try again.",

	"notfound.title": "There is no such page",
	"notfound.text": "The address may be mistyped, or it shows a boot that is no longer kept: when memory is full, " +
		"the oldest boots are removed first.",
	"notfound.back": "Show all machines",

	"nav.machines": "Machines",
	"nav.codes":    "What screens say",

	"feed.waiting": "Waiting for pxed, the program that serves machines.",
	"feed.down":    "pxed, the program that serves machines, is down since",
	"feed.advice":  "No machine can boot from here until it is back. Its log says why.",
	"feed.back":    "This page shows what was known until then, and continues when pxed is back.",
	"live.lost":    "Connection lost. The page shows what was known until then, and tries again.",

	"summary.machines.one":  "%d machine.",
	"summary.machines.many": "%d machines.",
	"summary.running.one":   "%d is booting.",
	"summary.running.many":  "%d are booting.",
	"summary.failed.one":    "%d did not boot.",
	"summary.failed.many":   "%d did not boot.",
	"gone.boots.one":        "%d boot is no longer kept, because memory for them is full.",
	"gone.boots.many":       "%d boots are no longer kept, because memory for them is full.",
	"gone.machines.one":     "With it went all that was known about %d machine.",
	"gone.machines.many":    "With them went all that was known about %d machines.",
	"gone.until":            "They began no later than",
	"leftout.one":           "More machines boot at a time than can be followed: %d event was left out.",
	"leftout.many":          "More machines boot at a time than can be followed: %d events were left out.",
	"lost":                  "More happened at a time than could be recorded: %d records were left out.",

	"machines.title": "Machines",
	"search.label":   "Search",
	"search.help": "A MAC address, name, GUID, IP address, menu entry, the code on the machine's screen such as K7QM, " +
		"or words of the verdict.",
	"search.failed": "Only machines that did not boot",
	"search.button": "Search",
	"search.all":    "Show all machines",

	"search.found.one":  "%d machine found.",
	"search.found.many": "%d machines found.",

	"state.good": "fine",
	"state.bad":  "did not boot",
	"state.busy": "is booting",

	"try.bad":  "What to try",
	"try.busy": "If it stops here",
	"try.good": "If it does not go on",

	"row.code":       "Code on screen:",
	"row.bytes":      "%s sent",
	"row.boots.one":  "%d boot",
	"row.boots.many": "all %d boots",

	"progress.number": "step %d of %d",

	"stage.silent":      "Nothing was received",
	"stage.heard":       "Asked for an address",
	"stage.elsewhere":   "Answered by another server",
	"stage.offered":     "Got the box's offer",
	"stage.asked":       "Took the offer",
	"stage.loading":     "Asked for the boot program",
	"stage.loaded":      "Loaded the boot program",
	"stage.menu":        "Read the menu",
	"stage.started":     "Loaded a system",
	"stage.transferred": "Handed over, or running",

	"step.heard":       "It asks for an address",
	"step.offered":     "The box makes an offer",
	"step.asked":       "It takes the offer",
	"step.loading":     "It asks for its boot program",
	"step.loaded":      "It has the whole boot program",
	"step.menu":        "It reads the menu",
	"step.started":     "It loads a system",
	"step.transferred": "The system runs, or WDS continues",

	"mark.done":    "done",
	"mark.now":     "now",
	"mark.stopped": "stopped here",
	"mark.todo":    "not reached",
	"mark.skipped": "skipped",

	"empty.title": "Waiting for a machine",
	"empty.start": "Start one now and set it to boot from the network. On most PCs the key is F12 while the " +
		"logo shows.",
	"empty.live":    "It appears here as soon as its first packet arrives. You need not reload the page.",
	"empty.nothing": "Nothing appears?",
	"empty.check.link": "Look at the lights of the machine's network port and at its switch port. Wi-Fi and most " +
		"USB adapters cannot boot from the network.",
	"empty.check.setup": "In the machine's setup, turn on network boot (\"PXE\", \"Network Stack\") and put the " +
		"network first in the boot order.",
	"empty.check.network": "The machine must be on the box's network. In another VLAN, the router has to pass DHCP " +
		"on to the box (\"IP helper\", \"DHCP relay\").",
	"empty.check.portfast": "Some switches block a port for 30 seconds after the link comes up. Turn on portfast for " +
		"that port.",
	"empty.check.screen": "Does the screen show a code such as PXE-E61?",
	"empty.codes":        "Look it up.",
	"empty.search":       "No machine matches. A part of a word is enough, and all words must match.",
	"empty.missing":      "It should be here, and is not?",
	"empty.allgood":      "Each machine has booted, or still does.",

	"pages.label": "More machines",
	"pages.newer": "Later boots",
	"pages.older": "Earlier boots",
	"pages.range": "%d to %d of %d",

	"machine.unknown":    "unknown machine",
	"machine.macs":       "Network ports",
	"machine.host":       "Name in the settings",
	"machine.guid":       "GUID",
	"machine.addresses":  "Addresses",
	"machine.firmware":   "Firmware",
	"machine.boots":      "Boots",
	"machine.older.one":  "%d earlier boot is kept and not shown.",
	"machine.older.many": "%d earlier boots are kept and not shown.",
	"machine.gone.one":   "%d earlier boot is no longer kept, because memory is full.",
	"machine.gone.many":  "%d earlier boots are no longer kept, because memory is full.",

	"boot.title":        "Boot of %s",
	"boot.stages":       "How far it got",
	"boot.machine":      "Machine",
	"boot.address":      "Address",
	"boot.entry":        "Menu entry",
	"boot.codes":        "Code on its screen",
	"boot.bytes":        "Sent to it",
	"boot.details":      "Details",
	"boot.events.one":   "%d event",
	"boot.events.many":  "%d events",
	"boot.earlier.one":  "%d earlier event is not kept.",
	"boot.earlier.many": "%d earlier events are not kept.",
	"boot.text":         "Download as text",
	"boot.pcap.one":     "Download %d packet (pcap)",
	"boot.pcap.many":    "Download %d packets (pcap)",
	"boot.pcap.none":    "No packets of this boot are kept.",
	"boot.pcap.help": "The capture has the DHCP and TFTP packets of this boot without the files' content. " +
		"Wireshark and tcpdump open it.",
	"boot.pcap.lost": "Packets from the start of this boot may be missing: memory for packets is limited, and the " +
		"oldest are removed first.",

	"departure.title":     "Answered differently",
	"departure.not-asked": "Because the machine did not ask on port 4011 after two offers, the offer itself named %s.",
	"departure.not-started": "Because the machine loaded the first stage in two boots, and nothing after it, it was " +
		"told to load %s.",
	"departure.came-back": "Because the machine came back soon after two hand-overs, it was told to load %s.",
	"departure.other":     "Because the machine %s, it was told to load %s.",

	"event.time":     "Time",
	"event.protocol": "By",
	"event.what":     "What",
	"event.outcome":  "Result",
	"event.more":     "More",

	"screen.title":  "What does the screen say?",
	"screen.label":  "Message or code on the screen",
	"screen.help":   "For example PXE-E16, 0xc000000f, or \"Access Denied\".",
	"screen.button": "Compare",
	"screen.all":    "All messages",
	"screen.none":   "That message is not in the table. Type only its code, or one or two of its words.",
	"screen.fits":   "This agrees with what the box saw.",
	"screen.not": "This does not agree with what the box saw: the message may be of another boot, or another " +
		"server may have answered.",

	"codes.title": "What screens say",
	"codes.intro": "Messages of firmware, boot programs and Windows, what each one means, and what to do.",
	"codes.label": "Message or code",
}
