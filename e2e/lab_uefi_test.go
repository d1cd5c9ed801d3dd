//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/e2e/wds"
)

// The tests here boot UEFI clients that DHCP sends to the WDS server, with no
// appliance in between: a failure is the lab's own fault.

func TestLabUEFIStraightToWDS(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lab-uefi-straight-to-wds")
	serveBootFile(t, s.Observer, wds.FileEFIFirst, withServer(lab.WDSAddr))
	s.startUEFI(qemu.Debian12, lab.UEFIConfig{})
	if v := s.verdict(s.within(clientBoots)); !nbp.Succeeded(v) {
		t.Error(v)
	}
	s.checkUEFIHandoff("DhcpAck")
}

// TestLabSecureBoot starts the stand-in for wdsmgfw.efi while it is signed, as
// Microsoft's is. After a reset the firmware still trusts the lab's key, and
// only signed programs: the same program without the signature does not start.
func TestLabSecureBoot(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lab-secure-boot")
	serveBootFile(t, s.Observer, wds.FileEFIFirst, withServer(lab.WDSAddr))
	s.startUEFI(qemu.Debian13, lab.UEFIConfig{SecureBoot: true})
	if v := s.verdict(s.within(clientBoots)); !nbp.Succeeded(v) {
		t.Fatal(v)
	}
	s.checkUEFIHandoff("DhcpAck")

	unsigned, err := s.Compile()
	if err != nil {
		t.Fatal(err)
	}
	s.WDS.SetFile(wds.FileEFIFirst, unsigned)
	reads, text := len(s.WDS.Reads()), len(s.client.Console.Text())
	if err := s.client.Reset(s.within(clientBoots)); err != nil {
		t.Fatal(err)
	}
	m, err := s.client.Console.WaitForAfter(s.within(clientBoots), text,
		"Access Denied|Security Violation|"+nbp.EFIPrefix)
	if err != nil {
		t.Fatal(err)
	}
	if m.Text == nbp.EFIPrefix {
		t.Error("the unsigned program runs")
	}
	again := s.WDS.Reads()[reads:]
	if !slices.ContainsFunc(again, func(r wds.Read) bool { return r.Name == wds.FileEFIFirst && r.Err == nil }) {
		t.Errorf("the firmware did not fetch the unsigned program: %v", again)
	}
}

// TestLabUEFIProxy runs a proxyDHCP server, which names the WDS server in the
// ways that PXE 2.1 defines, next to one that leases addresses.
func TestLabUEFIProxy(t *testing.T) {
	for _, test := range []struct {
		situation, name, firmware string

		offer []dhcpv4.Modifier
		named string // the cached packet that names the WDS server
	}{
		{situation: "with the file in the offer", name: "lab-uefi-proxy-file", firmware: qemu.Debian13,
			offer: []dhcpv4.Modifier{
				withServer(lab.WDSAddr),
				withFile(wds.FileEFIFirst),
				withPXEOptions(6, 1, 8), // discovery control: boot the named file
			}, named: "ProxyOffer"},
		{situation: "with the WDS server to be asked on port 4011", name: "lab-uefi-proxy-4011",
			firmware: qemu.Debian12, offer: []dhcpv4.Modifier{
				withServer(lab.WDSAddr),
			}, named: "ProxyOffer"},
		{situation: "with the WDS server in the firmware's boot menu", name: "lab-uefi-proxy-menu",
			firmware: qemu.Debian13, offer: []dhcpv4.Modifier{
				withPXEOptions(
					6, 1, 7, // discovery control: ask the listed servers, no others
					8, 7, 0, 1, 1, 192, 168, 77, 2, // boot servers of type 1: one
					9, 6, 0, 1, 3, 'W', 'D', 'S', // the menu: type 1
					10, 2, 0, 'W', // the prompt: take the first entry at once
				),
			}, named: "PxeReply"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.name)
			serveBootFile(t, s.Observer, "", withServer(s.Observer.Addr))
			s.offerByProxy(test.offer...)
			s.startUEFI(test.firmware, lab.UEFIConfig{})
			if v := s.verdict(s.within(clientBoots)); !nbp.Succeeded(v) {
				t.Error(v)
			}
			s.checkUEFIHandoff(test.named)
		})
	}
}

