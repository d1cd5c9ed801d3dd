package dnsmasq

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// names maps the names of options that dnsmasq knows to their codes ("dnsmasq
// --help dhcp").
var names = map[string]uint8{
	"netmask": 1, "time-offset": 2, "router": 3, "dns-server": 6, "log-server": 7, "lpr-server": 9, "hostname": 12,
	"boot-file-size": 13, "domain-name": 15, "swap-server": 16, "root-path": 17, "extension-path": 18,
	"ip-forward-enable":        19,
	"non-local-source-routing": 20, "policy-filter": 21, "max-datagram-reassembly": 22, "default-ttl": 23, "mtu": 26,
	"all-subnets-local": 27, "broadcast": 28, "router-discovery": 31, "router-solicitation": 32, "static-route": 33,
	"trailer-encapsulation": 34, "arp-timeout": 35, "ethernet-encap": 36, "tcp-ttl": 37, "tcp-keepalive": 38,
	"nis-domain": 40,
	"nis-server": 41, "ntp-server": 42, "vendor-encap": 43, "netbios-ns": 44, "netbios-dd": 45, "netbios-nodetype": 46,
	"netbios-scope": 47, "x-windows-fs": 48, "x-windows-dm": 49, "T1": 58, "T2": 59, "vendor-class": 60,
	"nis+-domain": 64,
	"nis+-server": 65, "tftp-server": 66, "bootfile-name": 67, "mobile-ip-home": 68, "smtp-server": 69,
	"pop3-server": 70,
	"nntp-server": 71, "irc-server": 74, "user-class": 77, "rapid-commit": 80, "FQDN": 81, "client-arch": 93,
	"client-interface-id": 94, "client-machine-id": 97, "posix-timezone": 100, "tzdb-timezone": 101, "ipv6-only": 108,
	"domain-search": 119, "sip-server": 120, "classless-static-route": 121, "vendor-id-encap": 125,
	"tftp-server-address": 150,
	"lease-time":          51, "server-identifier": 54,
}

// The value types of options that dnsmasq knows; it guesses the others.
var (
	texts = map[uint8]bool{
		12: true, 15: true, 17: true, 18: true, 40: true, 47: true, 60: true, 64: true, 66: true, 67: true, 77: true,
		100: true, 101: true,
	}
	sizes = map[uint8]int{
		2: 4, 13: 2, 19: 1, 20: 1, 22: 2, 23: 1, 26: 2, 27: 1, 31: 1, 34: 1, 35: 4, 36: 1, 37: 1, 38: 4, 46: 1, 51: 4,
		58: 4, 59: 4,
		108: 4,
	}
)

// option parses dhcp-option=[tag:T,]CODE|option:NAME[,VALUE...].
func (p *parser) option(l dhcpconf.Line, args []string) {
	need, set, rest := tagged(args)
	need = append(need, set...)
	for len(rest) > 0 {
		kind, name, ok := strings.Cut(rest[0], ":")
		switch {
		case ok && (kind == "encap" || kind == "vi-encap" || kind == "vendor"):
			if kind == "vendor" && strings.HasPrefix(name, "PXEClient") {
				p.cfg.Lost(l, "the box has its own vendor options for PXE")
			} else {
				p.cfg.Lost(l, "pxebox has no options inside others: write the bytes of option 43 or 125")
			}
			return
		case ok && kind == "option6":
			p.cfg.Lost(l, "the box serves IPv4 only")
			return
		case ok && kind == "option":
			code, known := names[name]
			if !known {
				p.cfg.Lost(l, "%q is not an option that dnsmasq knows", name)
				return
			}
			p.add(l, need, code, rest[1:])
			return
		case len(rest) > 1 && reTag.MatchString(rest[0]): // older syntax
			need, rest = append(need, rest[0]), rest[1:]
			continue
		}
		code, err := strconv.ParseUint(rest[0], 10, 8)
		if err != nil {
			p.cfg.Lost(l, "%q is not the number of an option", unhide(rest[0]))
			return
		}
		p.add(l, need, uint8(code), rest[1:])
		return
	}
	p.cfg.Lost(l, "names no option")
}

