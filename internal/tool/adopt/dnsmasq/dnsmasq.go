// Package dnsmasq parses the configuration of dnsmasq, as far as it is a DHCP and
// TFTP server. The syntax follows dnsmasq's manual page; quotes and comments
// follow its option.c. The package opens no files: the caller provides them by
// name.
package dnsmasq

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// Parse parses the named file and those that it includes. The error is about the
// first file.
func Parse(name string, files dhcpconf.Files) (*dhcpconf.Config, error) {
	p := &parser{cfg: &dhcpconf.Config{}, files: files, left: dhcpconf.MaxBytes, dns: true}
	data, err := files.Read(name)
	if err != nil {
		return nil, err
	}
	p.file(name, data, p.directive)
	p.finish()
	return p.cfg, nil
}

type parser struct {
	cfg   *dhcpconf.Config
	files dhcpconf.Files
	open  []string // files being read, innermost last
	read  int      // number of files
	left  int      // bytes that may still be read

	ranges  []dhcpRange
	options []option
	dns     bool // dnsmasq is also a name server
	// knownOnly is the line that makes dnsmasq ignore machines without a
	// dhcp-host.
	knownOnly *dhcpconf.Line
}

// file reads the lines of a file.
func (p *parser) file(name string, data []byte, line func(l dhcpconf.Line, text string)) {
	if p.read++; p.read > dhcpconf.MaxFiles || len(data) > p.left {
		p.cfg.Lost(dhcpconf.Line{File: name, Number: 1}, "is left out: the configuration is too large")
		return
	}
	p.left -= len(data)
	p.open = append(p.open, name)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	number := 0
	for raw := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		number++
		text, ok := clean(raw)
		l := dhcpconf.Line{File: name, Number: number, Text: strings.TrimSpace(raw)}
		switch {
		case !ok:
			p.cfg.Lost(l, `has an unmatched "`)
		case text != "":
			line(l, text)
		}
	}
}

// A separator between quotes is an ordinary letter: it is mapped to a range where
// no other letter is.
const (
	meta       = `,:=[]{}#" `
	hidden     = '\ue100' // in the private use area of Unicode
	hiddenLast = hidden + 0x7f
)

func hide(r rune) rune {
	if strings.ContainsRune(meta, r) {
		return hidden + r
	}
	return r
}

func unhide(s string) string {
	return strings.Map(func(r rune) rune {
		if hidden <= r && r <= hiddenLast {
			return r - hidden
		}
		return r
	}, s)
}

