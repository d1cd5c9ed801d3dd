package view

// germanSite is englishSite in German.
var germanSite = merge(catalog{
	"nav.menu":     "Menü",
	"nav.servers":  "Server",
	"nav.settings": "Einstellungen",
	"nav.box":      "Box",

	"alert.label":         "Was Ihre Aufmerksamkeit braucht",
	"alert.settings.one":  "Die Einstellungsdatei enthält %d Fehler und ist deshalb nicht in Kraft.",
	"alert.settings.many": "Die Einstellungsdatei enthält %d Fehler und ist deshalb nicht in Kraft.",
	"alert.unreadable":    "Die Einstellungsdatei lässt sich nicht lesen.",
	"alert.network":       "Die Box kann die Netzwerkschnittstelle der Einstellungen nicht nutzen: Dort bootet kein Rechner.",
	"alert.toolarge":      "Die Menüs für bestimmte Rechner sind zu groß: Alle Rechner erhalten das allgemeine.",
	"alert.address":       "Zum WDS-Server %s gibt es keine verwendbare Adresse.",
	"alert.down":          "Der WDS-Server %s antwortet nicht.",
	"alert.refuses":       "Der WDS-Server %s verweigert eine Bootdatei.",
	"alert.other":         "Ein anderer Server, %v, sagt Rechnern, was sie booten sollen.",

	"menu.title":         "Menü",
	"menu.table":         "Was die einzelnen Menüs zeigen",
	"menu.intro":         "Was das allgemeine Menü auf welcher Firmware zeigt.",
	"menu.complete":      "Alle Einträge sind überall zu sehen.",
	"menu.affected.one":  "%d Eintrag fehlt in mindestens einem Menü, ist dort markiert oder startet dort nicht.",
	"menu.affected.many": "%d Einträge fehlen in mindestens einem Menü, sind dort markiert oder starten dort nicht.",
	"menu.unknown": "Es gelten Einstellungen aus einem früheren Start, und die Datei ist derzeit nicht verwendbar. " +
		"Sobald sie korrigiert ist, zeigt diese Seite, was im Menü steht.",
	"menu.toolarge": "Die Menüs für bestimmte Rechner sind zusammen zu groß. Deshalb erhalten alle Rechner das " +
		"allgemeine Menü, " +
		"und es wartet auf einen Tastendruck. Lassen Sie mehrere Rechner dasselbe Menü verwenden, oder verringern " +
		"Sie die Zahl der Einträge.",
	"menu.entry":      "Eintrag",
	"menu.secureboot": "UEFI mit Secure Boot",
	"menu.none":       "Es gibt keine Einträge.",
	"menu.more.one":   "%d weiterer Eintrag ist hier nicht aufgeführt.",
	"menu.more.many":  "%d weitere Einträge sind hier nicht aufgeführt.",
	"menu.signatures": "Bei eingeschaltetem Secure Boot starten shim und GRUB nur, was der Rechner als " +
		"vertrauenswürdig ansieht: was Debian signiert hat, " +
		"was eine in der Firmware hinterlegte Stelle signiert hat (meist Microsoft) und was mit einem am Rechner " +
		"registrierten Schlüssel (MOK) signiert ist. " +
		"Meldet GRUB „bad shim signature“, hat der Kernel des Eintrags keine dieser Signaturen.",
	"menu.firmware": "Was welche Firmware zuerst lädt",
	"menu.firmware.intro": "Der Rechner nennt seine Firmware, wenn er eine Adresse anfordert. Die Schlüssel unter " +
		"[boot] heißen genauso.",
	"menu.rules":       "Regeln für bestimmte Rechner",
	"menu.rules.intro": "Es gilt die erste Regel, die auf den Rechner zutrifft.",
	"menu.rules.none": "Alle Rechner erhalten das allgemeine Menü. Für bestimmte Rechner können Sie eine Regel " +
		"schreiben:",
	"menu.rules.more.one":  "%d weitere Regel ist hier nicht aufgeführt.",
	"menu.rules.more.many": "%d weitere Regeln sind hier nicht aufgeführt.",

	"entry.submenu": "Untermenü",
	"entry.locked":  "verlangt das Menüpasswort",
	"entry.erases":  "fragt vor dem Start nach, da Festplatten gelöscht werden können",
	"entry.default": "(Vorauswahl)",

	"sight.visible":      "sichtbar",
	"sight.marked":       "sichtbar, mit Hinweis",
	"sight.refused":      "sichtbar, startet nicht",
	"sight.unusable":     "sichtbar, nicht wählbar",
	"sight.hidden-entry": "nicht sichtbar",

	"rule.who":     "Rechner",
	"rule.what":    "Was sie erhalten",
	"rule.all":     "alle Rechner",
	"rule.starts":  "„%s“, ohne Menü",
	"rule.menu":    "ein Menü mit: %s",
	"rule.general": "das allgemeine Menü",
	"rule.once":    "für einen einzigen Start",
	"rule.default": "Vorauswahl: %s",
	"rule.timeout": "Wartezeit: %s",

	"servers.title": "Server",
	"servers.nowds": "In den Einstellungen steht kein WDS-Server. Um einen ins Menü aufzunehmen, tragen Sie " +
		"seine Adresse ein:",
	"servers.others": "Andere Server in diesem Netz",
	"servers.others.intro": "Diese Server haben startenden Rechnern geantwortet. Wer ihnen folgt, bekommt das Menü " +
		"unter Umständen nicht zu sehen.",
	"servers.others.none": "Bisher hat kein anderer Server einem startenden Rechner geantwortet. " +
		"Die Box sieht Antworten, die als Broadcast gesendet werden, und Anfragen, die einen anderen Server nennen.",
	"servers.network": "Die Box in diesem Netz",

	"server.wrong": "Die Adresse ist nicht verwendbar: %s.",
	"server.lookup": "Der Name %s lässt sich nicht auflösen: %s. Prüfen Sie den DNS-Eintrag und den Nameserver " +
		"der Box, oder tragen Sie die Adresse ein.",
	"server.lastaddress": "Die zuletzt bekannte Adresse wird weiter verwendet: %s.",
	"server.cannotask":   "Die Box kann den Server nicht abfragen: %s. Der folgende Stand ist von vorher.",
	"server.notprobed":   `Die Box fragt diesen Server nicht ab, weil probe = "0s" eingestellt ist.`,
	"server.noprograms":  "In den Einstellungen steht für ihn keine Bootdatei.",
	"server.programs":    "Bootdateien von %s",
	"server.firmware":    "Firmware",
	"server.program":     "Bootdatei",
	"server.state":       "Zustand",
	"server.since":       "Seit",
	"server.signed":      "Signiert von",
	"server.none2023": "Der Server liefert sie nicht. Rechner, die den Zertifikaten von 2011 nicht mehr vertrauen, " +
		`brauchen sie. Wenn es die Datei auf dem Server gibt, fügen Sie boot_EX\* zu seinem ReadFilter hinzu.`,
	"signed.unread":  "noch nicht gelesen",
	"signed.refused": "Secure Boot lehnt sie ab",
	"signed.other":   "einer anderen Stelle, die sich „%s“ nennt",
	"box.files":      "Wer die Programme im Bootordner signiert hat",
	"state.up":       "antwortet",
	"state.down":     "antwortet nicht",
	"state.refused":  "verweigert die Datei",
	"state.unknown":  "noch nicht abgefragt",

	"other.server":   "Server",
	"other.offers":   "Was er anbietet",
	"other.last":     "Zuletzt gesehen",
	"other.machines": "Rechner",
	"other.nofile":   "Adressen",
	"other.wds": "Dieser WDS-Server antwortet den Rechnern von sich aus. Manche gelangen dadurch am Menü vorbei. " +
		"Führen Sie dort wdsutil /Set-Server /UseDhcpPorts:No aus, und starten Sie den Dienst neu.",
	"other.boots": "Er sagt Rechnern, was sie booten sollen. Sie können das anstelle des Menüs laden: " +
		"Entfernen Sie dort die Optionen 60, 66 und 67, oder nehmen Sie diese Rechner von seinem Dienst aus.",
	"other.leases": "Er vergibt Adressen. Das ist richtig so, solange die Box keine vergibt.",
	"other.leases.too": "Er vergibt Adressen, genau wie die Box. Zwei DHCP-Server vergeben früher oder später " +
		"dieselbe Adresse doppelt.",

	"network.mode":         "Modus",
	"network.address":      "Adresse laut Einstellungen",
	"network.dhcp":         "vom DHCP-Server des Netzes",
	"network.own":          "Adressen der Box",
	"network.interface":    "Schnittstelle",
	"network.anyinterface": "die einzige kabelgebundene oder die erste mit Verbindung",
	"network.gateway":      "Gateway",
	"network.dns":          "Nameserver",
	"mode.off":             "die Box beantwortet kein DHCP",
	"mode.auto":            "der DHCP-Server des Netzes vergibt die Adressen, die Box ergänzt die Bootdatei",
	"mode.proxy":           "der DHCP-Server des Netzes vergibt die Adressen, die Box ergänzt die Bootdatei",
	"mode.server":          "die Box vergibt die Adressen",

	"settings.title":      "Einstellungen",
	"source.file":         "Es gelten die Einstellungen aus der Datei.",
	"source.following":    "Die Einstellungen in der Datei sind gültig und treten gleich in Kraft.",
	"source.lastgood":     "Die Datei ist nicht verwendbar. Es gelten weiterhin die vorherigen Einstellungen.",
	"source.earlier":      "Die Datei ist nicht verwendbar. Es gelten die Einstellungen aus einem früheren Start.",
	"source.builtin":      "Es gelten keine eigenen Einstellungen: Die Box verwendet die eingebauten Standardwerte.",
	"source.notyet":       "Die Einstellungen wurden noch nicht gelesen.",
	"settings.since":      "In Kraft seit",
	"settings.file":       "Datei",
	"settings.read":       "Gelesen",
	"settings.generation": "Generation",
	"settings.missing": "Diese Datei gibt es noch nicht. Alle Schlüssel sind in der Standarddatei erklärt: " +
		"config/default.toml im Quelltext oder auf dem Datenträger PXEBOX-CFG.",
	"settings.problem":       "Die Datei lässt sich nicht lesen: %s",
	"settings.errors.one":    "%d Fehler",
	"settings.errors.many":   "%d Fehler",
	"settings.warnings.one":  "%d Einstellung, die so kaum funktionieren wird",
	"settings.warnings.many": "%d Einstellungen, die so kaum funktionieren werden",
	"settings.line":          "Zeile %d",
	"settings.results":       "Zuletzt übermittelte Einstellungen",
	"settings.network":       "Über das Netz gesendet",
	"settings.volume":        "Vom Datenträger PXEBOX-CFG",
	"settings.taken":         "Sie sind in Kraft.",
	"settings.nottaken":      "Sie wurden abgelehnt; es hat sich nichts geändert.",
	"settings.noresults":     "Seit dem Start der Box wurden keine neuen Einstellungen übermittelt.",
	"settings.change":        "So ändern Sie die Einstellungen",
	"settings.change.box": "Senden Sie die ganze Datei mit pxebox settings, oder bearbeiten Sie pxebox.toml auf dem " +
		"Datenträger PXEBOX-CFG und starten Sie die Box neu. " +
		"Einstellungen mit Fehlern ändern nichts.",
	"settings.change.host": "Bearbeiten Sie die Datei. Menuwatch liest sie sofort neu; Einstellungen mit Fehlern " +
		"ändern nichts.",
	"settings.text":      "Die Datei",
	"settings.redacted":  "Passwörter, Hashes und Ähnliches sind ausgeblendet.",
	"settings.more.one":  "%d weitere Zeile wird hier nicht angezeigt.",
	"settings.more.many": "%d weitere Zeilen werden hier nicht angezeigt.",

	"box.title":          "Box",
	"box.version":        "Version",
	"box.page":           "Diese Seite",
	"box.appliance":      "Image",
	"box.modified":       "(verändert)",
	"box.revision":       "Revision",
	"box.kernel":         "Kernel",
	"box.update":         "Aktualisierung",
	"update.none":        "Keine seit dem Start der Box.",
	"update.trial":       "Die neue Version wird noch erprobt und ist noch nicht endgültig übernommen.",
	"update.kept":        "Die neue Version wurde übernommen.",
	"update.fellback":    "Die neue Version lief nicht fehlerfrei: Die vorherige läuft wieder.",
	"update.unknown":     "Der Stand ist nicht bekannt.",
	"box.gokrazy":        "Die Programme und ihre Protokolle, Neustart und Aktualisierung",
	"box.disk":           "Speicher",
	"box.used":           "Belegt",
	"box.free":           "%s von %s frei auf",
	"box.nosize":         "Die Größe des Speichers ließ sich nicht ermitteln.",
	"growth.growing":     "Das Dateisystem wird auf die Größe des Datenträgers erweitert.",
	"growth.grown":       "Das Dateisystem füllt den Datenträger aus.",
	"growth.failed":      "Das Dateisystem ist kleiner als der Datenträger oder lässt sich nicht beschreiben.",
	"box.programs":       "Bootprogramme",
	"box.programs.intro": "Aus Debian-Paketen. Ihre Signaturen wurden beim Bau des Images geprüft.",
	"box.noprograms":     "Auf diesem Rechner gibt es kein Verzeichnis der Bootprogramme. pxed kennt sie:",
	"program.package":    "Paket",
	"program.version":    "Version",
	"program.signed":     "Wer sie signiert hat",
	"program.revokes":    "startet nichts unterhalb von SBAT %s",
}, translated(germanReasons))

