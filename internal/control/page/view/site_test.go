package view

import (
	"errors"
	"fmt"
	"html"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/assets/manifest"
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/control/boots"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
	"github.com/pxebox/pxebox/internal/control/wdscerts"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// getSite returns a page in a language.
func getSite(t *testing.T, s SiteState, lang, path string) string {
	t.Helper()
	p := New(Options{Site: func() SiteState { return s }, Version: "v1"})
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Language", lang)
	p.Handler().ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("%s answers %d: %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// reTag matches what the page's text is between.
var reTag = regexp.MustCompile(`<[^>]*>`)

// words returns the text of a page with single spaces.
func words(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(reTag.ReplaceAllString(page, " "))), " ")
}

// snapshotOf returns the snapshot of a valid file.
func snapshotOf(t testing.TB, file string) *menuwatch.Snapshot {
	t.Helper()
	c, err := parser.Parse("pxebox.toml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return &menuwatch.Snapshot{
		File:    menuwatch.File{Name: "/perm/pxebox/pxebox.toml", Text: file, ReadAt: noon, Warnings: c.Warnings},
		InForce: menuwatch.InForce{Source: menuwatch.FromFile, ID: "0123456789ab", Since: noon},
		Config:  c,
		Own:     []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("192.168.77.1/24")},
	}
}

// brokenSnapshot is the snapshot of a file with mistakes.
func brokenSnapshot(t testing.TB, source menuwatch.Source, file string) *menuwatch.Snapshot {
	t.Helper()
	s := snapshotOf(t, "")
	s.InForce.Source, s.File.Text = source, file
	_, err := parser.Parse("pxebox.toml", []byte(file))
	if !errors.As(err, &s.File.Errors) {
		t.Fatalf("the file has no mistake: %v", err)
	}
	return s
}

const someSite = `
[network]
address = "192.168.77.1/24"
gateway = "192.168.77.254"
[[wds]]
name = "w1"
server = "192.168.77.2"
[[wds]]
name = "w2"
server = "wds.example.org"
[[wds]]
name = "w3"
server = "192.168.77.4"
probe = "0s"
[[entry]]
name = "win"
label = "Windows"
wds = "w1"
[[entry]]
name = "debian"
label = "Debian"
kernel = "debian/linux"
[[entry]]
name = "memtest"
file = "memtest.bin"
[[entry]]
name = "rescue"
kernel = "rescue/linux"
[[machine]]
mac = ["52:54:00"]
boot = "debian"
once = true
[[machine]]
firmware = ["uefi-x64"]
entries = ["debian", "memtest"]
default = "debian"
timeout = "5s"
`

