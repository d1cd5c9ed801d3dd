package view

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/base/pcap"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/control/boots"
)

// machinePage is the data of the page about one machine.
type machinePage struct {
	boots.Machine
	Rows   []row
	Hosts  []string      // its names in the settings
	Older  int           // boots that the page leaves out
	Events []trace.Event // of its last boot
	Live   string
}

// perMachine is how many boots the page of a machine lists.
const perMachine = 100

func (p *Pages) machine(w http.ResponseWriter, r *http.Request) {
	version := p.Boots.Version()
	m, ok := p.Boots.Machine(r.PathValue("id"))
	if !ok {
		p.notFound(w, r)
		return
	}
	v := machinePage{Machine: m, Live: liveAddress(version, "machine", m.ID)}
	if len(m.Boots) > 0 {
		last, _ := p.Boots.Boot(m.Boots[0].ID)
		v.Events = last.Events
	}
	h := p.hosts()
	v.Older = max(len(m.Boots)-perMachine, 0)
	for _, b := range m.Boots[:len(m.Boots)-v.Older] {
		v.Rows = append(v.Rows, newRow(language(r), h, boots.Row{Boot: b, Boots: len(m.Boots)}))
	}
	for _, mac := range m.MACs {
		if name := h[mac]; name != "" {
			v.Hosts = append(v.Hosts, name)
		}
	}
	p.render(w, r, http.StatusOK, "machine", machineName(language(r), &m.Boots[0]), v)
}

func liveAddress(version uint64, key, value string) string {
	return "/events?" + url.Values{"since": {strconv.FormatUint(version, 10)}, key: {value}}.Encode()
}

// machineName is what a machine is called: its MAC address, or its address if
// its DHCP exchange was not seen.
func machineName(lang string, b *boots.Boot) string {
	switch {
	case b.MAC.IsValid():
		return b.MAC.String()
	case b.Addr.IsValid():
		return b.Addr.String()
	}
	return catalogs[lang].text("machine.unknown")
}

// bootPage is the data of the page about one boot.
type bootPage struct {
	boots.Detail
	Row     row
	Name    string // of the machine
	Stages  []stageTime
	Screen  string // what the screen says, as a person typed it
	Matches []screenCode
	Lost    bool // packets of this boot may be gone
	Live    string
}

// A stageTime says when a boot reached a step.
type stageTime struct {
	step
	At time.Time // zero: not reached, or not seen
}

func (p *Pages) boot(w http.ResponseWriter, r *http.Request) {
	version := p.Boots.Version()
	d, ok := p.Boots.Boot(r.PathValue("id"))
	if !ok {
		p.notFound(w, r)
		return
	}
	lang := language(r)
	v := bootPage{
		Detail: d, Row: newRow(lang, p.hosts(), boots.Row{Boot: d.Boot}), Name: machineName(lang, &d.Boot),
		Live: liveAddress(version, "boot", d.ID), Lost: !d.PacketsFrom.IsZero() && d.PacketsFrom.After(d.Began),
	}
	v.Stages = stageTimes(v.Row.Steps, d)
	if v.Screen = typed(r, "screen"); v.Screen != "" {
		v.Matches = codesFor(catalogs[lang], v.Screen, d.Verdict)
	}
	p.render(w, r, http.StatusOK, "boot", text(r, "boot.title", v.Name), v)
}

// downloadName is the name under which a browser stores a download. It has only
// characters that neither a header nor a file system gives a meaning.
func downloadName(b *boots.Boot, ending string) string {
	name := b.MAC.String()
	if name == "" && b.Addr.IsValid() {
		name = b.Addr.String()
	}
	if name == "" {
		name = "unknown"
	}
	return "boot-" + strings.NewReplacer(":", "-").Replace(name) + b.Began.UTC().Format("-20060102-150405") + ending
}

