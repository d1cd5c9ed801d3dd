package adopt

import (
	"bytes"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/test/golden"
	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
	"github.com/pxebox/pxebox/internal/tool/adopt/dnsmasq"
	"github.com/pxebox/pxebox/internal/tool/adopt/iscdhcp"
)

// Whole configurations, in the form that they have at real sites.
func TestRunDHCP(t *testing.T) {
	for name, file := range map[string]string{"dnsmasq": "dnsmasq/dnsmasq.conf", "isc": "isc/dhcpd.conf"} {
		t.Run(name, func(t *testing.T) {
			into := filepath.Join(t.TempDir(), "new")
			var out bytes.Buffer
			if err := (Job{Sources: []string{filepath.Join("testdata/dhcp", file)}, Into: into}).Run(&out); err != nil {
				t.Fatal(err)
			}
			toml, err := os.ReadFile(filepath.Join(into, configFile))
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, "testdata/dhcp/"+name+".toml", toml)
			golden.Compare(t, "testdata/dhcp/"+name+".report",
				bytes.ReplaceAll(out.Bytes(), []byte(into), []byte("INTO")))
			parse(t, filepath.Join(into, configFile))
			if strings.Contains(out.String()+string(toml), "c2VjcmV0") {
				t.Error("a key is shown")
			}
		})
	}
}

