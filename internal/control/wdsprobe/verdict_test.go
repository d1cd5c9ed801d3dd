package wdsprobe

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
)

func TestReadRequest(t *testing.T) {
	const want = "\x00\x01boot\\x64\\wdsnbp.com\x00octet\x00tsize\x000\x00"
	if got := string(readRequest(`boot\x64\wdsnbp.com`)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestParseAnswer(t *testing.T) {
	for _, tt := range []struct {
		name, packet string
		want         answer
		ok           bool
	}{
		{name: "OACK", packet: "\x00\x06tsize\x0031124\x00", want: answer{kind: gives, size: 31124}, ok: true},
		{name: "OACK with other options", packet: "\x00\x06blksize\x00512\x00TSize\x007\x00",
			want: answer{kind: gives, size: 7}, ok: true},
		{name: "OACK without a size", packet: "\x00\x06blksize\x00512\x00", want: answer{kind: gives}, ok: true},
		{name: "OACK with a size that is none", packet: "\x00\x06tsize\x00-7\x00", want: answer{kind: gives}, ok: true},
		{name: "OACK that is cut short", packet: "\x00\x06tsize", want: answer{kind: gives}, ok: true},
		{name: "first block of a server without options", packet: "\x00\x03\x00\x01MZ",
			want: answer{kind: gives}, ok: true},
		{name: "first block of an empty file", packet: "\x00\x03\x00\x01", want: answer{kind: gives}, ok: true},
		{name: "another block", packet: "\x00\x03\x00\x02MZ", want: answer{kind: gives}},
		{name: "not found", packet: "\x00\x05\x00\x01File not found\x00",
			want: answer{kind: refuses, code: 1, text: "File not found"}, ok: true},
		{name: "error without a text", packet: "\x00\x05\x00\x02", want: answer{kind: refuses, code: 2}, ok: true},
		{name: "error whose text has no end", packet: "\x00\x05\x00\x00busy",
			want: answer{kind: refuses, text: "busy"}, ok: true},
		{name: "error whose text would be a menu's line", packet: "\x00\x05\x00\x00a\nLABEL b\n\x1b[2J${x}\x00",
			want: answer{kind: refuses, text: "a LABEL b 2J x"}, ok: true},
		{name: "error whose text is no UTF-8", packet: "\x00\x05\x00\x00a\xff\xfe\x00",
			want: answer{kind: refuses, text: "a"}, ok: true},
		{name: "error with a long text", packet: "\x00\x05\x00\x00" + strings.Repeat("a", 1000) + "\x00",
			want: answer{kind: refuses, text: strings.Repeat("a", maxText)}, ok: true},
		{name: "nothing"},
		{name: "cut short", packet: "\x00\x05\x00"},
		{name: "another opcode", packet: "\x00\x04\x00\x00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, ok := parseAnswer([]byte(tt.packet))
			if ok != tt.ok || ok && a != tt.want {
				t.Errorf("got %+v %v, want %+v %v", a, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	const name = `boot\x64\wdsnbp.com`
	yes, none := answer{kind: gives}, answer{}
	violation, missing := answer{kind: refuses, code: 2}, answer{kind: refuses, code: 1}
	for _, tt := range []struct {
		name, program string
		other         bool // a [[bootserver]]
		asked, turned answer
		state         bootmenu.State
		note          string // what the note must contain
	}{
		{name: "given", program: name, asked: yes, turned: none, state: bootmenu.Up},
		{name: "silence", program: name, asked: none, turned: none, state: bootmenu.Down},
		{name: "ReadFilter", program: name, asked: violation, turned: violation, state: bootmenu.Refused,
			note: `access violation; on the server, add boot\x64\* to HKLM\SYSTEM\`},
		{name: "ReadFilter, and silence on the second question", program: name, asked: violation, turned: none,
			state: bootmenu.Refused, note: "access violation; "},
		{name: "ReadFilter, program at the top", program: "wdsnbp.com", asked: violation, turned: none,
			state: bootmenu.Refused, note: "add * to HKLM"},
		{name: "no boot image", program: name, asked: missing, turned: violation, state: bootmenu.Refused,
			note: "file not found; add a boot image"},
		{name: "no Windows server", program: name, asked: missing, turned: yes, state: bootmenu.Refused,
			note: "the server only serves it as boot/x64/wdsnbp.com; if this is not a Windows server"},
		{name: "forward slashes in the settings, ReadFilter", program: "boot/x64/wdsnbp.com", asked: violation,
			turned: yes, state: bootmenu.Refused, note: `only serves it as boot\x64\wdsnbp.com; write that name`},
		{name: "forward slashes in the settings, refused both ways", program: "boot/x64/wdsnbp.com", asked: violation,
			turned: violation, state: bootmenu.Refused, note: `add boot\x64\* to`},
		{name: "another server that lacks the file", program: "ipxe.efi", other: true, asked: missing, turned: none,
			state: bootmenu.Refused, note: "file not found; put the file there, or correct the name in [[bootserver]]"},
		{name: "another server that does not allow it", program: "ipxe.efi", other: true,
			asked: violation, turned: none,
			state: bootmenu.Refused, note: "access violation; on the server, let its TFTP service send this file"},
		{name: "another server with other slashes", program: name, other: true, asked: missing, turned: yes,
			state: bootmenu.Refused, note: "only serves it as boot/x64/wdsnbp.com; write that name in [[bootserver]]"},
		{name: "another error", program: name, asked: answer{kind: refuses, code: 0, text: "Too busy"}, turned: none,
			state: bootmenu.Refused, note: "error 0 (Too busy); "},
		{name: "another error without a word", program: name, asked: answer{kind: refuses, code: 7}, turned: none,
			state: bootmenu.Refused, note: "error 7; "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := verdict(config.WDS{Other: tt.other}, tt.program, tt.asked, tt.turned)
			if h.State != tt.state || !strings.Contains(h.Note, tt.note) || (h.Note == "") != (tt.note == "") {
				t.Errorf("got state %d, note %q; want %d, with %q", h.State, h.Note, tt.state, tt.note)
			}
			if tt.note != "" && !strings.HasPrefix(h.Note, tt.program+": ") {
				t.Errorf("the note does not begin with the program: %q", h.Note)
			}
		})
	}
}

func TestBootRequestIsFirmwares(t *testing.T) {
	p, err := dhcpv4.FromBytes(bootRequest(dhcpv4.TransactionID{1, 2, 3, 4}, netip.MustParseAddr("192.168.77.1")))
	if err != nil {
		t.Fatal(err)
	}
	if p.MessageType() != dhcpv4.MessageTypeRequest || p.ClientIPAddr.String() != "192.168.77.1" ||
		p.ClientHWAddr.String() != MAC.String() {
		t.Errorf("type %v, ciaddr %v, chaddr %v", p.MessageType(), p.ClientIPAddr, p.ClientHWAddr)
	}
	if p.Options.Has(dhcpv4.GenericOptionCode(250)) {
		t.Error("option 250 is there: the server would take it for a network boot program")
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte("\x00\x06tsize\x0031124\x00"))
	f.Add([]byte("\x00\x05\x00\x00a\nLABEL b\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, _ := parseAnswer(b)
		for _, r := range a.text {
			if r < ' ' || r > '~' || strings.ContainsRune(`"'$\{}`+"`", r) {
				t.Errorf("%q got through", r)
			}
		}
		if len(a.text) > maxText {
			t.Errorf("a text of %d bytes", len(a.text))
		}
	})
}
