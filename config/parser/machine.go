package parser

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// macBeginnings are hardware addresses, or their first bytes, which tell the
// maker.
func (v value) macBeginnings() []string {
	return each(v, func(v value) string {
		s, ok := v.text()
		if !ok {
			return ""
		}
		b, err := spec.ParseHex(s)
		if hw, macErr := net.ParseMAC(s); err != nil && macErr == nil {
			b, err = hw, nil // with dots, as Cisco writes it
		}
		switch {
		case err != nil || len(b) < 1 || len(b) > 6:
			fix := `write whole bytes, as in "52:54:00:12:34:56" or "52:54:00"`
			if m, ok := macIn(s); ok {
				fix = fmt.Sprintf("write %q", m)
			} else if h, ok := beginningIn(s); ok {
				fix = fmt.Sprintf("write %q: the beginning fits every address that has it", h)
			}
			v.fail(fmt.Sprintf("%q is not a hardware address, nor the beginning of one", s), fix)
		case b[0]&1 != 0: // IEEE 802 §8.2.2: the group bit
			v.fail(fmt.Sprintf("%q is a multicast address", s),
				"write a machine's own address, as its firmware or ipconfig /all shows it")
		default:
			return string(spec.NewHex(b))
		}
		return ""
	})
}

var reGUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func (v value) guids() []string {
	return each(v, func(v value) string {
		s, ok := v.text()
		if !ok {
			return ""
		}
		// Windows shows it in braces and capitals.
		id := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(s, "{"), "}"))
		switch {
		case !reGUID.MatchString(id):
			v.fail(fmt.Sprintf("%q is not a GUID", s),
				"write it as the firmware's setup shows it, with its hyphens, as in "+
					strings.Trim(v.field.example, "[]"))
		case strings.Trim(id, "0-") == "" || strings.Trim(id, "f-") == "":
			v.fail(fmt.Sprintf("%q is a placeholder: this mainboard has no GUID", s), "write mac instead")
		default:
			return id
		}
		return ""
	})
}

// firmwareWords are the kinds of firmware as a file has them.
var firmwareWords = func() (words []string) {
	for _, k := range firmware.Kinds {
		words = append(words, string(k))
	}
	return words
}()

func (v value) firmwares() []firmware.Kind {
	return each(v, func(v value) firmware.Kind {
		s, ok := v.text()
		arch, isNumber := firmware.ParseArch(s)
		if ok && !slices.Contains(firmwareWords, s) && !(isNumber && s == string(arch.Kind())) {
			fix := "write one of " + strings.Join(firmwareWords, ", ")
			if isNumber {
				fix = fmt.Sprintf("write %q", arch.Kind())
			} else if n := firmwareIn(s); n != "" {
				fix = fmt.Sprintf("write %q", n)
			}
			v.fail(fmt.Sprintf("%q is not a kind of firmware", s), fix)
		}
		return firmware.Kind(s)
	})
}

// firmwareIn is the one of firmwareWords that is meant by another word, or "".
func firmwareIn(s string) string {
	for _, f := range firmwareWords {
		if isOneOf(plainName(s), firmwareNames[f]) {
			return f
		}
	}
	return wordIn(s, firmwareWords)
}

// checkMachines looks at each [[machine]] as a whole, at the entries that it
// names, and at whether a machine gets as far as to it.
func (r *reader) checkMachines() {
	blocks := r.root.items("machine")
	if len(blocks) > maxMachines {
		blocks[maxMachines].fail("", "is one too many", fmt.Sprintf("keep it to %d machines", maxMachines))
		return
	}
	earlier := rules{}
	for i, b := range blocks {
		m := r.cfg.Machines[i]
		if !b.ok("") {
			continue
		}
		for _, key := range []string{"mac", "guid", "firmware", "entries"} {
			if n := b.node.get(key); n != nil && len(n.items) == 0 && b.ok(key) {
				b.fail(key, "is an empty list", "write at least one, or leave it out")
			}
		}
		r.checkBoot(b, m)
		switch {
		case !b.has("mac") && !b.has("guid") && !b.has("firmware"):
			b.fail("", "matches every machine",
				"write mac, guid or firmware; what all machines get is written below [menu]")
		case b.ok("mac", "guid", "firmware"):
			if line, ok := earlier.cover(m); ok {
				b.fail("", fmt.Sprintf("is never used: the [[machine]] on line %d matches all of its machines", line),
					"put it before that one, or leave it out")
			} else if !m.Once { // one that is used up lets machines through
				earlier.add(m, b.node.line)
			}
		}
	}
}

