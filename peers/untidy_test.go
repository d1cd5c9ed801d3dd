//go:build peers

package peers

import (
	"bytes"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func class(c string) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptClassIdentifier(c)) }

func archType(n byte) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionClientSystemArchitectureType, []byte{0, n}))
}

// TestUntidyClients lets one machine boot in stages that each describe it
// differently, and a board that is not a PXE client.
func TestUntidyClients(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.startBox(server + range100to102 + `probe = false

[boot]
uefi-x64 = "ipxe.efi"
ipxe = "boot.ipxe"
arch-0x16 = "board.scr"
`)
	pc, board := s.talker("02:70:78:65:00:10"), s.talker("02:70:78:65:00:11")
	firmware := []dhcpv4.Modifier{class("PXEClient:Arch:00007:UNDI:003000"), archType(7)}
	const fromBox = "192.168.77.1"
	for _, stage := range []struct {
		name   string
		who    *talker
		kind   dhcpv4.MessageType
		says   []dhcpv4.Modifier
		server string // siaddr
		file   string
	}{
		{name: "firmware", who: pc, kind: dhcpv4.MessageTypeDiscover, says: firmware, server: fromBox,
			file: "ipxe.efi"},
		{name: "its REQUEST, without class and type", who: pc, kind: dhcpv4.MessageTypeRequest,
			says: []dhcpv4.Modifier{byServer()}, server: fromBox, file: "ipxe.efi"},
		{name: "iPXE", who: pc, kind: dhcpv4.MessageTypeDiscover,
			says: append(firmware, dhcpv4.WithUserClass("iPXE", false)), server: fromBox, file: "boot.ipxe"},
		{name: "iPXE's REQUEST", who: pc, kind: dhcpv4.MessageTypeRequest,
			says: append(firmware, byServer(), dhcpv4.WithUserClass("iPXE", false)), server: fromBox,
			file: "boot.ipxe"},
		{name: "the installer", who: pc, kind: dhcpv4.MessageTypeDiscover, says: []dhcpv4.Modifier{class("d-i")},
			server: "0.0.0.0"},
		{name: "the installer's REQUEST", who: pc, kind: dhcpv4.MessageTypeRequest,
			says: []dhcpv4.Modifier{class("d-i"), byServer()}, server: "0.0.0.0"},
		{name: "U-Boot", who: board, kind: dhcpv4.MessageTypeDiscover,
			says: []dhcpv4.Modifier{class("U-Boot.armv8"), archType(0x16)}, server: fromBox, file: "board.scr"},
	} {
		m := stage.who.message(stage.kind, stage.says...)
		if stage.kind == dhcpv4.MessageTypeRequest {
			m.UpdateOption(dhcpv4.OptRequestedIPAddress([]byte{192, 168, 77, 100}))
		}
		got := stage.who.ask(m).DHCP
		if got.ServerIPAddr.String() != stage.server || got.BootFileName != stage.file {
			t.Errorf("%s got the file %q at %v, want %q at %s",
				stage.name, got.BootFileName, got.ServerIPAddr, stage.file, stage.server)
		}
	}

	// A packet that ends after its last option, without the end mark.
	m := board.message(dhcpv4.MessageTypeDiscover)
	raw := bytes.TrimRight(m.ToBytes(), "\x00")
	place := s.wire.Len()
	if _, err := board.conn.WriteTo(raw[:len(raw)-1], everybody); err != nil {
		t.Fatal(err)
	}
	s.await("offer to a client that leaves out the end mark", place, answers(m))
}

// TestOneMachineOfManyNames uses a machine whose firmware boots on both of its
// network ports, and whose live system sends another client identifier at each
// boot, as one with a new DUID does.
func TestOneMachineOfManyNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	const wdsServer, fromBox = "192.168.77.9", "192.168.77.1"
	s.startBox(server + range100to102 + `probe = false

[[wds]]
name = "wds"
server = "` + wdsServer + `"
probe = "0s"

[[entry]]
name = "wds"
wds = "wds"

[[machine]]
firmware = ["uefi-x64"]
boot = "wds"
once = true
`)
	guid := dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionClientMachineIdentifier, []byte("\x00pxebox-has-ports")))
	firmware := []dhcpv4.Modifier{class("PXEClient:Arch:00007:UNDI:003000"), archType(7), guid}
	boot := func(k *talker, says []dhcpv4.Modifier) (offer, ack *dhcpv4.DHCPv4) {
		offer = k.ask(k.message(dhcpv4.MessageTypeDiscover, says...)).DHCP
		request := append([]dhcpv4.Modifier{wish(address(offer.YourIPAddr)), byServer()}, says...)
		return offer, k.ask(k.message(dhcpv4.MessageTypeRequest, request...)).DHCP
	}

	// The boot may erase a disk: it happens once, whichever port asks first.
	first, second := s.talker("02:70:78:65:00:10"), s.talker("02:70:78:65:00:11")
	for _, turn := range []struct {
		name string
		port *talker
		want string // siaddr
	}{
		{name: "the first port", port: first, want: wdsServer},
		{name: "the second port", port: second, want: fromBox},
	} {
		if _, ack := boot(turn.port, firmware); ack.ServerIPAddr.String() != turn.want {
			t.Errorf("%s is told to boot from %v, want %s", turn.name, ack.ServerIPAddr, turn.want)
		}
	}

	// The range has three addresses. Six boots of one system do not use them
	// up.
	for n := range byte(6) {
		duid := dhcpv4.WithOption(dhcpv4.OptClientIdentifier([]byte{0xff, 1, 2, 3, 4, 0, 4, n}))
		if offer, ack := boot(first, []dhcpv4.Modifier{duid}); ack.MessageType() != dhcpv4.MessageTypeAck {
			t.Errorf("boot %d: the answer to a REQUEST for %v is %v", n+1, offer.YourIPAddr, ack.MessageType())
		}
	}
}
