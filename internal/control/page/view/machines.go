package view

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/control/boots"
)

const (
	// perPage is how many machines a page lists: it stays below 100 KB.
	perPage = 40
	// maxWords is how much of a search is read, in bytes.
	maxWords = 200
)

// machinesPage is the data of the first page: machines and their boots.
type machinesPage struct {
	Summary summary
	Words   string // searched for
	Failed  bool   // only machines that did not boot
	Rows    []row
	Total   int // machines that match
	From    int // the number of the first row
	To      int
	Newer   string // the addresses of the pages before and after; empty for none
	Older   string
	Live    string // the address of the events that keep the list current
	Waiting bool   // no machine was heard yet
}

// Searched reports whether the list leaves machines out.
func (p machinesPage) Searched() bool { return p.Words != "" || p.Failed }

// A summary says in a few words how things are.
type summary struct {
	boots.State
}

// A row is a machine in the list with its latest boot.
type row struct {
	Boot  boots.Boot
	Host  string // the machine's name in the settings; may be empty
	Boots int
	Steps []step
	Texts verdictText
}

// search is what a person looks for.
type search struct {
	words  []string // all of them, in lower case
	failed bool
	lang   string
	hosts  hosts
	// said has the words that the pages say about boots. Thousands of boots share
	// a few verdicts.
	said map[verdictKind]string
}

// verdictKind is what the words about a boot depend on.
type verdictKind struct {
	finding       trace.Finding
	stage         trace.Stage
	good, running bool
}

func (p *Pages) searchOf(r *http.Request) search {
	return search{
		hosts: p.hosts(),
		words: strings.Fields(strings.ToLower(typed(r, "q"))), failed: r.URL.Query().Get("failed") != "",
		lang: language(r), said: map[verdictKind]string{},
	}
}

// match reports whether a boot is looked for. latest says that it is its
// machine's last one: a machine that has booted since is no longer one that did
// not boot.
func (s search) match(b *boots.Boot, latest bool) bool {
	if s.failed && !(latest && b.DidNotBoot()) {
		return false
	}
	if len(s.words) == 0 {
		return latest
	}
	values, said := valuesOf(b, s.hosts.of(b)), s.saidOf(b)
	for _, w := range s.words {
		if !strings.Contains(values, w) && !strings.Contains(said, w) && !containsMAC(b, w) {
			return false
		}
	}
	return true
}

// valuesOf returns what is special about a boot, in lower case.
func valuesOf(b *boots.Boot, host string) string {
	v := &b.Verdict
	text := make([]byte, 0, 512)
	for _, s := range []string{b.MAC.String(), b.GUID, b.Firmware, b.Code, v.Entry, v.File, v.Why, b.ID, host} {
		text = append(append(text, s...), '\n')
	}
	for _, a := range []netip.Addr{b.Addr, v.Server} {
		if a.IsValid() {
			text = append(a.AppendTo(text), '\n')
		}
	}
	return strings.ToLower(string(text))
}

// saidOf returns what the pages say about a boot but for its values, in lower
// case.
func (s search) saidOf(b *boots.Boot) string {
	v := b.Verdict
	kind := verdictKind{v.Finding, v.Stage, v.Good, v.Running}
	said, ok := s.said[kind]
	if !ok {
		c := catalogs[s.lang]
		said = strings.ToLower(strings.Join([]string{
			string(v.Finding), c.text("state." + kindOf(v)), stageText(s.lang, v.Stage), c.text(findingKey(v.Finding)),
		}, "\n"))
		s.said[kind] = said
	}
	return said
}

// containsMAC reports whether a word is a part of a MAC address in any way of
// writing it: 52-54-00, 5254.0012, 525400.
func containsMAC(b *boots.Boot, word string) bool {
	bare := strings.NewReplacer(":", "", "-", "", ".", "").Replace(word)
	if len(bare) < 4 || strings.Trim(bare, "0123456789abcdef") != "" || !b.MAC.IsValid() {
		return false
	}
	return strings.Contains(strings.ReplaceAll(b.MAC.String(), ":", ""), bare)
}

func (p *Pages) machines(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s := p.searchOf(r)
	number, _ := strconv.Atoi(q.Get("page"))
	number = min(max(number, 1), 1_000_000)
	version := p.Boots.Version()
	rows, total := p.Boots.Machines(s.match, (number-1)*perPage, perPage)
	v := machinesPage{
		Summary: summary{p.Boots.State()}, Words: typed(r, "q"),
		Failed: s.failed, Total: total, From: (number-1)*perPage + 1,
	}
	v.To = v.From + len(rows) - 1
	v.Waiting = v.Summary.Machines == 0
	for _, one := range rows {
		v.Rows = append(v.Rows, newRow(s.lang, s.hosts, one))
	}
	link := func(path string, set ...string) string {
		values := url.Values{}
		if v.Words != "" {
			values.Set("q", v.Words)
		}
		if v.Failed {
			values.Set("failed", "1")
		}
		for i := 0; i < len(set); i += 2 {
			values.Set(set[i], set[i+1])
		}
		if len(values) == 0 {
			return path
		}
		return path + "?" + values.Encode()
	}
	if number > 1 {
		v.Newer = link("/", "page", strconv.Itoa(number-1))
	}
	if v.To < total && len(rows) > 0 {
		v.Older = link("/", "page", strconv.Itoa(number+1))
	}
	v.Live = link("/events", "since", strconv.FormatUint(version, 10), "list", strconv.Itoa(number))
	p.render(w, r, http.StatusOK, "machines", text(r, "machines.title"), v)
}

func newRow(lang string, h hosts, one boots.Row) row {
	return row{
		Boot: one.Boot, Host: h.of(&one.Boot), Boots: one.Boots,
		Steps: stepsOf(&one.Boot), Texts: textsOf(lang, &one.Boot),
	}
}

// A step is a part of a boot in the row of marks.
type step struct {
	Key   string // of its name
	State string // done, now, stopped or todo
}

// steps are the parts of a boot, each with the stage that ends it.
var steps = []struct {
	stage trace.Stage
	key   string
}{
	{trace.Heard, "step.heard"},
	{trace.Offered, "step.offered"},
	{trace.Asked, "step.asked"},
	{trace.Loading, "step.loading"},
	{trace.Loaded, "step.loaded"},
	{trace.InMenu, "step.menu"},
	{trace.Started, "step.started"},
	{trace.Transferred, "step.transferred"},
}

// stepsOf returns the steps of a boot: those that it has made, where it is or
// stopped, and those that would follow.
func stepsOf(b *boots.Boot) []step {
	var all []step
	reached := number(b.Verdict.Stage)
	for i, s := range steps {
		state := "todo"
		switch {
		case i < reached-1 || i == reached-1 && b.Verdict.Good && !b.Verdict.Running:
			state = "done"
		case i == reached-1 && b.Verdict.Running:
			state = "now"
		case i == reached-1:
			state = "stopped"
		}
		all = append(all, step{s.key, state})
	}
	return all
}

// number returns how many of steps a stage has reached.
func number(stage trace.Stage) int {
	n := 0
	for n < len(steps) && steps[n].stage <= stage {
		n++
	}
	return n
}
