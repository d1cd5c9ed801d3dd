package iscdhcp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/test/conftest"
	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// brief returns the contents of a configuration, in one line for each network,
// option, reservation, boot program and note.
func brief(c *dhcpconf.Config) []string {
	var out []string
	for _, n := range c.Networks {
		s := n.Prefix.String()
		for _, r := range n.Ranges {
			s += " " + r.String()
		}
		if n.Lease != defaultLease {
			s += " " + n.Lease.String()
		}
		out = append(out, s)
		for _, o := range n.Options {
			out = append(out, fmt.Sprintf("  %d: %s", o.Code, conftest.Value(o)))
		}
	}
	for _, h := range c.Hosts {
		out = append(out, strings.TrimSpace(fmt.Sprintf("host %s %s %x %v %s", h.Name, h.MAC, h.Client, h.Address,
			h.Hostname)))
	}
	for _, b := range c.Boots {
		out = append(out, strings.TrimSpace(fmt.Sprintf("boot %s %s", b.File, b.Server)))
	}
	for _, n := range c.Notes {
		out = append(out, fmt.Sprintf("%d: %s: %s", n.Line.Number, n.Line.Text, n.Why))
	}
	return out
}

func TestParse(t *testing.T) {
	const is = "10.0.0.0/24 10.0.0.1-10.0.0.9"
	subnet := func(inside string) string {
		return "subnet 10.0.0.0 netmask 255.255.255.0 {\nrange 10.0.0.1 10.0.0.9;\n" + inside + "\n}\n"
	}
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"comments, and statements over several lines": {
			"\ufeff# x {\r\nsubnet 10.0.0.0\r\n netmask 255.255.255.0 # y\r\n{ range\n10.0.0.1\n10.0.0.9;} ;",
			[]string{is},
		},
		"ranges": {
			"subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.0.1; range dynamic-bootp 10.0.1.1 10.0.1.9;" +
				"range 10.0.2.9 10.0.2.1; }\n" +
				"range 10.9.0.1 10.9.0.2;\nsubnet 10.7.0.0 netmask 255.0.255.0 { }\nsubnet x { }\n",
			[]string{
				"10.0.0.0/16 10.0.0.1 10.0.1.1-10.0.1.9 10.0.2.1-10.0.2.9",
				"3: subnet 10.7.0.0 netmask 255.0.255.0 {: is not a network with its netmask",
				"4: subnet x {: is not a network with its netmask", "2: range 10.9.0.1 10.9.0.2;: is in no subnet",
			},
		},
		"scopes: global, shared network, subnet, pool": {
			"option domain-name \"a\";\noption ntp-servers 10.0.0.2;\ndefault-lease-time 60;\nshared-network x {\n" +
				"option domain-name \"b\";\n" +
				subnet("option routers 10.0.0.1;\n"+
					"pool { default-lease-time 90; range 10.0.0.20; option domain-name \"c\"; }") + "}\n" +
				"subnet 10.1.0.0 netmask 255.255.255.0 { pool { default-lease-time 90;" +
				"range 10.1.0.20; option domain-name \"d\"; } }\n",
			[]string{
				"10.0.0.0/24 10.0.0.1-10.0.0.9 10.0.0.20 1m0s", "  3: [10.0.0.1]", `  15: "b"`, "  42: [10.0.0.2]",
				"10.1.0.0/24 10.1.0.20 1m30s", `  15: "d"`, "  42: [10.0.0.2]",
				"9: default-lease-time 90;: a network has one lease time",
				`9: option domain-name "c";: is for certain machines: an option is for all of a network`,
			},
		},
		"a pool of a shared network": {
			"shared-network x { subnet 10.0.0.0 netmask 255.255.255.0 { } subnet 10.1.0.0 netmask 255.255.255.0 { }\n" +
				"pool { range 10.1.0.1 10.1.0.2; } }",
			[]string{
				"10.0.0.0/24", "10.1.0.0/24 10.1.0.1-10.1.0.2",
				"1: shared-network x {: has 2 networks on one link: " +
					"the box serves one of them directly, and the others through relay agents only",
			},
		},
		"pools for certain machines": {
			subnet("pool { deny unknown-clients; range 10.0.0.20; }\n" +
				"pool { allow members of \"x\"; range 10.0.0.30; }\n" +
				"pool { allow unknown-clients; deny members of \"x\"; range 10.0.0.40; }\n" +
				"pool { deny unknown clients; range 10.0.0.50; }"),
			[]string{
				is + " 10.0.0.40",
				`5: deny members of "x";: the box leases a range to every machine of its network`,
				"3: range 10.0.0.20;: is leased only to certain machines, according to line 3: the box would lease " +
					"it to all",
				"4: range 10.0.0.30;: is leased only to certain machines, according to line 4: the box would lease " +
					"it to all",
				"6: range 10.0.0.50;: is leased only to certain machines, according to line 6: the box would lease " +
					"it to all",
			},
		},
		"unknown machines get nothing": {
			"deny unknown-clients;\n" + subnet(""),
			[]string{
				"10.0.0.0/24",
				"3: range 10.0.0.1 10.0.0.9;: is leased only to certain machines, according to line 1: the box would " +
					"lease it to all",
			},
		},
		"options of each kind": {
			subnet("option routers 10.0.0.1, 10.0.0.2;\noption interface-mtu 1400;\noption ip-forwarding on;\n" +
				"option time-offset -3600;\n" +
				"option domain-search \"a.b\", \"c.d\";\noption vendor-encapsulated-options 1:2:ff;\n" +
				"option bootfile-name \"a\\tb\\101\\x42\\\"\";\n" +
				"option subnet-mask 255.255.255.0;\noption broadcast-address 10.0.0.255;"),
			[]string{
				is, `  67: "a\tbAB\""`, "  43: 0102ff", "  119: a.b c.d", "  2: -3600 in 4", "  19: 1 in 1",
				"  26: 1400 in 2",
				"  3: [10.0.0.1 10.0.0.2]",
			},
		},
		"another mask, and another broadcast address": {
			subnet("option subnet-mask 255.255.0.0;\noption broadcast-address 10.0.0.127;"),
			[]string{is, "  28: [10.0.0.127]", "  1: [255.255.0.0]"},
		},
		"options that the file defines": {
			"option a code 224 = text;\noption b code 225 = unsigned integer 16;\n" +
				"option c code 226 = array of ip-address;\noption d code 227 = string;\n" +
				"option e code 228 = boolean;\noption f code 121 = array of unsigned integer 8;\n" +
				"option g code 229 = { ip-address, integer 8 };\n" +
				"option h code 230 = array of { integer 8, text };\noption space x;\noption x.y code 1 = text;\n" +
				"option i code 231 = array of integer 32;\n" +
				subnet("option a \"t\";\noption b 0x10;\noption c 10.0.0.1, 10.0.0.2;\noption d \"s\";\n"+
					"option e true;\n"+
					"option f 8, 10, 10,0,0,3;\n"+
					"option g 10.0.0.1 5;\noption h 1 \"a\";\noption x.y \"z\";\noption nothing 1;\n"+
					"option a = concat(\"x\", \"y\");\noption i 1,2;"),
			[]string{
				is, "  121: 080a0a000003", "  228: 1 in 1", `  227: "s"`, "  226: [10.0.0.1 10.0.0.2]",
				"  225: 16 in 2",
				`  224: "t"`,
				"9: option space x;: pxebox has no options inside others",
				"10: option x.y code 1 = text;: pxebox has no options inside others",
				"20: option g 10.0.0.1 5;: pxebox has no key for a value of this kind: write its bytes",
				`21: option h 1 "a";: pxebox has no key for a value of this kind: write its bytes`,
				`22: option x.y "z";: pxebox has no options inside others: write the bytes of option 43 or 125`,
				`23: option nothing 1;: "nothing" is not a known option`,
				`24: option a = concat ( "x", "y" );: pxebox does not evaluate expressions`,
				"25: option i 1, 2;: pxebox has no key for a value of this kind: write its bytes",
			},
		},
		"options that are none": {
			subnet("option routers gateway.example.org;\noption interface-mtu big;\noption routers;\n" +
				"option ip-forwarding maybe;\noption ntp-servers 10.0.0.1;\n" +
				"option ntp-servers 10.0.0.2;"),
			[]string{
				is, "  42: [10.0.0.2]",
				"3: option routers gateway.example.org;: gateway.example.org is not an IPv4 address: write it in " +
					"place of the name",
				"4: option interface-mtu big;: pxebox has no key for a value of this kind: write its bytes",
				"5: option routers;: has no value",
				"6: option ip-forwarding maybe;: pxebox has no key for a value of this kind: write its bytes",
				"7: option ntp-servers 10.0.0.1;: line 8 replaces it",
			},
		},
		"hosts": {
			"use-host-decl-names on;\nhost a { hardware ethernet 52:54:0:0:0:1; fixed-address 10.0.0.1; }\n" +
				"host b { option dhcp-client-identifier \"xyz\"; fixed-address 10.0.0.2;" +
				"option host-name \"bee.example.org\"; }\n" +
				subnet("host c { hardware ethernet 52:54:00:00:00:03;"+
					"fixed-address 10.0.0.3, 10.1.0.3; option routers 10.0.0.9; }"),
			[]string{
				is, "host a 52:54:00:00:00:01  10.0.0.1 a", "host b  78797a 10.0.0.2 bee",
				"host c 52:54:00:00:00:03  10.0.0.3 c",
				`3: option host-name "bee.example.org";: the name is bee: the domain is that of the network`,
				"6: fixed-address 10.0.0.3, 10.1.0.3;: a reservation has one address: 10.1.0.3 is left out",
				"6: option routers 10.0.0.9;: is for one machine: a reservation has a hostname, and no other option",
			},
		},
		"hosts that are no reservation": {
			"host a { hardware ethernet 52:54:00:00:00:01; }\nhost b { fixed-address 10.0.0.1; }\n" +
				"host c { hardware token-ring 1:2:3:4:5:6; fixed-address c.example.org; }\n",
			[]string{
				"1: host a {: has no fixed-address with an IPv4 address: a reservation needs one",
				"2: host b {: has no hardware address of Ethernet and no client identifier: a reservation needs one",
				"3: hardware token-ring 1:2:3:4:5:6;: the box serves machines on Ethernet only",
				"3: fixed-address c.example.org;: c.example.org is not an IPv4 address: write it in place of the name",
				"3: host c {: has no hardware address of Ethernet and no client identifier: a reservation needs one",
			},
		},
		"boot programs in scopes and conditions": {
			"next-server 10.0.0.1;\nfilename \"a\";\ngroup { filename \"b\"; }\nclass \"x\" {\nmatch if true;\n" +
				"if option arch = 00:07 {\nfilename \"c\";\n" +
				"} elsif 1 = 1 {\nnext-server 10.0.0.2;\n} else { filename \"d\"; option a 1; }\n}\n" +
				"host h { filename \"e\"; }\n",
			[]string{
				"boot b 10.0.0.1", "boot c 10.0.0.1", "boot a 10.0.0.2", "boot d 10.0.0.1", "boot e 10.0.0.1",
				"boot a 10.0.0.1",
				`4: class "x" {: the box detects the kind of firmware itself, and has no other conditions`,
				"5: match if true;: is for certain machines: left out",
				"10: option a 1;: is for certain machines: left out",
				`12: filename "e";: is for one machine: write a [[machine]] with boot for it`,
				"12: host h {: has no hardware address of Ethernet and no client identifier: a reservation needs one",
			},
		},
		"a server without a program": {"next-server 10.0.0.1;",
			[]string{"1: next-server 10.0.0.1;: names no boot program: the box names its own"}},
		"each other statement is listed": {
			"authoritative;\nddns-update-style none;\nmax-lease-time 9;\nlog-facility local7;\n" +
				"failover peer \"x\" { primary; }\nsubnet6 2001:db8::/32 { range6 x; }\n" +
				"deny bootp;\nallow client-updates;\nallow booting;\nserver-identifier h;\n" +
				"hardware ethernet 52:54:00:00:00:01;\nsubclass \"x\" 1:52;\n" +
				"default-lease-time soon;\nomapi-port 7911; key k { secret \"hidden\"; }\n",
			[]string{
				"1: authoritative;: pxebox has no key for it",
				"2: ddns-update-style none;: the box does not update name servers",
				"3: max-lease-time 9;: a lease has one length: that of default-lease-time",
				"4: log-facility local7;: pxebox has no key for it",
				"7: deny bootp;: the box answers every machine", "8: allow client-updates;: pxebox has no key for it",
				"10: server-identifier h;: is left out: the box has one address",
				"11: hardware ethernet 52:54:00:00:00:01;: belongs to no host",
				`12: subclass "x" 1:52;: the box detects the kind of firmware itself, and has no other conditions`,
				`13: default-lease-time soon;: "soon" is not a number of seconds`,
				"14: omapi-port 7911;: pxebox has no key for it: all of its settings are in pxebox.toml",
				`5: failover peer "x" {: is left out with its block: pxebox has no key for it`,
				"6: subnet6 2001:db8::/32 {: the box serves IPv4 only",
				"14: key k {: is left out with its block: pxebox has no key for it",
			},
		},
		"what is not whole": {
			"}\nauthoritative\nsubnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.1 }\n" +
				"host a { hardware ethernet 52:54:00:00:00:01; fixed-address 10.0.0.1;",
			[]string{
				"host a 52:54:00:00:00:01  10.0.0.1", "1: }: ends a block that has no beginning",
				"3: range: has no ; at its end", "4: host a {: begins a block that has no end",
				"2: authoritative subnet 10.0.0.0 netmask 255.255.255.0 {: is left out with its block: pxebox has no " +
					"key for it",
			},
		},
		"includes": {
			"include \"a\";\ninclude \"gone\";\ninclude;\n",
			[]string{
				is, "2: include \"main\";: is left out: the file includes itself",
				`2: include "gone";: gone cannot be read: file does not exist`, "3: include;: names no file",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse("main", conftest.Files{"main": tt.text,
				"a": "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.1 10.0.0.9;\ninclude \"main\"; }"})
			if err != nil {
				t.Fatal(err)
			}
			if got := brief(c); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// Nested blocks, and files that include others, come to an end.
func TestParseIsBounded(t *testing.T) {
	all := conftest.Files{"main": strings.Repeat("group {", 100_000)}
	for i := range 40 {
		all[fmt.Sprint(i)] = strings.Repeat(fmt.Sprintf("include \"%d\";\n", i+1), 40)
	}
	for name, text := range map[string]string{"deep": all["main"], "wide": "include \"0\";"} {
		all["main"] = text
		c, err := Parse("main", all)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Notes) == 0 || len(c.Notes) > dhcpconf.MaxNotes+1 {
			t.Errorf("%s: %d notes", name, len(c.Notes))
		}
	}
}

// Everything in a file is either converted or listed.
func FuzzParse(f *testing.F) {
	f.Add("subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.1 10.0.0.9;" +
		"pool { deny unknown-clients; range 10.0.0.20; } option routers 10.0.0.1; }")
	f.Add("option a code 224 = { ip-address, integer 8 }; option b code 121 = array of integer 8;" +
		"shared-network x { option b 8,10,10,0,0,1; }")
	f.Add("host a { hardware ethernet 52:54:0:0:0:1; fixed-address 10.0.0.1;" +
		"option host-name \"\\x41\\101\\\"\"; filename \"x\"; }\ninclude \"main\";")
	f.Add("class \"x\" { if a = b { next-server 10.0.0.1; } elsif c { filename \"d\"; } else { } } } { ; group {")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("main", conftest.Files{"main": text})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range c.Networks {
			for _, r := range n.Ranges {
				if r.Last.Less(r.First) || !n.Prefix.Contains(r.First) {
					t.Errorf("range %v of %v", r, n.Prefix)
				}
			}
		}
	})
}
