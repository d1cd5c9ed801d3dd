package wds

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Programs that the server names, by the program that asks.
const (
	FileBIOSFirst = `boot\x64\wdsnbp.com`
	FileBIOSNext  = `boot\x64\pxeboot.n12`
	FileEFIFirst  = `boot\x64\wdsmgfw.efi`
	FileEFINext   = `boot\x64\bootmgfw.efi`

	// FileEFI2023 is FileEFIFirst, signed with the certificates of 2023, on a
	// server that has both. The server does not name it: nothing public says to
	// which machines a real one does.
	FileEFI2023 = `boot_EX\x64\wdsmgfw_EX.efi`
)

// bcdPath is the content of OptionBCD. A real server names a new file for each
// request; the form is the same.
const bcdPath = `\Tmp\x64{00000000-0000-0000-0000-000000000001}.bcd` + "\x00"

// serverName is what the server writes into the sname field.
const serverName = "WDS-STANDIN"

// Client system architectures (RFC 4578 §2.1 as IANA now numbers them).
const (
	archBIOS    = 0
	archEFIx64  = 7
	archEFIEBC9 = 9 // some x64 firmware says 9 (RFC 4578 errata)
)

// option43BootItem is PXE's PXE_BOOT_ITEM, which a boot server repeats
// (PXE 2.1 §2.3.7).
const option43BootItem = 71

// Answer returns the server's answer on PortBINL; ok is false for a request
// that it leaves unanswered. A request without option 250 comes from firmware
// and is answered with the network boot program. One with it comes from that
// program and is answered with the next.
func Answer(server netip.Addr, request *dhcpv4.DHCPv4) (answer *dhcpv4.DHCPv4, ok bool) {
	if request.OpCode != dhcpv4.OpcodeBootRequest || request.MessageType() != dhcpv4.MessageTypeRequest {
		return nil, false
	}
	if !strings.HasPrefix(string(request.Options.Get(dhcpv4.OptionClassIdentifier)), "PXEClient") {
		return nil, false
	}
	control := request.Options.Get(dhcpv4.GenericOptionCode(OptionControl))
	file, ok := program(request.Options.Get(dhcpv4.OptionClientSystemArchitectureType), control != nil)
	if !ok {
		return nil, false
	}

	addr := net.IP(server.AsSlice())
	answer = &dhcpv4.DHCPv4{
		OpCode:         dhcpv4.OpcodeBootReply,
		HWType:         request.HWType,
		TransactionID:  request.TransactionID,
		Flags:          request.Flags,
		ClientIPAddr:   request.ClientIPAddr,
		YourIPAddr:     net.IPv4zero,
		ServerIPAddr:   addr,
		GatewayIPAddr:  request.GatewayIPAddr,
		ClientHWAddr:   request.ClientHWAddr,
		ServerHostName: serverName,
		BootFileName:   file,
		Options:        make(dhcpv4.Options),
	}
	answer.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeAck))
	answer.UpdateOption(dhcpv4.OptServerIdentifier(addr))
	answer.UpdateOption(dhcpv4.OptClassIdentifier("PXEClient"))
	// PXE 2.1 §2.2.2: the client's GUID comes back unchanged.
	if guid := request.Options.Get(dhcpv4.OptionClientMachineIdentifier); guid != nil {
		answer.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientMachineIdentifier, guid))
	}
	if item := bootItem(request.Options.Get(dhcpv4.OptionVendorSpecificInformation)); item != nil {
		answer.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, item))
	}
	if control != nil {
		answer.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(OptionControl), EncodeControl([]Sub{
			{SubNextAction, []byte{ActionApprove}},
			{SubPollInterval, []byte{0, 10}},
			{SubPollRetries, []byte{0, 10}},
			{SubRequestID, []byte{0, 0, 0, 1}},
			{SubActionDone, []byte{1}},
			{SubPrompt, []byte{PromptNone}},
		})))
		answer.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(OptionBCD), []byte(bcdPath)))
	}
	return answer, true
}

// program returns the boot file for an architecture (option 93's bytes). A
// request without option 93 is from a BIOS: PXE before 2.1 knew nothing else.
func program(option93 []byte, next bool) (file string, ok bool) {
	arch := uint16(archBIOS)
	if len(option93) >= 2 {
		arch = binary.BigEndian.Uint16(option93)
	}
	switch {
	case arch == archBIOS && !next:
		return FileBIOSFirst, true
	case arch == archBIOS:
		return FileBIOSNext, true
	case arch != archEFIx64 && arch != archEFIEBC9:
		return "", false
	case !next:
		return FileEFIFirst, true
	default:
		return FileEFINext, true
	}
}

// bootItem returns option 43 with PXE_BOOT_ITEM alone, or nil if b has none.
func bootItem(b []byte) []byte {
	const pad, end = 0, 255
	for len(b) >= 2 && b[0] != end {
		if b[0] == pad {
			b = b[1:]
			continue
		}
		n := 2 + int(b[1])
		if len(b) < n {
			return nil
		}
		if b[0] == option43BootItem {
			return append(append([]byte(nil), b[:n]...), end)
		}
		b = b[n:]
	}
	return nil
}

// replyTo returns the destination of an answer: the sender, or the broadcast
// address if the client has no address yet. wdsmgfw.efi does not receive the
// broadcast, as with a real server.
func replyTo(request *dhcpv4.DHCPv4, from netip.AddrPort) netip.AddrPort {
	if request.ClientIPAddr == nil || request.ClientIPAddr.IsUnspecified() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), dhcpv4.ClientPort)
	}
	return from
}

func (s *Server) serveBINL(conn net.PacketConn) {
	s.receive(conn, func(b []byte, peer net.Addr) {
		from := addrPortOf(peer)
		request, err := dhcpv4.FromBytes(b)
		if err != nil {
			s.Log.Warn("no DHCP packet on the BINL port", "peer", from, "err", err)
			return
		}
		query := Query{Time: time.Now(), From: from, Request: request}
		if control := request.Options.Get(dhcpv4.GenericOptionCode(OptionControl)); control != nil {
			if query.Control, err = DecodeControl(control); err != nil {
				s.Log.Warn("BINL request", "peer", from, "err", err)
				return
			}
		}
		s.mu.Lock()
		s.queries = append(s.queries, query)
		s.mu.Unlock()

		answer, ok := Answer(s.Addr, request)
		s.Log.Info("BINL request", "mac", request.ClientHWAddr.String(), "peer", from, "control",
			query.Control != nil, "answered", ok)
		if !ok {
			return
		}
		if _, err := conn.WriteTo(answer.ToBytes(), net.UDPAddrFromAddrPort(replyTo(request, from))); err != nil {
			s.Log.Warn("BINL answer", "peer", from, "err", err)
		}
	})
}
