package view

import (
	"encoding/binary"
	"fmt"
	"math"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
	"github.com/pxebox/pxebox/internal/control/boots"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
)

var start = time.Date(2026, 3, 2, 14, 3, 0, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func machineMAC(n byte) ether.MAC   { return ether.MAC{0x52, 0x54, 0, 0, 0, n} }
func machineAddr(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }

func dhcp(seconds float64, n byte, what string) trace.Event {
	return trace.Event{
		Time: at(seconds), Protocol: trace.DHCP, MAC: machineMAC(n), Addr: machineAddr(n), Firmware: "uefi-x64",
		GUID: fmt.Sprintf("10000000-0000-4000-8000-%012d", n), What: what, Outcome: trace.Sent, File: "shimx64.efi",
	}
}

func file(seconds float64, n byte, name string, role trace.Role, size int64) trace.Event {
	return trace.Event{
		Time: at(seconds), Protocol: trace.TFTP, Addr: machineAddr(n), What: name, Outcome: trace.Sent, Role: role,
		Bytes: size, Took: 100 * time.Millisecond,
	}
}

func record(s *boots.Store, events ...trace.Event) {
	for _, e := range events {
		s.Record(tracestream.Record{Event: &e}, e.Time)
	}
}

// newStore is a Store whose pxed is up.
func newStore() *boots.Store {
	s := boots.New(boots.DefaultLimits)
	s.Record(tracestream.Record{Hello: &tracestream.Hello{Started: at(-60), Version: "1"}}, at(-60))
	s.Record(tracestream.Record{Alive: true}, at(-60))
	return s
}

// site is a Store with machines in several states. The last number of their
// addresses says which:
const (
	runsSystem = 10 + iota
	refusesShim
	answeredElsewhere
	withoutTFTP
	handedOver
	bootsNow
)

func site() *boots.Store {
	s := newStore()
	menu := file(3, runsSystem, "grub/grub.cfg", trace.Menu, 3000)
	menu.Code = "K7QM"
	kernel := file(9, runsSystem, "debian/linux", trace.Kernel, 9_000_000)
	initrd := file(12, runsSystem, "debian/initrd.gz", trace.Initrd, 40_000_000)
	kernel.Entry, initrd.Entry = "Debian 13", "Debian 13"
	system := dhcp(20, runsSystem, "selecting")
	system.Firmware, system.File = "", ""
	record(s, dhcp(0, runsSystem, "offer"), dhcp(0.1, runsSystem, "selecting"),
		file(1, runsSystem, "shimx64.efi", trace.FirstStage, 900_000),
		file(2, runsSystem, "grubx64.efi", trace.SecondStage, 2_000_000),
		menu, kernel, initrd, system)

	record(s, dhcp(30, refusesShim, "offer"), dhcp(30.1, refusesShim, "selecting"),
		file(31, refusesShim, "shimx64.efi", trace.FirstStage, 900_000))

	other := dhcp(40, answeredElsewhere, trace.OtherOffer)
	other.Outcome, other.Server, other.File = trace.Seen, machineAddr(99), "wdsmgfw.efi"
	record(s, dhcp(40, answeredElsewhere, "offer"), other)

	blocked := file(80, withoutTFTP, "shimx64.efi", trace.FirstStage, 0)
	blocked.Outcome = trace.TimedOut
	record(s, dhcp(50, withoutTFTP, "offer"), dhcp(50.1, withoutTFTP, "selecting"), blocked)
	for _, p := range []tracestream.Packet{
		{
			Time: at(50), MAC: machineMAC(withoutTFTP), Payload: []byte("discover"),
			From: netip.MustParseAddrPort("0.0.0.0:68"), To: netip.MustParseAddrPort("255.255.255.255:67"),
		},
		{
			Time: at(51), Payload: []byte("\x00\x01shimx64.efi\x00octet\x00"),
			From: netip.AddrPortFrom(machineAddr(withoutTFTP), 2070), To: netip.MustParseAddrPort("192.0.2.1:69"),
		},
	} {
		s.Record(tracestream.Record{Packet: &p}, p.Time)
	}
	s.Tick(at(115))

	hand := dhcp(120.2, handedOver, trace.HandedOver)
	hand.Server, hand.Entry = machineAddr(5), "wds1"
	record(s, dhcp(120, handedOver, "offer"), hand)
	s.Tick(at(155))

	record(s, dhcp(156, bootsNow, "offer"), dhcp(156.1, bootsNow, "selecting"),
		file(157, bootsNow, "shimx64.efi", trace.FirstStage, 900_000))
	s.Tick(at(158))
	return s
}

// latest returns the last boot of a machine, by the last byte of its MAC.
func latest(t *testing.T, s *boots.Store, n byte) boots.Boot {
	t.Helper()
	rows, _ := s.Machines(func(b *boots.Boot, latest bool) bool { return latest && b.MAC == machineMAC(n) }, 0, 2)
	if len(rows) != 1 {
		t.Fatalf("%d machines with the MAC %v", len(rows), machineMAC(n))
	}
	return rows[0].Boot
}

// get requests a page.
func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

// allPages are the addresses of every kind of page, for a Store's machines.
func allPages(s *boots.Store) []string {
	paths := []string{
		"/", "/?failed=1", "/?q=shim", "/?q=no+such+machine", "/?page=2", "/?page=99999999999999999999", "/codes",
		"/codes?q=E16", "/codes?q=none", "/nowhere",
	}
	rows, _ := s.Machines(func(*boots.Boot, bool) bool { return true }, 0, 20)
	for _, r := range rows {
		paths = append(paths, "/machine/"+r.Machine, "/boot/"+r.ID, "/boot/"+r.ID+"?screen=PXE-E16")
	}
	return paths
}

// elements returns all elements below n.
func elements(n *html.Node) (all []*html.Node) {
	for c := range n.Descendants() {
		if c.Type == html.ElementNode {
			all = append(all, c)
		}
	}
	return all
}

func attribute(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func content(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// check reports what is wrong with a page for a screen reader, a keyboard, or
// the policy that allows only files of this server.
func check(body string) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return []string{err.Error()}
	}
	// The parser repairs what is wrong. So the start tags in the text must be
	// the elements that it found.
	z, tags := html.NewTokenizer(strings.NewReader(body)), 0
	for z.Next() != html.ErrorToken {
		if k := z.Token().Type; k == html.StartTagToken || k == html.SelfClosingTagToken {
			tags++
		}
	}
	all := elements(doc)
	if tags != len(all) {
		add("%d tags, %d elements", tags, len(all))
	}
	count, ids, labels, heading := map[string]int{}, map[string]bool{}, map[string]string{}, 0
	for _, e := range all {
		if f, ok := attribute(e, "for"); ok {
			labels[f] = content(e)
		}
	}
	for _, e := range all {
		count[e.Data]++
		for _, a := range e.Attr {
			switch {
			case a.Key == "id" && ids[a.Val]:
				add("two elements have the id %s", a.Val)
			case a.Key == "id":
				ids[a.Val] = true
			case strings.HasPrefix(a.Key, "on"), a.Key == "style":
				add("<%s> has the attribute %s", e.Data, a.Key)
			case a.Key == "href" || a.Key == "src" || a.Key == "action":
				if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
					add("<%s> leads to %s", e.Data, a.Val)
				}
			}
		}
		switch e.Data {
		case "script":
			if e.FirstChild != nil {
				add("a script in the page: %s", content(e))
			}
		case "style", "iframe", "object", "base":
			add("<%s>", e.Data)
		case "html":
			if l, _ := attribute(e, "lang"); !slices.Contains(languages, l) {
				add("the language is %q", l)
			}
		case "input", "select", "textarea":
			id, _ := attribute(e, "id")
			if kind, _ := attribute(e, "type"); kind != "hidden" && labels[id] == "" {
				add("no label for <%s id=%s>", e.Data, id)
			}
		case "a", "button", "summary", "label", "title", "th", "li", "h1", "h2", "h3":
			if content(e) == "" {
				add("<%s> without text", e.Data)
			}
		case "img", "svg":
			add("<%s>: what text replaces it?", e.Data)
		case "nav":
			if l, _ := attribute(e, "aria-label"); l == "" {
				add("<nav> without a name")
			}
		}
		if len(e.Data) == 2 && e.Data[0] == 'h' && e.Data[1] >= '1' && e.Data[1] <= '6' {
			if level := int(e.Data[1] - '0'); level > heading+1 {
				add("<%s> %q comes after h%d", e.Data, content(e), heading)
			} else {
				heading = level
			}
		}
		for _, key := range []string{"aria-describedby", "aria-labelledby"} {
			if ref, ok := attribute(e, key); ok && !strings.Contains(body, `id="`+ref+`"`) {
				add("%s names %s, which is not there", key, ref)
			}
		}
	}
	for _, name := range []string{"h1", "main", "title", "header", "footer"} {
		if count[name] != 1 {
			add("%d elements <%s>", count[name], name)
		}
	}
	return wrong
}

