package adopt

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// onScreen is a text in the characters of a PC's screen, on one line.
func onScreen(s string) string {
	return strings.Map(func(r rune) rune {
		if !pxelinux.Shown(r) {
			return '?'
		}
		return r
	}, oneLine(pxelinux.Decode(s)))
}

// label is what a menu shows of an entry, or for a title.
func (c *converter) label(s string, l pxelinux.Line) string {
	if strings.Contains(s, "^") && l.Keyword != "MENU TITLE" {
		c.noted(look, l, false)
	}
	plain := strings.ReplaceAll(s, "^", "")
	label := strings.TrimSpace(onScreen(plain))
	if label != strings.TrimSpace(pxelinux.Decode(plain)) {
		c.remark(l, "has characters that a PC's screen does not")
	}
	if n := utf8.RuneCountInString(label); n > config.MaxLabel {
		c.remark(l, "is cut: the menu has room for %d characters", config.MaxLabel)
		label = strings.TrimSpace(string([]rune(label)[:config.MaxLabel-2])) + ".."
	}
	return label
}

// help is the text of an entry for the screen below the menu.
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
		c.remark(l, "is cut: the screen has room for %d lines of %d characters", config.MaxHelpLines, config.MaxHelpColumns)
	}
	return strings.Join(lines, "\n")
}

// outdent takes away the spaces that all lines begin with.
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

// name makes a name of the first of some texts that has letters for one, and
// that no other entry has. "disk" is kept for the machine's own disk: it
// stands for that below [[machine]].
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

// nameOf has the letters of s that a name may have, with hyphens for others.
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

// oneLine has spaces for control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// brief cuts a text to what a line of a report has room for.
func brief(s string) string {
	s = oneLine(s)
	if letters := []rune(s); len(letters) > 100 {
		return string(letters[:98]) + ".."
	}
	return s
}

// base is the last part of a file's name, in small letters.
func base(name string) string {
	return strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
}
