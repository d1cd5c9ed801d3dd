package dhcpd

import (
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/net/netif"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/serve/ladder"
	"github.com/pxebox/pxebox/internal/serve/otherdhcp"
	"github.com/pxebox/pxebox/internal/test/dhcptest"
)

const guid = "70786562-6f78-4c61-8000-000000000010"

var (
	pc   = net.HardwareAddr{0x52, 0x54, 0, 0x77, 0, 0x10}
	site = netip.MustParseAddr("192.168.77.3") // the site's DHCP server
	wds  = netip.MustParseAddr("192.168.77.2")
)

// rom returns a packet of pc's firmware.
func rom(arch iana.Arch, t dhcpv4.MessageType, options ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	id := append([]byte{0}, 0x62, 0x65, 0x78, 0x70, 0x78, 0x6f, 0x61, 0x4c, 0x80, 0, 0, 0, 0, 0, 0, 0x10)
	return dhcptest.PXE(pc, arch, t, append(options, dhcpv4.OptGeneric(dhcpv4.OptionClientMachineIdentifier, id))...)
}

func TestEvents(t *testing.T) {
	by := func(a netip.Addr) dhcpv4.Option { return dhcpv4.OptServerIdentifier(a.AsSlice()) }
	wish := dhcpv4.OptRequestedIPAddress(first.AsSlice())
	bios, arm := iana.INTEL_X86PC, iana.EFI_ARM64
	is := trace.Event{Protocol: trace.DHCP, MAC: ether.From(pc), GUID: guid, Firmware: "bios", Outcome: trace.Sent}
	with := func(e trace.Event, change func(e *trace.Event)) trace.Event { change(&e); return e }
	toWDS := []clients.Rule{{Machine: spec.Machine{Boot: "wds"}, Handoff: "wds"}}
	for _, tc := range []struct {
		situation string
		mode      spec.Mode
		hold      string
		rules     []clients.Rule
		port      int
		packet    *dhcpv4.DHCPv4
		want      []trace.Event
	}{
		{
			situation: "an offer of a server names the file", mode: spec.ModeServer,
			packet: rom(bios, dhcpv4.MessageTypeDiscover),
			want: []trace.Event{with(is,
				func(e *trace.Event) { e.Addr, e.What, e.File = first, "offer", "pxelinux.0" })},
		},
		{
			situation: "a proxy's offer names none", mode: spec.ModeProxy,
			packet: rom(bios, dhcpv4.MessageTypeDiscover),
			want:   []trace.Event{with(is, func(e *trace.Event) { e.What = "proxy offer" })},
		},
		{
			situation: "an offer of a server without a boot file says why", mode: spec.ModeServer,
			packet: rom(arm, dhcpv4.MessageTypeDiscover),
			want: []trace.Event{with(is, func(e *trace.Event) {
				e.Addr, e.What, e.Firmware, e.Why = first, "offer", "uefi-arm64",
					"no boot file for uefi-arm64: name one in [boot]"
			})},
		},
		{
			situation: "firmware without a boot file gets no proxy's offer", mode: spec.ModeProxy,
			packet: rom(arm, dhcpv4.MessageTypeDiscover),
			want: []trace.Event{with(is, func(e *trace.Event) {
				e.What, e.Firmware, e.Outcome, e.Why = trace.Discover, "uefi-arm64", trace.Unanswered,
					"no boot file for uefi-arm64: name one in [boot]"
			})},
		},
		{
			situation: "another server holds the offers back", mode: spec.ModeServer, hold: "another server",
			packet: rom(bios, dhcpv4.MessageTypeDiscover),
			want: []trace.Event{with(is,
				func(e *trace.Event) {
					e.What, e.Outcome, e.Why = trace.Discover, trace.Unanswered,
						"another server"
				})},
		},
		{
			situation: "the machine takes the site's lease", mode: spec.ModeProxy,
			packet: rom(bios, dhcpv4.MessageTypeRequest, by(site), wish),
			want: []trace.Event{with(is, func(e *trace.Event) {
				e.Addr, e.What, e.Outcome, e.Server = first, trace.OtherRequest, trace.Seen, site
			})},
		},
		{
			situation: "the machine takes another server's lease", mode: spec.ModeServer,
			packet: rom(bios, dhcpv4.MessageTypeRequest, by(site), wish),
			want: []trace.Event{with(is,
				func(e *trace.Event) { e.What, e.Outcome, e.Server = trace.OtherRequest, trace.Seen, site })},
		},
		{
			situation: "a rule sends the machine to WDS", mode: spec.ModeProxy, rules: toWDS, port: dhcp.BootServerPort,
			packet: rom(bios, dhcpv4.MessageTypeRequest),
			want: []trace.Event{
				with(is, func(e *trace.Event) {
					e.Addr, e.What, e.Server, e.File, e.Entry = first, trace.HandedOver, wds, "wdsnbp.com", "wds"
				}),
				with(is,
					func(e *trace.Event) {
						e.Addr, e.What, e.Server, e.File = first, "boot server ack", wds,
							"wdsnbp.com"
					}),
			},
		},
		{
			situation: "a system takes the site's lease", mode: spec.ModeProxy,
			packet: dhcptest.Message(pc, dhcpv4.MessageTypeRequest, by(site), wish),
			want: []trace.Event{{Protocol: trace.DHCP, MAC: ether.From(pc), What: trace.OtherRequest,
				Outcome: trace.Seen, Server: site}},
		},
		{
			situation: "iPXE takes the site's lease", mode: spec.ModeProxy,
			packet: rom(bios, dhcpv4.MessageTypeRequest, by(site), wish, dhcpv4.OptUserClass("iPXE")),
			want: []trace.Event{with(is, func(e *trace.Event) {
				e.Addr, e.What, e.Outcome, e.Server, e.IPXE = first, trace.OtherRequest, trace.Seen, site, true
			})},
		},
		{
			situation: "no boot file on port 4011", mode: spec.ModeProxy, port: dhcp.BootServerPort,
			packet: rom(arm, dhcpv4.MessageTypeRequest),
			want: []trace.Event{with(is, func(e *trace.Event) {
				e.Addr, e.What, e.Firmware, e.Outcome, e.Why = first, trace.BootServer, "uefi-arm64", trace.Unanswered,
					"no boot file for uefi-arm64: name one in [boot]"
			})},
		},
		{
			situation: "a system looks for a server", mode: spec.ModeProxy,
			packet: dhcptest.Message(pc, dhcpv4.MessageTypeDiscover),
		},
		{
			situation: "the box's own request to the site's server", mode: spec.ModeProxy,
			packet: dhcptest.Message(net.HardwareAddr{2, 0, 0, 0, 0, 1}, dhcpv4.MessageTypeRequest, by(site), wish),
		},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			b := newBench(t, false)
			b.others.hold = tc.hold
			c := spec.DHCP{Mode: tc.mode, Ranges: []spec.Range{{First: first, Last: first.Next()}}}
			c.Lease = spec.Duration(time.Hour)
			targets := map[string]handoff.Target{"wds": {Server: wds,
				Programs: map[firmware.Kind]string{"bios": "wdsnbp.com"}}}
			b.Configure(t0, Config{
				DHCP: c, Link: netif.Link{Addr: self, HW: net.HardwareAddr{2, 0, 0, 0, 0, 1}},
				Plan: handoff.NewPlan(tc.rules, targets, handoff.NewTable(1), clients.NewOnce(1)),
			})
			events := b.Events.Subscribe()
			from, port := netip.AddrPortFrom(netip.IPv4Unspecified(), dhcp.ClientPort), dhcp.ServerPort
			if tc.port != 0 {
				port, from, tc.packet.ClientIPAddr = tc.port,
					netip.AddrPortFrom(first, dhcp.ClientPort), first.AsSlice()
			}
			q := dhcp.NewQuestion(tc.packet, port, from)
			b.Handle(t0, Packets{Questions: []dhcp.Question{q}, Sender: b, Prober: b})
			for _, want := range tc.want {
				select {
				case got := <-events:
					got.Time = time.Time{}
					if got != want {
						t.Errorf("got  %+v\nwant %+v", got, want)
					}
				default:
					t.Fatalf("no event; want %+v", want)
				}
			}
			if len(events) > 0 {
				t.Errorf("one more: %+v", <-events)
			}
		})
	}
}

