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
	"notfound.text":  "The address may be mistyped, or it shows a boot that is no longer kept: when memory is full, the oldest boots are removed first.",
	"notfound.back":  "Show all machines",

	"nav.machines":   "Machines",
	"machines.title": "Machines",
}