// Every page is good HTML, in every language, for a screen reader as well, and
// loads nothing from elsewhere.
func TestPagesAreAccessible(t *testing.T) {
	full := site()
	for name, s := range map[string]*boots.Store{
		"machines in each state": full, "no machine": newStore(), "hostile machines": hostileSite(),
		"no pxed": boots.New(boots.DefaultLimits),
	} {
		h := New(Options{Boots: s, Version: "1.2.3"}).Handler()
		for _, lang := range languages {
			for _, path := range allPages(s) {
				join := "?"
				if strings.Contains(path, "?") {
					join = "&"
				}
				w := get(t, h, path+join+"lang="+lang)
				if w.Code != http.StatusOK && path != "/nowhere" {
					t.Errorf("%s: %s answers %d", name, path, w.Code)
				}
				for _, wrong := range check(w.Body.String()) {
					t.Errorf("%s: %s in %s: %s", name, path, lang, wrong)
				}
				if got := w.Body.Len(); got > 100_000 {
					t.Errorf("%s: %s in %s has %d bytes", name, path, lang, got)
				}
			}
		}
	}
	w := httptest.NewRecorder()
	Login(w, httptest.NewRequest("GET", "/login", nil), LoginData{Failed: true, Next: `/boot/"><script>`})
	for _, wrong := range check(w.Body.String()) {
		t.Errorf("login: %s", wrong)
	}
}