// fullState is a site with something to say about everything.
func fullState(t testing.TB) SiteState {
	s := snapshotOf(t, someSite)
	down := bootmenu.Health{State: bootmenu.Down, Since: noon}
	refused := bootmenu.Health{State: bootmenu.Refused, Note: "access violation"}
	s.Status = menu.Status{
		WDS: map[string]bootmenu.Server{
			"w1": {
				Addr:     netip.MustParseAddr("192.168.77.2"),
				Programs: map[firmware.Kind]bootmenu.Health{"bios": down, "uefi-x64": down},
			},
		},
		Missing:  map[string][]string{"debian": {"debian/linux"}},
		Unsigned: map[string][]string{"rescue": {"rescue/linux"}},
	}
	s.Servers = []menuwatch.Server{
		{
			Name: "w1", Host: "192.168.77.2", Addr: netip.MustParseAddr("192.168.77.2"), Probed: true,
			ProbeProblem: "network is unreachable",
			Programs: []menuwatch.Program{
				{Firmware: "bios", File: `boot\x64\wdsnbp.com`, Health: down},
				{Firmware: "uefi-x64", File: `boot\x64\wdsmgfw.efi`, Health: refused},
				{Firmware: "uefi-arm64", File: `boot\arm64\wdsmgfw.efi`},
			},
			Programs2023: []menuwatch.Program{
				{
					Firmware: "uefi-x64", File: `boot_EX\x64\wdsmgfw_EX.efi`,
					Health: bootmenu.Health{State: bootmenu.Up},
					Signed: wdscerts.Program{Read: noon, Signers: wdscerts.Signers{
						Authorities: []string{"Windows UEFI CA 2023"}, Others: []string{"Lab"},
					}},
				},
				{Firmware: "uefi-arm64", File: `boot_EX\arm64\wdsmgfw_EX.efi`, Health: refused},
			},
		},
		{Name: "w2", Host: "wds.example.org", LookupProblem: "no such host", Probed: true},
		{Name: "w3", Host: "192.168.77.4", Addr: netip.MustParseAddr("192.168.77.4")},
		{Name: "w4", Host: "192.168.77.1", Wrong: "192.168.77.1 is this box's own address", Probed: true},
	}
	s.Files = []menuwatch.Program{
		{File: "tools/shim.efi", Signed: wdscerts.Program{Read: noon, Signers: wdscerts.Signers{
			Authorities: []string{"Microsoft UEFI CA 2023"},
		}}},
		{File: "tools/cut.efi",
			Signed: wdscerts.Program{Read: noon, Signers: wdscerts.Signers{Problem: "it was cut off"}}},
	}
	return SiteState{
		Snapshot: s,
		Others: []boots.Other{
			{
				Server: netip.MustParseAddr("192.168.77.2"), Last: noon, Machines: 3, Boots: true,
				Files: []string{`boot\x64\wdsnbp.com`},
			},
			{
				Server: netip.MustParseAddr("192.168.77.9"), Last: noon, Machines: 2, Boots: true,
				Files: []string{"undionly.kpxe", "x.0"},
			},
			{Server: netip.MustParseAddr("192.168.77.254"), Last: noon, Machines: 9, Taken: true},
		},
		Programs: &manifest.Manifest{
			Packages: []manifest.Package{{Name: "shim-signed", Program: "shim", Version: "1.51", Release: "trixie"}},
			Files: []manifest.File{{
				Name: "grub/usr/lib/shim/shimx64.efi.signed", Package: "shim-signed",
				Signers: []manifest.Signer{{Authority: "Microsoft UEFI CA 2023"}},
				SBAT:    []string{"shim,4"}, Revokes: "sbat,1,2025021800",
			}},
		},
		Box: box(BoxState{
			Disk: Said[boxstatus.Disk]{Answer: boxstatus.Disk{
				Dir: "/perm", Bytes: 8 << 30, Free: 2 << 30, Growth: boxstatus.Grown,
			}},
			Settings: Said[boxstatus.Settings]{Answer: boxstatus.Settings{
				Volume: &boxstatus.Result{Text: "OK: the settings are in use."},
				Network: &boxstatus.Result{
					Time: noon, Client: "192.168.77.50",
					Text: "pxebox.toml:3: menu.timeuot: is not known; write timeout",
				},
			}},
			Version: Said[boxstatus.Version]{Answer: boxstatus.Version{
				Pxebox: "v1.2.3", Revision: "abc", Built: noon, Modified: true,
				Go: "go1.25", Kernel: "6.12", Hardware: "amd64",
			}},
			Update: Said[boxstatus.Update]{Answer: boxstatus.Update{State: boxstatus.FellBack,
				Why: "it did not serve"}},
		}),
	}
}

func box(b BoxState) func() *BoxState { return func() *BoxState { return &b } }

