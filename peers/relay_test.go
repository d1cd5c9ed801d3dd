//go:build peers

package peers

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/peers/capture"
	"github.com/pxebox/pxebox/peers/netns"
)

// router is the host that relays. It has 192.168.77.2 on the box's segment,
// where it is the box's own gateway, and the first address of each network
// behind it.
const (
	routerAddr = "192.168.77.2"

	behindRouter = `
[[subnet]]
network = "10.1.0.0/24"
range = ["10.1.0.100-10.1.0.110"]
router = "10.1.0.1"

[[subnet]]
network = "10.2.0.0/24"
range = ["10.2.0.100-10.2.0.110"]
router = "10.2.0.1"
`
)

// withGateway lets the box reach the networks behind the router.
func withGateway(configuration string) string {
	return "[network]\ngateway = \"" + routerAddr + "\"" + configuration[len("\n[network]"):]
}

// relaySite is a site with three segments behind a router: 10.1.0.0/24,
// 10.2.0.0/24, and 10.3.0.0/24, which is not in the configuration.
type relaySite struct {
	*site
	router *netns.Namespace
	behind [3]*segment
}

func newRelaySite(t *testing.T) *relaySite {
	t.Helper()
	r := &relaySite{site: newSite(t, nil)}
	r.router = r.plug("02:70:78:65:00:02")
	r.must(r.router.Run("ip", "addr", "add", routerAddr+"/24", "dev", link))
	r.must(r.router.Run("sysctl", "-qw", "net.ipv4.ip_forward=1"))
	for i := range r.behind {
		r.behind[i] = newSegment(t, fmt.Sprintf("-10.%d", i+1), nil)
		name := fmt.Sprintf("eth%d", i+1)
		r.must(r.behind[i].lan.Plug(r.router, name, ""))
		r.must(r.router.Run("ip", "addr", "add", fmt.Sprintf("10.%d.0.1/24", i+1), "dev", name))
	}
	return r
}

// agents are third-party relay agents.
var agents = []struct {
	name    string
	command []string
	circuit bool // adds option 82
}{
	{name: "dhcrelay", command: []string{"dhcrelay", "-4", "-d", "--no-pid", "-a", "-iu", "eth0", "-id", "eth1", "-id",
		"eth2", "-id", "eth3", boxAddr.String()}, circuit: true},
	{name: "dnsmasq", command: []string{
		"dnsmasq", "--keep-in-foreground", "--log-facility=-", "--log-dhcp", "--conf-file=/dev/null", "--port=0",
		"--user=root", "--pid-file=",
		"--dhcp-relay=10.1.0.1," + boxAddr.String(), "--dhcp-relay=10.2.0.1," + boxAddr.String(),
		"--dhcp-relay=10.3.0.1," + boxAddr.String(),
	}},
}

func TestRelay(t *testing.T) {
	for _, agent := range agents {
		t.Run(agent.name+", leases", func(t *testing.T) {
			t.Parallel()
			r := newRelaySite(t)
			r.start(r.router, agent.name, agent.command[0], agent.command[1:]...)
			r.startBox(withGateway(server + range100to102 + behindRouter))

			for i, at := range r.behind[:2] {
				mac := fmt.Sprintf("02:70:78:65:00:1%d", i)
				c := r.startClient(udhcpc, at, mac, false)
				a, step := c.bound()
				gateway := fmt.Sprintf("10.%d.0.1", i+1)
				if network := netip.MustParsePrefix(gateway + "/24"); !network.Contains(a) {
					t.Errorf("behind %s a machine is given %v", gateway, a)
				}
				if step["router"] != gateway {
					t.Errorf("behind %s the router is %q", gateway, step["router"])
				}
				// A renewal goes straight to the box and bypasses the agent.
				s := r.wire.Len()
				r.must(c.host.Run("ip", "route", "replace", "default", "via", gateway))
				c.signal(c.renews)
				ack, _ := r.await("answer to a renewal from behind "+gateway, s, func(p capture.Packet) bool {
					return p.Is(dhcpv4.MessageTypeAck) && p.DHCP.ClientHWAddr.String() == mac &&
						!address(p.DHCP.GatewayIPAddr).IsValid()
				})
				if got := address(ack.DHCP.YourIPAddr); got != a || ack.Dst.Addr() != a {
					t.Errorf("the renewal of %v is answered with %v, to %v", a, got, ack.Dst)
				}
			}

			if agent.circuit {
				r.checkCircuits()
			}

			// A network that is not configured gets no answer. The box had its
			// chance to answer once it has answered a later packet.
			k := r.behind[2].talker("02:70:78:65:00:30")
			m := k.message(dhcpv4.MessageTypeDiscover)
			k.send(m)
			r.await("DISCOVER of the third segment from the agent", 0, func(p capture.Packet) bool {
				return p.Is(dhcpv4.MessageTypeDiscover) && p.DHCP.TransactionID == m.TransactionID
			})
			r.roundTrip()
			if i := slices.IndexFunc(r.wire.From(0), answers(m)); i >= 0 {
				t.Errorf("a subnet that is not configured is answered: %v", r.wire.From(0)[i])
			}
		})

		t.Run(agent.name+", proxy", func(t *testing.T) {
			t.Parallel()
			r := newRelaySite(t)
			r.start(r.router, agent.name, agent.command[0], agent.command[1:]...)
			r.startBox(withGateway(proxy + behindRouter))
			// An offer without yiaddr reaches a machine only by broadcast,
			// whichever flag the machine sets.
			for i, flag := range []bool{false, true} {
				k := r.behind[i].talker(fmt.Sprintf("02:70:78:65:00:1%d", i))
				offer := k.ask(k.message(dhcpv4.MessageTypeDiscover, biosROM, dhcpv4.WithBroadcast(flag)))
				checkProxyOffer(t, offer.DHCP)
				if offer.Dst.Addr() != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
					t.Errorf("broadcast flag %v: the agent sends the offer to %v", flag, offer.Dst)
				}
			}
			if agent.circuit {
				r.checkCircuits()
			}
		})
	}
}