// The check above finds what it is for.
func TestCheckFindsMistakes(t *testing.T) {
	page := func(body string) string {
		return `<!doctype html><html lang="en"><head><title>x</title></head><body><header></header><main><h1>x</h1>` +
			body + `</main><footer></footer></body></html>`
	}
	if wrong := check(page(`<p>good</p>`)); wrong != nil {
		t.Errorf("a good page: %q", wrong)
	}
	for situation, body := range map[string]string{
		"an input without a label":      `<input id="a" type="text">`,
		"a script":                      `<script>x()</script>`,
		"a handler":                     `<p onclick="x()">x</p>`,
		"a style":                       `<p style="x">x</p>`,
		"another host":                  `<a href="https://example.com/">x</a>`,
		"another host, the short way":   `<a href="//example.com/">x</a>`,
		"a second h1":                   `<h1>x</h1>`,
		"a heading that skips a level":  `<h3>x</h3>`,
		"a link without text":           `<a href="/"></a>`,
		"the same id twice":             `<p id="a">x</p><p id="a">x</p>`,
		"an element in the wrong place": `<p>x<p>y<table><div>z</div></table><tr>`,
		"a name that is not there":      `<p aria-describedby="a">x</p>`,
	} {
		if check(page(body)) == nil {
			t.Errorf("%s is not found", situation)
		}
	}
}

// hostile are texts that a stranger may send.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><script>alert(1)</script>`,
	`' onmouseover='alert(1)`,
	"\" autofocus onfocus=\"alert(1)",
	"</li></ul><h1>gone</h1>",
	"</script><svg onload=alert(1)>",
	"javascript:alert(1)",
	"{{.Password}}",
	"a\r\nSet-Cookie: x=1\r\n\r\n<b>",
	"\n\nevent: reload\ndata: {}\n\n",
	"invoice\u202egnp.exe",
	"\u2066\u2028\u2029\u0085\u200b\ufeff",
	"\xff\xfe\x00\x1b[2J\x7f",
	strings.Repeat("&", 300),
	strings.Repeat("<", 300),
	strings.Repeat("\u202e", 300),
}

// hostileSite is a Store whose machines send all of hostile in all places.
func hostileSite() *boots.Store {
	s := newStore()
	for i, bad := range hostile {
		n := byte(100 + i)
		offer := dhcp(float64(i), n, "offer")
		offer.GUID, offer.Firmware, offer.File, offer.Why, offer.Code = bad, bad, bad, bad, bad
		other := dhcp(float64(i)+0.1, n, trace.OtherOffer)
		other.Outcome, other.Server, other.File, other.GUID = trace.Seen, machineAddr(99), bad, bad
		missing := file(float64(i)+0.2, n, bad, trace.Kernel, 0)
		missing.Outcome, missing.Entry, missing.Why, missing.Code = trace.NotFound, bad, bad, bad
		odd := file(float64(i)+0.3, n, bad, trace.Role(bad), 1)
		odd.Protocol, odd.Outcome = trace.Protocol(bad), trace.Outcome(bad)
		record(s, offer, other, missing, odd)
	}
	s.Tick(at(20))
	return s
}