// germanReasons translates menu.Texts.
var germanReasons = map[string]string{
	"{server} has no program for it":                                                                        "{server} hat keine Bootdatei dafür",
	"the machine restarts, and its firmware loads {file}":                                                   "der Rechner startet neu, und seine Firmware lädt {file}",
	"the firmware starts the file only on a BIOS, and the efi program only on uefi-x64":                     "die Firmware startet file nur auf einem BIOS und das Programm aus efi nur auf uefi-x64",
	"the entry is started by PXE only: a machine that boots by HTTP gets the file that [boot] names for it": "der Eintrag startet nur per PXE: Ein Rechner mit HTTP Boot erhält die Datei, die [boot] für ihn nennt",
	`the machine restarts for it, and the box does not answer that boot, because dhcp.mode is "off"`:        `der Rechner startet dafür neu, und die Box beantwortet diesen Start nicht, weil dhcp.mode auf "off" steht`,
	"an EFI program runs on UEFI only":                                                                      "ein EFI-Programm läuft nur unter UEFI",
	"{file} is a module of PXELINUX, which runs on a BIOS only": "{file} ist ein Modul von PXELINUX, " +
		"das nur mit einem BIOS läuft",
	"memdisk starts {file}, and runs on a BIOS only": "{file} wird von memdisk gestartet, " +
		"das nur mit einem BIOS läuft",
	"{file} is a program for a BIOS": "{file} ist ein Programm für ein BIOS",
	"it has no lines for PXELINUX": "der Eintrag hat keine Zeilen für " +
		"PXELINUX",
	"it has no lines for GRUB":                            "der Eintrag hat keine Zeilen für GRUB",
	`{server} does not answer, and its on_down is "hide"`: `{server} antwortet nicht, und on_down steht auf "hide"`,
	"it has no entries for this firmware": "es enthält keine Einträge für diese " +
		"Firmware",
	"{submenu}, which it is in, is not shown": "das Untermenü {submenu}, zu dem er " +
		"gehört, ist nicht sichtbar",
	"it has listed = false: only the menus of machines that name it show it": "listed = false: nur im Menü von " +
		"Rechnern, deren Regel den Eintrag nennt",
	"it has signed = false: the menu leaves it out while Secure Boot is on": "signed = false: bei eingeschaltetem " +
		"Secure Boot lässt das Menü ihn weg",
	"the box does not have: {files}":                               "auf der Box fehlt: {files}",
	"the box is still reading {wim}, and takes out of it: {files}": "die Box liest noch {wim} und entnimmt: {files}",
	"the box does not have: {files}; and cannot take that out of boot.wim: {why}": "auf der Box fehlt: {files}; " +
		"boot.wim lässt es sich nicht entnehmen: {why}",
	"{folder} has no program of Windows for it": "{folder} enthält kein Windows-Programm dafür",
	"{server}: {why}":                "{server}: {why}",
	"no address is known for {host}": "zu {host} ist keine Adresse bekannt",
	"{server} refuses its boot program: {note}": "{server} verweigert die Bootdatei: " +
		"{note}",
	"{server} does not answer the box; a machine may still try it": "{server} antwortet der Box nicht; ein " +
		"Rechner kann es trotzdem versuchen",
	"{server} does not answer, and the entry leads to {other}": "{server} antwortet nicht; der Eintrag " +
		"führt zu {other}",
	"starts only if the machine trusts a signature of {file}": "startet nur, wenn der Rechner einer " +
		"Signatur von {file} vertraut",
	"{file} has no signature, so Secure Boot refuses it; with signed = false the menu leaves the entry out there": "{file} hat keine Signatur, daher lehnt Secure Boot die Datei ab; mit signed = false lässt das Menü den Eintrag dort weg",
	"its lines start only what the machine trusts by its signature":                                               "seine Zeilen starten nur, was eine Signatur hat, der der Rechner vertraut",
	"its lines name a URL, which pxelinux.0 cannot load: " +
		`put lpxelinux.0 into the boot folder, and write bios = "lpxelinux.0" below [boot]`: "seine Zeilen nennen " +
		"eine URL, die pxelinux.0 nicht laden kann: " +
		`Legen Sie lpxelinux.0 in den Boot-Ordner, und schreiben Sie bios = "lpxelinux.0" unter [boot]`,

	"loads {file}, and shows the menu":                                                                              "lädt {file} und zeigt das Menü",
	"loads {file}, as [boot] says; whether it shows the menu depends on that program":                               "lädt {file}, wie unter [boot] eingestellt; ob das Menü erscheint, hängt von diesem Programm ab",
	"loads {file}, as [boot] says":                                                                                  "lädt {file}, wie unter [boot] eingestellt",
	"gets no boot file, as [boot] says":                                                                             "erhält keine Bootdatei, wie unter [boot] eingestellt",
	"gets no boot file: the box has none for it; [boot] can name one":                                               "erhält keine Bootdatei: Die Box hat keine dafür; unter [boot] können Sie eine nennen",
	"gets no boot file: the box has none for it; [boot] can name one, or a [[machine]] can lead it to a WDS server": "erhält keine Bootdatei: Die Box hat keine dafür; unter [boot] können Sie eine nennen, oder ein [[machine]] führt zu einem WDS-Server",
	"gets no boot file: the box has none for HTTP boot, which WDS does not support either; [boot] can name a URL, or " +
		"the firmware's setup may offer PXE instead": "erhält keine Bootdatei: Die Box hat keine für HTTP Boot, und " +
		"auch WDS unterstützt es nicht; unter [boot] können Sie eine URL nennen, oder das Firmware-Setup bietet " +
		"stattdessen PXE an",
	`loads what the site's DHCP server names, because dhcp.mode is "off"; {file} shows the menu`: `lädt, was der DHCP-Server des Netzes nennt, da dhcp.mode auf "off" steht; {file} zeigt das Menü`,

	"{server} does not answer: these machines get the menu until it does":                      "{server} antwortet nicht: Bis er es tut, erhalten diese Rechner das Menü",
	"no address is known for {server}: these machines get the menu":                            "zu {server} ist keine Adresse bekannt: Diese Rechner erhalten das Menü",
	"WDS does not support HTTP boot: such a machine gets the file that [boot] names for it":    "WDS unterstützt kein HTTP Boot: Ein solcher Rechner erhält die Datei, die [boot] für ihn nennt",
	"the entry cannot start there, so the machine gets the menu":                               "der Eintrag kann dort nicht starten, der Rechner erhält das Menü",
	`the rule has no effect: the box knows these machines by DHCP, and dhcp.mode is "off"`:     `die Regel bleibt wirkungslos: Die Box erkennt diese Rechner an DHCP, und dhcp.mode steht auf "off"`,
	`the rule has no effect: it has a guid or boots from a WDS server, and dhcp.mode is "off"`: `die Regel bleibt wirkungslos: Sie hat eine guid oder startet von einem WDS-Server, und dhcp.mode steht auf "off"`,
}

// translated is the part of a catalog that reason reads.
func translated(texts map[string]string) catalog {
	c := catalog{}
	for text, translation := range texts {
		c["why."+text] = translation
	}
	return c
}
