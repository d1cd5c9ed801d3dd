package adopt

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// network converts what a network's machines are told into keys.
func (c *converter) network(cfg *dhcpconf.Config, n dhcpconf.Network) lan {
	out := lan{Network: n, byName: map[string]block{}}
	has := map[uint8]bool{}
	for _, o := range n.Options {
		has[o.Code] = true
		if !o.None {
			c.parameter(&out, o)
		}
	}
	if !n.Proxy {
		c.itself(cfg, &out, has)
	}
	if n.Lease > 0 {
		l := lineFrom(n.LeaseAt)
		d := min(max(n.Lease, time.Minute), maxLease).Truncate(time.Second)
		if d != n.Lease {
			c.remark(l, "the lease time is %s now", hours(d))
		}
		out.put(key("lease", quote(hours(d)), l))
	}
	order := []string{"lease", "router", "dns", "domain", "search", "ntp", "mtu", "routes"}
	for _, name := range order {
		if k, ok := out.byName[name]; ok {
			out.keys = append(out.keys, k)
		}
	}
	return out
}

// itself adds the addresses that dnsmasq sends by default: its own, where no
// option says otherwise.
func (c *converter) itself(cfg *dhcpconf.Config, n *lan, has map[uint8]bool) {
	l := lineFrom(n.Line)
	for _, service := range []struct {
		code      uint8
		yes       bool
		key, what string
	}{{3, cfg.NamesItself.Router, "router", "router"}, {6, cfg.NamesItself.DNS, "dns", "name server"}} {
		_, named := n.byName[service.key]
		switch {
		case !service.yes || has[service.code] || named:
		case !cfg.Address.IsValid():
			c.remark(l, "the old server names itself as the %s: write its address as %s", service.what, service.key)
		case service.key == "router" && !n.Prefix.Contains(cfg.Address):
		case service.key == "router":
			n.router = cfg.Address
			n.put(key("router", quote(cfg.Address.String()), l))
		default:
			n.servers = append(n.servers, cfg.Address)
			n.put(key("dns", quoteAll([]string{cfg.Address.String()}), l))
		}
	}
}

// hours formats a lease time as a person writes it.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return duration(d)
}

func (n *lan) put(k block) {
	name, _, _ := strings.Cut(k.text, " ")
	n.byName[name] = k
}

// parameter converts an option into a key or an [[option]].
func (c *converter) parameter(n *lan, o dhcpconf.Option) {
	l := lineFrom(o.Line)
	switch ips := texts(o.IPs); {
	case o.Code == 3 && len(ips) > 0:
		n.router = o.IPs[0]
		n.put(key("router", quote(ips[0]), l))
		if len(ips) > 1 {
			c.remark(l, "a network has one router: the first one is used")
		}
	case o.Code == 6 && len(ips) > 0:
		n.servers = append(n.servers, o.IPs...)
		n.put(key("dns", quoteAll(ips), l))
	case o.Code == 42 && len(ips) > 0:
		n.servers = append(n.servers, o.IPs...)
		n.put(key("ntp", quoteAll(ips), l))
	case o.Code == 15 && o.Text != "":
		names := strings.Fields(strings.ReplaceAll(o.Text, ",", " "))
		if len(names) == 0 {
			return
		}
		n.put(key("domain", quote(printable(names[0])), l))
		if _, has := n.byName["search"]; len(names) > 1 && !has {
			c.remark(l, "has several domains: all of them become search, and the first one domain")
			n.put(key("search", quoteAll(printables(names)), l))
		}
	case o.Code == 119 && len(o.Names) > 0:
		n.put(key("search", quoteAll(printables(o.Names)), l))
	case o.Code == 26 && o.Size > 0:
		n.put(key("mtu", strconv.FormatInt(o.Num, 10), l))
	case o.Code == 51 && o.Size > 0:
		if n.Lease == 0 && o.Num > 0 && o.Num < int64(maxLease/time.Second) {
			n.Lease, n.LeaseAt = time.Duration(o.Num)*time.Second, o.Line
		} else {
			c.lost(l, "a network has one lease time")
		}
	case o.Code == 1, o.Code == 28:
		c.remark(l, "the box itself sends the mask and the broadcast address of its network")
	case o.Code == 121 || o.Code == 249:
		c.routes(n, o)
	default:
		n.options = append(n.options, optionBlock(o, l))
	}
}

// routes converts option 121 into a key, or 249, which earlier versions of
// Windows read instead.
func (c *converter) routes(n *lan, o dhcpconf.Option) {
	l := lineFrom(o.Line)
	routes, router, ok := dhcpconf.Routes(o.Bytes)
	if !ok || len(routes) == 0 && !router.IsValid() {
		c.lost(l, "is not a list of routes (RFC 3442)")
		return
	}
	list := make([]string, len(routes))
	for i, r := range routes {
		list[i] = fmt.Sprintf("%v via %v", r.To, r.Via)
	}
	if have, has := n.byName["routes"]; has {
		if have.text != key("routes", quoteAll(list)).text {
			c.lost(l, "a network has one list of routes")
		}
		return
	}
	if router.IsValid() && !n.router.IsValid() {
		n.router = router
		n.put(key("router", quote(router.String()), l))
	}
	if len(list) > 0 {
		n.put(key("routes", quoteAll(list), l))
	}
}

// optionBlock returns the keys of an [[option]].
func optionBlock(o dhcpconf.Option, l pxelinux.Line) block {
	b := block{text: fmt.Sprintf("code = %d\n", o.Code), from: []pxelinux.Line{l}}
	switch {
	case len(o.IPs) > 0:
		b.text += "ip = " + quoteAll(texts(o.IPs)) + "\n"
	case o.Size > 0:
		b.text += fmt.Sprintf("number = %d\nsize = %d\n", o.Num, o.Size)
	case o.Text != "" && printable(o.Text) == o.Text:
		b.text += "text = " + quote(o.Text) + "\n"
	case o.Text != "":
		b.text += "hex = " + quote(string(spec.NewHex([]byte(o.Text)))) + "\n"
	case len(o.Names) > 0:
		b.text += "text = " + quote(printable(strings.Join(o.Names, ","))) + "\n"
	default:
		b.text += "hex = " + quote(string(spec.NewHex(o.Bytes))) + "\n"
	}
	return b
}

func texts(addrs []netip.Addr) []string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return out
}

// printable returns a text that a TOML string can hold and that a validation
// error can quote.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func printables(all []string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = printable(s)
	}
	return out
}
