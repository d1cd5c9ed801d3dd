package dhcpd

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/base/task"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/net/netif"
	"github.com/pxebox/pxebox/internal/serve/otherdhcp"
)

const (
	// guardAgain is the pause after a guard's socket has failed.
	guardAgain = 2 * time.Second
	// rivalLasts is how long another PXE server counts as present after its
	// last packet. It sends something for each machine that boots.
	rivalLasts = time.Hour
)

// others are the other servers on the link.
type others struct {
	guard    *otherdhcp.Detector
	guarded  bool      // the guard runs
	hold     string    // why nothing may be offered; "" to offer
	rival    bool      // another PXE server answers
	rivalEnd time.Time // until when it counts as present
}

// watchOthers keeps the search for other DHCP servers running while the box
// leases addresses, and restarts it if again is set.
func (s *Server) watchOthers(c Config, guards *task.Task, again bool) {
	l := c.Link
	wanted := c.DHCP.Mode.Leases() && !c.DHCP.Force && l.Index != 0
	if wanted == s.others.guarded && !again {
		return
	}
	guards.Stop()
	s.others.guarded = wanted
	if !wanted {
		s.others.hold = ""
		return
	}
	s.others.hold = trace.WhyLooking
	guards.Start(func(ctx context.Context) error {
		for {
			err := s.others.guard.Watch(ctx, l.Name, l.Index, l.HW, s.isSelf, func(v otherdhcp.Verdict) {
				task.Give(ctx, s.inbox.verdicts, v)
			})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.Log.Error("dhcp: cannot look for other DHCP servers", "err", err)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(guardAgain):
			}
		}
	})
}

// isSelf reports whether an address is currently the box's.
func (s *Server) isSelf(a netip.Addr) bool { return a == s.settings.Load().Self.Addr() }

// Verdict applies the result of the search for other DHCP servers.
func (s *Server) Verdict(now time.Time, v otherdhcp.Verdict) {
	log := loglimit.Keep(s.Log, "leasing")
	switch {
	case v.Allowed:
		log.Info("dhcp: leasing addresses", "why", v.Why)
		s.others.hold = ""
	case v.Foreign.IsValid():
		s.others.hold = fmt.Sprintf("%s: %v", v.Why, v.Foreign)
		log.Error("dhcp: not offering addresses; to offer them anyway, set force = true in [dhcp]",
			"why", v.Why, "server", v.Foreign, "server_mac", v.MAC)
	default:
		s.others.hold = v.Why
	}
	s.Configure(now, s.config)
}

// rivalHeard records that another PXE server answers on the link. Machines then
// use the menu of either server, and the other server may answer the next boot
// of a machine that has chosen WDS in ours.
func (s *Server) rivalHeard(now time.Time, r otherdhcp.Rival) {
	if !s.config.DHCP.Mode.Answers() {
		return
	}
	s.report.rival(now, r)
	s.others.rivalEnd = now.Add(rivalLasts)
	if !s.others.rival {
		s.others.rival = true
		s.Configure(now, s.config)
	}
}

// rivalGone ends what rivalHeard began.
func (s *Server) rivalGone(now time.Time) {
	if s.others.rival && !now.Before(s.others.rivalEnd) {
		s.others.rival = false
		s.Log.Info("no other PXE server has answered on this link for an hour")
		s.Configure(now, s.config)
	}
}

// Leased reads the lease that the site's DHCP server gave the box: the server
// sends the boot options in it to other machines too.
func (s *Server) Leased(ctx context.Context, ack *dhcpv4.DHCPv4) {
	if site, ok := otherdhcp.ReadSite(ack); ok {
		task.Give(ctx, s.inbox.sites, site)
	}
}

// siteHeard reports that the site's DHCP server tells machines what to boot.
func (s *Server) siteHeard(now time.Time, site otherdhcp.Site) {
	if s.config.DHCP.Mode.Answers() {
		s.report.site(now, site)
	}
}

// otherOffer is called when another server tells a machine what to boot.
func (s *Server) otherOffer(now time.Time, o otherdhcp.Offer) {
	s.settings.Load().Ladder.Elsewhere(o.Machine)
	s.report.otherOffer(now, o)
}

// watchRivals looks for other PXE servers until ctx ends. The box also serves
// without it.
func (s *Server) watchRivals(ctx context.Context, l netif.Link) error {
	for {
		err := s.others.guard.WatchRivals(ctx, l.Name, l.Index, l.HW, s.isSelf, otherdhcp.Callbacks{
			Rival: func(r otherdhcp.Rival) { task.Give(ctx, s.inbox.rivals, r) },
			Site:  func(site otherdhcp.Site) { task.Give(ctx, s.inbox.sites, site) },
			Offer: func(o otherdhcp.Offer) { s.otherOffer(time.Now(), o) },
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.Log.Error("cannot look for other PXE servers", "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(guardAgain):
		}
	}
}
