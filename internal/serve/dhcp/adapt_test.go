package dhcp

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/ladder"
)

var (
	siteServer = netip.MustParseAddr("192.168.77.3")
	uefiX64    = pxeArch(7)
)

// site is a proxy's network with a clock, on which machines boot.
type site struct {
	t   *testing.T
	now time.Time
	s   *Settings
}

func newSite(t *testing.T, changes ...func(*spec.DHCP)) *site {
	s := settings(spec.ModeProxy, append([]func(*spec.DHCP){withUEFI}, changes...)...)
	s.Stages, s.Ladder = &Stages{}, ladder.New(8)
	return &site{t, t0, s}
}

func (x *site) after(d time.Duration) *site { x.now = x.now.Add(d); return x }

// restart is a restart of the program, which saves and restores the table.
func (x *site) restart() {
	old := x.s.Ladder
	x.s.Ladder, x.s.Stages = ladder.New(8), &Stages{}
	x.s.Ladder.Restore(x.now, old.All(x.now))
}

func (x *site) ask(port int, m *dhcpv4.DHCPv4) Answer {
	return Decide(x.now, x.s, NewQuestion(m, port, source(m)))
}

// discover returns the answer to a DISCOVER.
func (x *site) discover(changes ...change) Answer {
	return x.ask(ServerPort, message(dhcpv4.MessageTypeDiscover, changes...))
}

func (x *site) takes(changes ...change) {
	x.ask(ServerPort, message(dhcpv4.MessageTypeRequest, append(changes, server(x.chosen()), wish(first))...))
}

func (x *site) asks4011(changes ...change) {
	x.ask(BootServerPort, message(dhcpv4.MessageTypeRequest, append(changes, ciaddr(first))...))
}

// fails is a boot that takes an address and asks nothing more, and returns the
// answer to its DISCOVER. The next boot begins half a minute later.
func (x *site) fails(changes ...change) Answer {
	a := x.discover(changes...)
	x.after(time.Second).takes(changes...)
	x.after(30 * time.Second)
	return a
}

// works is a boot that asks on port 4011 and loads its files.
func (x *site) works(changes ...change) Answer {
	a := x.discover(changes...)
	x.after(time.Second).takes(changes...)
	x.asks4011(changes...)
	x.s.Ladder.Requested(x.now, first, true)
	x.s.Ladder.Loaded(x.now, clients.Machine{MAC: ether.From(mac), Firmware: "uefi-x64"}, first, ladder.Copy{})
	x.s.Ladder.Requested(x.now, first, false)
	x.after(30 * time.Second)
	return a
}

