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
		{
			situation: "a box", packet: answer("pxebox-2", attributes(sum)...),
			want: Box{"pxebox-2.local", addr, 443, sum},
		},
		{
			situation: "a box without a certificate", packet: answer("pxebox", attributes("")...),
			want: Box{"pxebox.local", addr, 443, ""},
		},
		{
			situation: "a fingerprint with an escape sequence", packet: answer("pxebox", attributes("\x1b[2J")...),
			want: Box{"pxebox.local", addr, 443, ""},
		},
		{situation: "a name with an escape sequence", packet: answer("px\x1b[2J", attributes(sum)...)},
		{
			situation: "a text of 255 bytes", packet: answer("pxebox", strings.Repeat("x", 255), product),
			want: Box{"pxebox.local", addr, 443, ""},
		},
		{situation: "a printer", packet: answer("printer", "path=/")},
		{situation: "a question", packet: question(t, ServiceType, dnsmessage.TypePTR, 0)},
		{situation: "no packet of DNS", packet: []byte("x")},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got, ok := ReadBox(tt.packet)
			if ok != (tt.want != Box{}) || ok && got != tt.want {
				t.Errorf("got %+v, %v; want %+v", got, ok, tt.want)
			}
		})
	}
}
