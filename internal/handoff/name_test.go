package handoff

import (
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
)

const pc = config.MAC("52:54:00:77:00:10")

func TestParse(t *testing.T) {
	grub, pxelinux := Request{"wds", pc, false}, Request{"wds", pc, true}
	for _, tc := range []struct {
		situation, raw string
		want           Request
		file           string
	}{
		{"GRUB", "/handoff/wds/52:54:00:77:00:10", grub, "handoff/wds"},
		{"a prefix that ends in a slash", "//handoff/wds/52:54:00:77:00:10", grub, "handoff/wds"},
		{"PXELINUX", "handoff/wds/52:54:00:77:00:10.cfg", pxelinux, "handoff/wds.cfg"},
		{"hyphens and capitals", "handoff/wds/52-54-00-77-00-1A", Request{"wds", "52:54:00:77:00:1a", false}, "handoff/wds"},
		{"an entry with a dot", "handoff/wds.2/52:54:00:77:00:10", Request{"wds.2", pc, false}, "handoff/wds.2"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got, ok := Parse(tc.raw)
			if !ok || got != tc.want || got.File() != tc.file {
				t.Errorf("got %+v (%v), file %q", got, ok, got.File())
			}
		})
	}
	for situation, raw := range map[string]string{
		"the rendered file itself": "handoff/wds",
		"and PXELINUX's":           "handoff/wds.cfg",
		"no entry":                 "handoff//52:54:00:77:00:10",
		"no address":               "handoff/wds/",
		"half an address":          "handoff/wds/52:54:00",
		"an unknown card in GRUB":  "handoff/wds/$net_default_mac",
		"no separators":            "handoff/wds/52540077001000000",
		"mixed separators":         "handoff/wds/52:54-00:77-00:10",
		"eight bytes":              "handoff/wds/52:54:00:77:00:10:11:12",
		"another folder":           "pxelinux.cfg/wds/52:54:00:77:00:10",
		"a folder more":            "handoff/a/wds/52:54:00:77:00:10",
		"something behind":         "handoff/wds/52:54:00:77:00:10/x",
	} {
		t.Run(situation, func(t *testing.T) {
			if r, ok := Parse(raw); ok {
				t.Errorf("taken for %+v", r)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/handoff/wds/52:54:00:77:00:10")
	f.Add("handoff/wds/52-54-00-77-00-10.cfg")
	f.Add("handoff/../52:54:00:77:00:10")
	f.Fuzz(func(t *testing.T, raw string) {
		r, ok := Parse(raw)
		if !ok {
			return
		}
		if again, ok := Parse(r.Name()); !ok || again != r {
			t.Errorf("%q is %+v, whose name is %q, which is %+v", raw, r, r.Name(), again)
		}
		if b := r.MAC.Bytes(); len(b) != 6 || config.MAC(config.NewHex(b)) != r.MAC || strings.Contains(r.Entry, "/") {
			t.Errorf("%q is %+v", raw, r)
		}
	})
}