func TestOfferThatIsNotFollowedByAQuestion(t *testing.T) {
	other := from(2, 8, 8, 8, 8, 8)
	for _, tc := range []struct {
		situation string
		firmware  change // nil: UEFI
		before    func(x *site)
		firm      bool
	}{
		{situation: "two boots took an address and asked nothing",
			before: func(x *site) { x.fails(uefiX64); x.fails(uefiX64) },
			firm:   true},
		{situation: "the same of a BIOS", firmware: bios,
			before: func(x *site) { x.fails(bios); x.fails(bios) }, firm: true},
		{situation: "a restart of the program between them", before: func(x *site) {
			x.fails(uefiX64)
			x.discover(uefiX64) // counts the first
			x.restart()
			x.fails(uefiX64)
		}, firm: true},
		{situation: "each DISCOVER sent again and again", before: func(x *site) {
			for range 2 {
				x.discover(uefiX64)
				x.after(4 * time.Second).discover(uefiX64)
				x.after(8 * time.Second).fails(uefiX64)
			}
		}, firm: true},
		{situation: "a relay agent's copies of each packet", before: func(x *site) {
			for range 2 {
				x.discover(uefiX64)
				x.discover(uefiX64)
				x.takes(uefiX64)
				x.after(100 * time.Millisecond).takes(uefiX64)
				x.after(30 * time.Second)
			}
		}, firm: true},
		{situation: "another day",
			before: func(x *site) { x.fails(uefiX64); x.fails(uefiX64); x.discover(uefiX64); x.after(25 * time.Hour) }},

		{situation: "the first boot", before: func(*site) {}},
		{situation: "one boot failed: a question may have been lost", before: func(x *site) { x.fails(uefiX64) }},
		{situation: "no lease: it takes no address", before: func(x *site) {
			for range 3 {
				x.discover(uefiX64)
				x.after(30 * time.Second)
			}
		}},
		{situation: "no lease: its REQUEST is not acknowledged", before: func(x *site) {
			for range 3 {
				x.discover(uefiX64)
				x.takes(uefiX64)
				x.after(4 * time.Second).takes(uefiX64)
				x.after(30 * time.Second)
			}
		}},
		{situation: "a question on port 4011 in between", before: func(x *site) {
			x.fails(uefiX64)
			x.works(uefiX64)
			x.fails(uefiX64)
		}},
		{situation: "it has asked on port 4011 today", before: func(x *site) {
			x.works(uefiX64)
			x.fails(uefiX64)
			x.fails(uefiX64)
			x.fails(uefiX64)
		}},
		{situation: "it loads files from the box all the same", before: func(x *site) {
			for range 3 {
				x.discover(uefiX64)
				x.takes(uefiX64)
				x.s.Ladder.Requested(x.now, first, true) // the site's DHCP server names the box
				x.after(30 * time.Second)
			}
		}},
		{situation: "it comes back after it has run for a while", before: func(x *site) {
			for range 3 {
				x.fails(uefiX64)
				x.after(5 * time.Minute)
			}
		}},
		{situation: "another server tells it what to boot", before: func(x *site) {
			for range 3 {
				x.fails(uefiX64)
				x.s.Ladder.Elsewhere(ether.From(mac))
			}
		}},
		{situation: "another PXE server on the link", before: func(x *site) {
			x.s.Rival = true
			x.fails(uefiX64)
			x.fails(uefiX64)
		}},
		{situation: "the box has not answered it", before: func(x *site) {
			x.takes(uefiX64)
			x.after(30 * time.Second).discover(uefiX64)
			x.after(3 * time.Minute).takes(uefiX64)
			x.after(30 * time.Second)
		}},
		{situation: "another machine failed",
			before: func(x *site) { x.fails(uefiX64, other); x.fails(uefiX64, other) }},
		{situation: "one boot of it and two of another one, by turns", before: func(x *site) {
			x.fails(uefiX64, other)
			x.fails(uefiX64)
			x.fails(uefiX64, other)
		}},
		{situation: "packets in its name that no machine of the link sends", before: func(x *site) {
			for range 3 {
				for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest} {
					m := message(kind, uefiX64, server(siteServer), wish(first))
					Decide(x.now, x.s, NewQuestion(m, ServerPort, netip.MustParseAddrPort("10.9.9.9:68")))
				}
				x.after(30 * time.Second)
			}
		}},
		{situation: "other firmware of the same machine",
			before: func(x *site) { x.fails(bios); x.fails(bios); x.fails(bios) }},
		{situation: "another machine with the same MAC", before: func(x *site) {
			x.fails(uefiX64, option(97, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))
			x.fails(uefiX64, option(97, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))
		}, firmware: func(m *dhcpv4.DHCPv4) {
			uefiX64(m)
			option(97, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9)(m)
		}},
		{situation: "iPXE",
			firmware: func(m *dhcpv4.DHCPv4) { bios(m); option(77, []byte("iPXE")...)(m) },
			before: func(x *site) {
				ipxe := option(77, []byte("iPXE")...)
				x.fails(bios, ipxe)
				x.fails(bios, ipxe)
			}},
		{situation: "the complete offer did not help either", before: func(x *site) {
			for range 6 {
				x.fails(uefiX64)
			}
		}},
		{situation: "other firmware of the machine asks meanwhile", firmware: bios, before: func(x *site) {
			for range 2 {
				x.fails(bios)
				x.after(30 * time.Second).discover(uefiX64)
				x.after(60 * time.Second)
			}
		}},
		{situation: "answers that do not adapt", before: func(x *site) {
			x.s.Ladder = nil
			x.fails(uefiX64)
			x.fails(uefiX64)
		}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			x := newSite(t)
			tc.before(x)
			by := tc.firmware
			if by == nil {
				by = uefiX64
			}
			a := x.discover(by)
			if a.Msg == nil {
				t.Fatalf("no answer: %s", a.Why)
			}
			named, told := a.Msg.BootFileName != "", a.Msg.Options[optVendor] != nil
			if named != tc.firm || told != tc.firm || (a.Adapted.Why != "") != tc.firm {
				t.Errorf("file %q, option 43 % x, %+v", a.Msg.BootFileName, a.Msg.Options[optVendor], a.Adapted)
			}
			if tc.firm && (string(a.Msg.Options[optVendor]) != "\x06\x01\x08\xff" ||
				a.Adapted.Now != a.Msg.BootFileName || address(a.Msg.ServerIPAddr) != self.Addr()) {
				t.Errorf("option 43 % x, %+v, siaddr %v", a.Msg.Options[optVendor], a.Adapted, a.Msg.ServerIPAddr)
			}
		})
	}
}

