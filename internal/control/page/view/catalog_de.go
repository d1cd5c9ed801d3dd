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
	"notfound.text":  "Vielleicht ist die Adresse falsch geschrieben. Oder sie gehört zu einem Start, der nicht mehr gespeichert ist: Ist der Speicher voll, werden die ältesten zuerst entfernt.",
	"notfound.back":  "Alle Rechner anzeigen",

	"nav.machines":   "Rechner",
	"machines.title": "Rechner",
}
