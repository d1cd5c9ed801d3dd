package dhcp

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

// Package trace reads in the words of an answer which packet it answers: other
// words there are another verdict.
func TestTraceReadsAnswers(t *testing.T) {
	discover := func(changes ...func(*dhcpv4.DHCPv4)) *dhcpv4.DHCPv4 {
		return message(dhcpv4.MessageTypeDiscover, changes...)
	}
	looking := settings(spec.ModeServer)
	looking.Hold = trace.WhyLooking
	for _, tc := range []struct {
		situation string
		settings  *Settings
		questions []*dhcpv4.DHCPv4
		stage     trace.Stage
		finding   trace.Finding
	}{
		{situation: "a proxy's offer", settings: settings(spec.ModeProxy), questions: []*dhcpv4.DHCPv4{discover(bios)},
			stage: trace.Offered, finding: "no-address"},
		{situation: "an offer", settings: settings(spec.ModeServer), questions: []*dhcpv4.DHCPv4{discover(bios)},
			stage: trace.Offered, finding: "offer-not-taken"},
		{situation: "an offer that is taken", settings: settings(spec.ModeServer),
			questions: []*dhcpv4.DHCPv4{discover(bios),
				message(dhcpv4.MessageTypeRequest, bios, wish(first), server(self.Addr()))}, stage: trace.Asked,
			finding: "file-not-requested"},
		{situation: "no file for the firmware", settings: settings(spec.ModeProxy),
			questions: []*dhcpv4.DHCPv4{discover(pxeArch(6))}, stage: trace.Heard, finding: "no-boot-file"},
		{situation: "no file for the firmware, and an address", settings: settings(spec.ModeServer),
			questions: []*dhcpv4.DHCPv4{discover(pxeArch(6))}, stage: trace.Offered, finding: "no-boot-file"},
		{situation: "the box does not know yet whether it may lease", settings: looking,
			questions: []*dhcpv4.DHCPv4{discover(bios)}, stage: trace.Heard, finding: "asked-too-early"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			tr, b := trace.New(1, 8), trace.Boot{}
			for _, q := range tc.questions {
				a := ask(tc.settings, q)
				e := trace.Event{ // as dhcpd reports it
					Time: t0, Protocol: trace.DHCP, MAC: ether.From(q.ClientHWAddr), Firmware: a.Firmware,
					What: a.Why, Outcome: trace.Sent, Why: a.Lacks,
				}
				if a.Msg == nil {
					e.What, e.Outcome, e.Why = q.MessageType().String(), trace.Unanswered, a.Why
				} else {
					e.File = a.Msg.BootFileName
				}
				b, _ = tr.Add(e)
			}
			if v := b.Verdict(t0.Add(time.Minute)); v.Stage != tc.stage || v.Finding != tc.finding {
				t.Errorf("%v, %s: %s; want %v, %s", v.Stage, v.Finding, v.Sentence(), tc.stage, tc.finding)
			}
		})
	}
}
