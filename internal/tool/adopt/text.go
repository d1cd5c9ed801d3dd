package adopt

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// onScreen converts a text to the characters of a PC's screen, on one line.
func onScreen(s string) string {
	return strings.Map(func(r rune) rune {
		if !pxelinux.Shown(r) {
			return '?'
		}
		return r
	}, oneLine(pxelinux.Decode(s)))
}

// label returns what a menu shows for an entry or a title, before it is cut.
func (c *converter) label(s string, l pxelinux.Line) string {
	if strings.Contains(s, "^") && l.Keyword != "MENU TITLE" {
		c.noted(look, l, false)
	}
	plain := strings.ReplaceAll(s, "^", "")
	label := strings.TrimSpace(onScreen(plain))
	if label != strings.TrimSpace(pxelinux.Decode(plain)) {
		c.remark(l, "has characters that a BIOS screen cannot show")
	}
	if n := utf8.RuneCountInString(label); n > config.MaxLabel {
		c.remark(l, "is cut: the menu has room for %d characters", config.MaxLabel)
	}
	return label
}

// cut shortens a label that is longer than the menu has room for.
func cut(label string, room int) string {
	letters := []rune(label)
	if len(letters) <= room {
		return label
	}
	return strings.TrimSpace(string(letters[:room-len(dots)])) + dots
}

const dots = ".."

// cutLabels shortens the labels of one menu to what the menu has room for. Labels
// that would become equal keep the part that differs.
func cutLabels(labels []string) []string {
	out := make([]string, len(labels))
	same := map[string][]int{}
	for i, l := range labels {
		out[i] = cut(l, config.MaxLabel)
		if out[i] != l {
			same[out[i]] = append(same[out[i]], i)
		}
	}
	for _, group := range same {
		if start := differ(labels, group); start >= 0 {
			for _, i := range group {
				out[i] = cutMiddle(labels[i], start)
			}
		}
	}
	// Where that is not enough, add numbers.
	taken := map[string]int{}
	for i, l := range labels {
		if out[i] == l {
			continue
		}
		if other, ok := taken[out[i]]; ok && labels[other] != l {
			for n := 2; ok; n++ {
				end := fmt.Sprintf(" (%d)", n)
				numbered := cut(out[i], config.MaxLabel-len(end)) + end
				if _, ok = taken[numbered]; !ok {
					out[i] = numbered
				}
			}
		}
		taken[out[i]] = i
	}
	return out
}

// differ returns where some labels begin to differ, in letters, moved back to the
// start of a word; -1 if they are equal.
func differ(labels []string, group []int) int {
	one := []rune(labels[group[0]])
	end := len(one)
	different := false
	for _, i := range group[1:] {
		other := []rune(labels[i])
		n := 0
		for n < min(end, len(other)) && one[n] == other[n] {
			n++
		}
		different = different || labels[i] != labels[group[0]]
		end = n
	}
	if !different {
		return -1
	}
	for end > 0 && (end >= len(one) || one[end-1] != ' ') {
		end--
	}
	return end
}

// cutMiddle keeps the beginning of a label, and what follows start.
func cutMiddle(label string, start int) string {
	letters := []rune(label)
	const least = config.MaxLabel / 3 // minimum length of the beginning
	if start <= least {
		return cut(label, config.MaxLabel)
	}
	tail := cut(string(letters[start:]), config.MaxLabel-least-len(dots)-1)
	head := config.MaxLabel - utf8.RuneCountInString(tail) - len(dots) - 1
	return strings.TrimSpace(string(letters[:min(head, start)])) + dots + " " + tail
}

// help returns the text that the screen shows below the menu for an entry.
func (c *converter) help(e *pxelinux.Entry) string {
	var l pxelinux.Line
	for _, l = range e.Lines {
		if l.Keyword == "TEXT HELP" {
			break
		}
	}
	var lines []string
	for _, h := range e.Help {
		var b strings.Builder
		column := 0
		for _, r := range pxelinux.Decode(h) {
			if r == '\t' {
				n := 8 - column%8
				b.WriteString(strings.Repeat(" ", n))
				column += n
				continue
			}
			b.WriteRune(r)
			column++
		}
		lines = append(lines, strings.TrimRight(onScreen(b.String()), " "))
	}
	tooLong := func(h string) bool { return utf8.RuneCountInString(h) > config.MaxHelpColumns }
	if slices.ContainsFunc(lines, tooLong) {
		outdent(lines)
	}
	cut := false
	for i, h := range lines {
		if tooLong(h) {
			lines[i], cut = strings.TrimRight(string([]rune(h)[:config.MaxHelpColumns]), " "), true
		}
	}
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) > config.MaxHelpLines {
		lines, cut = lines[:config.MaxHelpLines], true
	}
	if cut {
		c.remark(l, "is cut: the screen has room for %d lines of %d characters",
			config.MaxHelpLines, config.MaxHelpColumns)
	}
	return strings.Join(lines, "\n")
}

// outdent removes the indentation that all lines share.
func outdent(lines []string) {
	least := -1
	for _, h := range lines {
		if n := len(h) - len(strings.TrimLeft(h, " ")); h != "" && (least < 0 || n < least) {
			least = n
		}
	}
	for i, h := range lines {
		lines[i] = h[min(max(least, 0), len(h)):]
	}
}

// name derives an unused name from the first text that has letters for one.
// "disk" is reserved for the machine's disk: that is its meaning below
// [[machine]].
func (c *converter) name(disk bool, texts ...string) string {
	stem := ""
	for _, s := range texts {
		if stem = nameOf(s); stem != "" {
			break
		}
	}
	if stem == "" {
		stem = "entry"
	}
	name := stem
	for n := 2; c.taken[name] || name == config.BootDisk && !disk; n++ {
		end := "-" + strconv.Itoa(n)
		name = strings.TrimRight(stem[:min(len(stem), config.MaxName-len(end))], "-_") + end
	}
	c.taken[name] = true
	return name
}

// nameOf keeps the letters of s that a name may have, and replaces others with
// hyphens.
func nameOf(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_':
			b.WriteRune(r)
		case r == '^':
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	out := b.String()
	return strings.Trim(out[:min(len(out), config.MaxName)], "-_")
}

// oneLine replaces control characters with spaces.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// brief shortens a text to the length that a report line has room for.
func brief(s string) string {
	s = oneLine(s)
	if letters := []rune(s); len(letters) > 100 {
		return string(letters[:98]) + ".."
	}
	return s
}

// base returns the last part of a file's name, in lowercase.
func base(name string) string {
	return strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
}
