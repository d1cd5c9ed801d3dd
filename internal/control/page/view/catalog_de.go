package view

// german is english in German.
var german = catalog{
	"language.name": "Deutsch",

	"layout.skip":      "Zum Inhalt springen",
	"layout.nav":       "Seiten",
	"layout.languages": "Sprache",
	"layout.logout":    "Abmelden",
	"layout.version":   "pxebox %s",

	"login.title":    "Anmelden",
	"login.intro":    "Es gilt das Passwort der Box: das, das die Konsole anzeigt, oder das, das Sie gewählt haben.",
	"login.password": "Passwort",
	"login.button":   "Anmelden",
	"login.failed":   "Das Passwort stimmt nicht. Bitte versuchen Sie es noch einmal.",
	"login.wait":     "Das waren zu viele Versuche. Bitte warten Sie %s und versuchen Sie es dann noch einmal.",

	"notfound.title": "Diese Seite gibt es nicht",
	"notfound.text": "Vielleicht ist die Adresse falsch geschrieben. Oder sie gehört zu einem Bootvorgang, der " +
		"nicht mehr gespeichert ist: Ist der Speicher voll, werden die ältesten zuerst entfernt.",
	"notfound.back": "Alle Rechner anzeigen",

	"nav.machines": "Rechner",
	"nav.codes":    "Bildschirmmeldungen",

	"feed.waiting": "Die Seite wartet auf pxed, das Programm, das die Rechner bedient.",
	"feed.down":    "pxed, das Programm, das die Rechner bedient, ist außer Betrieb seit",
	"feed.advice":  "Bis es wieder läuft, kann kein Rechner von hier booten. Den Grund nennt sein Protokoll.",
	"feed.back":    "Die Seite zeigt, was bis dahin bekannt war, und macht weiter, sobald pxed wieder läuft.",
	"live.lost":    "Die Verbindung ist unterbrochen. Die Seite zeigt den letzten Stand und versucht es weiter.",

	"summary.machines.one":  "%d Rechner.",
	"summary.machines.many": "%d Rechner.",
	"summary.running.one":   "%d bootet gerade.",
	"summary.running.many":  "%d booten gerade.",
	"summary.failed.one":    "%d hat nicht gebootet.",
	"summary.failed.many":   "%d haben nicht gebootet.",
	"gone.boots.one":        "%d Bootvorgang ist nicht mehr gespeichert, weil der Platz dafür voll ist.",
	"gone.boots.many":       "%d Bootvorgänge sind nicht mehr gespeichert, weil der Platz dafür voll ist.",
	"gone.machines.one":     "Damit ist auch %d Rechner nicht mehr bekannt.",
	"gone.machines.many":    "Damit sind auch %d Rechner nicht mehr bekannt.",
	"gone.until":            "Sie begannen spätestens um",
	"leftout.one":           "Es booten mehr Rechner gleichzeitig, als sich verfolgen lassen: %d Ereignis fehlt.",
	"leftout.many":          "Es booten mehr Rechner gleichzeitig, als sich verfolgen lassen: %d Ereignisse fehlen.",
	"lost":                  "Es geschah mehr gleichzeitig, als sich aufzeichnen ließ: %d Einträge fehlen.",

	"machines.title": "Rechner",
	"search.label":   "Suche",
	"search.help": "MAC-Adresse, Name, GUID, IP-Adresse, Menüeintrag, der Code auf dem Bildschirm des Rechners, zum " +
		"Beispiel K7QM, oder Wörter aus dem Befund.",
	"search.failed": "Nur Rechner, die nicht gebootet haben",
	"search.button": "Suchen",
	"search.all":    "Alle Rechner anzeigen",

	"search.found.one":  "%d Rechner gefunden.",
	"search.found.many": "%d Rechner gefunden.",

	"state.good": "in Ordnung",
	"state.bad":  "nicht gebootet",
	"state.busy": "bootet gerade",

	"try.bad":  "Was Sie versuchen können",
	"try.busy": "Falls er hier stehen bleibt",
	"try.good": "Falls er nicht weitermacht",

	"row.code":       "Code auf dem Bildschirm:",
	"row.bytes":      "%s gesendet",
	"row.boots.one":  "%d Bootvorgang",
	"row.boots.many": "alle %d Bootvorgänge",

	"progress.number": "Schritt %d von %d",

	"stage.silent":      "Nichts empfangen",
	"stage.heard":       "Nach einer Adresse gefragt",
	"stage.elsewhere":   "Von einem anderen Server beantwortet",
	"stage.offered":     "Angebot der Box erhalten",
	"stage.asked":       "Angebot angenommen",
	"stage.loading":     "Nach dem Bootprogramm gefragt",
	"stage.loaded":      "Bootprogramm geladen",
	"stage.menu":        "Menü gelesen",
	"stage.started":     "Ein System geladen",
	"stage.transferred": "Übergeben, oder das System läuft",

	"step.heard":       "Er fragt nach einer Adresse",
	"step.offered":     "Die Box macht ein Angebot",
	"step.asked":       "Er nimmt das Angebot an",
	"step.loading":     "Er fragt nach seinem Bootprogramm",
	"step.loaded":      "Er hat das ganze Bootprogramm",
	"step.menu":        "Er liest das Menü",
	"step.started":     "Er lädt ein System",
	"step.transferred": "Das System läuft, oder WDS macht weiter",

	"mark.done":    "erledigt",
	"mark.now":     "jetzt",
	"mark.stopped": "hier stehen geblieben",
	"mark.todo":    "nicht erreicht",
	"mark.skipped": "übersprungen",

	"empty.title": "Die Seite wartet auf einen Rechner",
	"empty.start": "Schalten Sie jetzt einen ein und lassen Sie ihn über das Netz booten. An den meisten " +
		"PCs geht das mit der Taste F12, solange das Logo zu sehen ist.",
	"empty.live":    "Er erscheint hier, sobald sein erstes Paket ankommt. Sie müssen die Seite nicht neu laden.",
	"empty.nothing": "Es erscheint nichts?",
	"empty.check.link": "Prüfen Sie die Lämpchen am Netzwerkanschluss des Rechners und am Switch. Über WLAN und " +
		"die meisten USB-Adapter kann ein Rechner nicht über das Netz booten.",
	"empty.check.setup": "Schalten Sie im Setup des Rechners das Booten über das Netz ein („PXE“, „Network " +
		"Stack“) und setzen Sie das Netz an die erste Stelle der Bootreihenfolge.",
	"empty.check.network": "Der Rechner muss im Netz der Box sein. Aus einem anderen VLAN muss der Router DHCP an " +
		"die Box weiterleiten („IP helper“, „DHCP relay“).",
	"empty.check.portfast": "Manche Switches sperren einen Anschluss 30 Sekunden lang, nachdem er verbunden ist. " +
		"Schalten Sie dort Portfast ein.",
	"empty.check.screen": "Zeigt der Bildschirm einen Code wie PXE-E61?",
	"empty.codes":        "Schlagen Sie ihn nach.",
	"empty.search":       "Kein Rechner passt. Ein Teil eines Wortes genügt, aber alle Wörter müssen passen.",
	"empty.missing":      "Er müsste hier sein und fehlt?",
	"empty.allgood":      "Jeder Rechner hat gebootet oder bootet noch.",

	"pages.label": "Weitere Rechner",
	"pages.newer": "Spätere Bootvorgänge",
	"pages.older": "Frühere Bootvorgänge",
	"pages.range": "%d bis %d von %d",

	"machine.unknown":    "unbekannter Rechner",
	"machine.macs":       "Netzwerkanschlüsse",
	"machine.host":       "Name in den Einstellungen",
	"machine.guid":       "GUID",
	"machine.addresses":  "Adressen",
	"machine.firmware":   "Firmware",
	"machine.boots":      "Bootvorgänge",
	"machine.older.one":  "%d früherer Bootvorgang ist gespeichert und wird nicht gezeigt.",
	"machine.older.many": "%d frühere Bootvorgänge sind gespeichert und werden nicht gezeigt.",
	"machine.gone.one":   "%d früherer Bootvorgang ist nicht mehr gespeichert, weil der Platz voll ist.",
	"machine.gone.many":  "%d frühere Bootvorgänge sind nicht mehr gespeichert, weil der Platz voll ist.",

	"boot.title":        "Bootvorgang von %s",
	"boot.stages":       "So weit kam er",
	"boot.machine":      "Rechner",
	"boot.address":      "Adresse",
	"boot.entry":        "Menüeintrag",
	"boot.codes":        "Code auf dem Bildschirm",
	"boot.bytes":        "An ihn gesendet",
	"boot.details":      "Einzelheiten",
	"boot.events.one":   "%d Ereignis",
	"boot.events.many":  "%d Ereignisse",
	"boot.earlier.one":  "%d früheres Ereignis ist nicht gespeichert.",
	"boot.earlier.many": "%d frühere Ereignisse sind nicht gespeichert.",
	"boot.text":         "Als Text herunterladen",
	"boot.pcap.one":     "%d Paket herunterladen (pcap)",
	"boot.pcap.many":    "%d Pakete herunterladen (pcap)",
	"boot.pcap.none":    "Von diesem Bootvorgang sind keine Pakete gespeichert.",
	"boot.pcap.help": "Die Aufzeichnung enthält die DHCP- und TFTP-Pakete dieses Bootvorgangs, ohne den Inhalt " +
		"der Dateien. Wireshark und tcpdump öffnen sie.",
	"boot.pcap.lost": "Pakete vom Anfang dieses Bootvorgangs können fehlen: Der Platz für Pakete ist begrenzt, " +
		"und die ältesten werden zuerst entfernt.",

	"departure.title": "Anders beantwortet",
	"departure.not-asked": "Weil der Rechner nach zwei Angeboten nicht auf Port 4011 gefragt hat, nannte ihm schon " +
		"das Angebot %s.",
	"departure.not-started": "Weil der Rechner bei zwei Starts das erste Programm geladen hat und danach nichts mehr, " +
		"sollte er %s laden.",
	"departure.came-back": "Weil der Rechner nach zwei Übergaben bald zurückkam, sollte er %s laden.",
	"departure.other":     "Grund: „%s“. Deshalb sollte der Rechner %s laden.",

	"event.time":     "Zeit",
	"event.protocol": "Über",
	"event.what":     "Was",
	"event.outcome":  "Ergebnis",
	"event.more":     "Mehr",

	"event.note.size-probe": "Normal: Die Firmware fragt nach der Größe, bricht ab und fordert die Datei noch einmal " +
		"an.",
	"event.note.menu-search": "Normal: Das Bootprogramm sucht sein Menü unter mehreren Namen, vom eigenen des Rechners " +
		"bis zu einem allgemeinen.",
	"event.note.shim-extra": "Normal: Shim sucht nach Sperrlisten und Zertifikaten, die es an den meisten Orten nicht " +
		"gibt.",
	"event.note.grub-list":    "Normal: GRUB sucht Modullisten; ohne sie nimmt es die eingebauten.",
	"event.note.read-in-part": "Normal: PXELINUX schließt ein Modul, sobald es genug davon gelesen hat.",

	"screen.title":  "Was zeigt der Bildschirm?",
	"screen.label":  "Meldung oder Code auf dem Bildschirm",
	"screen.help":   "Zum Beispiel PXE-E16, 0xc000000f oder „Access Denied“.",
	"screen.button": "Vergleichen",
	"screen.all":    "Alle Meldungen",
	"screen.none": "Diese Meldung steht nicht in der Tabelle. Geben Sie nur den Code ein, oder ein oder zwei " +
		"Wörter der Meldung.",
	"screen.fits": "Das passt zu dem, was die Box gesehen hat.",
	"screen.not": "Das passt nicht zu dem, was die Box gesehen hat: Vielleicht stammt die Meldung von einem " +
		"anderen Bootvorgang, oder ein anderer Server hat geantwortet.",

	"codes.title": "Bildschirmmeldungen",
	"codes.intro": "Meldungen von Firmware, Bootprogrammen und Windows: was sie bedeuten und was Sie tun können.",
	"codes.label": "Meldung oder Code",
}
