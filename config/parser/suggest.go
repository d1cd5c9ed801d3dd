package parser

import (
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/pxebox/pxebox/config"
)

// otherNames are words that people write for a key or a section because other
// programs, or other sections, call it that. By the section's name, then by
// what is meant; "" is the file itself. Words are in the form of plainName.
var otherNames = map[string]map[string]string{
	"": {
		"network":     "net lan ethernet nic ipv4 system",
		"dhcp":        "dhcpd dhcpserver dhcp4 server lease",
		"boot":        "bootfile firmware program loader",
		"tftp":        "tftpd transfer",
		"http":        "httpd web webserver",
		"page":        "https ui gui dashboard webui",
		"files":       "file bootfolder folder",
		"subnet":      "pool sharednetwork vlan",
		"reservation": "static staticlease fixed fixedaddress dhcphost staticmapping",
		"wds":         "wdsserver windows",
		"bootserver":  "pxeserver otherserver fog ipxeserver",
		"menu":        "menus bootmenu",
		"entry":       "label item menuentry bootentry image",
		"machine":     "client computer device pc rule",
	},
	"network": {
		"interface": "if iface dev device nic port ethernet",
		"address":   "ip ipaddr ipaddress ipv4 addr cidr",
		"gateway":   "gw router defaultgateway defaultroute",
		"dns":       "nameserver dnsserver resolver domainnameserver",
	},
	"dhcp": {
		"mode":   "type",
		"range":  "pool dhcprange addresses",
		"lease":  "leasetime defaultleasetime maxleasetime time ttl",
		"router": "gateway gw defaultgateway defaultrouter",
		"dns":    "nameserver dnsserver domainnameserver",
		"domain": "domainname dnsdomain",
		"search": "domainsearch searchdomain dnssearch",
		"ntp":    "ntpserver timeserver",
		"mtu":    "interfacemtu",
		"routes": "staticroute classlessroute",
		"probe":  "ping pingcheck arp",
		"option": "dhcpoption",
	},
	"subnet": {
		"network": "net ip address cidr subnet",
		"range":   "pool dhcprange addresses",
		"lease":   "leasetime defaultleasetime maxleasetime time ttl",
		"router":  "gateway gw defaultgateway defaultrouter",
		"dns":     "nameserver dnsserver domainnameserver",
		"domain":  "domainname dnsdomain",
		"search":  "domainsearch searchdomain dnssearch",
		"ntp":     "ntpserver timeserver",
		"mtu":     "interfacemtu",
		"routes":  "staticroute classlessroute",
		"option":  "dhcpoption",
	},
	"dhcp.option": optionNames, "subnet.option": optionNames,
	"boot": firmwareNames,
	"http": {"port": "listen httpport"},
	"page": {"port": "listen httpsport"},
	"tftp": {
		"port":       "listen tftpport",
		"max_block":  "block blksize blocksize maxblocksize maxblksize",
		"max_window": "window windowsize maxwindowsize",
	},
	"files": {
		"any_case":  "caseinsensitive ignorecase nocase",
		"own_menus": "menu custommenu",
	},
	"reservation": {
		"mac":      "macaddress macaddr hardware hardwareethernet hwaddress hwaddr ethernet ether",
		"client":   "clientid clientidentifier dhcpclientidentifier duid uid id",
		"address":  "ip ipaddr ipaddress ipv4 addr fixedaddress fixed",
		"hostname": "name host machine computer computername label",
	},
	"wds": {
		"name":      "id label",
		"server":    "address ip ipaddr ipaddress addr host hostname url fqdn",
		"bios":      firmwareNames["bios"],
		"uefi-x64":  firmwareNames["uefi-x64"],
		"uefi-ia32": firmwareNames["uefi-ia32"],
	},
	"bootserver": {
		"name":      "id label",
		"address":   "server ip ipaddress ipaddr addr host hostname fqdn",
		"bios":      firmwareNames["bios"],
		"uefi-x64":  firmwareNames["uefi-x64"],
		"uefi-ia32": firmwareNames["uefi-ia32"],
	},
	"menu": {
		"title":    "name label caption heading header text",
		"timeout":  "time wait delay seconds",
		"default":  "defaultentry ontimeout boot",
		"serial":   "serialport serialconsole console",
		"password": "pass passwd pw hash",
	},
	"entry": {
		"name":   "id key",
		"label":  "title text display displayname caption menulabel",
		"help":   "description desc comment texthelp hint info",
		"in":     "parent menu group folder",
		"wds":    "server wdsserver",
		"start":  "startedby starter by via",
		"winpe":  "windowspe wim bootwim win windows wimboot",
		"kernel": "linux vmlinuz bzimage",
		"initrd": "initramfs ramdisk initrdfile",
		"append": "args arguments options cmdline commandline kernelargs parameters params bootargs",
		"file":   "iso isofile image img program com32 memdisk binary bios floppy",
		"efi":    "uefi efifile uefifile uefix64",
		"disk":   "localboot local harddisk hdd",
		"locked": "lock protected",
		"erases": "erase wipe destructive confirm dangerous",
	},
	"machine": {
		"mac":      "macaddress macaddr hardware hwaddress hwaddr ethernet ether",
		"guid":     "uuid systemuuid smbios",
		"firmware": "arch architecture type bios uefi class",
		"boot":     "start action target",
		"timeout":  "time wait delay seconds",
	},
}