// A flood of packets that are not answered causes few events.
func TestEventsOfSilenceAreLimited(t *testing.T) {
	b := newBench(t, false)
	events := b.Events.Subscribe() // its queue is longer than maxShown
	for i := range 2 * maxShown {
		b.report.otherOffer(t0, otherdhcp.Offer{Machine: ether.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}, Server: site,
			File: "x"})
	}
	if len(events) != maxShown {
		t.Errorf("%d events, want %d", len(events), maxShown)
	}
	b.report.otherOffer(t0.Add(shownAgain), otherdhcp.Offer{Machine: ether.From(pc), Server: site, File: "x"})
	if len(events) != maxShown+1 {
		t.Error("no event after the flood")
	}
}

// Firmware that is limited because it asks too often gets an event that says so.
func TestEventOfALimitedMachine(t *testing.T) {
	b := newBench(t, false)
	events := b.Events.Subscribe()
	for range 1000 {
		q := dhcp.NewQuestion(rom(iana.INTEL_X86PC, dhcpv4.MessageTypeDiscover), dhcp.ServerPort, netip.AddrPort{})
		b.Handle(t0, Packets{Questions: []dhcp.Question{q}, Sender: b, Prober: b})
	}
	limited := 0
	for len(events) > 0 {
		if e := <-events; e.Why == trace.WhyLimited {
			limited++
			if e.Outcome != trace.Unanswered || e.What != trace.Discover || e.Firmware != "bios" ||
				e.MAC != ether.From(pc) {
				t.Errorf("%+v", e)
			}
		}
	}
	if limited != 1 {
		t.Errorf("%d events in one moment, want 1", limited)
	}
}

