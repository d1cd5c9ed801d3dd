package view

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
	"github.com/pxebox/pxebox/internal/control/boots"
)

var start = time.Date(2026, 3, 2, 14, 3, 0, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

// site is a Store with a machine in each state.
func site() *boots.Store {
	s := boots.New(boots.DefaultLimits)
	add := func(e trace.Event) { s.Record(tracestream.Record{Event: &e}, e.Time) }
	s.Record(tracestream.Record{Hello: &tracestream.Hello{Started: at(-60), Version: "1"}}, at(-60))
	s.Record(tracestream.Record{Alive: true}, at(-50))
	mac := func(n byte) ether.MAC { return ether.MAC{0x52, 0x54, 0, 0, 0, n} }
	addr := func(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }
	dhcp := func(sec float64, n byte, what string) trace.Event {
		return trace.Event{Time: at(sec), Protocol: trace.DHCP, MAC: mac(n), GUID: fmt.Sprintf("4c4c4544-0000-1000-8000-%012d", n), Addr: addr(n),
			Firmware: "uefi-x64", What: what, Outcome: trace.Sent, File: "shimx64.efi"}
	}
	file := func(sec float64, n byte, name string, role trace.Role, size int64) trace.Event {
		return trace.Event{Time: at(sec), Protocol: trace.TFTP, Addr: addr(n), What: name, Outcome: trace.Sent, Role: role, Bytes: size, Took: 100 * time.Millisecond}
	}
	// One that boots a system.
	add(dhcp(0, 10, "offer"))
	add(dhcp(0.1, 10, "selecting"))
	add(file(1, 10, "shimx64.efi", trace.FirstStage, 900_000))
	add(file(2, 10, "grubx64.efi", trace.SecondStage, 2_000_000))
	menu := file(3, 10, "grub/grub.cfg", trace.Menu, 3000)
	menu.Code = "K7QM"
	add(menu)
	k := file(9, 10, "debian/linux", trace.Kernel, 9_000_000)
	k.Entry = "Debian 13"
	add(k)
	k = file(12, 10, "debian/initrd.gz", trace.Initrd, 40_000_000)
	k.Entry = "Debian 13"
	add(k)
	sys := dhcp(20, 10, "selecting")
	sys.Firmware, sys.File = "", ""
	add(sys)
	// One whose Secure Boot refuses shim.
	add(dhcp(30, 11, "offer"))
	add(dhcp(30.1, 11, "selecting"))
	add(file(31, 11, "shimx64.efi", trace.FirstStage, 900_000))
	// One that another server answers.
	other := dhcp(40, 12, trace.OtherOffer)
	other.Outcome, other.Server, other.File = trace.Seen, addr(99), "wdsmgfw.efi"
	add(dhcp(40, 12, "offer"))
	add(other)
	// One whose TFTP is blocked.
	add(dhcp(50, 13, "offer"))
	add(dhcp(50.1, 13, "selecting"))
	f := file(80, 13, "shimx64.efi", trace.FirstStage, 0)
	f.Outcome, f.Bytes = trace.TimedOut, 0
	add(f)
	s.Record(tracestream.Record{Packet: &tracestream.Packet{Time: at(50), From: netip.MustParseAddrPort("0.0.0.0:68"),
		To: netip.MustParseAddrPort("255.255.255.255:67"), MAC: mac(13), Payload: make([]byte, 300)}}, at(50))
	s.Tick(at(115))
	// One handed over, and one that boots now.
	add(dhcp(120, 14, "offer"))
	h := dhcp(120.2, 14, trace.HandedOver)
	h.Server, h.Entry = addr(5), "wds1"
	add(h)
	s.Tick(at(155))
	add(dhcp(156, 15, "offer"))
	add(dhcp(156.1, 15, "selecting"))
	add(file(157, 15, "shimx64.efi", trace.FirstStage, 900_000))
	s.Tick(at(158))
	return s
}

func TestDemo(t *testing.T) {
	if os.Getenv("DEMO") == "" {
		t.Skip()
	}
	p := New(Options{Boots: site(), Version: "0.9"})
	http.ListenAndServe("127.0.0.1:8099", p.Handler())
}