// A box without a router answers DHCP through the agent, and reports that no
// file can get there.
func TestRelayWithoutRouteBack(t *testing.T) {
	t.Parallel()
	r := newRelaySite(t)
	r.start(r.router, "dhcrelay", agents[0].command[0], agents[0].command[1:]...)
	r.startBox(server + range100to102 + behindRouter)
	for _, n := range []string{"10.1.0.0/24", "10.2.0.0/24"} {
		r.saysSoon(r.box, "interface=eth0 network="+n)
	}
}

// checkCircuits checks that each answer to an agent contains option 82 as the
// agent wrote it (RFC 3046 §2.2).
func (r *relaySite) checkCircuits() {
	r.t.Helper()
	// This segment's record may lag behind that of the client's segment.
	r.await("answer to the agent", 0, func(p capture.Packet) bool {
		return p.DHCP != nil && p.DHCP.OpCode == dhcpv4.OpcodeBootReply && address(p.DHCP.GatewayIPAddr).IsValid()
	})
	asked := map[dhcpv4.TransactionID][]byte{}
	for _, p := range r.wire.From(0) {
		switch {
		case p.DHCP == nil || !address(p.DHCP.GatewayIPAddr).IsValid():
		case p.DHCP.OpCode == dhcpv4.OpcodeBootRequest:
			asked[p.DHCP.TransactionID] = p.DHCP.Options.Get(dhcpv4.OptionRelayAgentInformation)
		default:
			want, got := asked[p.DHCP.TransactionID], p.DHCP.Options.Get(dhcpv4.OptionRelayAgentInformation)
			if len(want) == 0 || !bytes.Equal(want, got) {
				r.t.Errorf("option 82 went as % x and came back as % x: %v", want, got, p)
			}
		}
	}
}

// biosROM turns a message into one from iPXE's BIOS network-card ROM, as it is
// on the wire.
func biosROM(m *dhcpv4.DHCPv4) {
	m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientSystemArchitectureType, []byte{0, 0}))
	m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientNetworkInterfaceIdentifier, []byte{1, 2, 1}))
	m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClassIdentifier, []byte("PXEClient:Arch:00000:UNDI:002001")))
	m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientMachineIdentifier, append(make([]byte, 11), "pxebox"...)))
}

// checkProxyOffer checks for a proxyDHCP offer: PXE 2.1 §2.2.3.
func checkProxyOffer(t *testing.T, m *dhcpv4.DHCPv4) {
	t.Helper()
	if class := string(m.Options.Get(dhcpv4.OptionClassIdentifier)); m.MessageType() != dhcpv4.MessageTypeOffer ||
		address(m.YourIPAddr).IsValid() || class != "PXEClient" || address(m.ServerIdentifier()) != boxAddr {
		t.Errorf("%v with yiaddr %v, option 60 %q, from %v is no proxy offer",
			m.MessageType(), m.YourIPAddr, class, m.ServerIdentifier())
	}
}
