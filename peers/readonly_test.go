//go:build peers

package peers

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"
)

// TestReadOnlyMedium turns the medium read-only, as ext4 does after an error,
// and restarts pxed. Leases stay leased, whichever client asks.
func TestReadOnlyMedium(t *testing.T) {
	const machines = 33
	s := newSite(t, nil)
	s.startBox(server + `range = ["192.168.77.100-192.168.77.199"]
force = true
probe = false
`)
	conn := s.broadcaster(s.plug(""))
	machine := func(kind, i int) *talker {
		return &talker{s.segment, net.HardwareAddr{2, 0x70, 0x78, 0x65, byte(kind), byte(i)}, conn}
	}
	request := func(k *talker, a netip.Addr, more ...dhcpv4.Modifier) netip.Addr {
		t.Helper()
		p := k.ask(k.message(dhcpv4.MessageTypeRequest, append(more, wish(a))...))
		if p.DHCP.MessageType() != dhcpv4.MessageTypeAck {
			return netip.Addr{}
		}
		return address(p.DHCP.YourIPAddr)
	}
	lease := func(k *talker) netip.Addr {
		t.Helper()
		a := address(k.ask(k.message(dhcpv4.MessageTypeDiscover)).DHCP.YourIPAddr)
		return request(k, a, dhcpv4.WithServerIP(boxAddr.AsSlice()),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(boxAddr.AsSlice())))
	}
	holder := map[netip.Addr]string{}
	held := make([]netip.Addr, machines)
	for i := range machines {
		held[i] = lease(machine(1, i))
		holder[held[i]] = fmt.Sprint("machine ", i)
	}
	if len(holder) != machines || holder[netip.Addr{}] != "" {
		t.Fatalf("%d machines hold %d addresses", machines, len(holder))
	}

	s.must(s.box.Cut())
	data := s.box.Data()
	s.must(unix.Mount(data, data, "", unix.MS_BIND, ""))
	t.Cleanup(func() { s.must(unix.Unmount(data, unix.MNT_DETACH)) })
	s.must(unix.Mount("", data, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	s.must(s.box.Power(s.within(patience)))

	given := 0
	for i := range machines {
		if a := lease(machine(2, i)); holder[a] != "" {
			given++
		}
	}
	kept := 0
	for i, a := range held {
		if request(machine(1, i), a) == a {
			kept++
		}
	}
	t.Logf("of %d running leases %d were given to others; %d machines went on with theirs", machines, given, kept)
	if given > 0 || kept != machines {
		t.Errorf("%d were given to others, %d went on", given, kept)
	}
}