// A machine that boots by the complete offer keeps it.
func TestCompleteOfferThatHelped(t *testing.T) {
	x := newSite(t)
	x.fails(uefiX64)
	x.fails(uefiX64)
	for day := range 3 {
		if a := x.discover(uefiX64); a.Adapted.Why == "" {
			t.Fatalf("on day %d it is answered as usual", day)
		}
		x.takes(uefiX64)
		x.s.Ladder.Requested(x.now, first, true)
		x.after(20 * time.Hour)
	}
}

// Machines that boot well are answered exactly as without a ladder, whatever
// other machines do in the meantime, and whatever else a boot that goes through
// may contain.
func TestGoodBootsAreAnsweredAsUsual(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		x := newSite(t)
		plain := settings(spec.ModeProxy, withUEFI)
		plain.Stages = &Stages{}
		good, bad := from(2, 0, 0, 0, 1, 1), from(2, 0, 0, 0, 1, 2)
		goodAddr, badAddr := netip.MustParseAddr("192.168.77.50"), netip.MustParseAddr("192.168.77.51")
		both := func(port int, m *dhcpv4.DHCPv4) {
			a, b := x.ask(port, m), Decide(x.now, plain, NewQuestion(m, port, source(m)))
			if !reflect.DeepEqual(a.Msg, b.Msg) || a.Why != b.Why || a.Adapted.Why != "" || a.Handoff != b.Handoff {
				t.Fatalf("seed %d: %+v\nwithout a ladder: %+v", seed, a, b)
			}
		}
		for range 12 {
			for range 1 + rng.IntN(3) { // sent again
				both(ServerPort, message(dhcpv4.MessageTypeDiscover, uefiX64, good))
				if rng.IntN(2) == 0 {
					x.s.Ladder.Took(x.now, clients.Machine{MAC: ether.From(net.HardwareAddr{2, 0, 0, 0, 1, 2}),
						Firmware: "uefi-x64"}, badAddr)
				}
				x.after(time.Duration(rng.IntN(9)) * time.Second)
			}
			for range 1 + rng.IntN(2) {
				both(ServerPort, message(dhcpv4.MessageTypeRequest, uefiX64, good, server(siteServer), wish(goodAddr)))
				x.after(time.Duration(rng.IntN(5)) * time.Second)
			}
			x.fails(uefiX64, bad) // another machine, meanwhile
			for range 1 + rng.IntN(2) {
				both(BootServerPort, message(dhcpv4.MessageTypeRequest, uefiX64, good, ciaddr(goodAddr)))
			}
			machine := clients.Machine{MAC: ether.From(net.HardwareAddr{2, 0, 0, 0, 1, 1}), Firmware: "uefi-x64"}
			for range 1 + rng.IntN(2) { // the size is asked first
				x.s.Ladder.Requested(x.now, goodAddr, true)
			}
			x.s.Ladder.Loaded(x.now, machine, goodAddr, ladder.Copy{})
			x.after(time.Duration(rng.IntN(2000)) * time.Millisecond)
			x.s.Ladder.Requested(x.now, goodAddr, false)
			x.after(time.Duration(rng.IntN(100)) * time.Second)
		}
	}
}

// refuses is a boot that loads shim, and asks for nothing after it.
func (x *site) refuses(changes ...change) Answer {
	a := x.discover(changes...)
	x.after(time.Second).takes(changes...)
	x.asks4011(changes...)
	x.s.Ladder.Requested(x.now, first, true)
	x.after(time.Second).s.Ladder.Loaded(x.now, pcOfUEFI, first, ladder.Copy{})
	x.after(20 * time.Second)
	return a
}

var pcOfUEFI = clients.Machine{MAC: ether.From(mac), Firmware: "uefi-x64"}

