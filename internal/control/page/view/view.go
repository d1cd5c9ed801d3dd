// Package view renders the page that menuwatch serves: which machine did not
// boot, how far it got, why, and what to do. It only reads. Who may see the
// page, and over which connection, is decided by package page.
package view

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/control/boots"
)

// Options is what the pages show.
type Options struct {
	// Boots has the machines and their boots. Nil: none is ever heard.
	Boots *boots.Store
	// Site returns the state of the site, as menuwatch knows it now.
	Site func() SiteState
	// Version is the version of pxebox.
	Version string
}

// Pages serves the pages.
type Pages struct {
	Options
	streamTime time.Duration
	cache      hostsCache
}

// New returns the pages.
func New(o Options) *Pages {
	if o.Boots == nil {
		o.Boots = boots.New(boots.DefaultLimits) // shows that it waits for pxed
	}
	return &Pages{Options: o, streamTime: streamTime}
}

// Handler serves "/" and everything below to a person who has logged in. The
// caller checks that.
func (p *Pages) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.machines)
	mux.HandleFunc("GET /machine/{id}", p.machine)
	mux.HandleFunc("GET /boot/{id}", p.boot)
	mux.HandleFunc("GET /boot/{id}/events.txt", p.download(".txt", "text/plain; charset=utf-8", report))
	mux.HandleFunc("GET /boot/{id}/packets.pcap", p.download(".pcap", "application/vnd.tcpdump.pcap", capture))
	mux.HandleFunc("GET /codes", p.codes)
	mux.HandleFunc("GET /events", p.events)
	p.siteRoutes(mux)
	mux.HandleFunc("/", p.notFound)
	return mux
}

// A navItem is a link at the top of each page.
type navItem struct {
	Path string
	Key  string // of its text
}

// navigation has the pages that each page links to.
var navigation = slices.Concat([]navItem{{"/", "nav.machines"}}, siteNavigation, []navItem{{"/codes", "nav.codes"}})

//go:embed templates/*.html
var templateFiles embed.FS

// sets are the templates by language and page. A page NAME is
// templates/NAME.html, which defines "main"; templates/layout.html and
// templates/parts.html are in all of them.
//
// Functions in templates:
//
//	t "key" args…         the text of a key
//	count "key" n args…   the text of key.one or key.many
//	moment TIME           a date and time, as an element that the script converts to local time
//	clock, seconds TIME   a time of day, to the millisecond or the second
//	duration DURATION     how long something took
//	bytes N               a size
//	note EVENT            why an event that looks like a fault is normal; empty for others
//	departures EVENTS     how the answers differed from the usual ones, and why
var sets = func() map[string]map[string]*template.Template {
	all := map[string]map[string]*template.Template{}
	for _, l := range languages {
		all[l] = map[string]*template.Template{}
		funcs := template.FuncMap{
			"t": catalogs[l].text, "count": catalogs[l].count,
			"moment": moment, "clock": clock, "seconds": seconds, "duration": duration, "bytes": size,
			"eventMore": eventMore, "note": catalogs[l].note, "departures": catalogs[l].departures,
		}
		shared := template.Must(template.New("layout.html").Funcs(funcs).Funcs(siteFunctions(catalogs[l])).
			ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
		files, err := templateFiles.ReadDir("templates")
		if err != nil {
			panic(err) // embedded
		}
		for _, f := range files {
			name := strings.TrimSuffix(f.Name(), ".html")
			if name == "layout" || name == "parts" {
				continue
			}
			set := template.Must(shared.Clone())
			all[l][name] = template.Must(set.ParseFS(templateFiles, path.Join("templates", f.Name())))
		}
	}
	return all
}()

// page is what the layout shows around a page's content.
type page struct {
	Lang      string
	Title     string // plain text
	Path      string // of this page, for the navigation
	Nav       []navItem
	Languages []languageLink
	Alerts    []alert // on top of the content
	Version   string
	Login     bool   // no navigation: the person has not logged in
	Style     string // the addresses of the static files
	Script    string
	Icon      string
	Data      any // of the page's own template
}

// A languageLink leads to the same page in another language.
type languageLink struct {
	Code, Name, Link string
	Current          bool
}

// render writes a page. title is plain text in the language of the request; see
// text.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, name, title string, data any) {
	v := page{Path: r.URL.Path, Nav: navigation, Version: p.Version, Title: title, Data: data}
	if p.Site != nil {
		v.Alerts = alertsOf(p.Site(), catalogs[language(r)], r.URL.Path, time.Now())
	}
	write(w, r, status, name, v)
}

// text returns the text of a key in the language of a request.
func text(r *http.Request, key string, args ...any) string {
	return catalogs[language(r)].text(key, args...)
}

func write(w http.ResponseWriter, r *http.Request, status int, name string, v page) {
	v.Lang = language(r)
	for _, l := range languages {
		q := r.URL.Query()
		q.Set("lang", l)
		link := url.URL{Path: r.URL.Path, RawQuery: q.Encode()}
		v.Languages = append(v.Languages, languageLink{l, catalogs[l].text("language.name"), link.String(),
			l == v.Lang})
	}
	v.Style, v.Script, v.Icon = address("style.css"), address("script.js"), address("icon.svg")
	// The page is complete before its first byte is sent: an error must not
	// leave half of it.
	var b bytes.Buffer
	if err := sets[v.Lang][name].ExecuteTemplate(&b, "layout.html", v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	rememberLanguage(w, r)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang)
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

func (p *Pages) notFound(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusNotFound, "notfound", text(r, "notfound.title"), nil)
}

// LoginData is what the login form shows.
type LoginData struct {
	// Failed says that the password was wrong.
	Failed bool
	// Wait is how long further attempts are refused; zero if they are not.
	Wait time.Duration
	// Next is the path to show after the login, in the field "next".
	Next string
}

// Login writes the login form, which posts the fields "password" and "next" to
// /login.
func Login(w http.ResponseWriter, r *http.Request, data LoginData) {
	status := http.StatusOK
	switch {
	case data.Wait > 0:
		status = http.StatusTooManyRequests
	case data.Failed:
		status = http.StatusForbidden
	}
	write(w, r, status, "login", page{Title: text(r, "login.title"), Path: "/login", Login: true, Data: data})
}
