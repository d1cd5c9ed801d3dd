package iscdhcp

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// optionType is the format of an option's value.
type optionType struct {
	code uint8
	// kind is i for addresses, t for a text, l for domain names, n for a number,
	// f for a flag, h for bytes, b for numbers of a byte each.
	kind byte
	size int // size of a number in bytes
}

// types are the options that dhcpd knows (dhcp-options(5)), except those that
// only clients send.
var types = map[string]optionType{
	"subnet-mask": {1, 'i', 0}, "time-offset": {2, 'n', 4}, "routers": {3, 'i', 0}, "time-servers": {4, 'i', 0},
	"ien116-name-servers": {5, 'i', 0}, "domain-name-servers": {6, 'i', 0}, "log-servers": {7, 'i', 0},
	"cookie-servers": {8, 'i', 0}, "lpr-servers": {9, 'i', 0}, "impress-servers": {10, 'i', 0},
	"resource-location-servers": {11, 'i', 0}, "host-name": {12, 't', 0}, "boot-size": {13, 'n', 2},
	"merit-dump":  {14, 't', 0},
	"domain-name": {15, 't', 0}, "swap-server": {16, 'i', 0}, "root-path": {17, 't', 0}, "extensions-path": {18, 't',
		0},
	"ip-forwarding": {19, 'f', 1}, "non-local-source-routing": {20, 'f', 1}, "policy-filter": {21, 'i', 0},
	"max-dgram-reassembly": {22, 'n', 2}, "default-ip-ttl": {23, 'n', 1}, "path-mtu-aging-timeout": {24, 'n', 4},
	"interface-mtu": {26, 'n', 2}, "all-subnets-local": {27, 'f', 1}, "broadcast-address": {28, 'i', 0},
	"perform-mask-discovery": {29, 'f', 1}, "mask-supplier": {30, 'f', 1}, "router-discovery": {31, 'f', 1},
	"router-solicitation-address": {32, 'i', 0}, "static-routes": {33, 'i', 0}, "trailer-encapsulation": {34, 'f', 1},
	"arp-cache-timeout": {35, 'n', 4}, "ieee802-3-encapsulation": {36, 'f', 1}, "default-tcp-ttl": {37, 'n', 1},
	"tcp-keepalive-interval": {38, 'n', 4}, "tcp-keepalive-garbage": {39, 'f', 1}, "nis-domain": {40, 't', 0},
	"nis-servers": {41, 'i', 0}, "ntp-servers": {42, 'i', 0}, "vendor-encapsulated-options": {43, 'h', 0},
	"netbios-name-servers": {44, 'i', 0}, "netbios-dd-server": {45, 'i', 0}, "netbios-node-type": {46, 'n', 1},
	"netbios-scope": {47, 't', 0}, "font-servers": {48, 'i', 0}, "x-display-manager": {49, 'i', 0},
	"dhcp-lease-time": {51, 'n', 4}, "dhcp-server-identifier": {54, 'i', 0}, "dhcp-renewal-time": {58, 'n', 4},
	"dhcp-rebinding-time": {59, 'n', 4}, "dhcp-max-message-size": {57, 'n', 2}, "vendor-class-identifier": {60, 'h', 0},
	"dhcp-client-identifier": {61, 'h', 0}, "nisplus-domain": {64, 't', 0}, "nisplus-servers": {65, 'i', 0},
	"tftp-server-name": {66, 't', 0}, "bootfile-name": {67, 't', 0}, "mobile-ip-home-agent": {68, 'i', 0},
	"smtp-server": {69, 'i', 0}, "pop-server": {70, 'i', 0}, "nntp-server": {71, 'i', 0}, "www-server": {72, 'i', 0},
	"finger-server": {73, 'i', 0}, "irc-server": {74, 'i', 0}, "streettalk-server": {75, 'i', 0},
	"streettalk-directory-assistance-server": {76, 'i', 0}, "slp-service-scope": {79, 'h', 0}, "nds-servers": {85,
		'i', 0},
	"nds-tree-name": {86, 't', 0}, "nds-context": {87, 't', 0}, "uap-servers": {98, 't', 0}, "pcode": {100, 't', 0},
	"tcode": {101, 't', 0}, "v6-only-preferred": {108, 'n', 4}, "netinfo-server-address": {112, 'i', 0},
	"netinfo-server-tag": {113, 't', 0}, "default-url": {114, 't', 0}, "auto-config": {116, 'n', 1},
	"domain-search": {119, 'l', 0}, "loader-configfile": {209, 't', 0}, "loader-pathprefix": {210, 't', 0},
	"loader-reboottime": {211, 'n', 4},
}

