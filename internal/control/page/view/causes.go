package view

import (
	"maps"
	"slices"
	"strings"
)

// causePrefix is what the keys of pxed's reasons begin with. The rest is how the
// reason begins in English: what a value follows ends with a space.
const causePrefix = "cause: "

// causesInGerman has the reasons that pxed gives for what it refuses or does not
// answer. One that is missing here shows in English.
var causesInGerman = map[string]string{
	// Of hand-overs.
	"no menu with this token was sent to that address since the box started; restart the machine": "" +
		"seit dem Start der Box ging kein Menü mit diesem Schlüssel an diese Adresse; starten Sie den " +
		"Rechner neu",
	"the address belongs to ":                         "die Adresse gehört ",
	"the address was given to ":                       "die Adresse hat erhalten: ",
	"no host on the link answers ARP for the address": "im Netz antwortet niemand auf ARP für diese Adresse",
	"the WDS server has no program for ":              "der WDS-Server hat kein Programm für ",
	"the entry has no WDS server with a known address": "" +
		"die Adresse des WDS-Servers für diesen Eintrag ist nicht bekannt",
	"DHCP is off, so the box would not answer the next boot": "" +
		"DHCP ist abgeschaltet, die Box würde dem nächsten Start nicht antworten",
	"too many machines are on their way to WDS":       "zu viele Rechner sind auf dem Weg zu WDS",
	"requested over HTTP, which WDS does not support": "über HTTP angefordert, was WDS nicht unterstützt",

	// Of DHCP.
	"no address left for ":                 "keine freie Adresse in ",
	"no boot file for ":                    "keine Bootdatei für ",
	"the box has no address yet":           "die Box hat noch keine Adresse",
	"still looking for other DHCP servers": "die Box sucht noch nach anderen DHCP-Servern",
	"not a boot server request":            "keine Anfrage an einen Bootserver",
	"not an Ethernet client":               "kein Ethernet-Rechner",
	"BOOTP without a reservation":          "BOOTP ohne Reservierung",
	"a REQUEST without an address":         "eine Anforderung ohne Adresse",
	"init-reboot: no lease on record":      "die Adresse von früher ist nicht verzeichnet",
	"renewal: no lease on record":          "die Adresse, die verlängert werden soll, ist nicht verzeichnet",
	"declined: another machine uses ":      "abgelehnt: Ein anderer Rechner benutzt ",
	"boots from the network, but not by PXE (option 60): name its boot file on the DHCP server": "" +
		"bootet aus dem Netz, aber nicht über PXE (Option 60): Nennen Sie die Bootdatei auf dem " +
		"DHCP-Server",
}

// englishCauses and germanCauses are these reasons in each language.
var englishCauses, germanCauses = func() (english, german catalog) {
	english, german = catalog{}, catalog{}
	for e, g := range causesInGerman {
		english[causePrefix+e], german[causePrefix+e] = e, g
	}
	return english, german
}()

// causes are the reasons that a value follows.
var causes = slices.DeleteFunc(slices.Sorted(maps.Keys(englishCauses)), func(key string) bool {
	return !strings.HasSuffix(key, " ")
})

// cause returns one of pxed's reasons in the catalog's language.
func (c catalog) cause(english string) string {
	key := causePrefix + english
	if text, ok := c[key]; ok {
		return text
	}
	for _, prefix := range causes {
		if value, ok := strings.CutPrefix(key, prefix); ok {
			return c[prefix] + value
		}
	}
	return english
}