func TestSitePages(t *testing.T) {
	full := fullState(t)
	emptyBox := SiteState{Snapshot: snapshotOf(t, ""), Box: box(BoxState{})}
	deaf := SiteState{Snapshot: snapshotOf(t, ""), Box: box(BoxState{
		Disk:     Said[boxstatus.Disk]{Problem: "the appliance does not answer: disk"},
		Settings: Said[boxstatus.Settings]{Problem: "the appliance does not answer: settings"},
		Version:  Said[boxstatus.Version]{Problem: "the appliance does not answer: version"},
		Update:   Said[boxstatus.Update]{Problem: "the appliance does not answer: update"},
	})}
	tooLarge := snapshotOf(t, "")
	tooLarge.InForce.TooLarge = true
	broken := "[menu]\ntitel = \"x\"\ntimeout = 1\n"
	mistakes := SiteState{Snapshot: brokenSnapshot(t, menuwatch.LastGood, broken)}
	for situation, tt := range map[string]struct {
		state SiteState
		path  string
		want  []string
		not   []string
	}{
		"the menu": {state: full, path: "/menu", want: []string{
			"4 entries are missing, marked or cannot start",
			"shown, does not start rescue/linux has no signature",
			"w1 does not answer the box; a machine may still try it",
			"shown, cannot be chosen", "the box does not have: debian/linux",
			"not shown memtest.bin is a program for a BIOS",
			"52:54:00 start “Debian” without a menu · for one boot",
			"the entry cannot start there, so the machine gets the menu: the box does not have: debian/linux",
			"uefi-ia32 , uefi-arm64 gets no boot file",
			"uefi-x64 a menu with: debian, memtest · default: debian · timeout: 5s",
			"bad shim signature",
		}},
		"a menu that is complete": {
			state: SiteState{Snapshot: snapshotOf(t, "")}, path: "/menu",
			want: []string{"All entries are shown everywhere", "For certain machines, write a rule: [[machine]]"},
			not:  []string{"bad shim signature"},
		},
		"a menu that is not known": {
			state: SiteState{},
			path:  "/menu",
			want:  []string{"settings in force come from an earlier start"},
		},
		"menus that are too large": {
			state: SiteState{Snapshot: tooLarge},
			path:  "/menu", want: []string{"too large together"},
		},
		"servers": {state: full, path: "/servers", want: []string{
			"w1 192.168.77.2", "The box cannot ask it: network is unreachable.",
			`bios boot\x64\wdsnbp.com does not answer 2026-03-02 12:00:00 UTC`,
			`uefi-x64 boot\x64\wdsmgfw.efi refuses the file access violation`,
			`uefi-arm64 boot\arm64\wdsmgfw.efi not asked yet`,
			`uefi-x64 2023 boot_EX\x64\wdsmgfw_EX.efi answers Windows UEFI CA 2023 another authority that calls itself “Lab”`,
			`uefi-arm64 2023 boot_EX\arm64\wdsmgfw_EX.efi The server does not serve it.`,
			"The name wds.example.org cannot be resolved: no such host.",
			`The box does not ask this server, because of probe = "0s".`,
			"Its address cannot be used: 192.168.77.1 is this box's own address.",
			`192.168.77.2 WDS w1 boot\x64\wdsnbp.com This WDS server answers machines by itself`,
			"192.168.77.9 undionly.kpxe , x.0 It tells machines what to boot.",
			"192.168.77.254 addresses It leases addresses. That is as it should be",
			"Address in the settings 192.168.77.1/24", "Gateway 192.168.77.254", "Addresses of the box 192.168.77.1/24",
		}, not: []string{"127.0.0.1"}},
		"an interface that is missing": {
			state: SiteState{Snapshot: &menuwatch.Snapshot{NetworkProblem: `no network interface "eth9"`}}, path: "/servers",
			want: []string{`the box cannot use it. no network interface "eth9"`},
		},
		"no WDS server": {state: SiteState{Snapshot: snapshotOf(t, "")}, path: "/servers", want: []string{
			"There is no WDS server in the settings. To have one in the menu, write its address: [[wds]] name",
			"No other server has answered a booting machine.", "from the site's DHCP server",
		}},
		"servers that are not known": {
			state: SiteState{},
			path:  "/servers",
			want:  []string{"settings in force come from an earlier start"},
		},
		"settings": {state: full, path: "/settings", want: []string{
			"The settings in the file are in force. In force since 2026-03-02 12:00:00 UTC",
			"Sent over the network They were refused", "192.168.77.50", "pxebox.toml:3: menu.timeuot",
			"OK: the settings are in use.",
			`address = "192.168.77.1/24"`, "0123456789ab",
		}, not: []string{"mistakes", "1 mistake"}},
		"settings with mistakes": {state: mistakes, path: "/settings", want: []string{
			"The settings before it stay in force.", "2 mistakes line 2 : menu.titel : is not known",
			`titel = "x" menu.titel: is not known`, "Edit the file.",
		}},
		"no settings": {
			state: SiteState{Snapshot: &menuwatch.Snapshot{
				InForce: menuwatch.InForce{Source: menuwatch.BuiltIn},
				File:    menuwatch.File{Name: "f", Missing: true, Problem: "open f: no such file"},
			}},
			path: "/settings",
			want: []string{"the box uses the built-in default", "There is no such file yet."},
			not:  []string{"open f"},
		},
		"settings that cannot be read": {
			state: SiteState{Snapshot: &menuwatch.Snapshot{
				InForce: menuwatch.InForce{Source: menuwatch.Earlier},
				File:    menuwatch.File{Name: "f", Problem: "f is empty"},
			}},
			path: "/settings",
			want: []string{"The settings of an earlier start are in force.", "The file cannot be read: f is empty"},
		},
		"no results yet": {
			state: emptyBox,
			path:  "/settings",
			want:  []string{"No new settings have come since the box started."},
		},
		"before the start": {
			state: SiteState{},
			path:  "/settings",
			want:  []string{"The settings have not been read yet."},
		},
		"on a plain Linux": {
			state: SiteState{Snapshot: snapshotOf(t, "")},
			path:  "/box",
			want:  []string{"This page v1", "pxed -version"},
			not:   []string{"Disk", "Update", "The programs and their logs"},
		},
		"no size of a disk": {
			state: emptyBox,
			path:  "/box",
			want:  []string{"The size of the disk could not be read."},
		},
		"an appliance that does not answer": {state: deaf, path: "/box", want: []string{
			"the appliance does not answer: disk", "the appliance does not answer: version",
			"the appliance does not answer: update",
		}},
		"results that the appliance does not tell": {
			state: deaf,
			path:  "/settings",
			want:  []string{"the appliance does not answer: settings"},
		},
		"the box": {state: full, path: "/box", want: []string{
			"tools/shim.efi Microsoft UEFI CA 2023", "tools/cut.efi Secure Boot refuses it it was cut off",
			"v1.2.3 (modified)", "6.12 (amd64)", "the old one is running again. it did not serve",
			"2.0 GiB of 8.0 GiB free on /perm",
			"The programs and their logs, a restart, and the update",
			"The file system fills the disk.", "shim shim-signed 1.51 trixie",
			"shimx64.efi.signed Microsoft UEFI CA 2023 SBAT shim,4 starts nothing below SBAT sbat,1,2025021800",
		}},
	} {
		t.Run(situation, func(t *testing.T) {
			got := words(getSite(t, tt.state, "en", tt.path))
			for _, w := range tt.want {
				if !strings.Contains(got, w) {
					t.Errorf("the page does not say %q:\n%s", w, got)
				}
			}
			for _, w := range tt.not {
				if strings.Contains(got, w) {
					t.Errorf("the page says %q:\n%s", w, got)
				}
			}
			// In each language, no key shows instead of its text.
			for _, lang := range languages {
				page := words(getSite(t, tt.state, lang, tt.path))
				for key := range catalogs[fallback] {
					if strings.Contains(key, ".") && !strings.HasPrefix(key, "why.") &&
						strings.Contains(page, " "+key+" ") {
						t.Errorf("%s shows the key %q", lang, key)
					}
				}
				if strings.Contains(page, "why.") || strings.Contains(page, "%!") {
					t.Errorf("%s lacks a text:\n%s", lang, page)
				}
			}
		})
	}
}

