package menu

import (
	"maps"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
)

// Reason says why a menu does not simply show an entry, or what its start depends
// on.
type Reason struct {
	Text Text
	Args map[string]string // what the places of Text stand for, by name
}

// Text is an English sentence with places such as {server}. It is also the key of
// its translations.
type Text string

// The reasons.
const (
	noProgram        Text = "{server} has no program for it"
	needsDHCP        Text = `the machine restarts for it, and the box does not answer that boot, because dhcp.mode is "off"`
	efiOnly          Text = "an EFI program runs on UEFI only"
	moduleOnly       Text = "{file} is a module of PXELINUX, which runs on a BIOS only"
	memdiskOnly      Text = "memdisk starts {file}, and runs on a BIOS only"
	biosOnly         Text = "{file} is a program for a BIOS"
	noPXELINUXLines  Text = "it has no lines for PXELINUX"
	noGRUBLines      Text = "it has no lines for GRUB"
	hiddenWhileDown  Text = `{server} does not answer, and its on_down is "hide"`
	nothingInside    Text = "it has no entries for this firmware"
	insideHidden     Text = "{submenu}, which it is in, is not shown"
	notListed        Text = "it has listed = false: only the menus of machines that name it show it"
	unsignedHidden   Text = "it has signed = false: the menu leaves it out while Secure Boot is on"
	filesMissing     Text = "the box does not have: {files}"
	wrongAddress     Text = "{server}: {why}"
	nameNotFound     Text = "no address is known for {host}"
	refusesFile      Text = "{server} refuses its boot program: {note}"
	serverDown       Text = "{server} does not answer the box; a machine may still try it"
	goesToOther      Text = "{server} does not answer, and the entry leads to {other}"
	fileMustBeSigned Text = "starts only if the machine trusts a signature of {file}"
	restartsFor      Text = "the machine restarts, and its firmware loads {file}"
	startsOnX64      Text = "the firmware starts the file only on a BIOS, and the efi program only on uefi-x64"
	readingWIM       Text = "the box is still reading {wim}, and takes out of it: {files}"
	wimUnreadable    Text = "the box does not have: {files}; and cannot take that out of boot.wim: {why}"
	noWinPEProgram   Text = "{folder} has no program of Windows for it"
	fileNotSigned    Text = "{file} has no signature, so Secure Boot refuses it; " +
		"with signed = false the menu leaves the entry out there"
	linesMustLoad Text = "its lines start only what the machine trusts by its signature"
	urlNeedsLPXE  Text = "its lines name a URL, which pxelinux.0 cannot load: " +
		`put lpxelinux.0 into the boot folder, and write bios = "lpxelinux.0" below [boot]`
)

// Texts are all of them, those of firmware and rules included, for a catalog to
// translate.
var Texts = []Text{
	noProgram, needsDHCP, efiOnly, moduleOnly, memdiskOnly, biosOnly, noPXELINUXLines, noGRUBLines, hiddenWhileDown,
	nothingInside, insideHidden, notListed, unsignedHidden, filesMissing, wrongAddress, nameNotFound, refusesFile,
	serverDown, goesToOther, fileMustBeSigned, fileNotSigned, linesMustLoad, urlNeedsLPXE,
	showsMenu, loadsOther, loadsURL, noFileWanted, noFileKnown, noFileForHTTP, siteNamesFile, onlyWDSRules,
	restartsFor, startsOnX64, ruleByTFTPOnly, readingWIM, wimUnreadable, noWinPEProgram,
	ruleServerDown, ruleNoAddress, ruleCannotStart, ruleNoHTTP, ruleNotKnown, ruleOnlyByName,
}

// because returns a reason. args are names and values in turn.
func because(text Text, args ...string) Reason {
	r := Reason{Text: text}
	for i := 0; i+1 < len(args); i += 2 {
		if r.Args == nil {
			r.Args = map[string]string{}
		}
		r.Args[args[i]] = args[i+1]
	}
	return r
}

// String returns the sentence in English.
func (r Reason) String() string { return Fill(string(r.Text), r.Args) }

// Fill replaces the places of a text. A value that looks like a place stays as it
// is.
func Fill(text string, args map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(args)) {
		pairs = append(pairs, "{"+name+"}", args[name])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Sight is how a menu shows an entry.
type Sight int

// The sights, the least visible first.
const (
	Hidden   Sight = iota // the menu leaves it out
	Unusable              // the menu shows it with a note, and choosing it only says why
	Refused               // the menu shows it, and it cannot start
	Marked                // the menu shows it with a note, and it can be chosen
	Visible
)

// worse adds a reason, and lowers the sight to at most the given one.
func (it *item) worse(sight Sight, r Reason) {
	it.sight = min(it.sight, sight)
	it.reasons = append(it.reasons, r)
}

// signature adds what an entry's start depends on while Secure Boot is on.
// Nothing for WDS and for the disk, whose programs Microsoft or the system's maker
// signed.
func (s *site) signature(it *item) {
	file := ""
	switch it.Kind() {
	case config.KindLinux:
		file = it.Kernel
	case config.KindProgram, config.KindWinPE:
		file = it.file
	case config.KindRaw:
		it.worse(it.sight, because(linesMustLoad))
		return
	default:
		return
	}
	if slices.Contains(s.status.Unsigned[it.Name], file) {
		it.worse(Refused, because(fileNotSigned, "file", file))
	} else {
		it.worse(it.sight, because(fileMustBeSigned, "file", file))
	}
}
