package dhcpd

import (
	"bytes"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
	"github.com/pxebox/pxebox/internal/net/netif"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/serve/dhcpconn"
	"github.com/pxebox/pxebox/internal/serve/event"
	"github.com/pxebox/pxebox/internal/serve/metrics"
)

// unheard sends answers to no network.
type unheard struct{}

func (unheard) Send(netip.Addr, []dhcpconn.Reply) error { return nil }
func (unheard) Probe(netip.Addr) error                  { return nil }

// BenchmarkHandle measures a proxy's answer to a DISCOVER, from the parsed
// packet to the reports about it, with and without a program that follows the
// packets.
func BenchmarkHandle(b *testing.B) {
	for _, bc := range []struct {
		situation string
		follow    bool
	}{{"Unfollowed", false}, {"Followed", true}} {
		b.Run(bc.situation, func(b *testing.B) {
			tap := &event.Tap{}
			if bc.follow {
				tap.Open()
			}
			s := newServer(t0, Options{
				DataDir: b.TempDir(), Clients: clients.NewTable(8), Events: &event.Bus{}, Tap: tap,
				Metrics: metrics.New(),
				Log:     slog.New(slog.DiscardHandler),
			})
			c := spec.DHCP{Mode: spec.ModeProxy}
			c.Lease = spec.Duration(time.Hour)
			s.Configure(t0, Config{DHCP: c, Link: netif.Link{Addr: self}})
			events := s.Events.Subscribe()
			m := rom(iana.EFI_X86_64, dhcpv4.MessageTypeDiscover)
			raw := m.ToBytes()
			now := t0
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Second) // no flood
				q := dhcp.NewQuestion(m, dhcp.ServerPort, netip.AddrPort{})
				if tap.On() {
					q.Raw = bytes.Clone(raw)
				}
				s.Handle(now, Packets{Questions: []dhcp.Question{q}, Sender: unheard{}, Prober: unheard{}})
				<-events
				if tap.On() {
					tap.Take(func(tracestream.Packet) {})
				}
			}
		})
	}
}
