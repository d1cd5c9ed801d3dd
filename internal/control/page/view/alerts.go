package view

import (
	"net/url"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
)

const (
	// maxAlerts is how many alerts a page has.
	maxAlerts = 5
	// recently is how long another server counts after its last answer.
	recently = time.Hour
)

// alert is what is wrong with the site, on top of the other pages: it may be why
// no machine boots as it should.
type alert struct {
	Text string
	Path string // of the page that says more
	Link string // Path, and where on it
}

// alertsOf returns what to show on top of the page at a path.
func alertsOf(site SiteState, c catalog, page string, now time.Time) (out []alert) {
	add := func(path, fragment, text string) {
		u := url.URL{Path: path, Fragment: fragment}
		if path != page && len(out) < maxAlerts {
			out = append(out, alert{text, path, u.String()})
		}
	}
	if snap := site.Snapshot; snap != nil {
		switch n := len(snap.File.Errors); {
		case n > 0:
			add("/settings", "", c.count("alert.settings", n))
		case snap.File.Problem != "" && !snap.File.Missing:
			add("/settings", "", c.text("alert.unreadable"))
		}
		if snap.NetworkProblem != "" {
			add("/servers", "network", c.text("alert.network"))
		}
		if snap.InForce.TooLarge {
			add("/menu", "", c.text("alert.toolarge"))
		}
		for _, s := range snap.Servers {
			if key := alertOf(s); key != "" {
				add("/servers", "server-"+s.Name, c.text(key, s.Name))
			}
		}
	}
	for _, o := range site.Others {
		if o.Boots && now.Sub(o.Last) < recently {
			add("/servers", "others", c.text("alert.other", o.Server))
		}
	}
	return out
}

// alertOf returns the key of what is wrong with a WDS server; empty if nothing
// is.
func alertOf(s menuwatch.Server) string {
	found := map[bootmenu.State]bool{}
	for _, p := range s.Programs {
		found[p.Health.State] = true
	}
	switch {
	case !s.Addr.IsValid():
		return "alert.address"
	case found[bootmenu.Down] && !found[bootmenu.Up] && !found[bootmenu.Refused]:
		return "alert.down"
	case found[bootmenu.Refused]:
		return "alert.refuses"
	}
	return ""
}
