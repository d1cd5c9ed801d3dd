package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"

	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/base/version"
	"github.com/pxebox/pxebox/internal/control/boots"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
	"github.com/pxebox/pxebox/internal/control/page"
	"github.com/pxebox/pxebox/internal/control/page/sitestate"
	"github.com/pxebox/pxebox/internal/control/page/view"
	"github.com/pxebox/pxebox/internal/control/resolve"
	"github.com/pxebox/pxebox/internal/control/syslog"
)

// manifestFile is the record of the boot programs in the box's image.
const manifestFile = "/usr/share/pxebox/manifest.json"

// logBoots sends a line for each boot to the site's log server, if the
// configuration names one.
func logBoots(
	ctx context.Context, w *menuwatch.Watcher, store *boots.Store, box *mdnsName, log *slog.Logger,
) {
	s := syslog.New(resolve.Lookup, func() string {
		if name := box.Name(); name != "" {
			return name
		}
		host, _ := os.Hostname() // a line without a name is valid
		return host
	}, log.With("part", "syslog"))
	w.Syslog, store.Ended = s.Use, s.Boot
	go s.Run(ctx)
}

// views connects the pages to what they show.
func views(w *menuwatch.Watcher, store *boots.Store, box boxstatus.Client) page.Views {
	site := &sitestate.Source{Snapshot: w.Snapshot, Others: store.Others, Manifest: manifestFile, Box: box}
	return page.Views{
		Pages:  view.New(view.Options{Boots: store, Site: site.State, Version: version.String()}).Handler(),
		Static: view.Static(),
		Login: func(w http.ResponseWriter, r *http.Request, l page.Login) {
			view.Login(w, r, view.LoginData(l))
		},
	}
}