// clean strips the comment, the quotes and the surrounding spaces from a line. A
// # starts a comment only at the start of a word (option.c, read_file).
func clean(raw string) (text string, ok bool) {
	var b strings.Builder
	quoted, white := false, true
	letters := []rune(strings.TrimRight(raw, "\r\n"))
	for i := 0; i < len(letters); i++ {
		r := letters[i]
		switch {
		case r == '"':
			quoted, white = !quoted, false
		case quoted && r == '\\' && i+1 < len(letters) && strings.ContainsRune(`"tnebr\`, letters[i+1]):
			i++
			b.WriteRune(hide(map[rune]rune{'t': '\t', 'n': '\n', 'b': '\b', 'r': '\r', 'e': '\033', '"': '"',
				'\\': '\\'}[letters[i]]))
		case quoted:
			b.WriteRune(hide(r))
		case r == '#' && white:
			return strings.TrimSpace(b.String()), true
		default:
			if white = r == ' ' || r == '\t'; white {
				r = ' '
			}
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String()), !quoted
}

// directive parses one line of a configuration file.
func (p *parser) directive(l dhcpconf.Line, text string) {
	key, arg, _ := strings.Cut(text, "=")
	key, arg = strings.TrimSpace(key), strings.TrimSpace(arg)
	args := split(arg)
	first := ""
	if len(args) > 0 {
		first = unhide(args[0])
	}
	switch key {
	case "dhcp-range":
		p.dhcpRange(l, args)
	case "dhcp-host":
		p.host(l, args)
	case "dhcp-option", "dhcp-option-force":
		p.option(l, args)
	case "dhcp-boot":
		p.boot(l, args)
	case "pxe-service":
		p.service(l, args)
	case "domain":
		p.domain(l, args)
	case "enable-tftp":
		// The box always serves files over TFTP.
	case "tftp-root":
		p.root(l, args)
	case "listen-address":
		for _, a := range args {
			if a, err := netip.ParseAddr(a); err == nil && a.Is4() && !a.IsLoopback() && !p.cfg.Address.IsValid() {
				p.cfg.Address = a
			}
		}
	case "port":
		p.dns = first != "0"
	case "no-ping":
		p.cfg.NoProbe = true
	case "dhcp-ignore":
		if len(args) == 1 && slices.Contains([]string{"tag:!known", "net:!known", "#known", "tag:#known", "!known"},
			first) {
			p.knownOnly = &l
			return
		}
		p.cfg.Lost(l, "the box answers every machine")
	case "conf-file":
		p.include(l, first, p.directive)
	case "dhcp-hostsfile":
		p.include(l, first, func(l dhcpconf.Line, text string) { p.host(l, split(text)) })
	case "dhcp-optsfile":
		p.include(l, first, func(l dhcpconf.Line, text string) { p.option(l, split(text)) })
	case "conf-dir":
		p.folder(l, args, p.directive)
	case "dhcp-hostsdir":
		p.folder(l, args, func(l dhcpconf.Line, text string) { p.host(l, split(text)) })
	case "dhcp-optsdir":
		p.folder(l, args, func(l dhcpconf.Line, text string) { p.option(l, split(text)) })
	default:
		p.cfg.Lost(l, "%s", why(key))
	}
}

// split splits arguments at their commas.
func split(arg string) []string {
	if arg == "" {
		return nil
	}
	out := strings.Split(arg, ",")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

func (p *parser) include(l dhcpconf.Line, name string, line func(dhcpconf.Line, string)) {
	switch {
	case name == "":
		p.cfg.Lost(l, "names no file")
		return
	case len(p.open) >= dhcpconf.MaxDepth || slices.Contains(p.open, name):
		p.cfg.Lost(l, "is left out: the file includes itself")
		return
	case p.read >= dhcpconf.MaxFiles:
		p.cfg.Lost(l, "is left out: at most %d files are read", dhcpconf.MaxFiles)
		return
	}
	data, err := p.files.Read(name)
	if err != nil {
		p.cfg.Lost(l, "%s cannot be read: %v", name, err)
		return
	}
	p.file(name, data, line)
}

// folder reads the files in a folder. Further arguments are suffixes of files to
// skip, or with a * of files to read.
func (p *parser) folder(l dhcpconf.Line, args []string, line func(dhcpconf.Line, string)) {
	if len(args) == 0 {
		p.cfg.Lost(l, "names no folder")
		return
	}
	dir := strings.TrimSuffix(unhide(args[0]), "/")
	names, err := p.files.List(dir)
	if err != nil {
		p.cfg.Lost(l, "%s cannot be read: %v", dir, err)
		return
	}
	var take, leave []string
	for _, a := range args[1:] {
		if a = unhide(a); strings.HasPrefix(a, "*") {
			take = append(take, a[1:])
		} else {
			leave = append(leave, a)
		}
	}
	ends := func(name string, endings []string) bool {
		return slices.ContainsFunc(endings, func(e string) bool { return e != "" && strings.HasSuffix(name, e) })
	}
	for _, name := range names {
		file := path.Base(name)
		// Left over by editors and package managers (option.c, one_file).
		if strings.HasSuffix(file, "~") || strings.HasPrefix(file, ".") || strings.HasPrefix(file, "#") &&
			strings.HasSuffix(file, "#") ||
			ends(file, leave) || len(take) > 0 && !ends(file, take) {
			continue
		}
		if p.read >= dhcpconf.MaxFiles || len(p.open) >= dhcpconf.MaxDepth {
			p.cfg.Lost(l, "is left out from %s on: at most %d files are read, nested at most %d deep",
				name, dhcpconf.MaxFiles,
				dhcpconf.MaxDepth)
			return
		}
		p.include(l, name, line)
	}
}

func (p *parser) root(l dhcpconf.Line, args []string) {
	switch {
	case len(args) == 0 || args[0] == "":
		p.cfg.Lost(l, "names no folder")
	case p.cfg.TFTPRoot.Value != "":
		p.cfg.Lost(l, "is a second folder: the first is %s", p.cfg.TFTPRoot.Value)
	default:
		p.cfg.TFTPRoot = dhcpconf.Text{Value: unhide(args[0]), Line: l}
	}
}

// Prefixes of keywords that have nothing to do with DHCP or TFTP.
var (
	nameServer = []string{
		"add-mac", "add-subnet", "add-cpe-id", "addn-hosts", "address", "alias", "all-servers", "auth-", "bogus-",
		"cache-",
		"caa-record", "cname", "conntrack", "connmark", "dns-", "dnssec", "do-", "domain-needed", "domain-suffix",
		"dynamic-host",
		"edns-", "expand-hosts", "fast-dns-retry", "filter", "filterwin2k", "host-record", "hostsdir", "interface-name",
		"ipset",
		"local", "localise-queries", "localmx", "log-queries", "max-cache-ttl", "max-ttl", "min-cache-ttl", "mx-",
		"naptr-record", "neg-ttl",
		"nftset", "no-0x20-encode", "no-hosts", "no-ident", "no-negcache", "no-poll", "no-resolv", "no-round-robin",
		"port-limit",
		"proxy-dnssec", "ptr-record", "query-port", "max-port", "min-port", "rebind-", "resolv-file", "rev-server",
		"selfmx", "server",
		"servers-file", "srv-host", "stop-dns-rebind", "strict-order", "strip-", "synth-domain", "trust-anchor",
		"txt-record", "use-stale-cache",
	}
	conditions = []string{
		"dhcp-match", "dhcp-vendorclass", "dhcp-userclass", "dhcp-mac", "dhcp-circuitid", "dhcp-remoteid",
		"dhcp-subscrid",
		"dhcp-name-match", "dhcp-generate-names", "tag-if",
	}
	ipv6 = []string{"enable-ra", "ra-param", "dhcp-duid", "quiet-dhcp6", "quiet-ra"}
)

// why says why a line does not belong in a pxebox.toml.
func why(key string) string {
	has := func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool {
			return key == w || strings.HasSuffix(w, "-") &&
				strings.HasPrefix(key, w)
		})
	}
	switch {
	case has(nameServer):
		return "the box is not a name server"
	case has(conditions):
		return "the box detects the kind of firmware itself, and has no other conditions"
	case has(ipv6):
		return "the box serves IPv4 only"
	case key == "dhcp-relay":
		return "the box is not a relay agent"
	case key == "shared-network":
		return "the box serves one network directly, and others through relay agents"
	}
	return "pxebox has no key for it"
}
