package view

import (
	"fmt"
	"html/template"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/assets/manifest"
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/control/boots"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
)

// SiteState is what menuwatch knows about the site. A nil field is not known.
type SiteState struct {
	Snapshot *menuwatch.Snapshot
	Others   []boots.Other
	Programs *manifest.Manifest // the boot programs in the image
	Box      func() *BoxState   // asks the appliance
}

// box returns what the appliance says; nil if there is none.
func (s SiteState) box() *BoxState {
	if s.Box == nil {
		return nil
	}
	return s.Box()
}

// BoxState is what the appliance says about the box.
type BoxState struct {
	Disk     Said[boxstatus.Disk]
	Settings Said[boxstatus.Settings]
	Version  Said[boxstatus.Version]
	Update   Said[boxstatus.Update]
}

// Said is an answer of the appliance, or why there is none.
type Said[T any] struct {
	Answer  T
	Problem string
}

// Bounds of a page: a settings file of 1 MiB has thousands of entries.
const (
	maxRows  = 500
	maxRules = 200
	maxLines = 3000 // of the settings file
	maxNames = 8    // in a list within a sentence
)

// siteNavigation has the links to the pages about the site.
var siteNavigation = []navItem{
	{"/menu", "nav.menu"}, {"/servers", "nav.servers"}, {"/settings", "nav.settings"}, {"/box", "nav.box"},
}

// siteRoutes adds the pages about the site.
func (p *Pages) siteRoutes(mux *http.ServeMux) {
	for path, data := range map[string]func(SiteState) any{
		"menu":     func(s SiteState) any { return newMenuData(s.Snapshot) },
		"servers":  func(s SiteState) any { return newServersData(s) },
		"settings": func(s SiteState) any { return newSettingsData(s) },
		"box":      func(s SiteState) any { return boxData{s.box(), s.Programs, s.Snapshot.Files, p.Version} },
	} {
		mux.HandleFunc("GET /"+path, func(w http.ResponseWriter, r *http.Request) {
			var s SiteState
			if p.Site != nil {
				s = p.Site()
			}
			if s.Snapshot == nil {
				s.Snapshot = &menuwatch.Snapshot{}
			}
			p.render(w, r, http.StatusOK, path, text(r, path+".title"), data(s))
		})
	}
}

// reason returns why an entry is not simply shown, in the catalog's language.
func (c catalog) reason(r menu.Reason) string {
	return menu.Fill(c.text("why."+string(r.Text)), r.Args)
}

// reasons is the part of a catalog that reason reads, in English.
func reasons() catalog {
	c := catalog{}
	for _, text := range menu.Texts {
		c["why."+string(text)] = string(text)
	}
	return c
}

// menuData is what the page about the menu shows.
type menuData struct {
	*menuwatch.Snapshot
	Rows      []menuRow
	MoreRows  int
	Affected  int // entries that some menu does not simply show
	Firmware  []firmwareRow
	Rules     []ruleRow
	MoreRules int
	Signed    bool // Secure Boot makes a difference
}

type menuRow struct {
	menu.Row
	Files []string
	Spans []span
}

// span is a cell of several columns that say the same.
type span struct {
	menu.Cell
	Columns int
}

// SightKey is the key of a sight's text.
func (s span) SightKey() string { return "sight." + sightNames[s.Sight] }

// Class is how the sight looks.
func (s span) Class() string { return sightNames[s.Sight] }

var sightNames = map[menu.Sight]string{
	menu.Hidden: "hidden-entry", menu.Unusable: "unusable", menu.Refused: "refused",
	menu.Marked: "marked", menu.Visible: "visible",
}

func newMenuData(snap *menuwatch.Snapshot) menuData {
	d := menuData{Snapshot: snap}
	if snap.Config == nil {
		return d
	}
	o := menu.NewOverview(snap.Config, snap.Status)
	d.Firmware = firmwareRows(o.Firmware)
	for _, r := range o.Rows {
		row := menuRow{Row: r, Files: files(r.Entry)}
		worst := menu.Visible
		for _, c := range r.Cells {
			worst = min(worst, c.Sight)
			if n := len(row.Spans); n > 0 && reflect.DeepEqual(row.Spans[n-1].Cell, c) {
				row.Spans[n-1].Columns++
				continue
			}
			row.Spans = append(row.Spans, span{c, 1})
		}
		if worst < menu.Visible {
			d.Affected++
		}
		d.Signed = d.Signed || !reflect.DeepEqual(r.Cells[1], r.Cells[2])
		d.Rows = append(d.Rows, row)
	}
	d.Rows, d.MoreRows = bound(d.Rows, maxRows)
	for _, r := range o.Rules {
		d.Rules = append(d.Rules, newRuleRow(r))
	}
	d.Rules, d.MoreRules = bound(d.Rules, maxRules)
	return d
}