func TestShimThatDoesNotStart(t *testing.T) {
	menu := clients.Rule{Machine: spec.Machine{Boot: spec.BootMenu}}
	hidden, shown := menu, menu
	hidden.Entries, shown.Entries = []string{"debian"}, []string{"debian", "wds"}
	disk := clients.Rule{Machine: spec.Machine{Boot: "disk"}, View: "m1"}
	once := toWDS
	once.Once = true
	for _, tc := range []struct {
		situation string
		firmware  change // nil: UEFI
		rules     []clients.Rule
		before    func(x *site)
		goes      bool
	}{
		{situation: "two boots loaded shim and nothing after it",
			before: func(x *site) { x.refuses(uefiX64); x.refuses(uefiX64) },
			goes:   true},
		{situation: "a restart of the program between them", before: func(x *site) {
			x.refuses(uefiX64)
			x.restart()
			x.refuses(uefiX64)
		}, goes: true},
		{situation: "a boot of another machine between them", before: func(x *site) {
			x.refuses(uefiX64)
			x.fails(uefiX64, from(2, 8, 8, 8, 8, 8))
			x.s.Ladder.Requested(x.now, netip.MustParseAddr("192.168.77.77"), false)
			x.refuses(uefiX64)
		}, goes: true},
		{situation: "its menu has the entry", rules: []clients.Rule{shown},
			before: func(x *site) { x.refuses(uefiX64); x.refuses(uefiX64) }, goes: true},

		{situation: "one boot", before: func(x *site) { x.refuses(uefiX64) }},
		{situation: "shim sent twice in one boot", before: func(x *site) {
			x.refuses(uefiX64)
			x.now = x.now.Add(-19 * time.Second)
			x.s.Ladder.Loaded(x.now, pcOfUEFI, first, ladder.Copy{})
			x.after(20 * time.Second)
		}},
		{situation: "a boot that went through between them", before: func(x *site) {
			x.refuses(uefiX64)
			x.works(uefiX64)
			x.refuses(uefiX64)
		}},
		{situation: "the second boot goes through", before: func(x *site) { x.refuses(uefiX64); x.works(uefiX64) }},
		{situation: "someone asks in its name before it can ask for the second part", before: func(x *site) {
			x.refuses(uefiX64)
			x.refuses(uefiX64)
			x.now = x.now.Add(-19 * time.Second)
		}},
		{situation: "the second part comes late", before: func(x *site) {
			x.refuses(uefiX64)
			x.refuses(uefiX64)
			x.s.Ladder.Requested(x.now, first, false)
		}},
		{situation: "the last boot is of yesterday", before: func(x *site) {
			x.refuses(uefiX64)
			x.refuses(uefiX64)
			x.after(24 * time.Hour)
		}},
		{situation: "it was answered so for a day", before: func(x *site) {
			x.refuses(uefiX64)
			x.refuses(uefiX64)
			x.discover(uefiX64)
			x.after(24 * time.Hour)
		}},
		{situation: "a forger's DHCP packets, as many as he likes", before: func(x *site) {
			x.refuses(uefiX64)
			for range 20 {
				x.fails(uefiX64)
				x.asks4011(uefiX64)
			}
		}},
		{situation: "shim was sent to another machine", before: func(x *site) {
			for range 3 {
				x.s.Ladder.Loaded(x.now, clients.Machine{MAC: ether.MAC{2, 9}, Firmware: "uefi-x64"}, first, ladder.Copy{})
				x.after(20 * time.Second)
			}
		}},
		{situation: "a program that needs nothing more", before: func(x *site) {
			x.s.bootFiles["uefi-x64"] = "memtest.efi"
			x.refuses(uefiX64)
			x.refuses(uefiX64)
		}},
		{situation: "HTTP boot", firmware: func(m *dhcpv4.DHCPv4) {
			option(60, []byte("HTTPClient:Arch:00016:UNDI:003001")...)(m)
			option(93, 0, 16)(m)
		}, before: func(x *site) { x.refuses(uefiX64); x.refuses(uefiX64) }},
		{situation: "no entry", before: func(x *site) {
			x.s.Plan = x.s.Plan.WithFallback("")
			x.refuses(uefiX64)
			x.refuses(uefiX64)
		}},
		{situation: "an entry whose server has no address", before: func(x *site) {
			x.s.Plan = x.s.Plan.WithFallback("gone")
			x.refuses(uefiX64)
			x.refuses(uefiX64)
		}},
		{situation: "its menu does not have the entry", rules: []clients.Rule{hidden},
			before: func(x *site) { x.refuses(uefiX64); x.refuses(uefiX64) }},
		{situation: "a rule says that it starts its disk", rules: []clients.Rule{disk},
			before: func(x *site) { x.refuses(uefiX64); x.refuses(uefiX64) }},
		{situation: "it has had its one boot of the entry", rules: []clients.Rule{once}, before: func(x *site) {
			x.discover(uefiX64)
			x.takes(uefiX64)
			x.after(20 * time.Minute)
			x.refuses(uefiX64)
			x.refuses(uefiX64)
		}},
		{situation: "it came back from the entry's server twice", before: func(x *site) {
			x.refuses(uefiX64)
			x.refuses(uefiX64)
			x.fails(uefiX64)
			x.fails(uefiX64)
		}},
		{situation: "answers that do not adapt", before: func(x *site) {
			x.s.Ladder = nil
			x.refuses(uefiX64)
			x.refuses(uefiX64)
		}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			x := newSite(t)
			x.s.Plan = handoff.NewPlan(tc.rules, targets, handoff.NewTable(4), clients.NewOnce(4)).WithFallback("wds")
			tc.before(x)
			by := tc.firmware
			if by == nil {
				by = uefiX64
			}
			a := x.discover(by)
			if goes := address(a.Msg.ServerIPAddr) == wds; goes != tc.goes {
				t.Fatalf("it boots from %v", a.Msg.ServerIPAddr)
			}
			x.after(time.Second)
			r := x.ask(ServerPort, message(dhcpv4.MessageTypeRequest, by, server(siteServer), wish(first)))
			want := ladder.Departure{}
			if tc.goes {
				want = ladder.Departure{Why: ladder.WhyShim, Before: "shimx64.efi", Now: `boot\x64\wdsmgfw.efi`}
			}
			if r.Adapted != want || (r.Handoff.Entry == "wds") != tc.goes {
				t.Errorf("%+v, %+v", r.Adapted, r.Handoff)
			}
		})
	}
}

