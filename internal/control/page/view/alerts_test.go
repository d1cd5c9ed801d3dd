package view

import (
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/control/boots"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
)

func TestAlerts(t *testing.T) {
	addr := netip.MustParseAddr("192.168.77.2")
	server := func(states ...bootmenu.State) menuwatch.Server {
		s := menuwatch.Server{Name: "w", Addr: addr}
		for _, state := range states {
			s.Programs = append(s.Programs, menuwatch.Program{Health: bootmenu.Health{State: state}})
		}
		return s
	}
	site := func(servers ...menuwatch.Server) SiteState {
		return SiteState{Snapshot: &menuwatch.Snapshot{Servers: servers}}
	}
	file := func(f menuwatch.File) SiteState { return SiteState{Snapshot: &menuwatch.Snapshot{File: f}} }
	for situation, tt := range map[string]struct {
		state SiteState
		path  string // "/" if empty
		want  []string
	}{
		"nothing known": {},
		"all is well":   {state: site(server(bootmenu.Up, bootmenu.Unknown))},
		"mistakes in the file": {
			state: file(menuwatch.File{Text: "x", Errors: make(config.Errors, 2)}),
			want:  []string{"/settings The settings file has 2 mistakes, so it is not in force."},
		},
		"mistakes in the file, on its own page": {
			state: file(menuwatch.File{Text: "x", Errors: make(config.Errors, 2)}), path: "/settings",
		},
		"a file that cannot be read": {
			state: file(menuwatch.File{Problem: "is empty"}),
			want:  []string{"/settings The settings file cannot be read."},
		},
		"no file yet": {state: file(menuwatch.File{Problem: "open: no such file", Missing: true})},
		"an interface that is missing": {
			state: SiteState{Snapshot: &menuwatch.Snapshot{NetworkProblem: "eth9 is missing"}},
			want: []string{
				"/servers#network No machine is served on the network interface of the settings: the box cannot use it.",
			},
		},
		"menus that are too large": {
			state: SiteState{Snapshot: &menuwatch.Snapshot{InForce: menuwatch.InForce{TooLarge: true}}},
			want:  []string{"/menu The menus of certain machines are too large: all machines get the general one."},
		},
		"a server that is down": {
			state: site(server(bootmenu.Down, bootmenu.Unknown)),
			want:  []string{"/servers#server-w The WDS server w does not answer."},
		},
		"a server that is down for one firmware only": {state: site(server(bootmenu.Down, bootmenu.Up))},
		"a server that refuses": {
			state: site(server(bootmenu.Up, bootmenu.Refused)),
			want:  []string{"/servers#server-w The WDS server w refuses a boot program."},
		},
		"a server without an address": {
			state: site(menuwatch.Server{Name: "w"}),
			want:  []string{"/servers#server-w There is no usable address of the WDS server w."},
		},
		"another server": {
			state: SiteState{Others: []boots.Other{{Server: addr, Boots: true, Last: noon}}},
			want:  []string{"/servers#others Another server, 192.168.77.2, tells machines what to boot."},
		},
		"another server, long ago": {
			state: SiteState{Others: []boots.Other{{Server: addr, Boots: true, Last: noon.Add(-2 * time.Hour)}}},
		},
		"another server that leases": {state: SiteState{Others: []boots.Other{{Server: addr, Last: noon}}}},
		"more than a page shows": {
			state: site(slices.Repeat([]menuwatch.Server{server(bootmenu.Down)}, 20)...),
			want:  slices.Repeat([]string{"/servers#server-w The WDS server w does not answer."}, maxAlerts),
		},
	} {
		t.Run(situation, func(t *testing.T) {
			var got []string
			for _, a := range alertsOf(tt.state, catalogs["en"], max("/", tt.path), noon) {
				got = append(got, a.Link+" "+a.Text)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// Each page but the one that says more has the alert. The login form has none:
// it is for those who have not logged in.
func TestAlertsAreOnThePages(t *testing.T) {
	s := fullState(t)
	if page := getSite(t, s, "en", "/menu"); !strings.Contains(page,
		`<a href="/servers#server-w2">There is no usable address`) {
		t.Error("the page about the menu does not warn of a server")
	}
	if page := getSite(t, s, "en", "/servers"); strings.Contains(page, "usable address of") {
		t.Error("the page about servers warns of what it shows")
	}
	w := httptest.NewRecorder()
	Login(w, httptest.NewRequest("GET", "/login", nil), LoginData{})
	if strings.Contains(w.Body.String(), "alerts") {
		t.Error("the login form has alerts")
	}
}