// Keys that the code makes of values are in the catalogs.
func TestKeysMadeOfValues(t *testing.T) {
	var keys []string
	for _, name := range sightNames {
		keys = append(keys, "sight."+name)
	}
	for _, name := range sourceNames {
		keys = append(keys, "source."+name)
	}
	for _, mode := range []spec.Mode{spec.ModeAuto, spec.ModeProxy, spec.ModeServer, spec.ModeOff} {
		keys = append(keys, "mode."+string(mode))
	}
	for _, g := range []boxstatus.Growth{boxstatus.Growing, boxstatus.Grown, boxstatus.Failed} {
		keys = append(keys, growthKey(boxstatus.Disk{Growth: g}))
	}
	for _, u := range []boxstatus.UpdateState{
		boxstatus.NoUpdate, boxstatus.Trial, boxstatus.Kept, boxstatus.FellBack, boxstatus.Unknown,
	} {
		keys = append(keys, updateKey(boxstatus.Update{State: u}))
	}
	for _, s := range []bootmenu.State{bootmenu.Up, bootmenu.Down, bootmenu.Refused} {
		keys = append(keys, stateKey(s))
	}
	for _, mode := range []spec.Mode{spec.ModeServer, spec.ModeProxy} {
		for _, o := range []otherRow{{WDS: "w"}, {Other: boots.Other{Boots: true}}, {}} {
			keys = append(keys, "other."+kindOfOther(o, mode))
		}
	}
	for item := range slices.Values(siteNavigation) {
		keys = append(keys, item.Key, strings.TrimPrefix(item.Path, "/")+".title")
	}
	for _, text := range menu.Texts {
		keys = append(keys, "why."+string(text))
	}
	for _, key := range keys {
		for lang, c := range catalogs {
			if c[key] == "" {
				t.Errorf("catalog %s has no %q", lang, key)
			}
		}
	}
}

