package parser

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// The functions of this file find what a value was meant to be, for the last
// part of an error. They return "" where they cannot tell.

// typographic are characters that word processors and web pages put in place of
// plain ones.
var typographic = map[rune]string{
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '«': `"`, '»': `"`, '″': `"`, '＂': `"`,
	'‘': `'`, '’': `'`, '‚': `'`, '‛': `'`, '‹': `'`, '›': `'`, '′': `'`, '´': `'`, '`': `'`, '＇': `'`,
	'‐': "-", '‑': "-", '‒': "-", '–': "-", '—': "-", '―': "-", '−': "-", '－': "-",
	'＝': "=", '：': ":", '，': ",", '［': "[", '］': "]", '＃': "#", '．': ".", '…': "...",
	'\u200b': "", '\u200c': "", '\u200d': "", '\u2060': "", '\ufeff': "", '\u00ad': "",
}

// plainText writes a text with plain quotes, dashes and blanks, and with none
// at its ends.
func plainText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch plain, ok := typographic[r]; {
		case ok && r >= 0x80: // a ` stays
			b.WriteString(plain)
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

// retyped is a value of the wrong type as the key's example is written.
func (v value) retyped() string {
	text, example := v.n.text, v.field.example
	if v.n.kind == unstable.Array && len(v.n.items) == 1 && v.n.items[0].kind == unstable.String {
		text = v.n.items[0].text
	} else if v.n.kind == unstable.Array || v.n.kind == unstable.Table {
		return example
	}
	if text == "" || len(text) > 60 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return example
	}
	switch {
	case strings.HasPrefix(example, `"`) && v.n.kind == unstable.Integer:
		if _, err := time.ParseDuration(strings.Trim(example, `"`)); err == nil {
			return strconv.Quote(text + "s")
		}
		return strconv.Quote(text)
	case strings.HasPrefix(example, `"`):
		return strconv.Quote(text)
	case strings.HasPrefix(example, "["):
		var items []string
		for item := range strings.SplitSeq(text, ",") {
			items = append(items, strconv.Quote(strings.TrimSpace(item)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case example == "true" || example == "false":
		if b, ok := flagIn(text); ok {
			return strconv.FormatBool(b)
		}
	default:
		number := reLeading.FindString(strings.NewReplacer(",", "", "'", "", "_", "", " ", "").Replace(text))
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	}
	return example
}

// reLeading is the number that a text begins with.
var reLeading = regexp.MustCompile(`^[0-9]+`)

// flagIn reads the words that people write for true and false.
func flagIn(s string) (value, ok bool) {
	switch strings.ToLower(strings.Trim(s, `"'`)) {
	case "true", "yes", "on", "1", "y", "enabled", "enable":
		return true, true
	case "false", "no", "off", "0", "n", "disabled", "disable":
		return false, true
	}
	return false, false
}

var (
	reNumberUnit = regexp.MustCompile(`^([0-9]{1,6})([a-z]*)[.,]?`)
	timeUnits    = map[string]string{
		"": "1s", "s": "1s", "sec": "1s", "second": "1s", "m": "1m", "min": "1m", "minute": "1m",
		"h": "1h", "hr": "1h", "hour": "1h", "d": "24h", "day": "24h",
		"w": "168h", "week": "168h", "month": "720h", "y": "8760h", "year": "8760h",
	}
)

// durationIn reads "90 min", "1 day" and the like. seconds reports that there was
// no unit.
func durationIn(s string) (d time.Duration, seconds, ok bool) {
	s = strings.ToLower(strings.ReplaceAll(plainText(s), " ", ""))
	if d, err := time.ParseDuration(s); err == nil {
		return d, false, true
	}
	if len(s) > 40 {
		return 0, false, false
	}
	rest := s
	for rest != "" {
		m := reNumberUnit.FindStringSubmatch(rest)
		if m == nil {
			return 0, false, false
		}
		unit, ok := timeUnits[m[2]]
		if !ok {
			unit, ok = timeUnits[strings.TrimSuffix(m[2], "s")]
		}
		n, err := strconv.Atoi(m[1])
		if !ok || err != nil {
			return 0, false, false
		}
		one, _ := time.ParseDuration(unit)
		d += time.Duration(n) * one
		seconds = m[2] == ""
		rest = rest[len(m[0]):]
	}
	return d, seconds, s != ""
}

// shortDuration is "90m" for the "1h30m0s" of package time, and "1h" for "1h0m0s".
func shortDuration(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// wordIn is the one of words that was meant.
func wordIn(s string, words []string) string {
	s = plainText(s)
	for _, w := range words {
		if strings.EqualFold(s, w) {
			return w
		}
	}
	return nearest(s, words)
}

var reOctets = regexp.MustCompile(`^0*([0-9]{1,3})\.0*([0-9]{1,3})\.0*([0-9]{1,3})\.0*([0-9]{1,3})$`)

// addressIn reads an address with blanks, leading zeros, a prefix length, a port
// or a URL around it.
func addressIn(s string) (netip.Addr, bool) {
	s = hostIn(s)
	if m := reOctets.FindStringSubmatch(s); m != nil {
		s = strings.Join(m[1:], ".")
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil && spec.IsHost(a)
}

// hostIn is what a URL, a share of Windows, or an address with a port or a
// prefix length names.
func hostIn(s string) string {
	s = plainText(s)
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	s = strings.TrimLeft(s, `\/`)
	if i := strings.IndexAny(s, `/\`); i >= 0 {
		s = s[:i]
	}
	if host, _, ok := strings.Cut(s, ":"); ok {
		s = host
	}
	return strings.TrimSpace(s)
}

// addressesIn reads several addresses in one text.
func addressesIn(s string) []string {
	fields := strings.FieldsFunc(plainText(s), func(r rune) bool { return r == ',' || r == ';' || r == ' ' })
	for i, f := range fields {
		if !isHost4(f) {
			return nil
		}
		fields[i] = strconv.Quote(f)
	}
	return fields
}

// prefixIn reads an address with a mask in place of the prefix length.
func prefixIn(s string) (netip.Prefix, bool) {
	fields := strings.FieldsFunc(plainText(s), func(r rune) bool { return r == '/' || r == ' ' || r == ',' })
	if len(fields) != 2 {
		return netip.Prefix{}, false
	}
	a, ok := addressIn(fields[0])
	if !ok {
		return netip.Prefix{}, false
	}
	if mask, err := netip.ParseAddr(fields[1]); err == nil && mask.Is4() {
		bits, size := net.IPMask(mask.AsSlice()).Size()
		return netip.PrefixFrom(a, bits), size == 32 && bits > 0
	}
	bits, err := strconv.Atoi(fields[1])
	return netip.PrefixFrom(a, bits), err == nil && bits >= 8 && bits <= 30
}

var reBetween = regexp.MustCompile(`^([0-9.]+) *(?:-|,|;|\.\.+|to|until| ) *([0-9.]+?)$`)

// rangeIn reads a range with something else than one hyphen between its ends, or
// without the parts that both have in common.
func rangeIn(s string) (spec.Range, bool) {
	s = plainText(s)
	if p, err := netip.ParsePrefix(s); err == nil && spec.IsNetwork(p) {
		return spec.Range{First: p.Masked().Addr().Next(), Last: spec.Broadcast(p).Prev()}, true
	}
	m := reBetween.FindStringSubmatch(s)
	if m == nil {
		return spec.Range{}, false
	}
	first, ok := addressIn(m[1])
	if !ok {
		return spec.Range{}, false
	}
	last := strings.TrimLeft(m[2], ".")
	if parts := strings.Split(first.String(), "."); strings.Count(last, ".") < 3 {
		last = strings.Join(parts[:3-strings.Count(last, ".")], ".") + "." + last
	}
	b, ok := addressIn(last)
	switch {
	case !ok:
		return spec.Range{}, false
	case b.Less(first):
		return spec.Range{First: b, Last: first}, true
	}
	return spec.Range{First: first, Last: b}, true
}

// macIn reads a hardware address with any separators, or without leading zeros.
func macIn(s string) (ether.MAC, bool) {
	digits := strings.FieldsFunc(plainText(s), func(r rune) bool { return strings.ContainsRune(":-. _", r) })
	if len(digits) == 6 {
		for i, d := range digits {
			if len(d) == 1 {
				digits[i] = "0" + d
			}
		}
	}
	b, err := spec.ParseHex(strings.TrimPrefix(strings.Join(digits, ""), "0x"))
	mac := ether.From(b)
	return mac, err == nil && mac.IsValid() && mac[0]&1 == 0
}

var reWild = regexp.MustCompile(`^(?:[:. -]?(?:\*|[xX?]{1,2}))+$`)

// beginningIn reads the beginning of a hardware address with the rest left open,
// as in 52:54:00:*.
func beginningIn(s string) (spec.Hex, bool) {
	s = plainText(s)
	for i := range s {
		if b, err := spec.ParseHex(strings.TrimRight(s[:i], ":-. ")); err == nil && len(b) > 0 &&
			reWild.MatchString(s[i:]) {
			return spec.NewHex(b), true
		}
	}
	return "", false
}

// nameIn is a text as a name.
func nameIn(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_':
			return r
		case r == ' ' || r == '.' || r == '/':
			return '-'
		}
		return -1
	}, strings.ToLower(plainText(s)))
	s = strings.Trim(s, "-")
	if !reName.MatchString(s) {
		return ""
	}
	return s
}

// notASCII names the first character of a text that is not ASCII.
func notASCII(s string) (problem, fix string) {
	i := strings.IndexFunc(s, func(r rune) bool { return r > '~' })
	r := []rune(s[i:])[0]
	problem = fmt.Sprintf("contains a character that is not ASCII, %q", r)
	switch plain, ok := typographic[r]; {
	case ok && plain == "":
		return problem, "delete it: it is invisible"
	case ok:
		return problem, "write " + plain + " for it"
	case unicode.IsSpace(r):
		return problem, "write a plain space instead"
	}
	return problem, "write arguments with plain letters, digits and signs"
}

// reByteEscape is an escape of TOML that is never meant: \x64 is in the paths of
// WDS.
var reByteEscape = regexp.MustCompile(`^(?:[^\\]|\\[^x])*(\\x[0-9A-Fa-f]{2})`)

// reTabInWord is a tab in the middle of a word: in "C:\temp" it stands for the
// letter t of a path.
var reTabInWord = regexp.MustCompile(`^(?:[^\\]|\\[^t])*[^\s\\](\\t)`)

// singleQuotes tells how to write a text whose backslashes were taken for
// escapes.
func singleQuotes(escaped string) string {
	if text := strings.ReplaceAll(escaped, `\\`, `\`); len(text) <= 100 && !strings.ContainsAny(text, "'\n\r") {
		return "write it between single quotes, which keep each backslash: '" + text + "'"
	}
	return "write it between single quotes, or '''three of them''' for several lines: they keep each backslash"
}

// firstEscape is the first escape in a text that stands for a control character.
func firstEscape(escaped string) string {
	for i := 0; i+1 < len(escaped); i++ {
		if escaped[i] != '\\' {
			continue
		}
		if i++; strings.IndexByte("tbfenr", escaped[i]) >= 0 {
			return escaped[i-1 : i+1]
		}
	}
	return ""
}

// labelled returns the name of the entry that a text is the label of, or "".
func labelled(entries []config.Entry, text string) string {
	i := slices.IndexFunc(entries, func(e config.Entry) bool {
		return e.Name != "" && strings.EqualFold(plainText(e.Label), plainText(text))
	})
	if i < 0 {
		return ""
	}
	return entries[i].Name
}