// Nothing that a stranger sends becomes an element, an attribute, a header or an
// event, and all of it is visible.
func TestHostileTexts(t *testing.T) {
	s := hostileSite()
	p := New(Options{Boots: s})
	h := p.Handler()
	invisible := regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f-\x{9f}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}\x{fffd}]`)
	paths := allPages(s)
	for _, bad := range hostile {
		escaped := url.QueryEscape(bad)
		paths = append(paths, "/?q="+escaped, "/codes?q="+escaped)
		escaped = url.PathEscape(bad)
		paths = append(paths, "/machine/"+escaped, "/boot/"+escaped, "/"+escaped)
	}
	for _, path := range paths {
		body := get(t, h, path).Body.String()
		doc, err := html.Parse(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		scripts := 0
		for _, e := range elements(doc) {
			switch e.Data {
			case "script":
				scripts++
			case "svg":
				t.Errorf("%s: <svg>", path)
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Val, "javascript:") && a.Key == "href" {
					t.Errorf("%s: <%s %s=%q>", path, e.Data, a.Key, a.Val)
				}
			}
		}
		if scripts != 1 {
			t.Errorf("%s: %d scripts", path, scripts)
		}
		if !strings.Contains(path, "?q=") { // the reader's own words
			if found := invisible.FindString(body); found != "" || !isUTF8(body) {
				t.Errorf("%s has the invisible character %q", path, found)
			}
		}
	}
	rows, _ := s.Machines(func(*boots.Boot, bool) bool { return true }, 0, 100)
	if len(rows) != len(hostile) {
		t.Fatalf("%d machines, want %d", len(rows), len(hostile))
	}
	for _, r := range rows {
		for _, path := range []string{"/boot/" + r.ID + "/events.txt", "/boot/" + r.ID + "/packets.pcap"} {
			w := get(t, h, path)
			_, params, err := mime.ParseMediaType(w.Header().Get("Content-Disposition"))
			if err != nil || !regexp.MustCompile(`^boot-[0-9a-z-]+\.(txt|pcap)$`).MatchString(params["filename"]) {
				t.Errorf("%s is stored as %q: %v", path, w.Header().Get("Content-Disposition"), err)
			}
			if strings.HasSuffix(path, ".txt") {
				if found := invisible.FindString(w.Body.String()); found != "" {
					t.Errorf("%s has the invisible character %q", path, found)
				}
			}
		}
		if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(r.Machine + r.ID) {
			t.Errorf("IDs %q and %q", r.Machine, r.ID)
		}
	}
}

func isUTF8(s string) bool { return strings.ToValidUTF8(s, "") == s }

// A person finds a machine by whatever they know of it.
func TestSearch(t *testing.T) {
	h := New(Options{Boots: site()}).Handler()
	row := regexp.MustCompile(`<li class="boot[^>]* id="machine-g[0-9a-f-]{34}(\d\d)"`)
	for _, tc := range []struct {
		situation, query string
		want             string // the numbers of the machines
	}{
		{situation: "all, the latest first", want: "15 14 13 12 11 10"},
		{situation: "a MAC address", query: "q=52:54:00:00:00:0b", want: "11"},
		{situation: "as Windows writes it", query: "q=52-54-00-00-00-0B", want: "11"},
		{situation: "as switches write it", query: "q=5254.0000.000b", want: "11"},
		{situation: "as a label has it", query: "q=52540000000B", want: "11"},
		{situation: "the end of one", query: "q=00:0b", want: "11"},
		{situation: "a GUID", query: "q=10000000-0000-4000-8000-000000000012", want: "12"},
		{situation: "an address", query: "q=192.0.2.13", want: "13"},
		{situation: "the other server's address", query: "q=192.0.2.99", want: "12"},
		{situation: "the code on the screen", query: "q=K7QM", want: "10"},
		{situation: "in small letters, with spaces", query: "q=++k7qm+", want: "10"},
		{situation: "an entry", query: "q=debian", want: "10"},
		{situation: "the server of a hand-over", query: "q=wds1", want: "14"},
		{situation: "a word of the verdict", query: "q=Secure+Boot", want: "11"},
		{situation: "words in any order", query: "q=refused+secure", want: "11"},
		{situation: "all words must match", query: "q=secure+wds1"},
		{situation: "a word of the state", query: "q=booting", want: "15"},
		{situation: "words of the verdict and what it names", query: "q=refused+shimx64.efi", want: "11"},
		{situation: "those that did not boot", query: "failed=1", want: "13 12 11"},
		{situation: "of those, by a word", query: "failed=1&q=shimx64", want: "13 11"},
		{situation: "what is fine is not among them", query: "failed=1&q=K7QM"},
		{situation: "in German", query: "lang=de&q=verweigert"},
		{situation: "a German word of the state", query: "lang=de&q=gerade", want: "15"},
		{situation: "markup", query: "q=%3Ctime"},
		{situation: "longer than any", query: "q=" + strings.Repeat("x", 3000)},
		{situation: "the next page", query: "page=2"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			body := get(t, h, "/?"+tc.query).Body.String()
			var got []string
			for _, m := range row.FindAllStringSubmatch(body, -1) {
				got = append(got, m[1])
			}
			if got := strings.Join(got, " "); got != tc.want {
				t.Errorf("found %q, want %q", got, tc.want)
			}
		})
	}
}

// A machine that has booted since is no longer one that did not boot, and the
// code of an earlier boot leads to that boot.
func TestSearchFindsEarlierBoots(t *testing.T) {
	s := newStore()
	bad := file(1, 10, "none", trace.FirstStage, 0)
	bad.Outcome, bad.Code = trace.NotFound, "K7QM"
	record(s, dhcp(0, 10, "offer"), bad)
	s.Tick(at(60))
	first := latest(t, s, 10)
	hand := dhcp(101, 10, trace.HandedOver)
	hand.Server = machineAddr(5)
	record(s, dhcp(100, 10, "offer"), hand)
	s.Tick(at(160))
	h := New(Options{Boots: s}).Handler()
	for path, want := range map[string]string{
		"/": latest(t, s, 10).ID, "/?q=k7qm": first.ID, "/?failed=1": "", "/?failed=1&q=k7qm": "",
	} {
		found := regexp.MustCompile(`data-boot="([^"]*)"`).FindStringSubmatch(get(t, h, path).Body.String())
		if got := strings.Join(append(found, "")[min(1, len(found)):][:1], ""); got != want {
			t.Errorf("%s shows the boot %q, want %q", path, got, want)
		}
	}
}

