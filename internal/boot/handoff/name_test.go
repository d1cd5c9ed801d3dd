package handoff

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

var pc = ether.MustParseMAC("52:54:00:77:00:10")

func TestParse(t *testing.T) {
	const token = "0123456789abcdef0123456789abcdef"
	grub, pxelinux := Request{"wds", pc, token, false}, Request{"wds", pc, token, true}
	for _, tc := range []struct {
		situation, raw string
		want           Request
		file           string
	}{
		{situation: "GRUB", raw: "/handoff/wds/52:54:00:77:00:10/" + token, want: grub, file: "handoff/wds"},
		{situation: "a prefix that ends in a slash", raw: "//handoff/wds/52:54:00:77:00:10/" + token, want: grub,
			file: "handoff/wds"},
		{situation: "PXELINUX", raw: "handoff/wds/52:54:00:77:00:10/" + token + ".cfg", want: pxelinux,
			file: "handoff/wds.cfg"},
		{situation: "hyphens and capitals", raw: "handoff/wds/52-54-00-77-00-1A/" + token,
			want: Request{"wds", ether.MustParseMAC("52:54:00:77:00:1a"), token, false}, file: "handoff/wds"},
		{situation: "an entry with a dot", raw: "handoff/wds.2/52:54:00:77:00:10/" + token,
			want: Request{"wds.2", pc, token, false}, file: "handoff/wds.2"},
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
		"no entry":                 "handoff//52:54:00:77:00:10/" + token,
		"no address":               "handoff/wds//" + token,
		"half an address":          "handoff/wds/52:54:00/" + token,
		"an unknown card in GRUB":  "handoff/wds/$net_default_mac/" + token,
		"no separators":            "handoff/wds/52540077001000000/" + token,
		"mixed separators":         "handoff/wds/52:54-00:77-00:10/" + token,
		"eight bytes":              "handoff/wds/52:54:00:77:00:10:11:12/" + token,
		"no token":                 "handoff/wds/52:54:00:77:00:10",
		"an empty token":           "handoff/wds/52:54:00:77:00:10/",
		"half a token":             "handoff/wds/52:54:00:77:00:10/" + token[:16],
		"another folder":           "pxelinux.cfg/wds/52:54:00:77:00:10/" + token,
		"a folder more":            "handoff/a/wds/52:54:00:77:00:10/" + token,
		"something behind":         "handoff/wds/52:54:00:77:00:10/" + token + "/x",
	} {
		t.Run(situation, func(t *testing.T) {
			if r, ok := Parse(raw); ok {
				t.Errorf("taken for %+v", r)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/handoff/wds/52:54:00:77:00:10/0123456789abcdef0123456789abcdef")
	f.Add("handoff/wds/52-54-00-77-00-10/0123456789abcdef0123456789abcdef.cfg")
	f.Add("handoff/../52:54:00:77:00:10")
	f.Fuzz(func(t *testing.T, raw string) {
		r, ok := Parse(raw)
		if !ok {
			return
		}
		if again, ok := Parse(r.Name()); !ok || again != r {
			t.Errorf("%q is %+v, whose name is %q, which is %+v", raw, r, r.Name(), again)
		}
		if !r.MAC.IsValid() || strings.Contains(r.Entry, "/") {
			t.Errorf("%q is %+v", raw, r)
		}
	})
}

func TestToken(t *testing.T) {
	here, there := netip.MustParseAddr("192.168.77.100"), netip.MustParseAddr("192.168.77.101")
	var other = ether.MustParseMAC("02:00:00:00:00:01")
	key := Key{1}
	token := key.Token(here, pc)
	if len(token) != TokenLen {
		t.Fatalf("%q has %d letters", token, len(token))
	}
	for _, tc := range []struct {
		situation string
		key       Key
		client    netip.Addr
		r         Request
		want      bool
	}{
		{situation: "the machine that read the menu", key: key, client: here,
			r: Request{"wds", pc, token, false}, want: true},
		{situation: "its address in 16 bytes", key: key, client: netip.AddrFrom16(here.As16()),
			r: Request{"wds", pc, token, true}, want: true},
		{situation: "another entry of the same menu", key: key, client: here,
			r: Request{"wds2", pc, token, false}, want: true},
		{situation: "read at another address", key: key, client: there, r: Request{"wds", pc, token, false}},
		{situation: "read by the machine that had the address before", key: key, client: here,
			r: Request{"wds", other, token, false}},
		{situation: "another box's menu", key: Key{2}, client: here, r: Request{"wds", pc, token, false}},
		{situation: "a guess", key: key, client: here, r: Request{"wds", pc, strings.Repeat("0", TokenLen), false}},
		{situation: "no token", key: key, client: here, r: Request{"wds", pc, "", false}},
		{situation: "in capitals", key: key, client: here, r: Request{"wds", pc, strings.ToUpper(token), false}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got := tc.key.Issued(tc.client, tc.r); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
