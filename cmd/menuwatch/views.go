package main

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/control/boots"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
	"github.com/pxebox/pxebox/internal/control/page"
	"github.com/pxebox/pxebox/internal/control/page/sitestate"
	"github.com/pxebox/pxebox/internal/control/page/view"
)

// manifestFile is the record of the boot programs in the box's image.
const manifestFile = "/usr/share/pxebox/manifest.json"

// views starts to follow pxed, and connects the pages to what they show.
func views(ctx context.Context, w *menuwatch.Watcher, box boxstatus.Client, log *slog.Logger) page.Views {
	store := boots.New(boots.DefaultLimits)
	go store.Run(ctx, w.RunDir, log.With("part", "page"))
	site := &sitestate.Source{Snapshot: w.Snapshot, Others: store.Others, Manifest: manifestFile, Box: box}
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	return page.Views{
		Pages:  view.New(view.Options{Boots: store, Site: site.State, Version: version}).Handler(),
		Static: view.Static(),
		Login: func(w http.ResponseWriter, r *http.Request, l page.Login) {
			view.Login(w, r, view.LoginData{Failed: l.Failed, Wait: l.Wait, Next: l.Next})
		},
	}
}