// contains reports which texts are not on a page.
func contains(t *testing.T, path, body string, texts ...string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text := content(doc)
	for _, want := range texts {
		if !strings.Contains(text, want) && !strings.Contains(body, want) {
			t.Errorf("%s does not have %q:\n%s", path, want, text)
		}
	}
}

// fineSite has one machine, which is fine.
func fineSite() *boots.Store {
	s := newStore()
	hand := dhcp(1, handedOver, trace.HandedOver)
	hand.Server, hand.Entry = machineAddr(5), "wds1"
	record(s, dhcp(0, handedOver, "offer"), hand)
	return s
}

func TestPages(t *testing.T) {
	full, waiting, down := site(), newStore(), site()
	down.Disconnected(at(200))
	gone := boots.New(boots.Limits{Machines: 2, Bytes: 1 << 20, PacketBytes: 300, Running: 64, Events: 3})
	for n := range byte(4) {
		menu := file(float64(n)*100+2, n, "grub/grub.cfg", trace.Menu, 3000)
		record(gone, dhcp(float64(n)*100, n, "offer"), dhcp(float64(n)*100+1,
			n, "selecting"), file(float64(n)*100+1, n, "shimx64.efi", trace.FirstStage, 9), menu)
		gone.Tick(at(float64(n)*100 + 90))
	}
	for i := range 3 {
		gone.Record(tracestream.Record{Packet: &tracestream.Packet{Time: at(310 +
			float64(i)), Payload: make([]byte, 100)}}, at(310))
	}
	gone.Record(tracestream.Record{Lost: 7}, at(310))
	lastGone := latest(t, gone, 3)
	tftp, elsewhere, fine, hand := latest(t, full, withoutTFTP), latest(t,
		full, answeredElsewhere), latest(t, full, runsSystem), latest(t, full, handedOver)
	for _, tc := range []struct {
		situation string
		store     *boots.Store
		path      string
		want      []string
	}{
		{situation: "no machine yet", store: waiting, path: "/", want: []string{
			"Waiting for a machine", "Start one now and set it to boot from the network", `data-empty="waiting"`,
			"portfast", "IP helper", `href="/codes"`, "0 machines.",
		}},
		{situation: "no machine yet, in German", store: waiting, path: "/?lang=de", want: []string{
			"Die Seite wartet auf einen Rechner", `lang="de"`, "0 Rechner.",
		}},
		{situation: "pxed was never there", store: boots.New(boots.DefaultLimits), path: "/",
			want: []string{"Waiting for pxed", `data-feed="down"`}},
		{situation: "pxed is down", store: down, path: "/", want: []string{
			"is down since", `<time datetime="2026-03-02T14:06:20.000Z"`, `data-feed="down"`, "6 machines.",
		}},
		{situation: "machines in each state", store: full, path: "/", want: []string{
			"6 machines.", "1 is booting.", "3 did not boot.", `data-stage="loading"`,
			`data-finding="transfer-unanswered"`, `data-state="bad"`,
			"The machine asked for shimx64.efi, and acknowledged nothing that the box sent.",
			"What to try", "step 4 of 8",
			"Handed over to wds1 (192.0.2.5) at 14:05 UTC.", "Code on screen: K7QM",
		}},
		{situation: "no machine matches", store: full, path: "/?q=zebra", want: []string{
			"0 machines found.", "No machine matches.", `data-empty="search"`, "It should be here, and is not?",
			"portfast",
		}},
		{situation: "no machine failed", store: fineSite(), path: "/?failed=1", want: []string{
			"Each machine has booted, or still does.", "0 machines found.",
		}},
		{situation: "boots went", store: gone, path: "/", want: []string{
			"2 boots are no longer kept", "2 machines", `data-gone="2"`, "7 records were left out",
		}},
		{situation: "an event of a boot went", store: gone, path: "/boot/" + lastGone.ID, want: []string{
			"1 earlier event is not kept.", "Packets from the start of this boot may be missing",
		}},
		{situation: "a boot that stopped", store: full, path: "/boot/" + tftp.ID, want: []string{
			"Boot of 52:54:00:00:00:0d", "It asks for its boot program stopped here 14:04:20",
			"It has the whole boot program not reached",
			"It takes the offer done 14:03:50", "3 events", "timed out", "Download 2 packets (pcap)", "uefi-x64",
		}},
		{situation: "a boot of another server", store: full, path: "/boot/" + elsewhere.ID, want: []string{
			"192.0.2.99", "No packets of this boot are kept.",
		}},
		{situation: "a boot that is fine", store: full, path: "/boot/" + fine.ID, want: []string{
			"K7QM", "Debian 13", "The system runs, or WDS continues done 14:03:20",
		}},
		{situation: "a hand-over past the menu", store: full, path: "/boot/" + hand.ID, want: []string{
			"It reads the menu skipped", "The system runs, or WDS continues done 14:05:00",
		}},
		{situation: "a machine", store: full, path: "/machine/" + tftp.Machine, want: []string{
			"52:54:00:00:00:0d", "10000000-0000-4000-8000-000000000013", "192.0.2.13", `href="/boot/` + tftp.ID + `"`,
		}},
		{situation: "an unknown machine", store: full, path: "/machine/none", want: []string{
			"There is no such page", "the oldest boots are removed first",
		}},
		{situation: "an unknown boot", store: full, path: "/boot/none", want: []string{"There is no such page"}},
		{situation: "an unknown page, in German", store: full, path: "/none?lang=de",
			want: []string{"Diese Seite gibt es nicht"}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			contains(t, tc.path, get(t, New(Options{Boots: tc.store}).Handler(), tc.path).Body.String(), tc.want...)
		})
	}
}

