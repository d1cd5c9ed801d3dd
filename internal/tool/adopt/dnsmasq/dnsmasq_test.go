package dnsmasq

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
		if n.Guessed {
			s += "?"
		}
		if n.Proxy {
			s += " proxy"
		}
		for _, r := range n.Ranges {
			s += " " + r.String()
		}
		if n.Lease > 0 {
			s += " " + n.Lease.String()
		}
		out = append(out, s)
		for _, o := range n.Options {
			out = append(out, fmt.Sprintf("  %d: %s", o.Code, conftest.Value(o)))
		}
	}
	for _, h := range c.Hosts {
		out = append(out, strings.TrimSpace(fmt.Sprintf("host %s %x %v %s", h.MAC, h.Client, h.Address, h.Hostname)))
	}
	for _, b := range c.Boots {
		out = append(out, strings.TrimSpace(fmt.Sprintf("boot %s %s %s", b.File, b.Server, b.Label)))
	}
	for _, n := range c.Notes {
		out = append(out, fmt.Sprintf("%d: %s", n.Line.Number, n.Why))
	}
	return out
}

func TestParse(t *testing.T) {
	const network = "dhcp-range=set:a,10.0.0.1,10.0.0.9,255.255.255.0,1h\n"
	const is = "10.0.0.0/24 10.0.0.1-10.0.0.9 1h0m0s"
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"comments, quotes, spaces, a mark of Windows": {
			"\ufeff# x\r\n  dhcp-range = 10.0.0.1 , 10.0.0.9 , 255.255.255.0 , 1h # x\r\n" +
				"dhcp-option = 252 , \"a # , \\\"b\"\r\n dhcp-option=17,a#b\r\n",
			[]string{is, `  252: "a # , \"b"`, `  17: "a#b"`},
		},
		"a quote alone": {network + `dhcp-option=17,"a`, []string{is, `2: has an unmatched "`}},
		"leases": {
			"dhcp-range=10.0.0.1,10.0.0.9,90\ndhcp-range=10.0.1.1,10.0.1.9,2d\ndhcp-range=10.0.2.1,10.0.2.9,1w\n" +
				"dhcp-range=10.0.3.1,10.0.3.9,45m\n",
			[]string{
				"10.0.0.0/24? 10.0.0.1-10.0.0.9 1m30s", "10.0.1.0/24? 10.0.1.1-10.0.1.9 48h0m0s",
				"10.0.2.0/24? 10.0.2.1-10.0.2.9 168h0m0s",
				"10.0.3.0/24? 10.0.3.1-10.0.3.9 45m0s",
			},
		},
		"a lease without an end": {"dhcp-range=10.0.0.1,10.0.0.9,infinite",
			[]string{"10.0.0.0/24? 10.0.0.1-10.0.0.9 876000h0m0s"}},
		"netmask and broadcast address": {
			"dhcp-range=10.0.0.1,10.0.3.9,255.255.252.0,10.0.3.255", []string{"10.0.0.0/22 10.0.0.1-10.0.3.9 1h0m0s"},
		},
		"a range larger than a /24": {"dhcp-range=10.0.0.1,10.0.3.9",
			[]string{"10.0.0.0/22? 10.0.0.1-10.0.3.9 1h0m0s"}},
		"one address, static, proxy": {
			"dhcp-range=10.0.0.5\ndhcp-range=10.0.1.0,static\ndhcp-range=10.0.2.0,proxy,255.255.254.0\n",
			[]string{"10.0.0.0/24? 10.0.0.5 1h0m0s", "10.0.1.0/24? 1h0m0s", "10.0.2.0/23 proxy"},
		},
		"two ranges of one network": {
			network + "dhcp-range=set:b,10.0.0.50,10.0.0.60,2h\ndhcp-option=tag:b,42,10.0.0.1\n",
			[]string{"10.0.0.0/24 10.0.0.1-10.0.0.9 10.0.0.50-10.0.0.60 1h0m0s", "  42: [10.0.0.1]",
				"2: a network has one lease time: that of line 1"},
		},
		"ranges that are none": {
			"dhcp-range=10.0.0.9,10.0.0.1\ndhcp-range=x.y\ndhcp-range=\ndhcp-range=10.0.0.1,10.0.0.9,255.0.255.0\n" +
				"dhcp-range=tag:a,10.0.0.1,10.0.0.9\ndhcp-range=2001:db8::1,ra-only\n" +
				"dhcp-range=10.0.0.1,10.0.0.2,forever\n",
			[]string{
				"1: its last address comes before its first", `2: "x.y" is not an IPv4 address`, "3: names no address",
				"4: 255.0.255.0 is not a netmask",
				"5: is for certain machines, but the box leases a range to its whole network",
				"6: the box serves IPv4 only",
				`7: "forever" is not known`,
			},
		},
		"options by number and by name, of each kind": {
			network + "dhcp-option=3,10.0.0.254\ndhcp-option=option:ntp-server,10.0.0.1,10.0.0.2\ndhcp-option=19,1\n" +
				"dhcp-option=26,1400\n" +
				"dhcp-option=224,5\ndhcp-option=225,500\ndhcp-option=226,70000\ndhcp-option=227,5i\n" +
				"dhcp-option=228,-1\n" +
				"dhcp-option=229,1:2:ff\n" +
				"dhcp-option=230,text\ndhcp-option=15,5\ndhcp-option=6\ndhcp-option=119,a.b,c.d\n" +
				"dhcp-option=121,10.1.0.0/16,10.0.0.3,10.0.0.7,10.0.0.4\n" +
				"dhcp-option=option:T1,1h\n",
			[]string{
				is, "  3: [10.0.0.254]", "  42: [10.0.0.1 10.0.0.2]", "  19: 1 in 1", "  26: 1400 in 2",
				"  224: 5 in 1",
				"  225: 500 in 2",
				"  226: 70000 in 4", "  227: 5 in 4", "  228: -1 in 4", "  229: 0102ff", `  230: "text"`, `  15: "5"`,
				"  6: none", "  119: a.b c.d",
				"  121: 100a010a000003200a0000070a000004", "  58: 3600 in 4",
			},
		},
		"options with tags of the network, of none, and of old": {
			network + "dhcp-option=tag:a,3,10.0.0.1\ndhcp-option=3,10.0.0.2\ndhcp-option=tag:a,tag:b,6,10.0.0.3\n" +
				"dhcp-option=net:a,42,10.0.0.4\n" +
				"dhcp-option=a,7,10.0.0.5\ndhcp-option-force=tag:!a,9,10.0.0.6\n",
			[]string{
				is, "  3: [10.0.0.1]", "  42: [10.0.0.4]", "  7: [10.0.0.5]", "3: another line replaces it",
				"4: is for certain machines: an option is for all of a network",
				"7: is for certain machines: an option is for all of a network",
			},
		},
		"the later line counts, and domain= comes last": {
			network + "dhcp-option=17,a\ndhcp-option=17,b\ndhcp-option=15,c\ndomain=d\n",
			[]string{is, `  17: "b"`, `  15: "c"`, "2: another line replaces it", "5: another line replaces it"},
		},
		"domains": {
			network +
				"domain=a.org\ndomain=b.org,10.0.0.0/24\ndomain=c.org,10.9.0.0/24\ndomain=d.org,10.0.0.1,10.0.0.9\n" +
				"domain=#\n",
			[]string{
				is, `  15: "b.org"`, "5: is for a part of a network: a domain is for all of it", "6: names no domain",
				"2: another line replaces it", "4: there is no dhcp-range in 10.9.0.0/24",
			},
		},
		"options that are none": {
			network +
				"dhcp-option=vendor:PXEClient,1,0.0.0.0\ndhcp-option=vendor:MSFT,2,1i\ndhcp-option=encap:175,190,x\n" +
				"dhcp-option=option6:dns-server,[::]\n" +
				"dhcp-option=option:nothing,1\ndhcp-option=300,1\ndhcp-option=\ndhcp-option=26,x\n" +
				"dhcp-option=121,10.0.0.0/8\ndhcp-option=42,0.0.0.0\n",
			[]string{
				is, "2: the box has its own vendor options for PXE",
				"3: pxebox has no options inside others: write the bytes of option 43 or 125",
				"4: pxebox has no options inside others: write the bytes of option 43 or 125",
				"5: the box serves IPv4 only",
				`6: "nothing" is not an option that dnsmasq knows`, `7: "300" is not the number of an option`,
				"8: names no option",
				"9: is not a number",
				"10: is not a list of networks, each with a router",
				"11: 0.0.0.0 is the old server's address, which listen-address does not name",
			},
		},
		"0.0.0.0 is the server": {
			"listen-address=127.0.0.1,10.0.0.2\n" + network + "dhcp-option=42,0.0.0.0\n",
			[]string{is, "  42: [10.0.0.2]"},
		},
		"hosts": {
			"dhcp-host=52:54:0:0:0:1,10.0.0.1,pc1,set:x\ndhcp-host=1-52:54:00:00:00:02,10.0.0.2\n" +
				"dhcp-host=id:pc3,pc3,10.0.0.3\n" +
				"dhcp-host=id:*,52:54:00:00:00:04,10.0.0.4,24h\ndhcp-host=52:54:00:00:00:05,[fd00::1],10.0.0.5,7up\n",
			[]string{
				"host 52:54:00:00:00:01  10.0.0.1 pc1", "host 52:54:00:00:00:02  10.0.0.2", "host  706333 10.0.0.3 pc3",
				"host 52:54:00:00:00:04  10.0.0.4", "host 52:54:00:00:00:05  10.0.0.5 7up",
				"4: the lease time is that of the network",
			},
		},
		"hosts that are no reservation": {
			"dhcp-host=52:54:00:00:00:01,pc1\ndhcp-host=pc1,10.0.0.1\ndhcp-host=52:54:00:00:*:*,10.0.0.1\n" +
				"dhcp-host=tag:a,52:54:00:00:00:01,10.0.0.1\n" +
				"dhcp-host=52:54:00:00:00:01,10.0.0.1,a_b\ndhcp-host=52:54:00:00:00:01,10.0.0.1,ignore\n",
			[]string{
				"1: has no IPv4 address: a reservation needs one",
				"2: has no MAC address and no client identifier: a reservation needs one",
				"3: is for several machines: a reservation is for one",
				"4: is for a machine in certain networks only: a reservation has no conditions",
				`5: "a_b" is not a valid host name`, "6: the box answers every machine",
			},
		},
		"boot programs": {
			"dhcp-boot=pxelinux.0\ndhcp-boot=tag:x,f.efi,server\ndhcp-boot=net:x,g.efi,,10.0.0.1\n" +
				"pxe-service=x86PC,\"A, b\",pxelinux\n" +
				"pxe-service=tag:x,7,C,x.efi,10.0.0.2\npxe-service=x86PC,D\npxe-service=x86PC,E,1\npxe-service=x86PC\n" +
				"dhcp-boot=\n",
			[]string{
				"boot pxelinux.0", "boot f.efi server", "boot g.efi 10.0.0.1", "boot pxelinux  A, b",
				"boot x.efi 10.0.0.2 C",
				"6: starts the machine's disk: the menu has an entry for that",
				"7: machines look for a boot server of type 1: if that is a WDS server, write a [[wds]]",
				"8: is incomplete", "9: names no file",
			},
		},
		"each other line is listed": {
			"interface=eth0\nserver=1.1.1.1\ndhcp-match=set:x,93,7\nenable-ra\ndhcp-relay=10.0.0.1,10.0.0.2\n" +
				"auth-zone=x\n" +
				"nonsense\ntftp-root=\n" +
				"dhcp-ignore=tag:x\nenable-tftp\nport=0\nno-ping\n",
			[]string{
				"1: pxebox has no key for it", "2: the box is not a name server",
				"3: the box detects the kind of firmware itself, and has no other conditions",
				"4: the box serves IPv4 only",
				"5: the box is not a relay agent", "6: the box is not a name server", "7: pxebox has no key for it",
				"8: names no folder",
				"9: the box answers every machine",
			},
		},
		"options without a network": {
			"dhcp-option=3,10.0.0.1", []string{"1: no dhcp-range uses it"},
		},
		"includes": {
			"conf-file=a\nconf-dir=d,.bak\nconf-file=gone\ndhcp-optsfile=o\nconf-dir=\nconf-file=\n" + network,
			[]string{
				is, "  17: \"x\"", "host 52:54:00:00:00:01  10.0.0.1", "host 52:54:00:00:00:02  10.0.0.2",
				"2: is left out: the file includes itself", "3: gone cannot be read: file does not exist",
				"5: names no folder",
				"6: names no file",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse("main", conftest.Files{
				"main": tt.text, "a": "dhcp-host=52:54:00:00:00:01,10.0.0.1\nconf-file=main\n",
				"d/1":     "dhcp-host=52:54:00:00:00:02,10.0.0.2\n",
				"d/2.bak": "x", "d/3~": "x", "d/.4": "x", "o": "17,x\n",
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := brief(c); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// Files that include each other, and large ones, come to an end.
func TestIncludesAreBounded(t *testing.T) {
	all := conftest.Files{"main": "conf-dir=d\n", "d/big": strings.Repeat("#", dhcpconf.MaxBytes)}
	for i := range 400 {
		all[fmt.Sprintf("d/%03d", i)] = "conf-dir=d\n"
	}
	c, err := Parse("main", all)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(c.Notes, func(n dhcpconf.Note) bool {
		return strings.Contains(n.Why,
			"256 files are read")
	}) || len(c.Notes) > dhcpconf.MaxNotes+1 {
		t.Errorf("%d notes", len(c.Notes))
	}
}

// A long list of names for a name server, as ad blockers write it, is
// abbreviated.
func TestLinesAlikeAreListed(t *testing.T) {
	c, err := Parse("main",
		conftest.Files{"main": strings.Repeat("address=/a.example.org/0.0.0.0\n", 50_000) +
			"dhcp-relay=10.0.0.1,10.0.0.2\n"})
	if err != nil {
		t.Fatal(err)
	}
	n := len(c.Notes)
	if n != dhcpconf.MaxAlike+2 ||
		c.Notes[n-2].Why != "and 49979 more lines up to line 50000: the box is not a name server" ||
		c.Notes[n-1].Line.Number != 50_001 {
		t.Errorf("%d notes, at the end %v", n, c.Notes[n-2:])
	}
}

// Every line is either converted or listed.
func FuzzParse(f *testing.F) {
	f.Add("dhcp-range=set:a,10.0.0.1,10.0.0.9,255.255.255.0,1h\ndhcp-option=tag:a,3,10.0.0.1\n")
	f.Add("dhcp-host=52:54:00:00:00:01,id:01:02,10.0.0.1,\"a,b\",set:x\nconf-file=main\n")
	f.Add("dhcp-boot=net:x,f,s,10.0.0.1\npxe-service=x86PC,\"A\",1,h\ndomain=a,10.0.0.0/8\n" +
		"dhcp-option=121,10.0.0.0/8,10.0.0.1\n")
	f.Add("dhcp-option=43,01:02\ndhcp-option=option:T1,1h\ndhcp-range=10.0.0.0,proxy\ndhcp-ignore=tag:!known\n" +
		"listen-address=10.0.0.1\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("main", conftest.Files{"main": text, "a": text})
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