// TestLabUEFIBesideAnotherProxy lets two PXE servers answer a machine that goes
// to WDS. The other server answers first and offers itself. A complete offer
// still wins over the other server's. An offer that only names the WDS server
// does not.
func TestLabUEFIBesideAnotherProxy(t *testing.T) {
	for _, test := range []struct {
		situation, name, firmware string

		offer []dhcpv4.Modifier
		wds   bool
	}{
		{situation: "a complete offer", name: "lab-uefi-rival-complete", firmware: qemu.Debian12,
			offer: []dhcpv4.Modifier{withFile(wds.FileEFIFirst), withPXEOptions(6, 1, 8)}, wds: true},
		{situation: "the WDS server alone", name: "lab-uefi-rival-4011", firmware: qemu.Debian13},
	} {
		t.Run(test.situation, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.name)
			serveBootFile(t, s.Observer, "", withServer(s.Observer.Addr))
			asked := s.offerByRival()
			s.offerByProxy(append(test.offer, withServer(lab.WDSAddr), func(*dhcpv4.DHCPv4) {
				time.Sleep(rivalFirst)
			})...)
			s.startUEFI(test.firmware, lab.UEFIConfig{})
			ctx := s.within(clientBoots)
			if !test.wds {
				select {
				case <-asked:
				case <-ctx.Done():
					t.Error("the other server is not asked for its file")
				}
				return
			}
			if v := s.verdict(ctx); !nbp.Succeeded(v) {
				t.Error(v)
			}
			s.checkUEFIHandoff("ProxyOffer")
		})
	}
}

// rivalFirst is how much faster the other PXE server is: well within the four
// seconds for which EDK2 collects offers.
const rivalFirst = 300 * time.Millisecond

// offerByRival plugs in another PXE server, which offers itself. The channel is
// closed when it receives a request on port 4011.
func (s *site) offerByRival() (asked <-chan struct{}) {
	s.t.Helper()
	network := netip.MustParsePrefix("192.168.77.8/24")
	host, err := s.LAN.Host([6]byte{0x52, 0x54, 0x00, 0x77, 0x00, 0x08}, network)
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := host.ListenUDP(4011)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	c := make(chan struct{})
	go func() {
		if _, _, err := conn.ReadFrom(make([]byte, 1500)); err == nil {
			close(c)
		}
	}()
	answerDHCP(s.t, host, func(q *dhcpv4.DHCPv4) []dhcpv4.Modifier {
		if q.MessageType() != dhcpv4.MessageTypeDiscover {
			return nil
		}
		return []dhcpv4.Modifier{
			dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), withServer(network.Addr()),
			dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient")),
		}
	})
	return c
}

// withPXEOptions returns option 43 in the format of PXE 2.1 §2.2.3.
func withPXEOptions(b ...byte) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, append(b, 255)))
}

// offerByProxy plugs in a host that sends the client a proxyDHCP offer, and
// does nothing else.
func (s *site) offerByProxy(more ...dhcpv4.Modifier) {
	s.t.Helper()
	host, err := s.LAN.Host([6]byte{0x52, 0x54, 0x00, 0x77, 0x00, 0x06}, netip.MustParsePrefix("192.168.77.6/24"))
	if err != nil {
		s.t.Fatal(err)
	}
	answerDHCP(s.t, host, func(q *dhcpv4.DHCPv4) []dhcpv4.Modifier {
		if q.MessageType() != dhcpv4.MessageTypeDiscover {
			return nil
		}
		return append([]dhcpv4.Modifier{
			dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer),
			dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient")),
		}, more...)
	})
}