func (p *Pages) download(ending, contentType string, content func(boots.Detail) []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d, ok := p.Boots.Boot(r.PathValue("id"))
		if !ok {
			p.notFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Disposition", `attachment; filename="`+downloadName(&d.Boot, ending)+`"`)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		w.Write(content(d))
	}
}

// capture is a boot's control packets for Wireshark and tcpdump.
func capture(d boots.Detail) []byte {
	var b bytes.Buffer
	w, err := pcap.NewWriter(&b, pcap.RawIP)
	if err != nil {
		panic(err) // a buffer
	}
	for _, one := range d.Packets {
		if packet := pcap.UDP(one.From, one.To, one.Payload); packet != nil {
			w.Frame(one.Time, packet)
		}
	}
	return b.Bytes()
}

// report is a boot as text, in English, for a ticket.
func report(d boots.Detail) []byte {
	var b bytes.Buffer
	t := textsOf(fallback, &d.Boot)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name+":", value)
		}
	}
	line("machine", d.MAC.String())
	line("guid", d.GUID)
	if d.Addr.IsValid() {
		line("address", d.Addr.String())
	}
	line("firmware", d.Firmware)
	line("began", d.Began.UTC().Format(time.RFC3339Nano))
	line("last", d.Last.UTC().Format(time.RFC3339Nano))
	line("state", t.State)
	line("stage", fmt.Sprintf("%s (%d of %d)", t.Stage, t.Number, t.Steps))
	line("finding", string(d.Verdict.Finding))
	line("verdict", d.Verdict.Sentence())
	line("try", strings.Join(d.Verdict.Advice(), " "))
	line("code", d.Code)
	line("adapted", strings.Join(catalogs[fallback].departures(d.Events), " "))
	b.WriteByte('\n')
	if d.Earlier > 0 {
		fmt.Fprintf(&b, "%d earlier events are not kept\n", d.Earlier)
	}
	for _, e := range d.Events {
		b.WriteString(e.Time.UTC().Format("15:04:05.000") + " " + eventText(e) + "\n")
		if note := catalogs[fallback].note(e); note != "" {
			b.WriteString("             " + note + "\n")
		}
	}
	return b.Bytes()
}

// eventText is an event in one line, with the words of the log.
func eventText(e trace.Event) string {
	return strings.Join(append([]string{string(e.Protocol), e.What, string(e.Outcome)}, eventMore(e)...), " ")
}

// eventMore returns what an event says in addition to what and how it ended.
func eventMore(e trace.Event) []string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+"="+value)
		}
	}
	addr := func(a netip.Addr) string {
		if !a.IsValid() {
			return ""
		}
		return a.String()
	}
	add("why", e.Why)
	add("server", addr(e.Server))
	add("file", e.File)
	add("role", string(e.Role))
	add("entry", e.Entry)
	add("code", e.Code)
	add("address", addr(e.Addr))
	add("firmware", e.Firmware)
	if e.Bytes > 0 {
		add("bytes", strconv.FormatInt(e.Bytes, 10))
	}
	if e.Took > 0 {
		add("took", e.Took.Round(time.Millisecond).String())
	}
	if e.Retransmits > 0 {
		add("retransmits", strconv.Itoa(e.Retransmits))
	}
	return parts
}

// stageTimes says when a boot made each of its steps. Package trace finds out
// from the events once more.
func stageTimes(all []step, d boots.Detail) []stageTime {
	var out []stageTime
	for _, s := range all {
		out = append(out, stageTime{step: s})
	}
	t := trace.New(1, len(d.Events)+1)
	before := 0
	for _, e := range d.Events {
		b, ok := t.Add(e)
		if !ok {
			continue
		}
		reached := min(number(b.Stage()), len(out))
		for i := before; i < reached; i++ {
			out[i].At = e.Time
			// A hand-over may come at once: what lies between was not done.
			if e.What == trace.HandedOver && i < reached-1 {
				out[i].At, out[i].State = time.Time{}, "skipped"
			}
		}
		before = max(before, reached)
	}
	return out
}
