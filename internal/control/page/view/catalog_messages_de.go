package view

// germanMessages is englishMessages, the sentences of package trace about what
// screens say, in German.
var germanMessages = catalog{
	messagePrefix +
		"The boot file is larger than the memory that the firmware gives it.": "Die Bootdatei ist größer als der " +
		"Speicher, den die Firmware dafür vorsieht.",
	messagePrefix +
		"The network card's own memory is damaged: its ROM does not start.": "Der Speicher der Netzwerkkarte ist " +
		"beschädigt: Ihr ROM startet nicht.",
	messagePrefix +
		"Name a smaller boot file in [boot], or update the firmware.": "Nennen Sie unter [boot] eine kleinere " +
		"Bootdatei, oder aktualisieren Sie die Firmware.",
	messagePrefix +
		"On a BIOS, update or replace the network card.": "Bei einem BIOS: Aktualisieren oder ersetzen Sie die " +
		"Netzwerkkarte.",
	messagePrefix +
		"The network card or its driver in the firmware failed.": "Die Netzwerkkarte oder ihr Treiber in der " +
		"Firmware hat versagt.",
	messagePrefix +
		"The network card's ROM does not work in this computer.": "Das ROM der Netzwerkkarte funktioniert in diesem " +
		"Rechner nicht.",
	messagePrefix +
		"Check the cable and the switch port, and that the port is not disabled in the firmware's setup.": "Prüfen Sie das Kabel und den Switch-Port, und ob der Anschluss im Firmware-Setup eingeschaltet ist.",
	messagePrefix +
		"Update the firmware, or the network card's boot ROM.": "Aktualisieren Sie die Firmware oder das Boot-ROM " +
		"der Netzwerkkarte.",
	messagePrefix +
		"The firmware has run out of buffers for the network.": "Der Firmware sind die Puffer für das Netzwerk " +
		"ausgegangen.",
	messagePrefix +
		"The network card's driver could not be loaded.": "Der Treiber der Netzwerkkarte ließ sich nicht laden.",
	messagePrefix +
		"The network port has no link.": "Der Netzwerkanschluss hat keine Verbindung.",
	messagePrefix +
		"If the switch port runs spanning tree, turn on portfast for it.": "Läuft am Switch-Port Spanning Tree, " +
		"schalten Sie dort Portfast ein.",
	messagePrefix +
		"If this is not the port with the cable, choose the other one in the boot menu.": "Steckt das Kabel in einem " +
		"anderen Anschluss, wählen Sie diesen im Bootmenü.",
	messagePrefix +
		"No DHCP server offered an address, or no server said what to boot, also on port 4011.": "Kein DHCP-Server hat eine Adresse angeboten, oder kein Server hat gesagt, was zu booten ist, auch nicht auf Port 4011.",
	messagePrefix +
		"No DHCP server offered an address together with something to boot.": "Kein DHCP-Server hat eine Adresse " +
		"zusammen mit etwas zum Booten angeboten.",
	messagePrefix +
		"Check that the site's DHCP server has a free address in this network.": "Prüfen Sie, ob der DHCP-Server in " +
		"diesem Netz noch eine Adresse frei hat.",
	messagePrefix +
		"UDP ports 67 and 4011 of the box must be open to the machine: look for a firewall.": "Die UDP-Ports 67 und " +
		"4011 der Box müssen für den Rechner offen sein: Suchen Sie nach einer Firewall.",
	messagePrefix +
		"If the machine is in another VLAN or behind a router, its relay agent (IP helper) must pass DHCP on to the " +
		"box.": "Steht der Rechner in einem anderen VLAN oder hinter einem Router, muss der Relay-Agent (IP Helper) " +
		"DHCP an die Box weiterleiten.",
	messagePrefix +
		"The ROM received no answer at all.": "Das ROM hat überhaupt keine Antwort erhalten.",
	messagePrefix +
		"Check that the box and the site's DHCP server are in the machine's network.": "Prüfen Sie, ob die Box und " +
		"der DHCP-Server im Netz des Rechners sind.",
	messagePrefix +
		"The box answered, and no DHCP server offered an address.": "Die Box hat geantwortet, aber kein DHCP-Server " +
		"hat eine Adresse angeboten.",
	messagePrefix +
		"If there is no DHCP server, let the box lease addresses: mode = \"server\".": "Gibt es keinen DHCP-Server, " +
		"lassen Sie die Box Adressen vergeben: mode = \"server\".",
	messagePrefix +
		"The ROM has an address, and no server said what to boot.": "Das ROM hat eine Adresse, aber kein Server hat " +
		"gesagt, was zu booten ist.",
	messagePrefix +
		"The ROM asked for its boot file on port 4011, and no answer arrived.": "Das ROM hat auf Port 4011 nach " +
		"seiner Bootdatei gefragt und keine Antwort erhalten.",
	messagePrefix +
		"Remove options 43, 60, 66 and 67 from the site's DHCP server.": "Entfernen Sie die Optionen 43, 60, 66 und " +
		"67 auf dem DHCP-Server.",
	messagePrefix +
		"A server that the firmware asked did not answer: on port 4011, or with the boot file.": "Ein Server, den die Firmware gefragt hat, hat nicht geantwortet: auf Port 4011 oder mit der Bootdatei.",
	messagePrefix +
		"UDP port 69 of the box, and the ports of its answers, must be open to the machine: look for a firewall.": "Der UDP-Port 69 der Box und die Ports ihrer Antworten müssen für den Rechner offen sein: Suchen Sie nach einer Firewall.",
	messagePrefix +
		"The ROM does not find the address of the server or the router that it was told.": "Das ROM erreicht die " +
		"Adresse des Servers oder des Routers nicht, die ihm genannt wurde.",
	messagePrefix +
		"Check the router that the DHCP server names (option 3), and its subnet mask (option 1).": "Prüfen Sie den Router, den der DHCP-Server nennt (Option 3), und die Subnetzmaske (Option 1).",
	messagePrefix +
		"The server that the firmware asked has that port closed.": "Der Server, den die Firmware gefragt hat, hat " +
		"diesen Port geschlossen.",
	messagePrefix +
		"The computer's BIOS could not copy the program to its memory.": "Das BIOS konnte das Programm nicht in den " +
		"Speicher kopieren.",
	messagePrefix +
		"A server sent option 43 in a form that this ROM does not read.": "Ein Server hat die Option 43 in einer " +
		"Form gesendet, die dieses ROM nicht versteht.",
	messagePrefix +
		"A server sent option 43 without a list of boot servers.": "Ein Server hat die Option 43 ohne eine Liste von " +
		"Bootservern gesendet.",
	messagePrefix +
		"The machine was told to look for a boot server, and none answered.": "Der Rechner sollte nach einem " +
		"Bootserver suchen, und keiner hat geantwortet.",
	messagePrefix +
		"The network boot was cancelled by a key.": "Das Booten über das Netz wurde mit einer Taste abgebrochen.",
	messagePrefix +
		"The computer's BIOS refuses the ROM's memory.": "Das BIOS gibt dem ROM keinen Speicher.",
	messagePrefix +
		"Start the network boot again.": "Starten Sie das Booten über das Netz noch einmal.",
	messagePrefix +
		"The ROM gives up. A message before this one says why.": "Das ROM gibt auf. Eine Meldung davor nennt den Grund.",
	messagePrefix +
		"Read the message before this one.": "Lesen Sie die Meldung davor.",
	messagePrefix +
		"The firmware's network failed in a way that it has no code for.": "Das Netzwerk der Firmware hat auf eine " +
		"Weise versagt, für die sie keinen Code hat.",
	messagePrefix +
		"The ROM asked for the boot file, and no answer arrived.": "Das ROM hat die Bootdatei angefordert und keine " +
		"Antwort erhalten.",
	messagePrefix +
		"The boot file stopped arriving.": "Die Bootdatei kam nicht vollständig an.",
	messagePrefix +
		"Try [tftp] max_block = 512 and max_window = 1 in the settings.": "Versuchen Sie [tftp] max_block = 512 und " +
		"max_window = 1 in den Einstellungen.",
	messagePrefix +
		"The server does not send this boot file. A line with PXE-T before this one has the server's words.": "Der Server sendet diese Bootdatei nicht. In einer Zeile mit PXE-T davor steht, was er dazu sagt.",
	messagePrefix +
		"Correct the file's name in [boot].": "Korrigieren Sie den Namen der Datei unter [boot].",
	messagePrefix +
		"The server does not send this boot file.": "Der Server sendet diese Bootdatei nicht.",
	messagePrefix +
		"The WDS server's ReadFilter must allow boot\\*, and the file must exist there.": "Der ReadFilter des WDS-Servers muss boot\\* erlauben, und die Datei muss dort vorhanden sein.",
	messagePrefix +
		"The server does not have this boot file.": "Der Server hat diese Bootdatei nicht.",
	messagePrefix +
		"Correct the file's name in [boot], or copy the file into the boot folder.": "Korrigieren Sie den Namen der " +
		"Datei unter [boot], oder legen Sie die Datei in den Boot-Ordner.",
	messagePrefix +
		"The server refuses to send this boot file.": "Der Server gibt diese Bootdatei nicht heraus.",
	messagePrefix +
		"The ROM does not accept packets of this size.": "Das ROM nimmt Pakete dieser Größe nicht an.",
	messagePrefix +
		"The server refuses to send this boot file. A WDS server does so.": "Der Server gibt diese Bootdatei nicht " +
		"heraus. WDS-Server tun das.",
	messagePrefix +
		"The boot file is too large for a BIOS: it may be one for UEFI.": "Die Bootdatei ist zu groß für ein BIOS: " +
		"Womöglich ist es eine für UEFI.",
	messagePrefix +
		"Name pxelinux.0 in [boot] for bios.": "Nennen Sie unter [boot] pxelinux.0 für bios.",
	messagePrefix +
		"Secure Boot refuses a program: no authority that this machine trusts has signed it.": "Secure Boot lehnt ein Programm ab: Keine Stelle, der dieser Rechner vertraut, hat es signiert.",
	messagePrefix +
		"Allow the Microsoft third-party UEFI CA (\"3rd party CA\") in the firmware's setup, or turn Secure Boot off " +
		"there.": "Erlauben Sie im Firmware-Setup die „Microsoft 3rd Party UEFI CA“, oder schalten Sie dort Secure " +
		"Boot aus.",
	messagePrefix +
		"Update the firmware: old versions know only the certificates of 2011.": "Aktualisieren Sie die Firmware: " +
		"Alte Versionen kennen nur die Zertifikate von 2011.",
	messagePrefix +
		"Secure Boot refuses the program that was loaded.": "Secure Boot lehnt das geladene Programm ab.",
	messagePrefix +
		"The machine has revoked this version of shim or GRUB.": "Der Rechner hat diese Version von shim oder GRUB " +
		"gesperrt.",
	messagePrefix +
		"Update the box: a newer version has newer boot programs.": "Aktualisieren Sie die Box: Eine neuere Version " +
		"hat neuere Bootprogramme.",
	messagePrefix +
		"If [boot] names a shim of your own, replace it by a newer one.": "Nennt [boot] ein eigenes shim, ersetzen " +
		"Sie es durch ein neueres.",
	messagePrefix +
		"Secure Boot refuses the entry's kernel: Debian's GRUB starts only kernels that Debian has signed.": "Secure Boot lehnt den Kernel des Eintrags ab: Debians GRUB startet nur Kernel, die Debian signiert hat.",
	messagePrefix +
		"Mark the entry with signed = false, or turn Secure Boot off in the firmware's setup.": "Setzen Sie beim Eintrag signed = false, oder schalten Sie im Firmware-Setup Secure Boot aus.",
	messagePrefix +
		"Use a signed kernel of Debian.": "Verwenden Sie einen signierten Kernel von Debian.",
	messagePrefix +
		"Under Secure Boot GRUB does not load modules or other programs.": "Unter Secure Boot lädt GRUB weder Module " +
		"noch andere Programme.",
	messagePrefix +
		"Turn Secure Boot off in the firmware's setup, or leave this command out of the menu.": "Schalten Sie im Firmware-Setup Secure Boot aus, oder lassen Sie diesen Befehl im Menü weg.",
	messagePrefix +
		"GRUB has not loaded the entry's kernel.": "GRUB hat den Kernel des Eintrags nicht geladen.",
	messagePrefix +
		"Read the line before this one: it says why the kernel was not loaded.": "Lesen Sie die Zeile davor: Dort " +
		"steht, warum der Kernel nicht geladen wurde.",
	messagePrefix +
		"A file of the menu's entry is missing.": "Eine Datei des Menüeintrags fehlt.",
	messagePrefix +
		"Copy the file into the boot folder, or correct the entry.": "Legen Sie die Datei in den Boot-Ordner, oder " +
		"korrigieren Sie den Eintrag.",
	messagePrefix +
		"The entry's files do not fit into the memory that the boot program can use.": "Die Dateien des Eintrags " +
		"passen nicht in den Speicher, den das Bootprogramm nutzen kann.",
	messagePrefix +
		"Add memory, or use a smaller initrd.": "Bauen Sie mehr Speicher ein, oder verwenden Sie eine kleinere Initrd.",
	messagePrefix +
		"GRUB has lost the network while it read a file.": "GRUB hat beim Lesen einer Datei das Netz verloren.",
	messagePrefix +
		"PXELINUX did not find its second part, or one of another version.": "PXELINUX hat seinen zweiten Teil nicht " +
		"gefunden, oder einen einer anderen Version.",
	messagePrefix +
		"Take pxelinux.0 and all .c32 files from one package.": "Nehmen Sie pxelinux.0 und alle .c32-Dateien aus " +
		"demselben Paket.",
	messagePrefix +
		"PXELINUX did not find a menu.": "PXELINUX hat kein Menü gefunden.",
	messagePrefix +
		"If [boot] names a PXELINUX in a folder, the menu belongs into pxelinux.cfg in that folder.": "Nennt [boot] ein PXELINUX in einem Ordner, gehört das Menü in den Ordner pxelinux.cfg darin.",
	messagePrefix +
		"The box refused to hand this machine over.": "Die Box hat die Übergabe dieses Rechners abgelehnt.",
	messagePrefix +
		"Start the machine again: the menu may be older than the box's last start.": "Starten Sie den Rechner neu: " +
		"Das Menü kann älter sein als der letzte Start der Box.",
	messagePrefix +
		"The box's log says why, in the line hand-over refused.": "Der Grund steht im Protokoll der Box, in der " +
		"Zeile „hand-over refused“.",
	messagePrefix +
		"iPXE did not get an address from a DHCP server.": "iPXE hat von keinem DHCP-Server eine Adresse bekommen.",
	messagePrefix +
		"iPXE has an address, and no server said what to boot.": "iPXE hat eine Adresse, aber kein Server hat " +
		"gesagt, was zu booten ist.",
	messagePrefix +
		"Name a script for iPXE: [boot] ipxe = \"boot.ipxe\" in the settings.": "Nennen Sie in den Einstellungen ein " +
		"Skript für iPXE: [boot] ipxe = \"boot.ipxe\".",
	messagePrefix +
		"iPXE cannot start the file: it is for other firmware, or not signed.": "iPXE kann die Datei nicht starten: " +
		"Sie ist für eine andere Firmware oder nicht signiert.",
	messagePrefix +
		"Check that the file is for this firmware: a program for UEFI does not start on a BIOS, and the other way " +
		"round.": "Prüfen Sie, ob die Datei für diese Firmware ist: Ein Programm für UEFI startet auf einem BIOS " +
		"nicht, und umgekehrt.",
	messagePrefix +
		"Under Secure Boot the file must be signed.": "Unter Secure Boot muss die Datei signiert sein.",
	messagePrefix +
		"This build of iPXE does not know the URL's protocol.": "Dieses iPXE kennt das Protokoll der URL nicht.",
	messagePrefix +
		"Use another build of iPXE, or a URL that begins with tftp:// or http://.": "Verwenden Sie ein anderes iPXE " +
		"oder eine URL, die mit tftp:// oder http:// beginnt.",
	messagePrefix +
		"iPXE received no answer from the server that it asked.": "iPXE hat von dem Server, den es gefragt hat, " +
		"keine Antwort erhalten.",
	messagePrefix +
		"The entry's system stopped before it was up.": "Das System des Eintrags ist beim Hochfahren stehen geblieben.",
	messagePrefix +
		"Check the entry's arguments, and that kernel and initrd are of the same version.": "Prüfen Sie die Argumente des Eintrags, und ob Kernel und Initrd dieselbe Version haben.",
	messagePrefix +
		"The machine may have too little memory for the initrd.": "Der Rechner hat womöglich zu wenig Speicher für " +
		"die Initrd.",
	messagePrefix +
		"The entry's system has no driver for this network card.": "Dem System des Eintrags fehlt der Treiber dieser " +
		"Netzwerkkarte.",
	messagePrefix +
		"Use a newer kernel and initrd, with the driver of this network card.": "Verwenden Sie einen neueren Kernel " +
		"und eine neuere Initrd, mit dem Treiber dieser Netzwerkkarte.",
	messagePrefix +
		"The boot configuration (BCD) or a file that it names is missing; with Secure Boot on current Windows, also " +
		"boot.stl.": "Die Startkonfiguration (BCD) oder eine Datei, die sie nennt, fehlt; bei aktuellem Windows mit " +
		"Secure Boot auch boot.stl.",
	messagePrefix +
		"On the WDS server, check that the boot image is complete, and add it once more.": "Prüfen Sie auf dem " +
		"WDS-Server, ob das Startabbild vollständig ist, und fügen Sie es noch einmal hinzu.",
	messagePrefix +
		"The WDS server has no boot image for this machine's firmware.": "Der WDS-Server hat kein Startabbild für " +
		"die Firmware dieses Rechners.",
	messagePrefix +
		"Add a boot image for x64, and set it as the default for x64 (UEFI).": "Fügen Sie ein Startabbild für x64 " +
		"hinzu, und legen Sie es als Standard für x64 (UEFI) fest.",
	messagePrefix +
		"A file of the boot image is missing, or the boot image does not fit the firmware.": "Eine Datei des Startabbilds fehlt, oder das Startabbild passt nicht zur Firmware.",
	messagePrefix +
		"The boot image stopped loading.": "Das Startabbild wurde nicht vollständig geladen.",
	messagePrefix +
		"On the WDS server, turn off the TFTP variable window extension, or set a smaller TFTP block size.": "Schalten Sie auf dem WDS-Server die variable Fenstergröße für TFTP aus, oder stellen Sie eine kleinere Blockgröße ein.",
	messagePrefix +
		"Check the cable and the switch.": "Prüfen Sie das Kabel und den Switch.",
	messagePrefix +
		"The device with the boot image is not reachable any more.": "Das Gerät mit dem Startabbild ist nicht mehr " +
		"erreichbar.",
	messagePrefix +
		"The boot image does not fit into the machine's memory.": "Das Startabbild passt nicht in den Speicher des " +
		"Rechners.",
	messagePrefix +
		"Add memory, or use a smaller boot image.": "Bauen Sie mehr Speicher ein, oder verwenden Sie ein kleineres " +
		"Startabbild.",
	messagePrefix +
		"The boot configuration (BCD) names no system that can be started.": "Die Startkonfiguration (BCD) nennt " +
		"kein System, das sich starten lässt.",
	messagePrefix +
		"Secure Boot refuses winload: its signature is revoked or not trusted.": "Secure Boot lehnt winload ab: " +
		"Seine Signatur ist gesperrt oder nicht vertrauenswürdig.",
	messagePrefix +
		"Update the boot image on the WDS server, and the machine's firmware.": "Aktualisieren Sie das Startabbild " +
		"auf dem WDS-Server und die Firmware des Rechners.",
	messagePrefix +
		"The WDS server waits for an administrator's approval.": "Der WDS-Server wartet auf die Genehmigung durch " +
		"einen Administrator.",
	messagePrefix +
		"Approve the machine on the WDS server, under Pending Devices.": "Genehmigen Sie den Rechner auf dem " +
		"WDS-Server unter „Ausstehende Geräte“.",
	messagePrefix +
		"The WDS server waits for a key, and goes on to the disk without one.": "Der WDS-Server wartet auf eine " +
		"Taste; ohne sie startet der Rechner von der Festplatte.",
	messagePrefix +
		"Press the key, or let the WDS server always continue the PXE boot.": "Drücken Sie die Taste, oder lassen " +
		"Sie den WDS-Server den PXE-Start immer fortsetzen.",
	messagePrefix +
		"The WDS program does not reach its server.": "Das WDS-Programm erreicht seinen Server nicht.",
	messagePrefix +
		"UDP ports 69 and 4011 of the WDS server must be open to this machine.": "Die UDP-Ports 69 und 4011 des " +
		"WDS-Servers müssen für diesen Rechner offen sein.",
	messagePrefix +
		"Check that the service runs.": "Prüfen Sie, ob der Dienst läuft.",
	messagePrefix +
		"Windows Setup has no driver for this network card.": "Dem Windows-Setup fehlt der Treiber dieser " +
		"Netzwerkkarte.",
	messagePrefix +
		"Add the driver to the boot image on the WDS server.": "Nehmen Sie den Treiber in das Startabbild auf dem " +
		"WDS-Server auf.",
	messagePrefix +
		"The firmware has tried everything in its boot order.": "Die Firmware hat alles in ihrer Bootreihenfolge " +
		"versucht.",
	messagePrefix +
		"Read what the screen says before: this message only says that nothing else could be started.": "Lesen Sie, was der Bildschirm davor zeigt: Diese Meldung sagt nur, dass nichts anderes gestartet werden konnte.",
}
