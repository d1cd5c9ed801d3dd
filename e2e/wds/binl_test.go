package wds

import (
	"encoding/hex"
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var serverAddr = netip.MustParseAddr("192.168.77.2")

// opt returns a DHCP option with its value in hex.
func opt(code uint8, value string) dhcpv4.Modifier {
	b, err := hex.DecodeString(value)
	if err != nil {
		panic(err)
	}
	return dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), b))
}

// ask returns a request as PXE firmware and network boot programs send it.
func ask(t *testing.T, modifiers ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	p, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest),
		dhcpv4.WithHwAddr(net.HardwareAddr{0x52, 0x54, 0, 0x77, 0, 0x10}),
		dhcpv4.WithClientIP(net.IPv4(192, 168, 77, 115)),
		opt(60, hex.EncodeToString([]byte("PXEClient:Arch:00000:UNDI:002001"))),
		opt(97, "00112233445566778899aabbccddeeff00"),
	}, modifiers...)...)
	if err != nil {
		t.Fatal(err)
	}
	// As it comes off the wire.
	p, err = dhcpv4.FromBytes(p.ToBytes())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAnswer(t *testing.T) {
	const control = "010200060d0208000e0100ff"
	for _, test := range []struct {
		situation string
		request   []dhcpv4.Modifier
		file      string // empty: no answer
		program   bool   // answered as to a network boot program: 250 and 252
		option43  string
	}{
		{situation: "BIOS firmware", request: []dhcpv4.Modifier{opt(93, "0000")}, file: `boot\x64\wdsnbp.com`},
		{situation: "firmware without option 93", file: `boot\x64\wdsnbp.com`},
		{situation: "wdsnbp.com", request: []dhcpv4.Modifier{opt(93, "0000"), opt(250, control)},
			file: `boot\x64\pxeboot.n12`, program: true},
		{situation: "wdsnbp.com without option 93", request: []dhcpv4.Modifier{opt(250, control)},
			file: `boot\x64\pxeboot.n12`, program: true},
		{situation: "EDK2", request: []dhcpv4.Modifier{opt(93, "0007")}, file: `boot\x64\wdsmgfw.efi`},
		{situation: "x64 firmware that says 9", request: []dhcpv4.Modifier{opt(93, "0009")},
			file: `boot\x64\wdsmgfw.efi`},
		{situation: "wdsmgfw.efi", request: []dhcpv4.Modifier{opt(93, "0007"), opt(250, control)},
			file: `boot\x64\bootmgfw.efi`, program: true},
		{situation: "ARM64 UEFI", request: []dhcpv4.Modifier{opt(93, "000b")}},
		{situation: "firmware that chose from a boot menu",
			request: []dhcpv4.Modifier{opt(93, "0000"), opt(43, "00"+"0801ff"+"470480000000"+"ff")},
			file:    `boot\x64\wdsnbp.com`, option43: "470480000000ff"},
		{situation: "option 43 without a boot item", request: []dhcpv4.Modifier{opt(93, "0000"), opt(43, "060108ff")},
			file: `boot\x64\wdsnbp.com`},
		{situation: "boot item cut short", request: []dhcpv4.Modifier{opt(93, "0000"), opt(43, "47048000")},
			file: `boot\x64\wdsnbp.com`},
		{situation: "no PXE client", request: []dhcpv4.Modifier{opt(60, "4d53465420352e30")}},
		{situation: "DISCOVER", request: []dhcpv4.Modifier{dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover)}},
		{situation: "someone else's answer",
			request: []dhcpv4.Modifier{func(p *dhcpv4.DHCPv4) { p.OpCode = dhcpv4.OpcodeBootReply }}},
	} {
		t.Run(test.situation, func(t *testing.T) {
			request := ask(t, test.request...)
			answer, ok := Answer(serverAddr, request)
			if ok != (test.file != "") {
				t.Fatalf("answered: %v", ok)
			}
			if !ok {
				return
			}
			answer, err := dhcpv4.FromBytes(answer.ToBytes())
			if err != nil {
				t.Fatal(err)
			}
			if answer.BootFileName != test.file {
				t.Errorf("file %q, want %q", answer.BootFileName, test.file)
			}
			if answer.MessageType() != dhcpv4.MessageTypeAck || answer.TransactionID != request.TransactionID {
				t.Errorf("answer is %v of %v", answer.MessageType(), answer.TransactionID)
			}
			if !answer.ServerIPAddr.Equal(serverAddr.AsSlice()) ||
				!answer.ServerIdentifier().Equal(serverAddr.AsSlice()) {
				t.Errorf("siaddr %v, option 54 %v", answer.ServerIPAddr, answer.ServerIdentifier())
			}
			if !answer.ClientIPAddr.Equal(request.ClientIPAddr) || !answer.YourIPAddr.IsUnspecified() {
				t.Errorf("ciaddr %v, yiaddr %v", answer.ClientIPAddr, answer.YourIPAddr)
			}
			want := map[uint8]string{
				60: hex.EncodeToString([]byte("PXEClient")),
				97: "00112233445566778899aabbccddeeff00",
				43: test.option43, 250: "", 252: "",
			}
			if test.program {
				want[250] = "0201010302000a0402000a0504000000010e01010b0102ff"
				want[252] = hex.EncodeToString([]byte(bcdPath))
			}
			for code, value := range want {
				if got := hex.EncodeToString(answer.Options.Get(dhcpv4.GenericOptionCode(code))); got != value {
					t.Errorf("option %d is %s, want %s", code, got, value)
				}
			}
		})
	}
}

func TestReplyTo(t *testing.T) {
	from := netip.MustParseAddrPort("192.168.77.115:68")
	if got := replyTo(ask(t), from); got != from {
		t.Errorf("with ciaddr: %v", got)
	}
	stranger := ask(t, dhcpv4.WithClientIP(net.IPv4zero))
	if got := replyTo(stranger, from).String(); got != "255.255.255.255:68" {
		t.Errorf("without ciaddr: %v", got)
	}
}