// A translation has the places of the sentence, such as {server}.
func TestCatalogsHaveTheSamePlaces(t *testing.T) {
	place := regexp.MustCompile(`\{\w+\}`)
	found := 0
	for key, text := range catalogs[fallback] {
		want := place.FindAllString(text, -1)
		found += len(want)
		slices.Sort(want)
		for lang, c := range catalogs {
			got := place.FindAllString(c[key], -1)
			slices.Sort(got)
			if !slices.Equal(slices.Compact(got), slices.Compact(slices.Clone(want))) {
				t.Errorf("%s, %q: places %q, want %q", lang, key, got, want)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d places", found)
	}
}

// What the owner or a stranger wrote is text on the page.
func TestHostileNamesAreEscaped(t *testing.T) {
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	s := fullState(t)
	c := *s.Snapshot.Config
	c.Entries = []config.Entry{{Name: "e", Label: evil, Kernel: evil}, {Name: "f", Label: evil, WDS: "w1"}}
	c.Machines = []config.Machine{{Boot: "e", MAC: []string{evil}}}
	c.Network.Interface = evil
	s.Snapshot.Config = &c
	s.Snapshot.Status.Missing = map[string][]string{"e": {evil}}
	s.Snapshot.File = menuwatch.File{
		Name: evil, Text: "# " + evil + "\n\xff\xfe\x00",
		Errors: config.Errors{{Line: 99, Key: evil, Problem: evil, Fix: evil}},
	}
	for i := range s.Snapshot.Servers {
		sv := &s.Snapshot.Servers[i]
		sv.Name, sv.Host, sv.LookupProblem, sv.ProbeProblem, sv.Wrong = evil, evil, evil, evil, evil
		for j := range sv.Programs {
			sv.Programs[j].File, sv.Programs[j].Health.Note = evil, evil
			sv.Programs[j].Signed = wdscerts.Program{Read: noon, Signers: wdscerts.Signers{Others: []string{evil}}}
		}
	}
	s.Snapshot.Files[0].File, s.Snapshot.Files[1].Signed.Problem = evil, evil
	for i := range s.Others {
		s.Others[i].Files = []string{evil}
	}
	s.Programs.Packages[0].Name, s.Programs.Files[0].Signers[0].Authority = evil, evil
	b := s.Box()
	b.Update.Answer.Why, b.Version.Answer.Pxebox, b.Disk.Answer.Why = evil, evil, evil
	b.Settings.Answer.Network.Text, b.Settings.Answer.Network.Client = evil, evil
	for _, path := range []string{"/menu", "/servers", "/settings", "/box"} {
		page := getSite(t, s, "en", path)
		if strings.Contains(page, "<script>") || strings.Contains(page, "<img") || strings.Contains(page, "\x00") {
			t.Errorf("%s holds a name as markup", path)
		}
		if !strings.Contains(page, "&lt;script&gt;alert(1)") {
			t.Errorf("%s does not show the name", path)
		}
	}
}

// A page stays small, whatever the settings hold.
func TestSitePagesAreBounded(t *testing.T) {
	var file strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&file, "[[entry]]\nname = \"e%d\"\nkernel = \"k/linux-%d\"\n", i, i)
	}
	for i := range 1000 {
		fmt.Fprintf(&file, "[[machine]]\nmac = [\"52:54:00:00:%02x:%02x\"]\nboot = \"e1\"\n", i>>8, i&0xff)
	}
	s := SiteState{Snapshot: snapshotOf(t, file.String())}
	for path, want := range map[string]string{
		"/menu":     "1500 more entries are not listed here.",
		"/settings": "6000 more lines are not shown here.",
	} {
		page := getSite(t, s, "en", path)
		if !strings.Contains(page, want) || len(page) > 512<<10 {
			t.Errorf("%s has %d bytes, and says %q: %v", path, len(page), want, strings.Contains(page, want))
		}
	}
	if page := getSite(t, s, "en", "/menu"); !strings.Contains(page, "800 more rules are not listed here.") {
		t.Error("the rules are not bounded")
	}
	for path := range map[string]bool{"/menu": true, "/servers": true, "/settings": true, "/box": true} {
		if page := getSite(t, fullState(t), "de", path); len(page) > 50<<10 {
			t.Errorf("%s of an ordinary site has %d bytes", path, len(page))
		}
	}
}

