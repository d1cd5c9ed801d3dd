package dhcp

import (
	"bytes"
	"slices"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// reply makes an ACK with these options, each value a run of its code.
func reply(lengths map[uint8]int, changes ...change) *dhcpv4.DHCPv4 {
	r := message(dhcpv4.MessageTypeAck, changes...)
	r.OpCode = dhcpv4.OpcodeBootReply
	set(r, optServerID, self.Addr().AsSlice())
	for code, n := range lengths {
		set(r, code, bytes.Repeat([]byte{code}, n))
	}
	return r
}

// asking is a client's request with its options 55 and 57.
func asking(max uint16, codes ...byte) *dhcpv4.DHCPv4 {
	m := message(dhcpv4.MessageTypeRequest)
	if max > 0 {
		option(57, byte(max>>8), byte(max))(m)
	}
	if codes != nil {
		option(55, codes...)(m)
	}
	return m
}

// decoded is a reply as a client reads it: the options of all fields put
// together as RFC 2131 §4.1 requires. It has its own reader because the codec
// does not know overload.
type decoded struct {
	order       []uint8
	options     map[uint8][]byte
	file, sname []byte // if not overloaded
}

func decode(t *testing.T, b []byte) decoded {
	t.Helper()
	if len(b) < 300 || !bytes.Equal(b[236:240], []byte{99, 130, 83, 99}) {
		t.Fatalf("no DHCP packet: %d bytes", len(b))
	}
	d := decoded{options: map[uint8][]byte{}}
	field := func(v []byte) {
		for i := 0; ; {
			if i >= len(v) {
				t.Fatalf("a field without its end: % x", v)
			}
			code := v[i]
			if code == 255 {
				return
			}
			if code == 0 {
				i++
				continue
			}
			n := int(v[i+1])
			if _, ok := d.options[code]; !ok {
				d.order = append(d.order, code)
			}
			d.options[code] = append(d.options[code], v[i+2:i+2+n]...)
			i += 2 + n
		}
	}
	field(b[240:])
	d.file, d.sname = b[108:236], b[44:108]
	if over := d.options[52]; len(over) == 1 {
		if over[0]&1 != 0 {
			field(d.file)
			d.file = nil
		}
		if over[0]&2 != 0 {
			field(d.sname)
			d.sname = nil
		}
	}
	return d
}

func TestEncodeAgreesWithTheCodec(t *testing.T) {
	r := reply(map[uint8]int{51: 4, 1: 4, 3: 4, 60: 9, 43: 4}, flags(0x8000), giaddr("10.1.0.1"))
	r.YourIPAddr, r.ServerIPAddr, r.ClientIPAddr = first.AsSlice(), self.Addr().AsSlice(), first.AsSlice()
	r.BootFileName = "pxelinux.0"
	got, err := dhcpv4.FromBytes(Encode(r, asking(0)))
	if err != nil {
		t.Fatal(err)
	}
	if want := r.ToBytes(); !bytes.Equal(got.ToBytes(), want) {
		t.Errorf("got\n% x\nwant\n% x", got.ToBytes(), want)
	}
}

func TestEncodeOrder(t *testing.T) {
	r := reply(map[uint8]int{51: 4, 1: 4, 3: 4, 6: 4, 15: 5, 42: 4, 60: 9, 82: 6, 61: 7, 150: 4, 119: 9})
	d := decode(t, Encode(r, asking(0, 42, 15, 3, 1)))
	if want := []uint8{53, 54, 51, 1, 60, 3, 6, 42, 15, 61, 119, 150, 82}; !slices.Equal(d.order, want) {
		t.Errorf("options in the order %v, want %v", d.order, want)
	}
}

func TestEncodeFits(t *testing.T) {
	all := map[uint8]int{51: 4, 1: 4, 3: 4, 6: 4, 60: 9, 97: 17, 82: 40}
	with := func(more map[uint8]int) map[uint8]int {
		m := map[uint8]int{}
		for k, v := range all {
			m[k] = v
		}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	for _, tc := range []struct {
		situation  string
		reply      *dhcpv4.DHCPv4
		request    *dhcpv4.DHCPv4
		size       int // at most, without IP and UDP
		overload   byte
		missing    []uint8
		keepsFile  string
		mustHave82 bool
	}{
		{situation: "all fits", reply: reply(all), request: asking(0), size: 548, mustHave82: true},
		{situation: "too much for 576: into the file field",
			reply: reply(with(map[uint8]int{119: 100, 121: 60, 15: 50})), request: asking(0), size: 548, overload: 1,
			mustHave82: true},
		{situation: "more yet: into both", reply: reply(with(map[uint8]int{15: 50, 119: 120, 121: 120, 150: 50})),
			request: asking(0), size: 548, overload: 3, mustHave82: true},
		{situation: "a boot file stays: the server's name only",
			reply: reply(with(map[uint8]int{15: 30, 119: 150, 121: 50}),
				func(m *dhcpv4.DHCPv4) { m.BootFileName = "pxelinux.0" }), request: asking(0), size: 548, overload: 2,
			keepsFile: "pxelinux.0", mustHave82: true},
		{situation: "the client takes more: no overload", reply: reply(with(map[uint8]int{119: 200, 121: 200})),
			request: asking(1472), size: 1444, mustHave82: true},
		{situation: "EDK2 says 65280: one Ethernet frame",
			reply:   reply(with(map[uint8]int{119: 255, 121: 255, 200: 255, 201: 255, 202: 120})),
			request: asking(0xff00), size: 1472, overload: 1, mustHave82: true},
		{situation: "the client says 100, which is below the RFC's least", reply: reply(all), request: asking(100),
			size: 548, mustHave82: true},
		{situation: "nothing helps: the last in order goes without",
			reply: reply(with(map[uint8]int{200: 150, 201: 151, 202: 152})), request: asking(0, 202, 200, 201),
			size: 548, missing: []uint8{201, 200}, mustHave82: true},
		{situation: "a value of 300 bytes in two pieces (RFC 3396)", reply: reply(map[uint8]int{43: 300}),
			request: asking(1500), size: 1472},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			b := Encode(tc.reply, tc.request)
			if len(b) > tc.size {
				t.Errorf("%d bytes, at most %d", len(b), tc.size)
			}
			d := decode(t, b)
			var over byte
			if v := d.options[52]; v != nil {
				over = v[0]
			}
			if over != tc.overload {
				t.Errorf("option 52 is %d, want %d", over, tc.overload)
			}
			for code, v := range tc.reply.Options {
				if slices.Contains(tc.missing, code) {
					if d.options[code] != nil {
						t.Errorf("option %d is there; where should it have room?", code)
					}
				} else if !bytes.Equal(d.options[code], v) {
					t.Errorf("option %d is % x, want % x", code, d.options[code], v)
				}
			}
			if d.file != nil && string(bytes.TrimRight(d.file, "\x00")) != tc.keepsFile {
				t.Errorf("the file field holds %q", d.file)
			}
			if tc.mustHave82 && over == 0 && d.order[len(d.order)-1] != 82 {
				t.Errorf("option 82 is not the last: %v", d.order)
			}
		})
	}
}