// firmwareRow is what kinds of firmware get, of which the same can be said.
type firmwareRow struct {
	Kinds  []string
	Reason menu.Reason
}

func firmwareRows(all []menu.Program) (out []firmwareRow) {
	for _, p := range all {
		i := slices.IndexFunc(out, func(r firmwareRow) bool { return reflect.DeepEqual(r.Reason, p.Reason) })
		if i < 0 {
			i = len(out)
			out = append(out, firmwareRow{Reason: p.Reason})
		}
		out[i].Kinds = append(out[i].Kinds, string(p.Firmware))
	}
	return out
}

// files returns the boot files that an entry names.
func files(e config.Entry) (out []string) {
	for _, name := range append([]string{e.Kernel}, append(slices.Clone(e.Initrd), e.File, e.EFI)...) {
		if name != "" {
			out = append(out, name)
		}
	}
	return out
}

// ruleRow is a rule for certain machines.
type ruleRow struct {
	menu.Rule
	Who     string // empty for each machine
	Entries string // of the rule's menu; empty for the general one
	Timeout string // empty for the menu's
}

func newRuleRow(r menu.Rule) ruleRow {
	var firmware []string
	for _, k := range r.Machine.Firmware {
		firmware = append(firmware, string(k))
	}
	out := ruleRow{Rule: r, Entries: list(r.Machine.Entries)}
	var who []string
	for _, one := range []string{list(r.Machine.MAC), list(r.Machine.GUID), list(firmware)} {
		if one != "" {
			who = append(who, one)
		}
	}
	out.Who = strings.Join(who, "; ")
	if t := r.Machine.Timeout; t != nil {
		out.Timeout = t.String()
	}
	return out
}

// list joins names, of very many the first ones.
func list(names []string) string {
	some, more := bound(names, maxNames)
	text := strings.Join(some, ", ")
	if more > 0 {
		text += fmt.Sprintf(", … (+%d)", more)
	}
	return text
}

// bound returns the first ones, and how many follow.
func bound[T any](all []T, most int) (some []T, more int) {
	if len(all) <= most {
		return all, 0
	}
	return all[:most], len(all) - most
}

// serversData is what the page about servers shows.
type serversData struct {
	*menuwatch.Snapshot
	Others   []otherRow
	Mode     spec.Mode
	NoConfig bool
}

// otherRow is another server, and what it is here.
type otherRow struct {
	boots.Other
	WDS  string // the name of the WDS server that it is; empty if it is none
	Kind string // the key of what to say about it
}

func newServersData(s SiteState) serversData {
	d := serversData{Snapshot: s.Snapshot, NoConfig: s.Snapshot.Config == nil}
	if !d.NoConfig {
		d.Mode = s.Snapshot.Config.DHCP.Mode
	}
	for _, o := range s.Others {
		row := otherRow{Other: o}
		for _, w := range s.Snapshot.Servers {
			if w.Addr == o.Server {
				row.WDS = w.Name
			}
		}
		row.Kind = "other." + kindOfOther(row, d.Mode)
		d.Others = append(d.Others, row)
	}
	return d
}

func kindOfOther(o otherRow, mode spec.Mode) string {
	switch {
	case o.WDS != "":
		return "wds"
	case o.Boots:
		return "boots"
	case mode == spec.ModeServer:
		return "leases.too"
	}
	return "leases"
}

// stateKey is the key of a state of a boot program; empty if it is not known.
func stateKey(s bootmenu.State) string {
	return map[bootmenu.State]string{
		bootmenu.Up: "state.up", bootmenu.Down: "state.down", bootmenu.Refused: "state.refused",
	}[s]
}