func TestRedact(t *testing.T) {
	const crypt = "$6$BJAORYq6iYawtBzQ$b7o/f/fTxRtuSpLLgzLQkMxf"
	const pbkdf2 = "grub.pbkdf2.sha512.10000.021ABEDE.985893AB"
	for situation, tt := range map[string]struct{ text, want string }{
		"nothing secret": {text: "[menu]\ntitle = \"x\"\n", want: "[menu]\ntitle = \"x\""},
		"the menu's password": {
			text: "[menu]\npassword = \"" + crypt + " " + pbkdf2 + "\"\ntitle = \"x\"",
			want: "[menu]\npassword = […]\ntitle = \"x\"",
		},
		"a password in plain text": {text: `password = "sesame"`, want: "password = […]"},
		"another key for it":       {text: `passwd = 'sesame'`, want: "passwd = […]"},
		"without quotes":           {text: `password = sesame`, want: "password = […]"},
		"commented out":            {text: `# password = "sesame" # old`, want: `# password = […] # old`},
		"hashes without a key":     {text: "# " + crypt + "\n\"" + pbkdf2 + "\"", want: "# […]\n\"[…]\""},
		"on several lines": {
			text: "password = \"\"\"\nsesame\nopen\"\"\"\ntitle = \"x\"",
			want: "password = […]\n[…]\n[…]\ntitle = \"x\"",
		},
		"on several lines, not closed": {text: "password = '''\nsesame", want: "password = […]\n[…]"},
		"a list on several lines": {
			text: "password = [\n\"sesame\",\n]\ntitle = \"x\"",
			want: "password = […]\n[…]\n[…]\ntitle = \"x\"",
		},
		"an argument": {
			text: `append = "auto passwd/root-password=sesame quiet"`,
			want: `append = "auto passwd/root-password=[…] quiet"`,
		},
		"an argument with quotes": {
			text: `append = 'token="open sesame" quiet'`,
			want: `append = 'token=[…] quiet'`,
		},
		"an argument, escaped": {
			text: `append = "token=\"open sesame\" quiet"`,
			want: `append = "token=[…] quiet"`,
		},
		"a URL": {
			text: `append = "url=http://me:sesame@10.0.0.1/x"`,
			want: `append = "url=http://[…]@10.0.0.1/x"`,
		},
		"an inline table": {
			text: `menu = { password = "sesame", title = "x" }`,
			want: `menu = { password = […], title = "x" }`,
		},
		"Windows line ends": {
			text: "password = \"sesame\"\r\ntitle = \"x\"\r\n",
			want: "password = […]\ntitle = \"x\"",
		},
		"not UTF-8": {text: "title = \"\xff\"", want: "title = \"�\""},
	} {
		t.Run(situation, func(t *testing.T) {
			if got := strings.Join(redact(tt.text), "\n"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if want, got := len(slices.Collect(strings.Lines(tt.text))), len(redact(tt.text)); got != want {
				t.Errorf("%d lines of %d", got, want)
			}
		})
	}
}

// No text that a key holds back shows, whatever the file looks like.
func FuzzRedact(f *testing.F) {
	f.Add("a = 1\n", `"`)
	f.Add("[menu]\n", `'''`)
	f.Fuzz(func(t *testing.T, before, quote string) {
		if strings.ContainsAny(quote, "\n#") || strings.Contains(before, "=") {
			return
		}
		const secret = "Xsesame1X"
		text := before + "\npassword = " + quote + secret + quote + "\n"
		if got := strings.Join(redact(text), "\n"); strings.Contains(got, secret) {
			t.Errorf("%q shows as %q", text, got)
		}
	})
}
