package parser

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestReach(t *testing.T) {
	const (
		fixed    = "[network]\naddress = \"192.168.77.1/24\"\n"                               // 2 lines
		gateway  = "gateway = \"192.168.77.254\"\n"                                           // 1
		proxy    = "[dhcp]\nmode = \"proxy\"\n"                                               // 2
		leases   = "[dhcp]\nmode = \"server\"\nrange = [\"192.168.77.100-192.168.77.150\"]\n" // 3
		router   = "router = \"192.168.77.254\"\n"                                            // 1
		behind   = "[[subnet]]\nnetwork = \"10.1.0.0/24\"\n"                                  // 2
		rng      = "range = [\"10.1.0.100-10.1.0.110\"]\n"                                    // 1
		byRouter = "router = \"10.1.0.1\"\n"                                                  // 1
		near     = "[[wds]]\nname = \"w\"\nserver = \"192.168.77.2\"\n"                       // 3
		far      = "[[wds]]\nname = \"w\"\nserver = \"10.9.0.5\"\n"                           // 3
		named    = "[[wds]]\nname = \"w\"\nserver = \"wds.example.org\"\n"                    // 3
		pc1      = "[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"10.1.0.20\"\n"  // 3
		gw       = "2: network.gateway: is missing, so the box has no route to "
		noRouter = "dhcp.router: is missing, so machines have no route to "
		lost     = "is missing, so the machines of 10.1.0.0/24 have no route to the box " //
	)
	for situation, tt := range map[string]struct {
		text string
		want []string // how each warning begins
	}{
		"its own network":                           {fixed + leases, nil},
		"next to the site's server":                 {"", nil},
		"a fixed address next to the site's server": {fixed + proxy, nil},
		"a subnet, and a router": {
			fixed + gateway + leases + behind + rng + byRouter, nil,
		},
		"a subnet, and no router to it": {
			fixed + leases + behind + rng + byRouter,
			[]string{gw + `the [[subnet]] 10.1.0.0/24; write the address of the router in 192.168.77.0/24`},
		},
		"the same, with a router for machines": {
			fixed + leases + router + behind + rng + byRouter,
			[]string{gw + `the [[subnet]] 10.1.0.0/24; write gateway = "192.168.77.254"`},
		},
		"a subnet next to the site's server, no router to it": {
			fixed + proxy + behind, []string{gw + "the [[subnet]] 10.1.0.0/24; "},
		},
		"many subnets": {
			fixed + proxy + behind + strings.ReplaceAll(behind, "10.1", "10.2") +
				strings.ReplaceAll(behind, "10.1", "10.3") +
				strings.ReplaceAll(behind, "10.1", "10.4"),
			[]string{gw +
				"the [[subnet]] 10.1.0.0/24, the [[subnet]] 10.2.0.0/24, the [[subnet]] 10.3.0.0/24 and 1 more; "},
		},
		"the lease of the site names the router": {proxy + behind, nil},
		"a WDS server in the box's network":      {fixed + proxy + near, nil},
		"a WDS server elsewhere":                 {fixed + proxy + far, []string{gw + `the [[wds]] "w" at 10.9.0.5; `}},
		"a WDS server by its name":               {fixed + proxy + named, nil},
		"a name server elsewhere": {
			fixed + "dns = [\"10.9.0.3\"]\n" + proxy, []string{gw + "the name server 10.9.0.3; "},
		},
		"a subnet whose machines get no router": {
			fixed + gateway + leases + behind + rng,
			[]string{`7: subnet "10.1.0.0/24".router: ` + lost +
				`and receive no boot files; write router = "10.1.0.1"`},
		},
		"a reservation there, and no router": {
			fixed + gateway + leases + behind + pc1, []string{`7: subnet "10.1.0.0/24".router: ` + lost},
		},
		"a subnet for the relay agent alone": {fixed + gateway + leases + behind, nil},
		"machines without a router, a WDS server elsewhere": {
			fixed + gateway + leases + far, []string{"4: " + noRouter + `the [[wds]] "w" at 10.9.0.5; `},
		},
		"machines without a router, a WDS server near": {fixed + gateway + leases + near, nil},
		"machines with a router, a WDS server elsewhere": {
			fixed + gateway + leases + router + far, nil,
		},
		"machines without a router, HTTP boot from elsewhere": {
			fixed + gateway + leases + "[boot]\nuefi-x64-http = \"http://10.9.0.5:8080/a.efi\"\n",
			[]string{"4: " + noRouter + "the web server 10.9.0.5 of boot.uefi-x64-http; "},
		},
		"machines without a router, a name server elsewhere": {
			fixed + leases + "dns = [\"10.9.0.3\"]\n", []string{"3: " + noRouter + "the name server 10.9.0.3; "},
		},
		"machines without a router, TFTP servers of others elsewhere": {
			fixed + leases + "[[dhcp.option]]\ncode = 66\ntext = \"10.9.0.6\"\n" +
				"[[dhcp.option]]\ncode = 150\nip = [\"192.168.77.9\", \"10.9.0.7\"]\n",
			[]string{"3: " + noRouter + "the server 10.9.0.6 of option 66, the server 10.9.0.7 of option 150; "},
		},
	} {
		c, err := Parse("f", []byte(tt.text))
		if err != nil {
			t.Errorf("%s: %v", situation, err)
			continue
		}
		if len(c.Warnings) != len(tt.want) {
			t.Errorf("%s: %d warnings, want %d:\n%v", situation, len(c.Warnings), len(tt.want), c.Warnings)
			continue
		}
		for i, w := range c.Warnings {
			if !strings.HasPrefix(w.Error(), "f:"+tt.want[i]) {
				t.Errorf("%s:\n%v\nwant\nf:%s", situation, w, tt.want[i])
			}
		}
	}
}

// The examples that people copy work as they are.
func TestExamplesReach(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]string{"default.toml": uncommented()}
	for _, m := range regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllSubmatch(page, -1) {
		if text := string(m[1]); strings.Contains(text, "[network]") {
			examples["README.md: "+text] = text
		}
	}
	if len(examples) < 2 {
		t.Error("the README has no example of a network")
	}
	for name, text := range examples {
		c, err := Parse("example", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if c.Warnings != nil {
			t.Errorf("%s: %v", name, c.Warnings)
		}
	}
}