// option parses an option in a scope, or the definition of one.
func (p *parser) option(sc *scope, s *statement) {
	name := s.word(1)
	switch {
	case name == "space":
		p.cfg.Lost(s.line, "pxebox has no options inside others")
		return
	case s.word(2) == "code":
		p.define(name, s)
		return
	}
	t, known := p.types[name]
	if !known {
		t, known = types[name]
	}
	switch {
	case strings.Contains(name, "."):
		p.cfg.Lost(s.line, "pxebox has no options inside others: write the bytes of option 43 or 125")
		return
	case !known:
		p.cfg.Lost(s.line, "%q is not a known option", name)
		return
	case len(s.words) > 2 && s.words[2].is("="):
		p.cfg.Lost(s.line, "pxebox does not evaluate expressions")
		return
	}
	o, why := value(t, s.words[2:])
	if why != "" {
		p.cfg.Lost(s.line, "%s", why)
		return
	}
	o.Code, o.Line = t.code, s.line
	kept := &option{Option: o}
	if sc.network.IsValid() && implied(o, sc.network) {
		return
	}
	p.options = append(p.options, kept)
	// If a block sets an option twice, the later line counts.
	sc.options = append([]*option{kept}, slices.DeleteFunc(sc.options, func(o *option) bool {
		if o.Code != kept.Code {
			return false
		}
		p.cfg.Lost(o.Line, "line %d replaces it", s.line.Number)
		o.used = true
		return true
	})...)
}

// implied reports whether an option only repeats what the box sends anyway: the
// network's mask and its broadcast address.
func implied(o dhcpconf.Option, network netip.Prefix) bool {
	if len(o.IPs) != 1 {
		return false
	}
	switch o.Code {
	case 1:
		p, ok := dhcpconf.Prefix(network.Addr(), o.IPs[0])
		return ok && p == network
	case 28:
		last, mask := o.IPs[0].As4(), network.Bits()
		for bit := mask; bit < 32; bit++ {
			if last[bit/8]&(0x80>>(bit%8)) == 0 {
				return false
			}
		}
		return network.Contains(o.IPs[0])
	}
	return false
}

// define parses the type of an option: option NAME code N = TYPE.
func (p *parser) define(name string, s *statement) {
	if strings.Contains(name, ".") {
		p.cfg.Lost(s.line, "pxebox has no options inside others")
		return
	}
	code, err := strconv.ParseUint(s.text(3), 10, 8)
	if err != nil || s.text(4) != "=" {
		p.cfg.Lost(s.line, "is not a definition of an option with its code")
		return
	}
	var words []string
	for _, w := range s.words[5:] {
		words = append(words, strings.ToLower(w.text))
	}
	t := optionType{code: uint8(code)}
	of := strings.TrimPrefix(strings.Join(words, " "), "array of ")
	for _, sign := range []string{"unsigned ", "signed "} {
		of = strings.TrimPrefix(of, sign)
	}
	array := strings.HasPrefix(strings.Join(words, " "), "array of ")
	switch {
	case of == "ip-address":
		t.kind = 'i'
	case array && of == "integer 8":
		t.kind = 'b'
	case array:
		t.kind = '?'
	case of == "text":
		t.kind = 't'
	case of == "string":
		t.kind = 'h'
	case of == "boolean" || of == "flag":
		t.kind, t.size = 'f', 1
	case of == "integer 8" || of == "integer 16" || of == "integer 32":
		bits, _ := strconv.Atoi(strings.TrimPrefix(of, "integer "))
		t.kind, t.size = 'n', bits/8
	case of == "domain-list" || of == "domain-list compressed":
		t.kind = 'l'
	default:
		t.kind = '?'
	}
	p.types[name] = t
}

// value parses the value of an option. If there is no value, why says why.
func value(t optionType, words []token) (o dhcpconf.Option, why string) {
	var parts []token
	for _, w := range words {
		if !w.is(",") {
			parts = append(parts, w)
		}
	}
	if len(parts) == 0 {
		return o, "has no value"
	}
	one := parts[0]
	single := len(parts) == 1
	switch t.kind {
	case 'i':
		for _, w := range parts {
			a, err := netip.ParseAddr(w.text)
			if err != nil || !a.Is4() {
				return o, w.text + " is not an IPv4 address: write it in place of the name"
			}
			o.IPs = append(o.IPs, a)
		}
		return o, ""
	case 't':
		if single {
			o.Text = one.text
			return o, ""
		}
	case 'l':
		for _, w := range parts {
			o.Names = append(o.Names, w.text)
		}
		return o, ""
	case 'n':
		if n, err := strconv.ParseInt(one.text, 0, 64); err == nil && single {
			o.Num, o.Size = n, t.size
			return o, ""
		}
	case 'f':
		if single && slices.Contains([]string{"on", "off", "true", "false", "0", "1"}, strings.ToLower(one.text)) {
			o.Size = 1
			if flag(one.text) {
				o.Num = 1
			}
			return o, ""
		}
	case 'b':
		for _, w := range parts {
			// Some files write the addresses as they are: 24, 192.168.1,
			// 10.0.0.1.
			for part := range strings.SplitSeq(w.text, ".") {
				n, err := strconv.ParseUint(part, 0, 8)
				if err != nil {
					return o, w.text + " is not a byte"
				}
				o.Bytes = append(o.Bytes, byte(n))
			}
		}
		return o, ""
	case 'h':
		if single {
			if one.quoted {
				o.Text = one.text
			} else if o.Bytes = clientID(parts); len(o.Bytes) == 0 {
				return o, "is not a sequence of bytes"
			}
			return o, ""
		}
	}
	return o, "pxebox has no key for a value of this kind: write its bytes"
}

// clientID parses a text, or bytes in hexadecimal.
func clientID(words []token) []byte {
	if words[0].quoted {
		return []byte(words[0].text)
	}
	var out []byte
	for part := range strings.SplitSeq(words[0].text, ":") {
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil {
			return nil
		}
		out = append(out, byte(n))
	}
	return out
}
