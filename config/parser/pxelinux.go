package parser

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// lines reads a text of several lines, without blanks at the ends of them and
// blank lines at its end. TOML keeps the carriage returns of a file from
// Windows.
func (v value) lines() []string {
	s, ok := v.text()
	if !ok {
		return nil
	}
	if reTabInWord.MatchString(v.n.escape) {
		v.fail(`contains \t, which means a tab in double quotes`, singleQuotes(v.n.escape))
		return nil
	}
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range lines {
		if at := strings.IndexFunc(l, func(r rune) bool { return r != '\t' && control(r) }); at >= 0 {
			r, _ := utf8.DecodeRuneInString(l[at:])
			fix := "leave it out"
			if e := firstEscape(v.n.escape); strings.Contains(`\b\f\e`, e) && e != "" {
				fix = singleQuotes(v.n.escape)
			}
			v.fail(fmt.Sprintf("line %d contains the control character %U", i+1, r), fix)
			return nil
		}
		lines[i] = strings.TrimRight(l, " \t")
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		v.fail("is empty", "write "+v.field.name+" = "+v.field.example+", or leave it out")
	}
	return lines
}

// help is what the screen says of an entry.
func (v value) help() string {
	lines := v.lines()
	for i, l := range lines {
		switch n := utf8.RuneCountInString(l); {
		case strings.Contains(l, "\t"):
			v.fail(fmt.Sprintf("line %d holds a tab", i+1), "write spaces")
		case n > config.MaxHelpColumns:
			v.fail(fmt.Sprintf("line %d has %d characters", i+1, n),
				fmt.Sprintf("keep it to %d, and continue on another line", config.MaxHelpColumns))
		case strings.EqualFold(pxelinux.FirstWord(l), "ENDTEXT"):
			// What follows would be lines of the menu (readconfig.c, TEXT HELP).
			v.fail(fmt.Sprintf("line %d begins with %s, which PXELINUX takes for the end of the text",
				i+1, pxelinux.FirstWord(l)), "begin it with another word")
		case v.shown(l):
			continue
		}
		return ""
	}
	if len(lines) > config.MaxHelpLines {
		v.fail(fmt.Sprintf("has %d lines", len(lines)),
			fmt.Sprintf("keep it to %d: the screen has no room for more", config.MaxHelpLines))
		return ""
	}
	return strings.Join(lines, "\n")
}

// elsewhereInMenu is what to write for directives that have no place in a
// LABEL.
var elsewhereInMenu = map[string]string{
	"LABEL":        "write another [[entry]] for it",
	"MENU LABEL":   "write label",
	"MENU TITLE":   "write title below [menu], or label below the submenu's [[entry]]",
	"MENU BEGIN":   "write an [[entry]] with submenu = true, and write in below those that belong to it",
	"MENU END":     "write an [[entry]] with submenu = true, and write in below those that belong to it",
	"MENU PASSWD":  "write locked = true",
	"MENU MASTER":  "write password below [menu]",
	"MENU HIDE":    "write listed = false",
	"MENU DEFAULT": "write default below [menu]",
	"MENU INCLUDE": "write the lines of that file",
	"INCLUDE":      "write the lines of that file",
	"DEFAULT":      "write default below [menu]",
	"ONTIMEOUT":    "write default below [menu]",
	"TIMEOUT":      "write timeout below [menu]",
	"SERIAL":       "write serial = true below [menu]",
	"TEXT":         "write help",
}

// pxelinux is a piece of a PXELINUX menu that says what one LABEL does.
func (v value) pxelinux() string {
	lines := v.lines()
	some := false
	for i, l := range lines {
		if l == "" || strings.HasPrefix(pxelinux.FirstWord(l), "#") {
			continue
		}
		some = true
		directive, known := pxelinux.InLabel(l)
		at := fmt.Sprintf("line %d, %s,", i+1, brief(l))
		switch {
		case !known:
			fix := elsewhereInMenu[directive]
			if fix == "" {
				fix = "leave it out"
			}
			v.fail(at+" is not a directive of one LABEL", fix)
		case strings.ContainsFunc(l, func(r rune) bool { return r > '~' }):
			problem, fix := notASCII(l)
			v.fail(at+" "+problem, fix)
		case len(l) > pxelinux.MaxLine:
			v.fail(fmt.Sprintf("line %d has %d characters", i+1, len(l)),
				fmt.Sprintf("keep it to %d", pxelinux.MaxLine))
		default:
			continue
		}
		return ""
	}
	if len(lines) > 0 && !some {
		v.fail("has comments only", "write "+v.field.name+" = "+v.field.example+", or leave it out")
	}
	return strings.Join(lines, "\n")
}

// brief is a line as an error shows it.
func brief(line string) string {
	line = strings.TrimSpace(line)
	if letters := []rune(line); len(letters) > 40 {
		line = string(letters[:40]) + "..."
	}
	return fmt.Sprintf("%q", line)
}
