//go:build peers

package peers

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/test/tftpclient"
)

// A program that follows pxed sees a whole boot, next to a DHCP server that
// names another file: what the box and the other server answered, that the
// machine took the other's address, which files it loaded, and the packets as
// they were on the wire.
func TestStream(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.startForeign("--dhcp-boot=other.0,,192.168.77.9")
	s.startBox(proxy)
	socket := filepath.Join(s.box.Run(), tracestream.Socket)
	if info, err := os.Stat(socket); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	conn, err := net.Dial("unix", socket)
	s.must(err)
	defer conn.Close()
	s.must(conn.SetDeadline(time.Now().Add(patience)))
	stream := tracestream.NewReader(conn)
	var packets []tracestream.Packet
	// until reads records until an event matches.
	until := func(what string, match func(trace.Event) bool) {
		t.Helper()
		for {
			r, err := stream.Next()
			switch {
			case err != nil:
				t.Fatalf("%s: %v", what, err)
			case r.Packet != nil:
				packets = append(packets, *r.Packet)
			case r.Event != nil && match(*r.Event):
				return
			}
		}
	}
	for { // packets are copied from now on
		r, err := stream.Next()
		s.must(err)
		if r.Alive {
			break
		}
	}

	const machine = "02:70:78:65:00:10"
	client := s.plug(machine)
	k := &talker{s.segment, net.HardwareAddr{2, 0x70, 0x78, 0x65, 0, 0x10}, s.broadcaster(client)}
	discover := k.message(dhcpv4.MessageTypeDiscover, biosROM, dhcpv4.WithBroadcast(true))
	k.ask(discover)
	seen := map[string]bool{}
	until("both offers", func(e trace.Event) bool {
		if e.MAC.String() == machine && e.What == "proxy offer" && e.Firmware == "bios" {
			seen["the box's"] = true
		}
		if e.MAC.String() == machine && e.What == trace.OtherOffer && e.Outcome == trace.Seen &&
			e.Server == foreignAddr && e.File == "other.0" {
			seen["the other's"] = true
		}
		return len(seen) == 2
	})
	addr := netip.MustParseAddr("192.168.77.240")
	k.send(k.message(dhcpv4.MessageTypeRequest, biosROM, wish(addr), dhcpv4.WithBroadcast(true),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(foreignAddr.AsSlice()))))
	until("the other server's lease",
		func(e trace.Event) bool {
			return e.What == trace.OtherRequest && e.Server == foreignAddr && e.Addr == addr
		})

	s.must(client.Run("ip", "addr", "add", addr.String()+"/24", "dev", link))
	var file []byte
	s.must(client.Do(func() error {
		c, err := net.ListenPacket("udp4", "0.0.0.0:0")
		if err != nil {
			return err
		}
		defer c.Close()
		file, err = tftpclient.Fetch(c, &net.UDPAddr{IP: boxAddr.AsSlice(), Port: 69}, "pxelinux.0",
			tftpclient.Options{BlockSize: 1468, Window: 1}, tftpclient.Retry{After: time.Second, Tries: 20})
		return err
	}))
	until("the boot file", func(e trace.Event) bool {
		return e.Protocol == trace.TFTP && e.Outcome == trace.Sent && e.Role == trace.FirstStage && e.Addr == addr &&
			e.Bytes == int64(len(file))
	})

	// The packets are those on the wire.
	var dialogue []string
	for _, p := range packets {
		if m, err := dhcpv4.FromBytes(p.Payload); err == nil && p.MAC.String() == machine {
			dialogue = append(dialogue, fmt.Sprintf("%v from %v", m.MessageType(), p.From.Addr()))
			if m.MessageType() == dhcpv4.MessageTypeDiscover &&
				(!bytes.Equal(p.Payload, discover.ToBytes()) || p.To.Port() != dhcp.ServerPort) {
				t.Errorf("the DISCOVER is another one, to %v: %v", p.To, m)
			}
		}
	}
	for _, want := range []string{"DISCOVER from 0.0.0.0", "OFFER from 192.168.77.1", "OFFER from 192.168.77.3",
		"REQUEST from 0.0.0.0"} {
		if !slices.Contains(dialogue, want) {
			t.Errorf("no %s among %q", want, dialogue)
		}
	}
	transfer := 0
	for _, p := range packets {
		if p.From.Addr() == addr || p.To.Addr() == addr {
			transfer++
		}
	}
	// The request, the OACK, and the first and the last ACK, of some 30 blocks;
	// the box may repeat the OACK.
	if transfer < 4 || transfer > 8 {
		t.Errorf("%d packets of the transfer", transfer)
	}
}
