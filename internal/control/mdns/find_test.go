package mdns

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestReadBox(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	sum := strings.Repeat("3F:", 31) + "A1"
	answer := func(label string, texts ...string) []byte {
		r := newRecords(label, addr, 443, texts)
		return r.legacy(7, nil, 1<<recPTR)
	}
	for _, tt := range []struct {
		situation string
		packet    []byte
		want      Box // zero: no box
	}{
		{"a box", answer("pxebox-2", attributes(sum)...), Box{"pxebox-2.local", addr, 443, sum}},
		{"a box without a certificate", answer("pxebox", attributes("")...), Box{"pxebox.local", addr, 443, ""}},
		{"a fingerprint with an escape sequence", answer("pxebox", attributes("\x1b[2J")...), Box{"pxebox.local", addr, 443, ""}},
		{"a name with an escape sequence", answer("px\x1b[2J", attributes(sum)...), Box{}},
		{"a text of 255 bytes", answer("pxebox", strings.Repeat("x", 255), product), Box{"pxebox.local", addr, 443, ""}},
		{"a printer", answer("printer", "path=/"), Box{}},
		{"a question", question(t, ServiceType, dnsmessage.TypePTR, 0), Box{}},
		{"no packet of DNS", []byte("x"), Box{}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got, ok := ReadBox(tt.packet)
			if ok != (tt.want != Box{}) || ok && got != tt.want {
				t.Errorf("got %+v, %v; want %+v", got, ok, tt.want)
			}
		})
	}
}