func (p *parser) add(l dhcpconf.Line, tags []string, code uint8, values []string) {
	o, why := value(code, values)
	if why != "" {
		p.cfg.Lost(l, "%s", why)
		return
	}
	for i, a := range o.IPs {
		if !a.IsUnspecified() {
			continue
		}
		// 0.0.0.0 means dnsmasq's address.
		if !p.cfg.Address.IsValid() {
			p.cfg.Lost(l, "0.0.0.0 is the old server's address, which listen-address does not name")
			return
		}
		o.IPs[i] = p.cfg.Address
	}
	if len(p.options) == dhcpconf.MaxItems {
		p.cfg.Lost(l, "is one option too many: at most %d are read", dhcpconf.MaxItems)
		return
	}
	o.Code, o.Line = code, l
	p.options = append(p.options, option{Option: o, tags: tags})
}

// value parses the value of an option; it tells the types apart like
// parse_dhcp_opt in dnsmasq's option.c. If there is no value, why says why.
func value(code uint8, values []string) (o dhcpconf.Option, why string) {
	text := strings.Join(values, ",")
	switch {
	case text == "":
		o.None = true
		return o, ""
	case code == 119:
		for _, v := range values {
			o.Names = append(o.Names, unhide(v))
		}
		return o, ""
	case code == 121 || code == 249:
		for i := 0; i+1 < len(values); i += 2 {
			to, err := prefix(values[i])
			via, verr := netip.ParseAddr(values[i+1])
			if err != nil || verr != nil || !to.Addr().Is4() || !via.Is4() {
				return o, "is not a list of networks, each with a router"
			}
			o.Bytes = dhcpconf.AppendRoute(o.Bytes, spec.Route{To: to, Via: via})
		}
		if len(values)%2 != 0 {
			return o, "is not a list of networks, each with a router"
		}
		return o, ""
	case texts[code]:
		o.Text = unhide(text)
		return o, ""
	case code == 43 && !strings.Contains(text, ":"), code == 120, code == 125:
		return o, "pxebox has no key for a value of this kind: write its bytes"
	}
	if size := sizes[code]; size > 0 {
		n, err := number(text)
		if err != nil {
			return o, "is not a number"
		}
		o.Num, o.Size = n, size
		return o, ""
	}
	if ips, ok := addresses(values); ok {
		o.IPs = ips
		return o, ""
	}
	if b, ok := hexBytes(text); ok && len(values) == 1 {
		o.Bytes = b
		return o, ""
	}
	digits, size := text, 0
	if n := len(text); n > 1 {
		if size = map[byte]int{'b': 1, 's': 2, 'i': 4}[text[n-1]]; size > 0 {
			digits = text[:n-1]
		}
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil && -1<<31 <= n && n < 1<<32 {
		if size == 0 {
			switch {
			case n < 0 || n > 0xffff:
				size = 4
			case n > 0xff:
				size = 2
			default:
				size = 1
			}
		}
		o.Num, o.Size = n, size
		return o, ""
	}
	o.Text = unhide(text)
	return o, ""
}

// prefix parses a network with its prefix length, or a bare address.
func prefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		return a.Prefix(a.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

// number also accepts a number of seconds with a unit.
func number(s string) (int64, error) {
	if d, ok := lease(s); ok && s != "infinite" {
		return int64(d.Seconds()), nil
	}
	return strconv.ParseInt(s, 0, 64)
}

func addresses(values []string) ([]netip.Addr, bool) {
	var out []netip.Addr
	for _, v := range values {
		a, err := netip.ParseAddr(v)
		if err != nil || !a.Is4() {
			return nil, false
		}
		out = append(out, a)
	}
	return out, len(out) > 0
}