var firmwareNames = map[string]string{
	"bios":         "legacy pc pcbios biosx86 i386 x86pc",
	"uefi-x64":     "uefi efi uefi64 efi64 efix64 x64 x8664 amd64 uefix8664 uefiamd64 efix8664",
	"uefi-ia32":    "uefi32 efi32 efiia32 ia32",
	"uefi-arm64":   "arm64 aarch64 uefiaarch64 efiarm64 arm",
	"raspberry-pi": "pi rpi raspi",
}

var optionNames = map[string]string{
	"code": "id option optioncode num tag",
	"ip":   "address ipaddress addr",
	"text": "string str",
	"hex":  "bytes data binary",
	"size": "width length",
}

// firstAndLast and byMask are for keys that are one value here.
const (
	firstAndLast = "start startip rangestart rangefrom from first firstaddress end endip rangeend rangeto to last lastaddress"
	byMask       = "netmask mask subnetmask prefix prefixlength bits"
)

// hints say what to write where it is not a key of the section in place of the
// one that is written. In the form of otherNames, by the hint.
var hints = map[string]map[string]string{
	"": {
		"write [[reservation]] for a machine's address, or [[machine]] for what it boots": "host",
		"write address below [network]": "ip ipaddress",
		"write file below [[entry]]":    "iso",
	},
	"network": {
		`write it after the address, as in address = "192.168.77.1/24"`:        byMask + " subnet netsize",
		`write address = "dhcp", or leave it out`:                              "dhcp",
		`write it after the interface, as in interface = "eth0.10"`:            "vlan vlanid vid tag",
		"leave it out: the broadcast address is that of the network":           "broadcast",
		"leave it out, and write the addresses to lease as range below [dhcp]": firstAndLast,
	},
	"dhcp": {
		`write router; routes to other networks are written as routes = ["10.0.0.0/8 via 192.168.77.254"]`: "route",
		`write range = ["192.168.77.100-192.168.77.150"]`:                                                  firstAndLast,
		"leave it out: the network and its mask are those of address below [network]": byMask +
			" subnet network broadcast",
		"leave it out: machines load their files from this box":         "nextserver tftp tftpserver tftpservername siaddr server serveraddress",
		`write it below [boot], by firmware, as in bios = "pxelinux.0"`: "filename file bootfile bootfilename boot",
		`write mode = "server", "proxy", "auto" or "off"`:               "enable enabled disable disabled on off proxy authoritative",
		"write a block [[reservation]] for each":                        "host static reservation dhcphost",
	},
	"subnet": {
		`write router; routes to other networks are written as routes = ["10.0.0.0/8 via 10.1.0.254"]`: "route",
		`write it after the network, as in network = "10.1.0.0/24"`:                                    byMask,
		`write range = ["10.1.0.100-10.1.0.150"]`:                                                      firstAndLast,
		"leave it out: a subnet is known by its network":                                               "name id vlan label relay giaddr",
		"leave it out: machines load their files from this box":                                        "nextserver tftp tftpserver siaddr server",
		`write it below [boot], by firmware, as in bios = "pxelinux.0"`:                                "filename file bootfile bootfilename boot",
	},
	"dhcp.option": optionHints, "subnet.option": optionHints,
	"boot": {
		`write it by firmware, as in bios = "pxelinux.0"`: "file filename bootfile bootfilename program default",
	},
	"menu": {
		"write a block [[entry]] for each": "entry item",
	},
	"entry": {
		"put the file into the boot folder and write kernel or file, or write pxelinux and grub lines":                          "url http link",
		"leave it out, and write what the entry starts: wds, kernel, file, efi, pxelinux, grub, disk = true, or submenu = true": "type kind action",
		"write locked = true, and password below [menu]":                                                                        "password passwd pass pw",
		"write listed = false": "hidden hide unlisted",
		"write signed = false": "unsigned",
		"leave the entry out, or put a # before each of its lines": "enabled enable disabled disable",
	},
	"machine": {
		"write it below [[reservation]], which gives machines their addresses and names": "ip ipaddress addr address hostname host",
		"leave it out: a [[machine]] is known by mac, guid or firmware":                  "name id label comment description",
		"write boot = with the name of an [[entry]]":                                     "entry wds kernel file menu",
	},
}