// An answer that differs from the usual one has an event after the answer's own,
// and a line in the log for each boot.
func TestAnsweredDifferently(t *testing.T) {
	var lines strings.Builder
	b := newBench(t, false)
	// The answers that this machine and others got have used up the log's budget.
	log := slog.New(loglimit.New(slog.NewTextHandler(&lines, nil)))
	o := options(t, log)
	o.Events = b.Events
	b.report = newReporter(o)
	for range 100 {
		log.Info("dhcp: answered")
	}
	c := Config{DHCP: spec.DHCP{Mode: spec.ModeProxy}, Ladder: ladder.New(4), Link: netif.Link{Addr: self}}
	b.Configure(t0, c)
	events := b.Events.Subscribe()
	now := t0
	for range 2 {
		for _, m := range []*dhcpv4.DHCPv4{
			rom(iana.EFI_X86_64, dhcpv4.MessageTypeDiscover),
			rom(iana.EFI_X86_64, dhcpv4.MessageTypeRequest, dhcpv4.OptServerIdentifier(site.AsSlice()),
				dhcpv4.OptRequestedIPAddress(first.AsSlice())),
		} {
			b.hears(now, m)
		}
		now = now.Add(30 * time.Second)
	}
	for len(events) > 0 {
		if e := <-events; e.What == trace.Adapted {
			t.Errorf("before it: %+v", e)
		}
	}
	b.hears(now, rom(iana.EFI_X86_64, dhcpv4.MessageTypeDiscover))
	if e := <-events; e.What != "proxy offer, complete" {
		t.Errorf("got %+v", e)
	}
	if e := <-events; e.What != trace.Adapted || e.Why != ladder.WhyFirm || e.File != "shimx64.efi" ||
		e.MAC != ether.From(pc) {
		t.Errorf("got %+v", e)
	}
	b.hears(now, rom(iana.EFI_X86_64, dhcpv4.MessageTypeDiscover)) // a retransmission
	if got := strings.Count(lines.String(), "answered differently"); got != 1 {
		t.Errorf("%d lines:\n%s", got, lines.String())
	}
	// Another answer for the same reason follows as soon as the machine restarts.
	for _, file := range []string{"shimx64-2011.efi", "shimx64-2023.efi", "shimx64-2023.efi"} {
		b.report.adapted(now, answer{a: dhcp.Answer{
			Machine: clients.Machine{MAC: ether.From(pc)},
			Adapted: ladder.Departure{Why: ladder.WhyShim, Before: "shimx64.efi", Now: file},
		}})
	}
	for _, file := range []string{"shimx64-2011.efi", "shimx64-2023.efi"} {
		if got := strings.Count(lines.String(), "now="+file); got != 1 {
			t.Errorf("%d lines with %s:\n%s", got, file, lines.String())
		}
	}
}

// hears handles a packet that was broadcast on the link.
func (b *bench) hears(now time.Time, m *dhcpv4.DHCPv4) {
	q := dhcp.NewQuestion(m, dhcp.ServerPort, netip.AddrPortFrom(netip.IPv4Unspecified(), dhcp.ClientPort))
	b.Handle(now, Packets{Questions: []dhcp.Question{q}, Sender: b, Prober: b})
}