// A machine with a reservation shows its name, and is found by it.
func TestHostNames(t *testing.T) {
	s := site()
	snap := &menuwatch.Snapshot{Config: &config.Config{DHCP: config.DHCP{Reservations: []config.Reservation{
		{MAC: machineMAC(refusesShim), Hostname: "pc7.example.org"}, {MAC: machineMAC(99), Hostname: "unseen"},
	}}}}
	h := New(Options{Boots: s, Site: func() SiteState { return SiteState{Snapshot: snap} }}).Handler()
	shim := latest(t, s, refusesShim)
	for _, path := range []string{"/", "/?q=PC7", "/boot/" + shim.ID, "/machine/" + shim.Machine} {
		contains(t, path, get(t, h, path).Body.String(), "pc7.example.org", shim.MAC.String())
	}
	contains(t, "search", get(t, h, "/?q=pc7").Body.String(), "1 machine found.")
	contains(t, "search", get(t, h, "/?q=unseen").Body.String(), "0 machines found.")

	snap = &menuwatch.Snapshot{Config: &config.Config{}}
	contains(t, "search after a change", get(t, h, "/?q=pc7").Body.String(), "0 machines found.")
}

// The box's reason is in the language of the page, if it is a known one.
func TestReasonInAVerdict(t *testing.T) {
	for english, want := range map[string]string{
		"no address left for 10.1.0.0/24": "keine mehr: keine freie Adresse in 10.1.0.0/24.",
		"the box has no address yet":      "nicht beantwortet: die Box hat noch keine Adresse.",
		"something new":                   "nicht beantwortet: something new.",
	} {
		s := newStore()
		e := dhcp(0, bootsNow, trace.Discover)
		e.Outcome, e.Why, e.File = trace.Unanswered, english, ""
		record(s, e)
		s.Tick(at(60))
		h := New(Options{Boots: s}).Handler()
		contains(t, english, get(t, h, "/?lang=de").Body.String(), want)
		contains(t, english, get(t, h, "/?lang=en").Body.String(), ": "+english+".")
	}
}

// An event that looks like a fault and is normal says so.
func TestNormalEvent(t *testing.T) {
	s := fineSite()
	probe := file(3, bootsNow, "shimx64.efi", trace.FirstStage, 0)
	probe.Outcome = trace.Aborted
	record(s, dhcp(2, bootsNow, "offer"), probe)
	h := New(Options{Boots: s}).Handler()
	boot := "/boot/" + latest(t, s, bootsNow).ID
	for path, want := range map[string]string{
		boot:                 "Normal: the firmware asks for the size",
		boot + "?lang=de":    "Normal: Die Firmware fragt nach der Größe",
		boot + "/events.txt": "Normal: the firmware asks for the size",
	} {
		contains(t, path, get(t, h, path).Body.String(), want)
	}
}

// What a screen says, with what it means on this firmware, and whether the boot
// agrees.
func TestScreenCodes(t *testing.T) {
	s := site()
	h := New(Options{Boots: s}).Handler()
	tftp, shim := latest(t, s, withoutTFTP), latest(t, s, refusesShim)
	for _, tc := range []struct {
		situation, path string
		want            []string
	}{
		{situation: "the whole table", path: "/codes", want: []string{
			`data-code="PXE-E16"`, `data-code="0xc000000f"`, `data-code="bad shim signature"`, "UEFI:", "BIOS:",
		}},
		{situation: "a code", path: "/codes?q=e16", want: []string{`data-code="PXE-E16"`, "No valid offer received"}},
		{situation: "in German", path: "/codes?q=e61&lang=de",
			want: []string{"Der Netzwerkanschluss hat keine Verbindung."}},
		{situation: "no such code", path: "/codes?q=PXE-E00", want: []string{"That message is not in the table."}},
		{situation: "a message that agrees", path: "/boot/" + tftp.ID + "?screen=pxe-e18", want: []string{
			`data-code="PXE-E18" data-fit="screen.fits"`, "This agrees with what the box saw.",
		}},
		{situation: "one that does not", path: "/boot/" + tftp.ID + "?screen=0xc000000f", want: []string{
			`data-fit="screen.not"`, "This does not agree",
		}},
		{situation: "Secure Boot", path: "/boot/" + shim.ID + "?screen=security+violation", want: []string{
			`data-code="Security Violation" data-fit="screen.fits"`,
		}},
		{situation: "nothing that is known", path: "/boot/" + shim.ID + "?screen=hello", want: []string{
			"That message is not in the table.", `value="hello"`,
		}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			contains(t, tc.path, get(t, h, tc.path).Body.String(), tc.want...)
		})
	}
	if rows := strings.Count(get(t, h, "/codes").Body.String(), "data-code="); rows != len(trace.Messages()) {
		t.Errorf("%d of %d messages", rows, len(trace.Messages()))
	}
}