// loads is a boot that loads the shim that it is told to, and returns its name.
// runs says that this asks for GRUB.
func (x *site) loads(runs bool) string {
	x.discover(uefiX64)
	x.after(time.Second).takes(uefiX64)
	a := x.ask(BootServerPort, message(dhcpv4.MessageTypeRequest, uefiX64, ciaddr(first)))
	c := ladder.Copy{Of: len(x.s.Copies)}
	c.Number = slices.Index(x.s.Copies, a.Msg.BootFileName) + 1
	x.s.Ladder.Requested(x.now, first, true)
	x.after(time.Second).s.Ladder.Loaded(x.now, pcOfUEFI, first, c)
	if runs {
		x.s.Ladder.Requested(x.after(time.Second).now, first, false)
	}
	x.after(20 * time.Second)
	return a.Msg.BootFileName
}

// A machine that does not start shim gets the copies with one signature, one after
// the other, and then the fallback entry.
func TestCopiesOfShim(t *testing.T) {
	const shim, one, other = "shimx64.efi", "shimx64-2011.efi", "shimx64-2023.efi"
	refuses := func(x *site, times int) {
		for range times {
			x.loads(false)
		}
	}
	for _, tc := range []struct {
		situation string
		copies    []string
		before    func(x *site)
		want      string // the next answer's file
	}{
		{situation: "two boots", before: func(x *site) { refuses(x, 2) }, want: one},
		{situation: "and one with the first copy", before: func(x *site) { refuses(x, 3) }, want: other},
		{situation: "and one with the last copy", before: func(x *site) { refuses(x, 4) },
			want: `boot\x64\wdsmgfw.efi`},
		{situation: "a restart of the program between them", before: func(x *site) {
			refuses(x, 1)
			x.restart()
			refuses(x, 1)
			x.discover(uefiX64)
			x.restart()
			refuses(x, 1)
		}, want: other},
		{situation: "no copies: shim has one signature", copies: []string{}, before: func(x *site) { refuses(x, 2) },
			want: `boot\x64\wdsmgfw.efi`},
		{situation: "a copy helps", before: func(x *site) {
			refuses(x, 2)
			for range 5 {
				x.loads(true)
				x.after(20 * time.Hour)
			}
		}, want: one},
		{situation: "a copy helps, and fails once", before: func(x *site) {
			refuses(x, 2)
			x.loads(true)
			refuses(x, 1)
		}, want: one},
		{situation: "a copy helps, and fails twice", before: func(x *site) {
			refuses(x, 2)
			x.loads(true)
			refuses(x, 2)
		}, want: other},
		{situation: "the restarted program knows that a copy helps", before: func(x *site) {
			refuses(x, 2)
			x.loads(true)
			x.restart()
		}, want: one},

		{situation: "one boot", before: func(x *site) { refuses(x, 1) }, want: shim},
		{situation: "another day", before: func(x *site) {
			refuses(x, 2)
			x.loads(true)
			x.after(24 * time.Hour)
		}, want: shim},
		{situation: "two boots on another day", before: func(x *site) {
			refuses(x, 4)
			x.discover(uefiX64)
			x.after(25 * time.Hour)
			refuses(x, 2)
		}, want: one},
		{situation: "the other file is loaded from its address", before: func(x *site) {
			refuses(x, 2)
			x.discover(uefiX64)
			for range 5 {
				x.s.Ladder.Loaded(x.now, pcOfUEFI, first, ladder.Copy{Of: 2})
				x.after(20 * time.Second)
			}
		}, want: one},
		{situation: "DHCP packets in its name", before: func(x *site) {
			refuses(x, 2)
			for range 9 {
				x.fails(uefiX64)
				x.asks4011(uefiX64)
			}
		}, want: one},
		{situation: "it gets an entry of WDS twice, and comes back", before: func(x *site) {
			refuses(x, 2)
			x.loads(true)
			x.s.Ladder.HandedOver(x.now, pcOfUEFI, ladder.Server{Entry: "wds", Programs: 1})
			x.after(20 * time.Second).loads(true)
			x.s.Ladder.HandedOver(x.now, pcOfUEFI, ladder.Server{Entry: "wds", Programs: 1})
			x.after(20 * time.Second)
		}, want: one},
		{situation: "the site has another boot file", before: func(x *site) {
			refuses(x, 2)
			x.s.bootFiles["uefi-x64"] = "ubuntu/shimx64.efi"
		}, want: "ubuntu/shimx64.efi"},
		{situation: "an update without copies", before: func(x *site) { refuses(x, 2); x.s.Copies = nil }, want: shim},
		{situation: "answers that do not adapt", before: func(x *site) { refuses(x, 2); x.s.Ladder = nil }, want: shim},
	} {
		for _, mode := range []spec.Mode{spec.ModeProxy, spec.ModeServer} {
			t.Run(string(mode)+", "+tc.situation, func(t *testing.T) {
				x := newSite(t)
				x.s.Plan = handoff.NewPlan(nil, targets, handoff.NewTable(4), clients.NewOnce(4)).WithFallback("wds")
				if mode == spec.ModeServer {
					x.leases()
				}
				if x.s.Copies = []string{one, other}; tc.copies != nil {
					x.s.Copies = tc.copies
				}
				tc.before(x)
				x.discover(uefiX64)
				a := x.ask(BootServerPort, message(dhcpv4.MessageTypeRequest, uefiX64, ciaddr(first)))
				if a.Msg.BootFileName != tc.want {
					t.Fatalf("it is told to load %q, want %q", a.Msg.BootFileName, tc.want)
				}
				want := ladder.Departure{}
				if tc.want != shim && tc.want != "ubuntu/shimx64.efi" {
					want = ladder.Departure{Why: ladder.WhyShim, Before: shim, Now: tc.want}
				}
				if a.Adapted != want {
					t.Errorf("%+v, want %+v", a.Adapted, want)
				}
			})
		}
	}
}

