package menu

import (
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// Overview says what each firmware gets, for a person who misses something in a
// menu.
type Overview struct {
	Firmware []Program
	Rows     []Row  // all entries, in the order of the menu
	Rules    []Rule // in the order of the file
}

// Column is a kind of menu, as machines see it.
type Column struct {
	Firmware   firmware.Kind
	SecureBoot bool
}

// Columns are the menus that a configuration renders. GRUB's file is one, and
// leaves entries out while Secure Boot is on.
var Columns = [...]Column{{Firmware: bios}, {Firmware: uefi}, {Firmware: uefi, SecureBoot: true}}

// Row is an entry in each of Columns.
type Row struct {
	Entry config.Entry
	Depth int // of its submenu; 0 is the top
	Cells [len(Columns)]Cell
}

// Cell is an entry in one menu.
type Cell struct {
	Sight   Sight
	Reasons []Reason // why not Visible, or what the start depends on
	Default bool     // the menu's cursor starts there
}

// Program is what a kind of firmware loads first.
type Program struct {
	Firmware firmware.Kind
	File     string // empty if it gets none
	Menu     bool   // it shows the box's menu
	Reason   Reason // what it loads and shows, and why nothing
}

// The reasons of a Program.
const (
	showsMenu    Text = "loads {file}, and shows the menu"
	loadsOther   Text = "loads {file}, as [boot] says; whether it shows the menu depends on that program"
	loadsURL     Text = "loads {file}, as [boot] says"
	noFileWanted Text = `gets no boot file, as [boot] says`
	noFileKnown  Text = "gets no boot file: the box has none for it; [boot] can name one"
	onlyWDSRules Text = "gets no boot file: the box has none for it; [boot] can name one, " +
		"or a [[machine]] can lead it to a WDS server"
	noFileForHTTP Text = "gets no boot file: the box has none for HTTP boot, which WDS does not support either; " +
		"[boot] can name a URL, or the firmware's setup may offer PXE instead"
	siteNamesFile Text = `loads what the site's DHCP server names, because dhcp.mode is "off"; {file} shows the menu`
)

// Rule is a [[machine]] and what keeps it from its purpose.
type Rule struct {
	Machine  config.Machine
	Label    string // of the entry that it starts; empty for a menu
	Problems []Problem
}

// Problem is a reason on one firmware, or on all if Firmware is empty. Cause is
// the reason's own reason, if it has one.
type Problem struct {
	Firmware      firmware.Kind
	Reason, Cause Reason
}

// The reasons of a Rule.
const (
	ruleServerDown  Text = "{server} does not answer: these machines get the menu until it does"
	ruleNoAddress   Text = "no address is known for {server}: these machines get the menu"
	ruleCannotStart Text = "the entry cannot start there, so the machine gets the menu"
	ruleNoHTTP      Text = "WDS does not support HTTP boot: such a machine gets the file that [boot] names for it"
	ruleByTFTPOnly  Text = "the entry is started by PXE only: a machine that boots by HTTP gets the file that [boot] " +
		"names for it"
	ruleNotKnown   Text = `the rule has no effect: the box knows these machines by DHCP, and dhcp.mode is "off"`
	ruleOnlyByName Text = `the rule has no effect: it has a guid or boots from a WDS server, and dhcp.mode is "off"`
)

// builtIn are the programs that show the menu. A test compares them with those
// of the data plane.
var builtIn = map[firmware.Kind]string{bios: "pxelinux.0", uefi: "shimx64.efi"}

// NewOverview returns the overview of the general menu and the rules.
func NewOverview(c *config.Config, st Status) Overview {
	s := newSite(c, st)
	var o Overview
	for _, kind := range firmware.Kinds {
		o.Firmware = append(o.Firmware, s.program(kind))
	}
	o.Rows = s.rows("", 0, "", nil)
	for i, column := range Columns {
		p := s.page(column.Firmware, selection{}, c.Menu.Default)
		if len(p.preset) == 0 || column.SecureBoot && unsigned(find(p.items, p.preset)) {
			continue
		}
		for j := range o.Rows {
			o.Rows[j].Cells[i].Default = o.Rows[j].Entry.Name == p.preset[len(p.preset)-1]
		}
	}
	for _, m := range c.Machines {
		o.Rules = append(o.Rules, s.rule(m))
	}
	return o
}

// rows adds the entries of a submenu. hidden is the label of the submenu around
// them that the general menu leaves out; empty if it leaves none out.
func (s *site) rows(in string, depth int, hidden string, rows []Row) []Row {
	for _, i := range s.inside[in] {
		e := s.Entries[i]
		r := Row{Entry: e, Depth: depth}
		for j, column := range Columns {
			r.Cells[j] = s.cell(i, column, hidden)
		}
		rows = append(rows, r)
		if e.Kind() == config.KindSubmenu {
			inner := hidden
			if inner == "" && e.Unlisted {
				inner = e.Label
			}
			rows = s.rows(e.Name, depth+1, inner, rows)
		}
	}
	return rows
}

func (s *site) cell(i int, column Column, hidden string) Cell {
	e := s.Entries[i]
	it, _ := s.item(e, column.Firmware)
	if e.Kind() == config.KindSubmenu {
		if all := s.list(column.Firmware, []int{i}, selection{}); len(all) == 0 {
			it.worse(Hidden, because(nothingInside))
		} else {
			it.items = all[0].items
		}
	}
	switch {
	case hidden != "":
		it.worse(Hidden, because(insideHidden, "submenu", hidden))
	case e.Unlisted:
		it.worse(Hidden, because(notListed))
	}
	if column.SecureBoot && it.sight > Hidden {
		if unsigned(it) {
			it.worse(Hidden, because(unsignedHidden))
		} else if it.sight > Unusable {
			s.signature(&it)
		}
	}
	if column.Firmware == bios && it.sight > Hidden && needsLPXELINUX(s.Config, e) {
		it.worse(it.sight, because(urlNeedsLPXE))
	}
	return Cell{Sight: it.sight, Reasons: it.reasons}
}

// program returns what a kind of firmware loads.
func (s *site) program(kind firmware.Kind) Program {
	file, named := s.DHCP.BootFiles[kind]
	if !named {
		file = builtIn[kind]
	}
	p := Program{Firmware: kind, File: file}
	switch own := path.Base(file); {
	case !s.DHCP.Mode.Answers() && builtIn[kind] != "":
		p.File, p.Menu = "", true
		p.Reason = because(siteNamesFile, "file", builtIn[kind])
	case file == "" && named:
		p.Reason = because(noFileWanted)
	case file == "" && strings.HasSuffix(string(kind), "-http"):
		p.Reason = because(noFileForHTTP)
	case file == "" && kind != firmware.RaspberryPi && s.DHCP.Mode.Answers():
		p.Reason = because(onlyWDSRules)
	case file == "":
		p.Reason = because(noFileKnown)
	case strings.Contains(file, "://"):
		p.Reason = because(loadsURL, "file", file)
	case builtIn[kind] != "" && (own == builtIn[kind] || own == "lpxelinux.0" || own == "grubx64.efi"):
		p.Menu = true
		p.Reason = because(showsMenu, "file", file)
	default:
		p.Reason = because(loadsOther, "file", file)
	}
	return p
}

// rule returns a rule and what keeps it from its purpose.
func (s *site) rule(m config.Machine) Rule {
	r := Rule{Machine: m}
	e, starts := s.starts(m.Boot)
	isWDS := starts && e.Kind() == config.KindWDS
	if starts {
		r.Label = e.Label
	}
	if !s.DHCP.Mode.Answers() {
		r.problem(m, uefi, because(ruleNotKnown))
		if len(m.GUID) > 0 || isWDS {
			r.problem(m, bios, because(ruleOnlyByName))
		}
	}
	switch {
	case isWDS:
		s.handsOver(&r, s.lead(e))
	case starts:
		if e.HandsOver() {
			s.startsFile(&r, e)
			break
		}
		for _, kind := range []firmware.Kind{bios, uefi} {
			if it, _ := s.item(e, kind); it.sight <= Unusable {
				r.problem(m, kind, because(ruleCannotStart), it.reasons[0])
			}
		}
		if p := r.Problems; len(p) == 2 && reflect.DeepEqual(p[0], Problem{p[0].Firmware, p[1].Reason, p[1].Cause}) {
			p[0].Firmware = ""
			r.Problems = p[:1]
		}
	}
	return r
}

// startsFile adds what keeps a rule from having the firmware of its machines start
// a program of the box.
func (s *site) startsFile(r *Rule, e config.Entry) {
	for _, kind := range firmware.Kinds {
		switch {
		case strings.HasSuffix(string(kind), "-http"):
			if slices.Contains(r.Machine.Firmware, kind) {
				r.problem(r.Machine, kind, because(ruleByTFTPOnly))
			}
		case kind == bios || kind == uefi:
			if it, _ := s.item(e, kind); it.sight <= Unusable {
				r.problem(r.Machine, kind, because(ruleCannotStart), it.reasons[0])
			}
		case !slices.Contains(r.Machine.Firmware, kind):
		case e.Kind() != config.KindWinPE:
			r.problem(r.Machine, kind, because(ruleCannotStart), because(startsOnX64))
		case s.startsWinPE(e).Programs[kind] == "":
			r.problem(r.Machine, kind, because(ruleCannotStart), because(noWinPEProgram, "folder", e.WinPE))
		}
	}
}

// handsOver adds what keeps a rule from leading its machines to a WDS server.
func (s *site) handsOver(r *Rule, l lead) {
	m := r.Machine
	switch {
	case !l.addr.IsValid():
		r.problem(m, "", because(ruleNoAddress, "server", l.server.Name))
		return
	case l.state == bootmenu.Down:
		r.problem(m, "", because(ruleServerDown, "server", l.server.Name))
		return
	}
	for _, kind := range firmware.Kinds {
		switch {
		case kind == firmware.RaspberryPi:
		case strings.HasSuffix(string(kind), "-http"):
			// Of interest only where the rule is meant for it.
			if slices.Contains(m.Firmware, kind) {
				r.problem(m, kind, because(ruleNoHTTP))
			}
		case l.server.Programs[kind] == "":
			r.problem(m, kind, because(ruleCannotStart), because(noProgram, "server", l.server.Name))
		case l.health[kind].State == bootmenu.Refused:
			note := strings.Join(strings.Fields(l.health[kind].Note), " ")
			r.problem(m, kind, because(ruleCannotStart), because(refusesFile, "server", l.server.Name, "note", note))
		}
	}
}

// problem adds a problem, unless the rule is not for that firmware.
func (r *Rule) problem(m config.Machine, kind firmware.Kind, why Reason, cause ...Reason) {
	if kind == "" || len(m.Firmware) == 0 || slices.Contains(m.Firmware, kind) {
		p := Problem{Firmware: kind, Reason: why}
		if len(cause) > 0 {
			p.Cause = cause[0]
		}
		r.Problems = append(r.Problems, p)
	}
}