var optionHints = map[string]string{
	"write one of ip, text, hex, or number and size": "value type",
}

// meant tells what to write for a key that the section does not have. name is
// the key or the section in it that n was meant for, or "" where that is not
// sure.
func (s *section) meant(key string, n *node) (name, fix string) {
	table := n.kind == unstable.Table || n.kind == unstable.Array && n.header
	written := map[string]string{} // what to write for each name
	var keys, sections, all []string
	for _, f := range s.fields {
		keys, all, written[f.name] = append(keys, f.name), append(all, f.name), f.name
	}
	for _, in := range s.inner {
		sections, all, written[in.key()] = append(sections, in.key()), append(all, in.header()), in.header()
	}
	same, other := keys, sections
	if table {
		same, other = sections, keys
	}
	plain := plainName(key)
	for fix, words := range hints[s.name] {
		if isOneOf(plain, words) {
			return "", fix
		}
	}
	if k := s.closest(key, same); k != "" {
		return k, "write " + written[k]
	}
	if fix := elsewhereInFile(plain, table); fix != "" {
		return "", fix
	}
	if k := s.closest(key, other); k != "" {
		return "", "write " + written[k]
	}
	return "", "use one of " + strings.Join(all, ", ")
}

// closest returns which of names is meant by a word, or "".
func (s *section) closest(word string, names []string) string {
	plain := plainName(word)
	for _, k := range names {
		if plainName(k) == plain || isOneOf(plain, otherNames[s.name][k]) {
			return k
		}
	}
	return nearest(word, names)
}

// has reports whether the section has the key.
func (s *section) has(key string) bool {
	return slices.ContainsFunc(s.fields, func(f field) bool { return f.name == key }) ||
		slices.ContainsFunc(s.inner, func(in section) bool { return in.key() == key })
}

func isOneOf(word, words string) bool {
	return slices.ContainsFunc(strings.Fields(words), func(w string) bool { return plainName(w) == word })
}

// plainName is a key without what people write in different ways: capitals,
// hyphens, and the plural.
func plainName(key string) string {
	if len(key) > config.MaxName { // longer than all that are known
		return key
	}
	key = strings.NewReplacer("-", "", "_", "", " ", "", ".", "").Replace(strings.ToLower(key))
	if one, ok := strings.CutSuffix(key, "ies"); ok && len(one) > 1 {
		return one + "y"
	}
	if one, ok := strings.CutSuffix(key, "s"); ok && len(one) > 2 && !strings.HasSuffix(one, "s") {
		return one
	}
	return key
}

// elsewhereInFile tells where a key or, for a table, a section belongs that
// other sections have.
func elsewhereInFile(plain string, table bool) string {
	var holders, sections []string
	var look func([]section)
	look = func(in []section) {
		for _, s := range in {
			if slices.ContainsFunc(s.fields, func(f field) bool { return plainName(f.name) == plain }) {
				holders = append(holders, s.header())
			}
			if plainName(s.key()) == plain {
				sections = append(sections, s.header())
			}
			look(s.inner)
		}
	}
	look(schema)
	if len(sections) > 0 && (table || len(holders) == 0) {
		return "write " + strings.Join(sections, " or ")
	}
	if len(holders) > 0 && !table {
		return "write it below " + strings.Join(holders, " or ")
	}
	return ""
}

// nearest returns the word of known that was most likely meant by word, or "".
func nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, at := "", 0
	for _, k := range known {
		most := slips(min(len(word), len(k)))
		if len(word)-len(k) > most || len(k)-len(word) > most {
			continue
		}
		if d := distance(word, k); d <= most && (best == "" || d < at) {
			best, at = k, d
		}
	}
	return best
}

// slips is how many a word of that length may have: with more, it is more
// likely another word.
func slips(length int) int {
	switch {
	case length <= 2:
		return 0
	case length <= 5:
		return 1
	}
	return 2
}

// distance is the edit distance of two words: how many bytes to insert, drop or
// replace, or neighbors to swap (optimal string alignment).
func distance(a, b string) int {
	var before, last []int // the two rows above
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