// HP's UEFI asks without end if one OFFER has an address and another one what to
// boot. As the site's server the box sends one OFFER with both, each time; as a
// proxy it cannot, because the address is another server's.
func TestOneOfferWithBoth(t *testing.T) {
	for mode, both := range map[spec.Mode]bool{spec.ModeServer: true, spec.ModeProxy: false} {
		x := newSite(t)
		if mode == spec.ModeServer {
			x.leases()
		}
		for range 6 {
			a := x.discover(uefiX64)
			boots := a.Msg.BootFileName != "" && string(a.Msg.Options[optVendor]) == "\x06\x01\x08\xff" &&
				string(a.Msg.Options[optClass]) == "PXEClient" && address(a.Msg.ServerIPAddr) == self.Addr()
			if address(a.Msg.YourIPAddr).IsValid() != both || boots != both || a.Adapted.Why != "" {
				t.Errorf("%s: yiaddr %v, file %q, option 43 % x, %+v", mode, a.Msg.YourIPAddr, a.Msg.BootFileName,
					a.Msg.Options[optVendor], a.Adapted)
			}
			x.after(8 * time.Second)
		}
	}
}

const efi2023 = `boot_EX\x64\wdsmgfw_EX.efi`

// A machine that refuses Windows' program of 2011 gets the one of 2023, from a WDS
// server and from an image of Windows PE alike.
func TestProgramsOfWinPE(t *testing.T) {
	rule := []clients.Rule{{Machine: spec.Machine{Boot: "win11"}, Handoff: "win11"}}
	image := map[string]handoff.Target{"win11": {
		Self: true, WinPE: &handoff.WinPE{Folder: "win11"},
		Programs:     map[firmware.Kind]string{"uefi-x64": "win11/bootmgfw.efi"},
		Alternatives: map[firmware.Kind][]string{"uefi-x64": {"win11/bootmgfw_ex.efi"}},
	}}
	for _, mode := range []spec.Mode{spec.ModeProxy, spec.ModeServer} {
		for back, want := range []string{"win11/bootmgfw.efi", "win11/bootmgfw.efi", "win11/bootmgfw_ex.efi"} {
			x := newSite(t)
			x.s.Plan = handoff.NewPlan(rule, image, handoff.NewTable(4), clients.NewOnce(4))
			if mode == spec.ModeServer {
				x.leases()
			}
			for range back { // the program is sent whole, and nothing follows
				x.discover(uefiX64)
				x.after(time.Second).takes(uefiX64)
				x.asks4011(uefiX64)
				x.s.Ladder.LoadedProgram(x.now, pcOfUEFI, first)
				x.after(30 * time.Second)
			}
			x.discover(uefiX64)
			a := x.ask(BootServerPort, message(dhcpv4.MessageTypeRequest, uefiX64, ciaddr(first)))
			if a.Msg.BootFileName != want || address(a.Msg.ServerIPAddr) != self.Addr() {
				t.Errorf("%s, back %d times: it is told to load %q from %v, want %q",
					mode, back, a.Msg.BootFileName, a.Msg.ServerIPAddr, want)
			}
		}
	}
}