// Network is what the settings say about the box's network; zero if they are not
// known.
func (d serversData) Network() config.Network {
	if d.NoConfig {
		return config.Network{}
	}
	return d.Config.Network
}

// OwnList returns the box's addresses.
func (d serversData) OwnList() string {
	var out []string
	for _, p := range d.Own {
		if !p.Addr().IsLoopback() {
			out = append(out, p.String())
		}
	}
	return list(out)
}

// DNSList returns the name servers of the settings.
func (d serversData) DNSList() string {
	var out []string
	for _, a := range d.Network().DNS {
		out = append(out, a.String())
	}
	return list(out)
}

// valid reports whether an address is set: a template cannot call IsValid on a
// value that may be a prefix.
func valid(a any) bool {
	switch a := a.(type) {
	case netip.Addr:
		return a.IsValid()
	case netip.Prefix:
		return a.IsValid()
	}
	return false
}

// settingsData is what the page about the settings shows.
type settingsData struct {
	*menuwatch.Snapshot
	Lines     []settingsLine
	MoreLines int
	Box       *BoxState
	SourceKey string
}

// settingsLine is a line of the file, and what is wrong in it.
type settingsLine struct {
	Number           int
	Text             string
	Errors, Warnings config.Errors
}

func newSettingsData(s SiteState) settingsData {
	d := settingsData{Snapshot: s.Snapshot, Box: s.box(), SourceKey: "source." + sourceNames[s.Snapshot.InForce.Source]}
	if s.Snapshot.File.Text == "" {
		return d
	}
	for i, line := range redact(s.Snapshot.File.Text) {
		d.Lines = append(d.Lines, settingsLine{Number: i + 1, Text: line})
	}
	at := func(e config.Error) *settingsLine { return &d.Lines[min(max(e.Line, 1), len(d.Lines))-1] }
	for _, e := range s.Snapshot.File.Errors {
		at(e).Errors = append(at(e).Errors, e)
	}
	for _, e := range s.Snapshot.File.Warnings {
		at(e).Warnings = append(at(e).Warnings, e)
	}
	d.Lines, d.MoreLines = bound(d.Lines, maxLines)
	return d
}

var sourceNames = map[menuwatch.Source]string{
	menuwatch.NotYet: "notyet", menuwatch.FromFile: "file", menuwatch.LastGood: "lastgood",
	menuwatch.Earlier: "earlier", menuwatch.BuiltIn: "builtin", menuwatch.Following: "following",
}

// boxData is what the page about the box shows.
type boxData struct {
	Box      *BoxState
	Programs *manifest.Manifest
	Files    []menuwatch.Program // EFI programs of the boot folder
	Version  string
}

// signers returns who signed a file, for a person.
func signers(f manifest.File) string {
	var out []string
	for _, s := range f.Signers {
		out = append(out, s.Authority)
	}
	return strings.Join(out, ", ")
}

// base returns the last part of a path.
func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// used is the share of the disk that is in use, in percent.
func used(d boxstatus.Disk) int {
	if d.Bytes == 0 || d.Free > d.Bytes {
		return 0
	}
	return int((d.Bytes - d.Free) * 100 / d.Bytes)
}

// growthKey is the key of what happens to the disk's size.
func growthKey(d boxstatus.Disk) string { return "growth." + string(d.Growth) }

// updateKey is the key of the state of the last update.
func updateKey(u boxstatus.Update) string {
	return "update." + strings.ReplaceAll(string(u.State), " ", "")
}

// siteFunctions are the functions of the templates about the site:
//
//	reason REASON      why an entry is not simply shown
//	valid ADDR         an address is set
//	statekey STATE     the key of a boot program's state; empty if it is not known
//	growthkey DISK     the key of what happens to the disk's size
//	updatekey UPDATE   the key of the state of the last update
//	used DISK          the share of the disk that is in use, in percent
//	ubytes N           a size, as bytes is for a signed number
//	signers FILE       who signed a boot program
//	base NAME          the last part of a path
func siteFunctions(c catalog) template.FuncMap {
	return template.FuncMap{
		"reason": c.reason, "valid": valid, "statekey": stateKey, "growthkey": growthKey, "updatekey": updateKey,
		"used": used, "signers": signers, "base": base,
		"ubytes": func(n uint64) string { return size(int64(min(n, 1<<62))) },
	}
}
