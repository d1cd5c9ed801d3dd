package view

// germanFindings is englishFindings, the texts of package trace, in German: the
// sentence of each finding, and what to try.
var germanFindings = catalog{
	// Nothing from the machine.
	"finding.nothing-received": "Von diesem Rechner ist bei der Box nichts angekommen.",
	"finding.nothing-received.1": "Prüfen Sie das Kabel, und ob im Firmware-Setup das Booten über IPv4 eingeschaltet " +
		"ist.",
	"finding.nothing-received.2": "Steht der Rechner in einem anderen VLAN oder hinter einem Router, muss der " +
		"Relay-Agent (IP Helper) DHCP an die Box weiterleiten.",
	"finding.nothing-received.3": "Läuft am Switch-Port Spanning Tree, schalten Sie dort Portfast ein.",

	// Handed over.
	"finding.came-back": "Der Rechner kam {after} nach der Übergabe[ an {entry}][ ({server})] zurück: Dort ist " +
		"nichts gestartet.",
	"finding.came-back.1": "Lesen Sie die Meldung vor dem Neustart: 0xc000000f betrifft die BCD oder boot.stl, bei " +
		"0xc0000225 fehlt eine Datei des Abbilds, " +
		"bei 0xc0000272 gibt es kein Startabbild für diese Firmware.",
	"finding.came-back.2": "Prüfen Sie auf dem WDS-Server, ob ein Startabbild für diese Firmware vorhanden ist und " +
		"ob er bekannten und unbekannten Rechnern antwortet, " +
		"oder genehmigen Sie die ausstehende Anfrage.",
	"finding.came-back.3":     "Die UDP-Ports 69 und 4011 des WDS-Servers müssen für diesen Rechner offen sein.",
	"finding.wds-system-runs": "WDS[ ({entry})] hat ein System gestartet: Es hat um {time} eine Adresse angefordert.",
	"finding.wds-system-runs.1": "Findet das Windows-Setup kein Netzwerk, nehmen Sie den Treiber dieser " +
		"Netzwerkkarte in das Startabbild auf.",
	"finding.handed-over": "Um {time} übergeben[ an {entry}][ ({server})].",
	"finding.handed-over.1": "Ab hier ist die Box nicht mehr beteiligt: Geht es nicht weiter, sehen Sie auf dem " +
		"WDS-Server nach.",
	"finding.handed-over.2": "Zeigt der Bildschirm eine „Pending Request ID“, genehmigen Sie den Rechner auf dem " +
		"WDS-Server.",
	"finding.hand-over-refused": "Die Box hat die Übergabe[ an {entry}] abgelehnt[: {why}].",
	"finding.hand-over-refused.1": "Starten Sie den Rechner neu, und wählen Sie den Eintrag noch einmal: " +
		"Das Menü kann älter sein als der letzte Start der Box.",
	"finding.hand-over-refused.2": "Geschieht das wieder, kennt die Box diese Adresse unter einer anderen MAC-Adresse: " +
		"Suchen Sie nach einer Netzwerkbrücke oder einer doppelt vergebenen Adresse.",
	"finding.restarted-for-hand-over": "Der Rechner hat um {time} die Übergabe[ an {entry}] angefordert und neu " +
		"gestartet.",
	"finding.restarted-for-hand-over.1": "Sein nächster Start zeigt, ob er angekommen ist.",
	"finding.not-back-for-hand-over": "Der Rechner hat um {time} die Übergabe[ an {entry}] angefordert und danach " +
		"nicht wieder über das Netz gebootet.",
	"finding.not-back-for-hand-over.1": "Die Auswahl gilt fünf Minuten lang für den nächsten Start über das Netz: " +
		"Lösen Sie ihn von Hand aus, etwa mit F12. " +
		"Ist die Zeit abgelaufen, wählen Sie den Eintrag noch einmal.",
	"finding.not-back-for-hand-over.2": "Setzen Sie in der Bootreihenfolge der Firmware das Netz vor die Festplatte.",
	"finding.restarts-for-hand-over": "Der Rechner hat um {time} die Übergabe[ an {entry}] angefordert und startet " +
		"neu.",
	"finding.restarts-for-hand-over.1": "Lassen Sie ihn noch einmal über das Netz booten.",

	// A transfer failed.
	"finding.first-stage-missing": "Der Rechner wollte die Bootdatei {file} laden, die es auf der Box nicht gibt.",
	"finding.first-stage-missing.1": "Korrigieren Sie den Namen unter [boot], oder legen Sie die Datei in den " +
		"Boot-Ordner.",
	"finding.first-stage-missing.2": "Nennt ein anderer DHCP-Server diese Datei, entfernen Sie dort die Optionen 66 " +
		"und 67.",
	"finding.entry-file-missing":   "Die Datei {file} des Eintrags[ {entry}] fehlt auf der Box.",
	"finding.entry-file-missing.1": "Legen Sie die Datei in den Boot-Ordner, oder korrigieren Sie den Eintrag.",
	"finding.stage-file-missing":   "Das Bootprogramm wollte {file} laden, und diese Datei gibt es auf der Box nicht.",
	"finding.stage-file-missing.1": "Legen Sie die Datei in den Boot-Ordner, neben das Bootprogramm.",
	"finding.stage-file-missing.2": "Nennt [boot] ein eigenes Programm, kopieren Sie alle seine Teile aus demselben " +
		"Paket.",
	"finding.box-failed":   "Die Box konnte {file} nicht weiterlesen[, nach {size}].",
	"finding.box-failed.1": "Der Grund steht im Protokoll der Box: Speicher oder USB-Stick können defekt sein.",
	"finding.box-failed.2": "Kopieren Sie die Datei noch einmal in den Boot-Ordner.",
	"finding.file-refused": "Die Box hat {file} nicht herausgegeben[: {why}].",
	"finding.file-refused.1": "Links, die aus dem Boot-Ordner hinausführen, werden nicht ausgeliefert: Legen " +
		"Sie die Datei selbst hinein.",
	"finding.transfer-unanswered": "Der Rechner hat {file} angefordert und nichts davon bestätigt.",
	"finding.transfer-unanswered.1": "Eine Firewall zwischen Box und Rechner lässt womöglich UDP-Port 69 durch, " +
		"nicht aber die Ports der Übertragung: Sie wechseln mit jeder Datei.",
	"finding.transfer-unanswered.2": "Versuchen Sie [tftp] max_block = 512 in den Einstellungen: Manche Netze " +
		"verlieren große Pakete.",
	"finding.transfer-unanswered.3": "Ein anderer Rechner kann dieselbe Adresse haben.",
	"finding.transfer-stalled":      "Der Rechner hat nach {size} von {file} nicht mehr geantwortet.",
	"finding.transfer-stalled.1": "Prüfen Sie Kabel, Port und Switch auf Fehler, und ob beide Seiten dieselbe " +
		"Geschwindigkeit aushandeln.",
	"finding.transfer-stalled.2": "Wurde der Rechner ausgeschaltet oder neu gestartet, ist nichts zu tun.",
	"finding.transfer-stalled.3": "Versuchen Sie [tftp] max_block = 512 und max_window = 1 in den Einstellungen.",
	"finding.transfer-aborted":   "Der Rechner hat {file} nach {size} abgebrochen.",
	"finding.transfer-aborted.1": "Die Datei ist womöglich zu groß für den Arbeitsspeicher des Rechners oder für " +
		"sein Bootprogramm.",
	"finding.transfer-aborted.2": "Versuchen Sie denselben Eintrag noch einmal; geschieht es wieder, versuchen " +
		"Sie eine andere Datei.",

	// An entry was chosen.
	"finding.system-runs":      "Gestartet[: {entry}]; das System hat um {time} eine Adresse angefordert.",
	"finding.system-runs.1":    "Das Netzwerk funktioniert im System: Alles Weitere liegt bei ihm.",
	"finding.system-loads":     "Gestartet[: {entry}]; danach wurde um {time} {file} gelesen.",
	"finding.system-loads.1":   "Alles Weitere liegt beim System.",
	"finding.system-restarted": "Der Rechner hat kurz nach dem Laden[ von {entry}] neu gestartet.",
	"finding.system-restarted.1": "Lesen Sie die Meldung vor dem Neustart. Ein Kernel startet nach einer Panic " +
		"sofort neu.",
	"finding.system-restarted.2": "Prüfen Sie die Argumente des Eintrags, und ob Kernel und Initrd dieselbe Version " +
		"haben.",
	"finding.system-restarted.3": "Der Rechner hat womöglich zu wenig Arbeitsspeicher für die Initrd oder eine " +
		"Firmware, die sein Kernel nicht unterstützt.",
	"finding.loads-entry":   "Der Rechner lädt[ {entry}]: {file}.",
	"finding.loads-entry.1": "Warten Sie: Eine große Datei braucht ihre Zeit.",
	"finding.kernel-refused": "{file} wurde vollständig übertragen, aber keine Initrd angefordert: GRUB hat " +
		"womöglich die Signatur des Kernels abgelehnt.",
	"finding.kernel-refused.1": "Meldet der Bildschirm „bad shim signature“, ist Secure Boot eingeschaltet und der " +
		"Kernel nicht von Debian signiert: " +
		"Setzen Sie beim Eintrag signed = false, oder schalten Sie Secure Boot aus.",
	"finding.kernel-refused.2": "Mit shim und GRUB der jeweiligen Distribution starten deren Kernel auch unter " +
		"Secure Boot.",
	"finding.kernel-refused.3": "Hat der Eintrag keine Initrd und läuft der Rechner, ist nichts zu tun.",
	"finding.program-runs": "Das Bootprogramm läuft und hat zuletzt um {time} {file} gelesen: " +
		"Was es danach tut, ist seine Sache.",
	"finding.program-runs.1": "Lesen Sie den Bildschirm: Dieses Programm gehört nicht zur Box " +
		"und lädt den Rest vielleicht von einem anderen Server.",
	"finding.system-silent": "Um {time} geladen[: {entry}]; vom System ist nichts angekommen.",
	"finding.system-silent.1": "Bleibt der Bildschirm schwarz oder zeigt er eine Panic, prüfen Sie die Argumente des " +
		"Eintrags, " +
		"und ob der Arbeitsspeicher für die Initrd reicht.",
	"finding.system-silent.2": "Dem System fehlt womöglich der Treiber dieser Netzwerkkarte.",
	"finding.system-silent.3": "Auch ein System ohne Netzwerk oder mit fester Adresse meldet sich nicht.",
	"finding.started":         "Gestartet[: {entry}], um {time}.",
	"finding.started.1":       "Warten Sie auf das System: Es hat noch keine Adresse angefordert.",
	"finding.entry-stopped":   "Der Rechner hat {file}[ von {entry}] angefordert und nicht geladen.",
	"finding.entry-stopped.1": "Wählen Sie den Eintrag noch einmal, und lesen Sie, was der Bildschirm meldet.",
	"finding.entry-stopped.2": "Die Datei ist womöglich zu groß für den Arbeitsspeicher des Rechners.",

	// The menu was read.
	"finding.started-disk": "Der Rechner hat das Menü verlassen, ohne einen Eintrag zu laden; ein System " +
		"auf seiner Festplatte hat um {time} eine Adresse angefordert.",
	"finding.started-disk.1": "Soll er über das Netz booten, wählen Sie einen Eintrag, bevor die Wartezeit " +
		"des Menüs abläuft.",
	"finding.restarted-from-menu": "Der Rechner hat um {time} das Menü gelesen und wurde neu gestartet.",
	"finding.restarted-from-menu.1": "Wurde er nicht von Hand neu gestartet, lesen Sie die Meldung nach der Auswahl: " +
		"„bad shim signature“ heißt, dass Secure Boot den Kernel des Eintrags ablehnt.",
	"finding.in-menu": "Der Rechner hat um {time} das Menü gelesen und seither nichts angefordert: Er " +
		"wartet dort oder hat seine Festplatte gestartet.",
	"finding.in-menu.1": "Wählen Sie am Bildschirm einen Eintrag.",
	"finding.in-menu.2": "Wurde ein Eintrag gewählt und meldet der Bildschirm „bad shim signature“, lehnt Secure " +
		"Boot dessen Kernel ab: " +
		"Setzen Sie beim Eintrag signed = false.",

	// The box did not answer.
	"finding.limited": "Der Rechner fragt zu oft, und die Box lässt einen Teil der Antworten aus.",
	"finding.limited.1": "Schalten Sie den Rechner eine Minute lang aus: Seine Firmware oder eine Schleife im " +
		"Netz wiederholt womöglich Pakete.",
	"finding.limited.2":       "Zeigen andere Rechner dasselbe, suchen Sie nach einer Schleife im Netz.",
	"finding.no-address-left": "Der Rechner fragt nach einer Adresse, und die Box hat keine mehr[: {why}].",
	"finding.no-address-left.1": "Vergrößern Sie range in den Einstellungen, oder verkürzen Sie lease: So lange behält " +
		"jeder Rechner, der hier war, seine Adresse.",
	"finding.no-address-left.2": "Sind in diesem Netz nur wenige Rechner, fordert dort etwas unter vielen Namen " +
		"Adressen " +
		"an: Die Protokollzeilen „dhcp: answered“ zeigen, wer sie erhielt.",
	"finding.no-boot-file":   "Die Box hat für diesen Rechner[ ({firmware})] nichts zu booten[: {why}].",
	"finding.no-boot-file.1": "Nennen Sie in den Einstellungen unter [boot] eine Datei für diese Firmware.",
	"finding.no-boot-file.2": "Die meisten PCs können auch anders booten: Wechseln Sie im Firmware-Setup zwischen " +
		"UEFI und Legacy-BIOS oder zwischen PXE und HTTP Boot.",

	// The first stage was sent.
	"finding.raspberry-pi-started": "Der Raspberry Pi hat um {time} seinen Kernel {file} gelesen.",
	"finding.raspberry-pi-started.1": "Bleibt der Bildschirm dunkel, vergleichen Sie die Datei mit der einer " +
		"funktionierenden SD-Karte.",
	"finding.raspberry-pi-stopped": "Der Raspberry Pi hat zuletzt {file} gelesen und keinen Kernel[, um {time}].",
	"finding.raspberry-pi-stopped.1": "Kopieren Sie die ganze Boot-Partition einer funktionierenden SD-Karte in " +
		"den Boot-Ordner: Firmware, config.txt, Device Trees und Kernel.",
	"finding.raspberry-pi-stopped.2": "Möglicherweise nennt config.txt einen Kernel, den es dort nicht gibt.",
	"finding.menu-missing":           "PXELINUX hat kein Menü gefunden; zuletzt wurde {file} angefordert.",
	"finding.menu-missing.1": "Die Box liefert ihr Menü als pxelinux.cfg/default aus: Starten Sie den " +
		"Rechner neu.",
	"finding.menu-missing.2": "Nennt [boot] ein PXELINUX in einem Ordner, gehört das Menü in pxelinux.cfg " +
		"in diesem Ordner.",
	"finding.boot-program-asks-again": "Das Bootprogramm, das {file} gestartet hat, hat die Box noch einmal " +
		"gefragt und danach nichts mehr angefordert.",
	"finding.boot-program-asks-again.1": "Ist es iPXE, nennen Sie ein Skript dafür: [boot] ipxe = \"boot.ipxe\" in " +
		"den Einstellungen.",
	"finding.boot-program-asks-again.2": "Lesen Sie, was iPXE am Bildschirm meldet; zu jeder Meldung gehört eine " +
		"Adresse mit einer Erklärung.",
	"finding.second-stage-silent": "Das Bootprogramm läuft und ist nach {file} stehen geblieben, noch vor dem " +
		"Menü.",
	"finding.second-stage-silent.1": "Bei Secure Boot startet shim nur Programme der eigenen Distribution: " +
		"„Security Violation“ am Bildschirm heißt, dass es dieses abgelehnt hat.",
	"finding.second-stage-silent.2": "Nehmen Sie alle Teile des Bootprogramms aus einem Paket: Module einer anderen " +
		"Version werden nicht geladen.",
	"finding.second-stage-silent.3": "Lesen Sie, was der Bildschirm meldet, und versuchen Sie den anderen " +
		"Netzwerkanschluss oder den anderen Firmware-Modus.",
	"finding.boot-program-runs":   "Das Bootprogramm läuft[ und fordert seine Teile an: {file}].",
	"finding.boot-program-runs.1": "Warten Sie einige Sekunden.",
	"finding.secure-boot-refused": "{file} wurde um {time} vollständig übertragen und nicht gestartet: " +
		"Wahrscheinlich hat Secure Boot die Datei abgelehnt.",
	"finding.secure-boot-refused.1": "Lassen Sie im Firmware-Setup die „Microsoft 3rd Party UEFI CA“ zu, oder " +
		"schalten Sie Secure Boot dort aus.",
	"finding.secure-boot-refused.2": "Aktualisieren Sie die Firmware: Alte Versionen kennen nur die Zertifikate von " +
		"2011, und manche lehnen eine Datei mit zwei Signaturen ab.",
	"finding.secure-boot-refused.3": "Nach zwei solchen Starts sendet die Box ein shim mit nur einer Signatur, und " +
		"danach den Eintrag, den fallback in [boot] nennt; ein [[machine]] mit boot = \"wds\" führt sofort zu WDS.",
	"finding.bios-program-silent": "{file} wurde um {time} vollständig übertragen und nicht gestartet, oder das " +
		"Programm hat nichts mehr angefordert.",
	"finding.bios-program-silent.1": "Prüfen Sie, ob {file} ein Bootprogramm für ein BIOS ist: Eine Datei für UEFI " +
		"startet dort nicht.",
	"finding.bios-program-silent.2": "Aktualisieren Sie das Boot-ROM der Netzwerkkarte, oder versuchen Sie " +
		"pxelinux.0 statt lpxelinux.0: Manche ROMs bleiben bei einem von beiden hängen.",
	"finding.bios-program-silent.3": "Braucht das Programm nichts Weiteres, ist nichts zu tun.",
	"finding.first-stage-sent":      "{file} wurde um {time} vollständig übertragen; der Rechner startet die Datei.",
	"finding.first-stage-sent.1":    "Warten Sie einige Sekunden.",

	// A file was requested.
	"finding.files-without-dhcp": "Dieser Rechner hat um {time} {file} gelesen[, {size}], ohne vorher eine Adresse " +
		"anzufordern.",
	"finding.files-without-dhcp.1": "Das tun Programme, die die Box prüfen oder überwachen, und Menschen mit einem " +
		"TFTP-Client.",
	"finding.files-without-dhcp.2": "Bootet dort ein Rechner, hat ihn ein anderer DHCP-Server an die Box verwiesen: " +
		"Nur wenn die Box auch seine DHCP-Pakete erhält, kann sie sagen, warum er nicht weiterkommt.",
	"finding.files-read": "Der Rechner hat um {time} {file} gelesen[, {size}].",
	"finding.files-read.1": "Den Anfang dieses Starts hat die Box nicht gesehen: Vielleicht läuft " +
		"schon ein System, oder der Rechner hat gebootet, bevor die Box bereit war.",
	"finding.raspberry-pi-files-missing": "Der Raspberry Pi wollte {file} laden, und diese Datei gibt es auf der " +
		"Box nicht.",
	"finding.raspberry-pi-files-missing.1": "Kopieren Sie die Boot-Partition einer funktionierenden SD-Karte in den " +
		"Boot-Ordner.",
	"finding.raspberry-pi-files-missing.2": "Ein Raspberry Pi sucht zuerst in einem Ordner mit seiner Seriennummer: " +
		"Dass dieser fehlt, ist normal.",
	"finding.loading":   "Der Rechner lädt {file}.",
	"finding.loading.1": "Warten Sie einige Sekunden.",
	"finding.file-missing": "Der Rechner wollte {file} laden, und diese Datei gibt es auf der Box " +
		"nicht.",
	"finding.file-missing.1": "Nennt der DHCP-Server des Netzes diese Datei in Option 67, korrigieren " +
		"oder entfernen Sie sie dort.",
	"finding.file-missing.2":   "Soll die Box diese Datei haben, legen Sie sie in den Boot-Ordner.",
	"finding.download-stopped": "Der Rechner hat {file} angefordert und nicht geladen.",
	"finding.download-stopped.1": "Starten Sie den Rechner neu, und lesen Sie den Code, den der Bildschirm " +
		"zeigt.",
	"finding.download-stopped.2": "Die Datei ist womöglich zu groß für die Firmware, oder das Netz " +
		"verliert große Pakete: Versuchen Sie [tftp] max_block = 512.",

	// Another server.
	"finding.wds-answers-itself": "Der Rechner folgt dem WDS-Server[ {server}], der von sich aus mit {file} " +
		"antwortet.",
	"finding.wds-answers-itself.1": "Führen Sie auf dem WDS-Server wdsutil /Set-Server /UseDhcpPorts:No aus, und " +
		"starten Sie den Dienst neu.",
	"finding.wds-answers-itself.2": "Nennt ein DHCP-Server diese Datei, entfernen Sie dort die Optionen 60, 66 und 67.",
	"finding.another-server": "Ein anderer Server[, {server},] hat dem Rechner gesagt, was er booten soll[: " +
		"{file}]; der Rechner folgt ihm.",
	"finding.another-server.1": "Entfernen Sie auf diesem DHCP-Server die Optionen 60, 66 und 67, oder schalten " +
		"Sie sein Netzwerk-Booten ab.",
	"finding.another-server.2": "Ist dieser Server für den Rechner der richtige, ist nichts zu tun.",

	// Questions and answers.
	"finding.box-starting": "Die Box antwortet noch nicht: {why}. Das ist in den ersten Sekunden nach ihrem Start " +
		"normal.",
	"finding.box-starting.1":    "Warten Sie ein paar Sekunden: Der Rechner fragt noch einmal.",
	"finding.asked-too-early":   "Der Rechner hat gefragt, bevor die Box bereit war, und dann aufgegeben: {why}.",
	"finding.asked-too-early.1": "Starten Sie den Rechner neu.",
	"finding.asked-too-early.2": "Geschieht das wieder, lesen Sie das Protokoll der Box: Sie kann nicht nach anderen " +
		"DHCP-Servern suchen.",
	"finding.unanswered": "Die Box hat die Anfrage des Rechners erhalten und nicht beantwortet[: {why}].",
	"finding.unanswered.1": "Der Grund steht im Protokoll der Box; docs/trouble.md sagt, was jeweils zu " +
		"tun ist.",
	"finding.address-refused": "Die Box hat die Adresse abgelehnt, die der Rechner haben wollte.",
	"finding.address-refused.1": "Der Rechner fordert von selbst eine neue an: Warten Sie, oder starten Sie " +
		"ihn neu.",
	"finding.address-refused.2": "Geschieht das wieder, suchen Sie nach einem zweiten DHCP-Server.",
	"finding.url-not-requested": "Der Rechner erhielt um {time} die Anweisung, {file} zu booten, und hat die " +
		"Datei nicht angefordert.",
	"finding.url-not-requested.1": "HTTP Boot kann auf HTTPS beschränkt sein: Lassen Sie im Firmware-Setup auch " +
		"unverschlüsseltes HTTP zu.",
	"finding.url-not-requested.2": "TCP-Port 80 der Box muss für den Rechner offen sein.",
	"finding.url-not-requested.3": "Oder wählen Sie im Bootmenü der Firmware PXE über IPv4 anstelle von HTTP Boot.",
	"finding.file-not-requested": "Der Rechner erhielt um {time} die Anweisung, {file} zu laden, und hat die " +
		"Datei nicht angefordert.",
	"finding.file-not-requested.1": "UDP-Port 69 der Box muss für den Rechner offen sein: Suchen Sie nach einer " +
		"Firewall und nach einem Router dazwischen, dem die Rückroute fehlt.",
	"finding.file-not-requested.2": "Die Antwort auf Port 4011 geht womöglich verloren: Eine Firewall muss sie in " +
		"beiden Richtungen durchlassen.",
	"finding.file-not-requested.3": "Starten Sie den Rechner neu, und lesen Sie den Code, den der Bildschirm zeigt.",
	"finding.answered":             "Der Rechner hat die Anweisung erhalten, {file} zu laden.",
	"finding.answered.1":           "Warten Sie einige Sekunden.",
	"finding.took-another-lease": "Der Rechner hat die Adresse eines anderen DHCP-Servers[, {server},] " +
		"angenommen und nicht die der Box.",
	"finding.took-another-lease.1": "Schalten Sie einen der beiden DHCP-Server ab, oder lassen Sie die Box nur " +
		"die Bootdatei ergänzen: mode = \"auto\".",
	"finding.boot-server-not-asked": "Der Rechner hat eine Adresse[ von {server}] angenommen und die Box nicht auf " +
		"Port 4011 nach seiner Bootdatei gefragt.",
	"finding.boot-server-not-asked.1": "UDP-Port 4011 der Box muss für den Rechner offen sein: Suchen Sie nach einer " +
		"Firewall.",
	"finding.boot-server-not-asked.2": "Entfernen Sie die Optionen 43, 60, 66 und 67 auf dem DHCP-Server des Netzes: " +
		"Mit ihnen fragt der Rechner dort.",
	"finding.boot-server-not-asked.3": "Manche Firmware beachtet keinen zweiten Server: mode = \"server\" legt alles " +
		"in eine Antwort.",
	"finding.asks":   "Der Rechner hat eine Adresse angenommen.",
	"finding.asks.1": "Warten Sie einige Sekunden.",
	"finding.offer-not-taken": "Die Box hat um {time} eine Adresse angeboten, und der Rechner hat sie nicht " +
		"angenommen.",
	"finding.offer-not-taken.1": "Ein anderer DHCP-Server hat womöglich zuerst geantwortet: Suchen Sie danach.",
	"finding.offer-not-taken.2": "Die Antwort kommt womöglich nicht an: Prüfen Sie den Switch und, wenn ein " +
		"Router dazwischenliegt, den Relay-Agent.",
	"finding.no-address": "Die Box hat um {time} geantwortet, und der Rechner hat vom DHCP-Server des " +
		"Netzes keine Adresse angenommen.",
	"finding.no-address.1": "Der DHCP-Server des Netzes muss eine freie Adresse für diesen Rechner haben " +
		"und in diesem Netz antworten.",
	"finding.no-address.2": "Gibt es keinen DHCP-Server, lassen Sie die Box die Adressen vergeben: mode = " +
		"\"server\".",
	"finding.no-address.3": "Ein HP-Rechner mit UEFI, der immer wieder fragt, sieht zwei Angebote und " +
		"nimmt keines an: mode = \"server\" macht daraus eines.",
	"finding.offered":   "Die Box hat geantwortet; der Rechner wählt unter den Angeboten.",
	"finding.offered.1": "Warten Sie einige Sekunden.",
	"finding.unknown":   "Die Box kann nicht sagen, was dieser Rechner tut.",
	"finding.unknown.1": "Sehen Sie sich die Ereignisse dieses Starts und den Bildschirm des Rechners an.",
}