func TestProgramsOfWDS(t *testing.T) {
	both := map[string]handoff.Target{"wds": {Server: wds, Programs: programs,
		Alternatives: map[firmware.Kind][]string{"uefi-x64": {efi2023}}}}
	const usual = `boot\x64\wdsmgfw.efi`
	back := func(x *site, times int) {
		for range times {
			x.fails(uefiX64)
		}
	}
	for _, tc := range []struct {
		situation string
		before    func(x *site)
		want      string
	}{
		{situation: "it came back twice", before: func(x *site) { back(x, 2) }, want: efi2023},
		{situation: "a restart of the program between them", before: func(x *site) {
			back(x, 1)
			x.discover(uefiX64)
			x.restart()
			back(x, 1)
		}, want: efi2023},
		{situation: "the other one worked: it is remembered", before: func(x *site) {
			back(x, 2)
			for range 3 {
				x.fails(uefiX64)
				x.after(20 * time.Hour)
			}
		}, want: efi2023},
		{situation: "each packet sent again", before: func(x *site) {
			for range 2 {
				x.discover(uefiX64)
				x.discover(uefiX64)
				x.takes(uefiX64)
				x.after(4 * time.Second).takes(uefiX64)
				x.asks4011(uefiX64)
				x.after(20 * time.Second)
			}
		}, want: efi2023},

		{situation: "it came back once", before: func(x *site) { back(x, 1) }, want: usual},
		{situation: "it came back later than a machine that failed", before: func(x *site) {
			for range 4 {
				back(x, 1)
				x.after(5 * time.Minute)
			}
		}, want: usual},
		{situation: "it stayed there between them", before: func(x *site) {
			back(x, 1)
			back(x, 1)
			x.now = x.now.Add(5 * time.Minute)
			back(x, 1)
		}, want: usual},
		{situation: "another machine came back", before: func(x *site) {
			for range 4 {
				x.fails(uefiX64, from(2, 8, 8, 8, 8, 8))
			}
		}, want: usual},
		{situation: "none of them works", before: func(x *site) { back(x, 4) }, want: usual},
		{situation: "the other one is gone", before: func(x *site) {
			back(x, 2)
			x.s.Plan = handoff.NewPlan([]clients.Rule{toWDS}, targets, nil, clients.NewOnce(4))
		}, want: usual},
		{situation: "another day", before: func(x *site) { back(x, 3); x.after(25 * time.Hour) }, want: usual},
		{situation: "answers that do not adapt", before: func(x *site) { x.s.Ladder = nil; back(x, 2) }, want: usual},
	} {
		for _, mode := range []spec.Mode{spec.ModeProxy, spec.ModeServer} {
			t.Run(string(mode)+", "+tc.situation, func(t *testing.T) {
				x := newSite(t)
				x.s.Plan = handoff.NewPlan([]clients.Rule{toWDS}, both, nil, clients.NewOnce(4))
				if mode == spec.ModeServer {
					x.leases()
				}
				tc.before(x)
				a := x.discover(uefiX64)
				offered := tc.want
				if mode == spec.ModeProxy && tc.want == usual { // EDK2 asks the WDS server
					offered = ""
				}
				if got := a.Msg.BootFileName; address(a.Msg.ServerIPAddr) != wds || got != offered {
					t.Fatalf("it is offered %q of %v, want %q", got, a.Msg.ServerIPAddr, offered)
				}
				x.after(time.Second)
				addr := first
				if offered := address(a.Msg.YourIPAddr); offered.IsValid() {
					addr = offered
				}
				r := x.ask(ServerPort, message(dhcpv4.MessageTypeRequest, uefiX64, server(x.chosen()), wish(addr)))
				want := ladder.Departure{}
				if tc.want != usual {
					want = ladder.Departure{Why: ladder.WhyProgram, Before: usual, Now: tc.want}
				}
				if r.Handoff.Program != tc.want || r.Adapted != want {
					t.Errorf("%+v, %+v", r.Handoff, r.Adapted)
				}
			})
		}
	}
}