// TestLabUEFIWithoutPXE lets the firmware load the stand-in over HTTP: the
// program then learns of no WDS server, as when a boot loader starts it.
func TestLabUEFIWithoutPXE(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lab-uefi-without-pxe")
	program, err := s.Compile()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := s.Observer.ListenTCP(80)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "wdsmgfw.efi", time.Time{}, bytes.NewReader(program))
	})}
	t.Cleanup(func() { server.Close() })
	go server.Serve(listener)
	serveBootFile(t, s.Observer, fmt.Sprintf("http://%v/wdsmgfw.efi", s.Observer.Addr),
		dhcpv4.WithOption(dhcpv4.OptClassIdentifier("HTTPClient")))
	s.startUEFI(qemu.Debian12, lab.UEFIConfig{HTTP: true})
	if v, want := s.verdict(s.within(clientBoots)), nbp.EFIFail+
		"the boot device has no EFI_PXE_BASE_CODE"; !strings.HasPrefix(v, want) {
		t.Errorf("the verdict is %q, want %q", v, want)
	}
}

// TestLabUEFIWithoutWDSInSiaddr sends answers that deliver the program but do
// not tell it the WDS server: the tests above would detect that.
func TestLabUEFIWithoutWDSInSiaddr(t *testing.T) {
	for _, test := range []struct {
		situation, name, firmware string

		modifier dhcpv4.Modifier
		want     string // the verdict's end
	}{
		{
			// EDK2 ignores option 66, and requests the file from the DHCP
			// server.
			situation: "WDS in option 66 only", name: "lab-uefi-option-66", firmware: qemu.Debian13,
			modifier: dhcpv4.WithOption(dhcpv4.OptTFTPServerName(lab.WDSAddr.String())),
			want:     "siaddr is zero in each cached packet: no server",
		},
		{
			situation: "siaddr of a host with the same file", name: "lab-uefi-other-host", firmware: qemu.Debian12,
			modifier: func(p *dhcpv4.DHCPv4) { p.ServerIPAddr = p.ServerIdentifier() },
			want:     "siaddr of DhcpAck: no answer on port 4011",
		},
	} {
		t.Run(test.situation, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.name)
			if err := s.AddTFTP(); err != nil {
				t.Fatal(err)
			}
			serveBootFile(t, s.Observer, wds.FileEFIFirst, test.modifier)
			s.startUEFI(test.firmware, lab.UEFIConfig{})
			if v, want := s.verdict(s.within(handsOver)), nbp.EFIFail+test.want; v != want {
				t.Errorf("the verdict is %q, want %q", v, want)
			}
			if q := s.WDS.Queries(); len(q) != 0 {
				t.Errorf("the WDS server was asked: %v", q)
			}
		})
	}
}

func withServer(addr netip.Addr) dhcpv4.Modifier { return dhcpv4.WithServerIP(addr.AsSlice()) }

// startUEFI powers on a machine with the firmware of a release.
func (s *site) startUEFI(release string, c lab.UEFIConfig) {
	s.t.Helper()
	c.MAC, c.Firmware = s.mac, s.firmware(release)
	s.t.Log("firmware:", c.Firmware.OVMF())
	m, err := s.StartUEFI(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.client = m
}

// checkUEFIHandoff checks every part of a UEFI machine's handoff to WDS, on the
// wire and on the console. named is the cached packet that must name the
// server: "DhcpAck", "ProxyOffer" or "PxeReply".
func (s *site) checkUEFIHandoff(named string) {
	t := s.t
	t.Helper()
	s.checkHandoffPackets(lab.WDSAddr, wds.FileEFIFirst)
	console := s.client.Console.Text()
	if line, want := grep(console, nbp.EFIOK), fmt.Sprintf("%sserver=%v named by %s",
		nbp.EFIOK, lab.WDSAddr, named); line != want {
		t.Errorf("the verdict is %q, want %q", line, want)
	}
	if line, want := grep(console, nbp.EFIPrefix+
		named), fmt.Sprintf(" siaddr=%v ", lab.WDSAddr); !strings.Contains(line, want) {
		t.Errorf("the cached packet says %q, and not%s", line, want)
	}
	checkFetched(t, grep(console, nbp.EFIPrefix+"fetched bytes"))
}