// checkBoot looks at what a machine boots, and at the menu that it gets.
func (r *reader) checkBoot(b block, m config.Machine) {
	if !b.ok("boot") {
		return
	}
	e := r.entry(m.Boot)
	switch {
	case m.Boot != config.BootMenu && m.Boot != config.BootDisk && e == nil:
		words := []string{config.BootMenu}
		if r.entry(config.BootDisk) == nil { // it is among the entries otherwise
			words = append(words, config.BootDisk)
		}
		r.noEntry(b, "boot", m.Boot, words...)
	case e != nil && e.Submenu:
		b.fail("boot", fmt.Sprintf("%q is a submenu, which starts nothing", m.Boot),
			`write the name of an entry in it, or boot = "menu"`)
	}
	if m.Boot == config.BootMenu {
		if m.Once && b.ok("once") {
			b.fail("once", "has no effect with a menu",
				"write boot = with the name of an entry as well, or leave it out")
		}
	} else {
		for _, key := range []string{"entries", "default", "timeout"} {
			if b.has(key) {
				b.fail(key, fmt.Sprintf("has no effect: %q starts without a menu", m.Boot),
					`write boot = "menu", or leave it out`)
			}
		}
		return
	}
	if b.ok("entries") {
		seen := map[string]bool{}
		for _, name := range m.Entries {
			switch {
			case r.entry(name) == nil:
				r.noEntry(b, "entries", name)
			case seen[name]:
				b.fail("entries", fmt.Sprintf("names %q twice", name), "name each entry once")
			}
			seen[name] = true
		}
	}
	if m.Default != "" && b.ok("default", "entries") {
		r.checkDefault(b, m.Default, m.Entries)
	}
}

// rules finds those that a machine would meet first, by each value of one of
// their conditions.
type rules map[string][]rule

// rule is a [[machine]] with the values of each condition as a set: two long
// lists are compared in one pass.
type rule struct {
	mac, guid, firmware map[string]bool
	line                int
}

func set[T ~string](values []T) map[string]bool {
	s := make(map[string]bool, len(values))
	for _, v := range values {
		s[string(v)] = true
	}
	return s
}

func (rs rules) add(m config.Machine, line int) {
	r := rule{set(m.MAC), set(m.GUID), set(m.Firmware), line}
	values := r.mac
	if len(values) == 0 {
		values = r.guid
	}
	if len(values) == 0 {
		values = r.firmware
	}
	for v := range values {
		rs[v] = append(rs[v], r)
	}
}

// cover returns the line of a rule that fits all machines which m fits.
func (rs rules) cover(m config.Machine) (line int, ok bool) {
	// It fits the first value of each condition too.
	var first []string
	if len(m.MAC) > 0 {
		first = append(first, beginnings(m.MAC[0])...)
	}
	if len(m.GUID) > 0 {
		first = append(first, m.GUID[0])
	}
	if len(m.Firmware) > 0 {
		first = append(first, string(m.Firmware[0]))
	}
	itself := func(v string) []string { return []string{v} }
	kind := func(k firmware.Kind) []string { return []string{string(k)} }
	for _, v := range first {
		for _, r := range rs[v] {
			if within(m.MAC, r.mac, beginnings) && within(m.GUID, r.guid, itself) &&
				within(m.Firmware, r.firmware, kind) {
				return r.line, true
			}
		}
	}
	return 0, false
}

// beginnings are those of a hardware address, in whole bytes: "52", "52:54" and
// so on to the address itself.
func beginnings(mac string) (out []string) {
	for end := 2; end <= len(mac); end += 3 {
		out = append(out, mac[:end])
	}
	return out
}

// within reports whether each value is one of those that a condition names, by
// one of the forms that the condition may have it in. Without values everything
// has to fit.
func within[T ~string](values []T, condition map[string]bool, forms func(value T) []string) bool {
	if len(condition) == 0 {
		return true
	}
	named := func(form string) bool { return condition[form] }
	return len(values) > 0 && !slices.ContainsFunc(values, func(v T) bool {
		return !slices.ContainsFunc(forms(v), named)
	})
}
