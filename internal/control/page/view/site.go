package view

import "net/http"

// SiteState is what menuwatch knows about the site.
type SiteState struct{}

// siteNavigation has the links to the pages about the site.
var siteNavigation []navItem

// siteRoutes adds the pages about the site.
func (p *Pages) siteRoutes(*http.ServeMux) {}