func TestEncodeBOOTP(t *testing.T) {
	r := reply(map[uint8]int{1: 4, 3: 4, 6: 8, 15: 60})
	delete(r.Options, optMessageType)
	delete(r.Options, optServerID)
	b := Encode(r, &dhcpv4.DHCPv4{Options: dhcpv4.Options{}})
	if len(b) != 300 {
		t.Errorf("%d bytes; RFC 951's packet has 300", len(b))
	}
	if d := decode(t, b); !slices.Equal(d.order, []uint8{1, 3, 6}) {
		t.Errorf("options %v", d.order)
	}
}

// FuzzEncode checks that any reply is encoded as a packet of the size that the
// client accepts, with everything that every reply needs.
func FuzzEncode(f *testing.F) {
	f.Add([]byte{119, 100, 121, 60}, uint16(0), []byte{1, 3}, "pxelinux.0")
	f.Add([]byte{200, 255, 201, 255, 202, 255, 82, 255}, uint16(0xff00), []byte(nil), "")
	f.Fuzz(func(t *testing.T, lengths []byte, most uint16, asked []byte, file string) {
		r := reply(nil)
		for ; len(lengths) >= 2 && len(r.Options) < 40; lengths = lengths[2:] {
			switch code := lengths[0]; code {
			case optPad, optOverload, optMessageType, optServerID, optEnd:
			default:
				set(r, code, bytes.Repeat([]byte{code}, int(lengths[1])))
			}
		}
		r.BootFileName = file
		b := Encode(r, asking(most, asked...))
		limit := 1472
		if most < 1500 {
			limit = max(int(most), 576) - 28
		}
		if len(b) > limit || len(b) < 300 {
			t.Fatalf("%d bytes for a client that takes %d", len(b), most)
		}
		d := decode(t, b)
		for _, code := range []uint8{53, 54} {
			if !bytes.Equal(d.options[code], r.Options[code]) {
				t.Fatalf("option %d is % x", code, d.options[code])
			}
		}
		for code, v := range d.options {
			if code != optOverload && !bytes.Equal(v, r.Options[code]) {
				t.Fatalf("option %d came out as % x, not % x", code, v, r.Options[code])
			}
		}
	})
}