// The longest list still is a small page.
func TestSizeOfAFullPage(t *testing.T) {
	s := newStore()
	for n := range byte(perPage + 5) {
		long := strings.Repeat("&", 120)
		missing := file(float64(n)+0.5, n, long, trace.Kernel, 0)
		missing.Outcome, missing.Entry, missing.Code = trace.NotFound, strings.Repeat("<", 60), strings.Repeat("'", 60)
		record(s, dhcp(float64(n), n, "offer"), missing)
	}
	h := New(Options{Boots: s}).Handler()
	for _, lang := range languages {
		body := get(t, h, "/?lang="+lang).Body.String()
		if rows := strings.Count(body, "data-machine="); rows != perPage || len(body) > 100_000 {
			t.Errorf("%s: %d rows, %d bytes", lang, rows, len(body))
		}
		contains(t, lang, body, "page=2")
	}
	files := 0
	for _, f := range static {
		files += len(f.content)
	}
	if files > 50_000 {
		t.Errorf("style, script and icon have %d bytes", files)
	}
}

// The capture has the packets of the boot, as Wireshark reads them.
func TestCapture(t *testing.T) {
	s := site()
	b := latest(t, s, withoutTFTP)
	w := get(t, New(Options{Boots: s}).Handler(), "/boot/"+b.ID+"/packets.pcap")
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="boot-52-54-00-00-00-0d-20260302-140350.pcap"` {
		t.Errorf("stored as %s", got)
	}
	body := w.Body.Bytes()
	if len(body) < 24 || binary.LittleEndian.Uint32(body) != 0xa1b23c4d ||
		binary.LittleEndian.Uint32(body[20:]) != 101 {
		t.Fatalf("the header: % x", body[:min(24, len(body))])
	}
	var got []string
	for body = body[24:]; len(body) >= 16; {
		sec, nano, n := binary.LittleEndian.Uint32(body), binary.LittleEndian.Uint32(body[4:]),
			int(binary.LittleEndian.Uint32(body[8:]))
		packet := body[16 : 16+n]
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[12:])), binary.BigEndian.Uint16(packet[20:]))
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[16:])), binary.BigEndian.Uint16(packet[22:]))
		got = append(got, fmt.Sprintf("%v %v > %v %q", time.Unix(int64(sec), int64(nano)).Sub(start), from, to,
			packet[28:]))
		body = body[16+n:]
	}
	want := []string{
		`50s 0.0.0.0:68 > 255.255.255.255:67 "discover"`,
		`51s 192.0.2.13:2070 > 192.0.2.1:69 "\x00\x01shimx64.efi\x00octet\x00"`,
	}
	if !slices.Equal(got, want) || len(body) != 0 {
		t.Errorf("got %q and %d more bytes, want %q", got, len(body), want)
	}
}

func TestReport(t *testing.T) {
	s := site()
	w := get(t, New(Options{Boots: s}).Handler(), "/boot/"+latest(t, s, withoutTFTP).ID+"/events.txt?lang=de")
	for _, want := range []string{
		"machine:   52:54:00:00:00:0d\n", "finding:   transfer-unanswered\n", "state:     did not boot\n",
		"address:   192.0.2.13\n",
		"14:04:20.000 tftp shimx64.efi timed out role=first stage address=192.0.2.13 took=100ms\n",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in\n%s", want, w.Body)
		}
	}
	if got := w.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("the type is %s", got)
	}
}

// A boot's page, the machine's and the text for a ticket say how the box answered
// other than usual, and why, in the reader's language.
func TestAnsweredDifferently(t *testing.T) {
	for why, want := range map[string][2]string{
		trace.WhyNotAsked: {
			"Because the machine did not ask on port 4011 after two offers, the offer itself named shimx64-2011.efi.",
			"Weil der Rechner nach zwei Angeboten nicht auf Port 4011 gefragt hat, nannte ihm schon das Angebot " +
				"shimx64-2011.efi.",
		},
		trace.WhyNotStarted: {"loaded the first stage in two boots, and nothing after it, it was told to load " +
			"shimx64-2011.efi.", "danach nichts mehr, sollte er shimx64-2011.efi laden."},
		trace.WhyCameBack: {"came back soon after two hand-overs, it was told to load shimx64-2011.efi.",
			"nach zwei Übergaben bald zurückkam, sollte er shimx64-2011.efi laden."},
		"did what a later version knows": {"Because the machine did what a later version knows, it was told to " +
			"load shimx64-2011.efi.", "„did what a later version knows“. Deshalb sollte der Rechner " +
			"shimx64-2011.efi laden."},
	} {
		t.Run(why, func(t *testing.T) {
			s := newStore()
			e := dhcp(1, refusesShim, trace.Adapted)
			e.Why, e.File = why, "shimx64-2011.efi"
			record(s, dhcp(0, refusesShim, "offer"), e, e, dhcp(1.1, refusesShim, "selecting"))
			b := latest(t, s, refusesShim)
			h := New(Options{Boots: s}).Handler()
			for path, text := range map[string]string{
				"/boot/" + b.ID: want[0], "/machine/" + b.Machine: want[0], "/boot/" + b.ID + "?lang=de": want[1],
				"/boot/" + b.ID + "/events.txt": want[0],
			} {
				if got := strings.Count(html.UnescapeString(get(t, h, path).Body.String()), text); got != 1 {
					t.Errorf("%s says %d times %q", path, got, text)
				}
			}
		})
	}
	s := site()
	page := get(t, New(Options{Boots: s}).Handler(), "/boot/"+latest(t, s, refusesShim).ID).Body.String()
	if strings.Contains(page, "Answered differently") {
		t.Error("a boot that was answered as usual says that it was not")
	}
}

func TestStatic(t *testing.T) {
	page := get(t, New(Options{}).Handler(), "/").Body.String()
	for _, name := range staticFiles {
		link := regexp.MustCompile(`"(/` + name + `\?v=[0-9a-f]+)"`).FindStringSubmatch(page)
		if link == nil {
			t.Errorf("the page does not load %s", name)
			continue
		}
		for path, cached := range map[string]bool{link[1]: true, "/" + name: false, "/" + name + "?v=old": false} {
			w := get(t, Static(), path)
			if w.Code != http.StatusOK || w.Body.Len() == 0 || strings.Contains(w.Header().Get("Cache-Control"),
				"immutable") != cached {
				t.Errorf("%s: %d, %v", path, w.Code, w.Header())
			}
		}
	}
	if w := get(t, Static(), "/../view.go"); w.Code != http.StatusNotFound {
		t.Errorf("a file that is not static: %d", w.Code)
	}
}

func TestLogin(t *testing.T) {
	for _, tc := range []struct {
		situation string
		data      LoginData
		code      int
		want      []string
	}{
		{situation: "the form", data: LoginData{Next: "/boot/1?a=b&c"}, code: http.StatusOK, want: []string{
			`name="password"`, `action="/login"`, `value="/boot/1?a=b&amp;c"`,
		}},
		{situation: "a wrong password", data: LoginData{Failed: true}, code: http.StatusForbidden, want: []string{
			"That is not the password.", `role="alert"`,
		}},
		{situation: "too many attempts", data: LoginData{Wait: time.Minute}, code: http.StatusTooManyRequests,
			want: []string{"Please wait 1m0s"}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			w := httptest.NewRecorder()
			Login(w, httptest.NewRequest("GET", "/login", nil), tc.data)
			if w.Code != tc.code {
				t.Errorf("answers %d, want %d", w.Code, tc.code)
			}
			contains(t, "/login", w.Body.String(), tc.want...)
			if strings.Contains(w.Body.String(), "/machine") || strings.Contains(w.Body.String(), "logout") {
				t.Errorf("the form leads to pages behind it:\n%s", w.Body)
			}
		})
	}
}

// The choice of a language stays.
func TestLanguageIsRemembered(t *testing.T) {
	h := New(Options{}).Handler()
	w := get(t, h, "/?lang=de")
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Value != "de" || !cookies[0].Secure || !cookies[0].HttpOnly ||
		cookies[0].SameSite != http.SameSiteStrictMode {
		t.Errorf("the cookie: %+v", cookies)
	}
	if got := get(t, h, "/?lang=%3Cscript%3E").Result().Cookies(); len(got) != 0 {
		t.Errorf("a language that is none is remembered: %+v", got)
	}
	if body := w.Body.String(); !strings.Contains(body, `href="/?lang=en"`) {
		t.Errorf("no way back to English:\n%s", body)
	}
}

// The colours of text can be told from their backgrounds (WCAG 2.2 §1.4.3), and
// those of marks and borders of fields as well (§1.4.11), in light and dark.
func TestContrast(t *testing.T) {
	style := string(static["style.css"].content)
	light, rest, _ := strings.Cut(style, "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "*, ::before")
	for scheme, part := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--(\w+): #([0-9a-f]{6});`).FindAllStringSubmatch(part, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for _, text := range []string{"text", "soft", "link", "good", "bad", "busy"} {
			for _, background := range []string{"page", "card"} {
				a, b := colours[text], colours[background]
				if a == 0 && b == 0 {
					t.Fatalf("%s: no colour %s or %s", scheme, text, background)
				}
				if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f", scheme, text, background, ratio)
				}
			}
		}
	}
}

// luminance is the relative luminance of a colour in sRGB.
func luminance(t *testing.T, hex string) (l float64) {
	t.Helper()
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(v) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l
}
