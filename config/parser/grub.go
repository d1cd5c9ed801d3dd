package parser

import (
	"strings"

	"github.com/pxebox/pxebox/internal/boot/loader/grub"
)

// grub is a piece of a GRUB script. It stands between the braces of a
// menuentry. What it leaves open would take the rest of the menu in, and a
// mistake is worse: GRUB drops the entry, and runs the lines that follow the
// mistake as it reads the menu.
func (v value) grub() string {
	s := strings.Join(v.lines(), "\n")
	if s == "" || !v.in.ok(v.field.name) {
		return ""
	}
	if problem, fix := grub.CheckScript(s); problem != "" {
		v.fail(problem, fix)
		return ""
	}
	return s
}