// told returns the lines that notes are about.
func told(notes, file string) []string {
	var out []string
	for line := range strings.Lines(notes) {
		if rest, ok := strings.CutPrefix(line, file+":"); ok {
			number, _, _ := strings.Cut(rest, ":")
			if !slices.Contains(out, number) {
				out = append(out, number)
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestDHCP(t *testing.T) {
	ranges := func(c *config.Config) string {
		var out []string
		for _, r := range c.DHCP.Ranges {
			out = append(out, r.String())
		}
		return strings.Join(out, " ")
	}
	for name, tt := range map[string]struct {
		file, text string
		address    string
		notes      []string // lines that have a note
		note       string   // a part of the notes
		check      func(c *config.Config) bool
	}{
		"dnsmasq: next to the site's DHCP server": {
			file: "dnsmasq.conf", text: "port=0\ndhcp-range=192.168.1.0,proxy\npxe-service=x86PC,\"Linux\",pxelinux\n",
			notes: []string{"3"},
			check: func(c *config.Config) bool {
				return c.DHCP.Mode == spec.ModeProxy && len(c.DHCP.Subnets) == 0 && len(c.DHCP.Ranges) == 0
			},
		},
		"dnsmasq: without its address the box does not lease": {
			file: "dnsmasq.conf", text: "dhcp-range=192.168.1.50,192.168.1.150\ndhcp-option=3,192.168.1.1\n" +
				"dhcp-option=6,192.168.1.1\n",
			notes: []string{"1"}, note: `the box needs an address and mode = "server"`,
			check: func(c *config.Config) bool {
				return c.DHCP.Mode == spec.ModeAuto && ranges(c) == "192.168.1.50-192.168.1.150" &&
					c.DHCP.Lease == spec.Duration(3600e9)
			},
		},
		"dnsmasq: the box's address is given": {
			file: "dnsmasq.conf", text: "dhcp-range=192.168.1.50,192.168.1.150,12h\ndhcp-option=3,192.168.1.1\n" +
				"dhcp-option=6,192.168.1.1\n",
			address: "192.168.1.100/24",
			notes:   []string{"1"}, note: "the range leaves out 192.168.1.100",
			check: func(c *config.Config) bool {
				return c.DHCP.Mode == spec.ModeServer && c.Network.Address.String() == "192.168.1.100/24" &&
					c.Network.Gateway.String() == "192.168.1.1" &&
					ranges(c) == "192.168.1.50-192.168.1.99 192.168.1.101-192.168.1.150"
			},
		},
		"dnsmasq: the old server is the router and the name server as well": {
			file:  "dnsmasq.conf",
			text:  "listen-address=192.168.1.1\ndhcp-range=192.168.1.50,192.168.1.150,255.255.255.0\n",
			notes: []string{"2"}, note: "machines use 192.168.1.1 for other services",
			check: func(c *config.Config) bool {
				return c.DHCP.Mode == spec.ModeAuto && c.DHCP.Router == netip.MustParseAddr("192.168.1.1") &&
					len(c.DHCP.DNS) == 1
			},
		},
		"dnsmasq: the old server names itself, and the file does not": {
			file: "dnsmasq.conf", text: "dhcp-range=192.168.1.50,192.168.1.150\n",
			notes: []string{"1"}, note: "the old server names itself as the router: write its address as router",
			check: func(c *config.Config) bool { return !c.DHCP.Router.IsValid() },
		},
		"dnsmasq: neither router nor name server": {
			file: "dnsmasq.conf", text: "listen-address=192.168.1.2\nport=0\n" +
				"dhcp-range=192.168.1.50,192.168.1.150,255.255.255.0\ndhcp-option=3\n",
			notes: []string{"3"},
			note:  "the box gets the old server's address 192.168.1.2: switch that server off first",
			check: func(c *config.Config) bool {
				return c.DHCP.Mode == spec.ModeServer && !c.DHCP.Router.IsValid() && c.DHCP.DNS == nil &&
					c.Network.Address.String() == "192.168.1.2/24"
			},
		},
		"dnsmasq: only machines with a reservation": {
			file: "dnsmasq.conf",
			text: "dhcp-range=192.168.1.50,192.168.1.150\ndhcp-host=52:54:00:00:00:01,192.168.1.9\n" +
				"dhcp-ignore=tag:!known\ndhcp-option=3,192.168.1.1\ndhcp-option=6,192.168.1.1\n",
			notes: []string{"1", "2", "3"}, note: "the box would lease it to all",
			check: func(c *config.Config) bool { return len(c.DHCP.Ranges) == 0 && len(c.DHCP.Reservations) == 1 },
		},
		"dnsmasq: two ranges without netmasks": {
			file: "dnsmasq.conf",
			text: "dhcp-range=a,192.168.1.50,192.168.1.150\ndhcp-range=b,192.168.2.50,192.168.2.150\n" +
				"dhcp-option=a,3,192.168.1.1\ndhcp-option=b,3,192.168.2.1\ndhcp-option=6,192.168.1.1\n",
			notes: []string{"1", "2"}, note: "the network is assumed to be 192.168.2.0/24",
			check: func(c *config.Config) bool {
				s := c.DHCP.Subnets
				return ranges(c) == "192.168.1.50-192.168.1.150" && len(s) == 1 &&
					s[0].Router.String() == "192.168.2.1" &&
					len(s[0].DNS) == 1
			},
		},
		"dnsmasq: the box is in the second network": {
			file: "dnsmasq.conf", text: "dhcp-range=192.168.1.50,192.168.1.150,255.255.255.0\n" +
				"dhcp-range=192.168.2.50,192.168.2.150,255.255.255.0\n" +
				"dhcp-option=3\ndhcp-option=6\n",
			address: "192.168.2.1/24",
			check: func(c *config.Config) bool {
				return ranges(c) == "192.168.2.50-192.168.2.150" && len(c.DHCP.Subnets) == 1 &&
					c.DHCP.Subnets[0].Network.String() == "192.168.1.0/24"
			},
		},
		"dnsmasq: the box is in none of the networks": {
			file: "dnsmasq.conf", text: "dhcp-range=192.168.1.50,192.168.1.150,255.255.255.0,2h\ndhcp-option=3\n" +
				"dhcp-option=6,192.168.1.1\n",
			address: "10.0.0.1/24",
			check: func(c *config.Config) bool {
				s := c.DHCP.Subnets
				return len(c.DHCP.Ranges) == 0 && len(s) == 1 && s[0].Lease == spec.Duration(7200e9) &&
					len(s[0].DNS) == 1
			},
		},
		"dnsmasq: phones' options 66 and 67, and those of WDS": {
			file: "dnsmasq.conf", text: "dhcp-range=192.168.1.0,proxy\ndhcp-option=66,\"http://192.168.1.8/p\"\n",
			check: func(c *config.Config) bool {
				return len(c.DHCP.Options) == 1 &&
					string(c.DHCP.Options[0].Value) == "http://192.168.1.8/p" && len(c.WDS) == 0
			},
		},
		"dnsmasq: options 66 and 67 of WDS": {
			file: "dnsmasq.conf", text: "dhcp-range=192.168.1.0,proxy\ndhcp-option=66,192.168.1.8\n" +
				"dhcp-option=67,boot\\x86\\wdsnbp.com\n",
			notes: []string{"3"},
			check: func(c *config.Config) bool {
				return len(c.DHCP.Options) == 0 && len(c.WDS) == 1 && c.WDS[0].Server == "192.168.1.8" &&
					c.WDS[0].Programs["bios"] == `boot\x86\wdsnbp.com` && c.Entries[0].WDS == "wds" &&
					c.Entries[1].Disk &&
					c.Menu.Timeout == 0 && c.Menu.Default == ""
			},
		},
		"dnsmasq: WDS by pxe-service, in three ways": {
			file: "dnsmasq.conf", text: "pxe-service=X86PC,\"RIS\",1,192.168.1.8\n" +
				"pxe-service=x86-64_EFI,\"Windows\",boot\\x64\\wdsmgfw.efi,192.168.1.8\n" +
				"pxe-service=7,\"SCCM\",smsboot\\x64\\wdsmgfw.efi,sccm.example.org\n",
			check: func(c *config.Config) bool {
				return len(c.WDS) == 2 && c.WDS[1].Programs["uefi-x64"] == `smsboot\x64\wdsmgfw.efi` &&
					c.Entries[0].Label == "RIS" &&
					c.Entries[1].Label == "SCCM" && len(c.Entries) == 3
			},
		},
		"dnsmasq: a WDS server that the line does not name": {
			file: "dnsmasq.conf", text: "dhcp-boot=boot\\x64\\wdsnbp.com\n",
			notes: []string{"1"}, note: "does not say which server is the WDS server",
			check: func(c *config.Config) bool { return c.WDS[0].Server == noServer },
		},
		"dnsmasq: PXELINUX from the web": {
			file: "dnsmasq.conf", text: "dhcp-boot=lpxelinux.0\ndhcp-boot=tag:efi,ipxe.efi\n",
			notes: []string{"1", "2"},
			check: func(c *config.Config) bool { return c.DHCP.BootFiles["bios"] == "lpxelinux.0" },
		},
		"dnsmasq: what the product refuses is listed with its reason": {
			file: "dnsmasq.conf", text: "listen-address=192.168.1.2\nport=0\n" +
				"dhcp-range=192.168.1.50,192.168.1.60,255.255.255.0\ndhcp-option=3,10.0.0.1\n" +
				"dhcp-option=option:domain-name,not_a.domain\ndhcp-host=52:54:00:00:00:01,10.9.9.9\ndhcp-option=26,60\n",
			notes: []string{"3", "4", "5", "6", "7"}, note: "10.0.0.1 is not in the box's network",
			check: func(c *config.Config) bool {
				return !c.DHCP.Router.IsValid() && c.DHCP.Domain == "" &&
					len(c.DHCP.Reservations) == 0 && c.DHCP.MTU == 0
			},
		},
		"ISC: one network, and its address": {
			file: "dhcpd.conf",
			text: "subnet 192.168.1.0 netmask 255.255.255.0 {\n range 192.168.1.50 192.168.1.60;\n" +
				" option routers 192.168.1.1;\n}\n" +
				"server-identifier 192.168.1.2;\n",
			notes: []string{"2"},
			check: func(c *config.Config) bool {
				return c.DHCP.Mode == spec.ModeServer && c.Network.Address.String() == "192.168.1.2/24" &&
					c.DHCP.Lease == spec.Duration(43200e9)
			},
		},
		"ISC: filename and next-server of WDS": {
			file: "dhcpd.conf", text: "next-server 192.168.1.8;\nsubnet 192.168.1.0 netmask 255.255.255.0 {\n" +
				" filename \"boot/x64/wdsnbp.com\";\n}\n",
			notes: []string{"3"},
			check: func(c *config.Config) bool { return len(c.WDS) == 1 && c.WDS[0].Server == "192.168.1.8" },
		},
		"ISC: options 66 and 67 of WDS": {
			file: "dhcpd.conf", text: "subnet 192.168.1.0 netmask 255.255.255.0 {\n" +
				" option tftp-server-name \"wds.example.org\";\n" +
				" option bootfile-name \"boot\\\\x64\\\\wdsnbp.com\";\n}\n",
			notes: []string{"3"},
			check: func(c *config.Config) bool {
				return len(c.WDS) == 1 && c.WDS[0].Server == "wds.example.org" && len(c.DHCP.Options) == 0
			},
		},
		"ISC: a subnet undoes what the first one is told": {
			file: "dhcpd.conf", text: "subnet 192.168.1.0 netmask 255.255.255.0 {\n range 192.168.1.50;\n" +
				" option domain-name-servers 192.168.1.1;\n" +
				" option domain-name \"a.example.org\";\n}\nsubnet 192.168.2.0 netmask 255.255.255.0 {\n" +
				" range 192.168.2.50;\n}\n",
			notes: []string{"1", "2", "6"}, note: "has no domain, and inherits that of the first network",
			check: func(c *config.Config) bool {
				return len(c.DHCP.DNS) == 1 && len(c.DHCP.Subnets) == 1 && len(c.DHCP.Subnets[0].DNS) == 0
			},
		},
		"a table of machines": {
			file: "machines.csv", text: "MAC;IP;Name\n52-54-00-00-00-01;192.168.1.9;pc1.example.org\n" +
				"525400000002;192.168.1.10\nno;row\n" +
				"52:54:00:00:00:03;;pc3\n52:54:00:00:00:01;192.168.1.11;pc1\n52:54:00:00:00:04;192.168.1.9;pc4\n",
			notes: []string{"2", "4", "5", "6", "7"},
			check: func(c *config.Config) bool {
				r := c.DHCP.Reservations
				return len(r) == 2 && r[0].Hostname == "pc1" && r[1].MAC.String() == "52:54:00:00:00:02" &&
					c.DHCP.Mode == spec.ModeAuto
			},
		},
		"a table with the box's address": {
			file: "machines.csv", text: "52:54:00:00:00:01,192.168.1.9,pc1\n52:54:00:00:00:02,10.0.0.9,pc2\n" +
				"52:54:00:00:00:03,192.168.1.1,pc3\n",
			address: "192.168.1.1/24",
			notes:   []string{"2", "3"},
			check: func(c *config.Config) bool {
				return len(c.DHCP.Reservations) == 1 && c.DHCP.Mode == spec.ModeServer
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{tt.file: tt.text})
			a := adoptTree(t, Job{Sources: []string{filepath.Join(dir, tt.file)}, Address: tt.address})
			if !tt.check(a.config) {
				t.Errorf("it is\n%s", a.toml)
			}
			if got := told(a.notes, tt.file); !slices.Equal(got, tt.notes) || !strings.Contains(a.notes, tt.note) {
				t.Errorf("notes about lines %q, want %q, and %q in:\n%s", got, tt.notes, tt.note, a.notes)
			}
		})
	}
}

// A DHCP server's configuration and a PXELINUX server's folder make one file.
func TestTreeAndDHCP(t *testing.T) {
	dir := write(t, map[string]string{
		"etc/dnsmasq.conf": "dhcp-range=192.168.1.50,192.168.1.150,255.255.255.0\ndhcp-option=3,192.168.1.254\n" +
			"dhcp-boot=bios/pxelinux.0\npxe-service=x86PC,\"Windows\",boot\\x64\\wdsnbp.com,192.168.1.8\n" +
			"tftp-root=TFTP\n",
		"tftp/bios/pxelinux.0": "", "tftp/bios/linux": "k", "tftp/bios/wdsnbp.com": "",
		"tftp/bios/pxelinux.cfg/default": "DEFAULT menu.c32\nLABEL a\nKERNEL linux\nLABEL b\nKERNEL wdsnbp.com\n",
		"tftp/old/pxelinux.0":            "", "tftp/old/pxelinux.cfg/default": "LABEL x\nKERNEL x\n",
		"machines.csv": "52:54:00:00:00:01,192.168.1.9,pc1\n",
	})
	conf := filepath.Join(dir, "etc/dnsmasq.conf")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	tftp := filepath.Join(dir, "tftp")
	if err := os.WriteFile(conf, bytes.Replace(text, []byte("TFTP"), []byte(tftp), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	relative := filepath.Join(dir, "etc/relative.conf")
	if err := os.WriteFile(relative, bytes.Replace(text, []byte("TFTP"), []byte("../tftp"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, sources := range map[string][]string{
		"the folder is that of tftp-root, seen from the configuration": {relative, filepath.Join(dir, "machines.csv")},
		"the folder is that of tftp-root":                              {conf, filepath.Join(dir, "machines.csv")},
		"the folder is named": {conf, filepath.Join(tftp, "bios"),
			filepath.Join(dir, "machines.csv")},
	} {
		t.Run(name, func(t *testing.T) {
			a := adoptTree(t, Job{Sources: sources, Address: "192.168.1.1/24"})
			c := a.config
			if got := a.became(); len(got) != 2 || !strings.HasSuffix(got[0], "linux []") || got[1] != "wds wds" {
				t.Errorf("entries %q", got)
			}
			if len(c.WDS) != 1 || c.WDS[0].Server != "192.168.1.8" || len(c.DHCP.Ranges) != 1 ||
				len(c.DHCP.Reservations) != 1 {
				t.Errorf("it is\n%s", a.toml)
			}
			if len(a.files) != 1 || !strings.HasSuffix(a.files[0], "linux") {
				t.Errorf("copied %q", a.files)
			}
		})
	}
}

// Includes are read from the configuration's folder and below, by their paths on
// the original machine.
func TestIncludes(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("dhcp-host=52:54:00:00:00:66,192.168.1.66\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{
		"dnsmasq.conf": "conf-dir=/etc/dnsmasq.d,*.conf\nconf-file=" + secret +
			"\nconf-file=/etc/link\nconf-file=dnsmasq.conf\ndhcp-hostsdir=hosts.d\n" +
			"conf-file=/etc/dnsmasq.d/round.conf\n",
		"dnsmasq.d/a.conf":  "dhcp-host=52:54:00:00:00:01,192.168.1.1\n",
		"dnsmasq.d/b.txt":   "dhcp-host=52:54:00:00:00:02,192.168.1.2\n",
		"dnsmasq.d/c.conf~": "x", "hosts.d/x": "52:54:00:00:00:03,192.168.1.3,c\n", "link": "->" + secret,
		"dnsmasq.d/round.conf": "conf-file=/etc/dnsmasq.d/round.conf\ndhcp-host=52:54:00:00:00:04,192.168.1.4\n",
	})
	a := adoptTree(t, Job{Sources: []string{filepath.Join(dir, "dnsmasq.conf")}})
	var macs []string
	for _, r := range a.config.DHCP.Reservations {
		macs = append(macs, r.MAC.String())
	}
	if want := []string{"52:54:00:00:00:01", "52:54:00:00:00:04", "52:54:00:00:00:03"}; !slices.Equal(macs, want) {
		t.Errorf("got %q, want %q; notes:\n%s", macs, want, a.notes)
	}
	if got := told(a.notes, "dnsmasq.conf"); !slices.Equal(got, []string{"2", "3", "4"}) {
		t.Errorf("notes about lines %q:\n%s", got, a.notes)
	}
}

func TestKindOf(t *testing.T) {
	for text, want := range map[string]fileKind{
		"# x\ndhcp-range=192.168.1.1,192.168.1.2\nenable-tftp\n":                             dnsmasqConf,
		"dhcp-host=52:54:00:00:00:01,192.168.1.9,pc1":                                        dnsmasqConf,
		"subnet 192.168.1.0 netmask 255.255.255.0\n{\n  range 192.168.1.5 192.168.1.9;\n}\n": dhcpdConf,
		"host a { hardware ethernet 52:54:00:00:00:01; fixed-address 192.168.1.9; }\n":       dhcpdConf,
		"mac,address,hostname\n52:54:00:00:00:01,192.168.1.9,pc1\n":                          table,
		"DEFAULT menu.c32\nLABEL linux\n  KERNEL linux\n":                                    notKnownFile,
		"{\n\"Dhcp4\": {\n\"subnet4\": [\n":                                                  notKnownFile,
		"":                                                                                   notKnownFile,
		"network:\n  version: 2\n":                                                           notKnownFile,
		"\ufeffallow booting;\r\ndefault-lease-time 600;\r\n#host x {\r\noption domain-name \"x\";# y\r\n": dhcpdConf,
	} {
		if got := kindOf(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestSourcesRefuse(t *testing.T) {
	dir := write(t, map[string]string{"a/pxelinux.cfg/default": "LABEL a", "b/pxelinux.cfg/default": "LABEL a",
		"notes.txt": "Hello\n"})
	for want, j := range map[string]Job{
		"is a second folder":                            {Sources: []string{dir + "/a", dir + "/b"}},
		"is not a dnsmasq.conf":                         {Sources: []string{dir + "/notes.txt"}},
		"no such file":                                  {Sources: []string{dir + "/gone"}},
		"is neither a file nor a folder":                {Sources: []string{os.DevNull}},
		"is not an IPv4 address with its prefix length": {Sources: []string{dir + "/a"}, Address: "192.168.1.1"},
	} {
		j.Into = filepath.Join(t.TempDir(), "new")
		if err := j.Run(new(strings.Builder)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// noFiles are the included files of a configuration that includes none.
type noFiles string

func (f noFiles) Read(name string) ([]byte, error) {
	if name == "main" {
		return []byte(f), nil
	}
	return nil, fs.ErrNotExist
}

func (noFiles) List(string) ([]string, error) { return nil, fs.ErrNotExist }

// Whatever the configurations say, the result is a valid pxebox.toml.
func FuzzDHCP(f *testing.F) {
	for _, file := range []string{"dnsmasq/dnsmasq.conf", "isc/dhcpd.conf"} {
		b, err := os.ReadFile("testdata/dhcp/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b), "")
		f.Add(string(b), "192.168.77.254/24")
	}
	f.Add("52:54:00:00:00:01,192.168.1.9,pc1\n52:54:00:00:00:02,192.168.1.255\n", "192.168.1.1/24")
	f.Add("dhcp-range=10.0.0.0,10.255.255.255,255.0.0.0\ndhcp-range=192.168.1.1,192.168.1.1,255.255.255.255\n"+
		"dhcp-option=224,\"\n\x01\"\n", "10.0.0.1/8")
	f.Add("dhcp-option=119,-\ndhcp-range=0.0.0.0,255.255.255.255\ndhcp-option=255,x\ndhcp-option=1,2\n"+
		"dhcp-host=01:00:00:00:00:01,0.0.0.0\n", "")
	f.Fuzz(func(t *testing.T, text, address string) {
		own, err := parseOwn(address)
		if err != nil {
			return
		}
		for name, read := range map[string]func() (*dhcpconf.Config, error){
			"dnsmasq": func() (*dhcpconf.Config, error) { return dnsmasq.Parse("main", noFiles(text)) },
			"ISC":     func() (*dhcpconf.Config, error) { return iscdhcp.Parse("main", noFiles(text)) },
			"table":   func() (*dhcpconf.Config, error) { return dhcpconf.ReadTable("main", []byte(text)), nil },
		} {
			cfg, err := read()
			if err != nil {
				t.Fatal(err)
			}
			c := newConverter()
			c.sources = []string{"main"}
			c.dhcp([]*dhcpconf.Config{cfg}, own)
			c.fromDHCP()
			if err := c.settle(); err != nil && !strings.Contains(err.Error(), "network.address") {
				t.Errorf("%s: %v\n%s", name, err, c.toml())
			}
		}
	})
}