// leases makes the box the site's DHCP server.
func (x *site) leases() {
	s := settings(spec.ModeServer, withUEFI)
	s.Stages, s.Ladder, s.Plan, s.Copies = x.s.Stages, x.s.Ladder, x.s.Plan, x.s.Copies
	x.s = s
}

// chosen is the server whose address machines take.
func (x *site) chosen() netip.Addr {
	if x.s.Mode.Leases() {
		return self.Addr()
	}
	return siteServer
}

// Real firmware that boots, four times within two minutes, gets the answers of a
// box that does not adapt.
func TestFlowsAreAnsweredAsUsual(t *testing.T) {
	for _, file := range flows(t) {
		for _, mode := range []spec.Mode{spec.ModeProxy, spec.ModeServer} {
			t.Run(filepath.Base(file)+", "+string(mode), func(t *testing.T) {
				adapts, plain := settings(mode, withUEFI), settings(mode, withUEFI)
				adapts.Stages, plain.Stages, adapts.Ladder = &Stages{}, &Stages{}, ladder.New(8)
				adapts.Plan = handoff.NewPlan(nil, targets, nil, clients.NewOnce(4)).WithFallback("wds")
				plain.Plan = adapts.Plan
				for n := range 4 {
					begins, has := t0.Add(time.Duration(n)*30*time.Second), map[netip.Addr]bool{}
					for _, p := range flow(t, file) {
						if p.msg.OpCode != dhcpv4.OpcodeBootRequest {
							continue
						}
						now := begins.Add(time.Duration(p.T * float64(time.Second)))
						q := NewQuestion(p.msg, int(p.Dst.Port()), p.Src)
						a, b := Decide(now, adapts, q), Decide(now, plain, q)
						if !reflect.DeepEqual(a, b) {
							t.Fatalf("boot %d, at %.2f s: %+v\nwithout a ladder: %+v", n, p.T, a, b)
						}
						has[a.Has] = true
					}
					for a := range has { // it reads its files
						adapts.Ladder.Requested(begins.Add(29*time.Second), a, true)
						adapts.Ladder.Requested(begins.Add(29*time.Second), a, false)
					}
				}
			})
		}
	}
}
