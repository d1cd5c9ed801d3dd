package mdns

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// Only what is sent to the group arrives: a unicast packet finds no socket.
func TestUnicastIsRefused(t *testing.T) {
	loopback := netip.MustParsePrefix("127.0.0.1/8")
	i, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := listen(Link{Index: i.Index, Interface: i.Name, Addr: loopback})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client, err := net.Dial("udp4", netip.AddrPortFrom(loopback.Addr(), port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestBoundSockets(t *testing.T) {
	const list = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1234: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   107        0 18061 2 0000000000000000 0
 2234: 0100007F:0043 00000000:14E9 07 00000000:00000000 00:00000000 00000000     0        0 18062 2 0000000000000000 0
 3234: FB0000E0:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 18063 2 0000000000000000 0
`
	if n := bound([]byte(list)); n != 2 {
		t.Errorf("%d sockets are bound to the port, want 2", n)
	}
}
