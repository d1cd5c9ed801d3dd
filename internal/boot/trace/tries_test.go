package trace

import "testing"

const uefiHTTP = "uefi-x64-http"

// httpAsks is a DISCOVER of EDK2's HTTP boot, for which the box has no file.
func httpAsks(t float64) Event {
	return because(dhcpEvent(t, uefiHTTP, Discover, Unanswered), "no boot file for uefi-x64-http")
}

// httpTold is EDK2's HTTP boot up to the answer with a file.
func httpTold(t float64) flow {
	const url = "http://192.168.77.1/shimx64.efi"
	offer := names(proxyOffer(t, uefiHTTP), url)
	return flow{offer, takes(t+0.5, uefiHTTP), told(t+0.6, uefiHTTP, url)}
}

// Firmware whose PXE boot fails tries HTTP boot by itself, or the other way
// round. That is one boot, and the attempt that got further says why it failed.
func TestAttemptsOfOnePowerOn(t *testing.T) {
	refused := flows(upTo4011(uefi, "shimx64.efi"), probe(4.8, "shimx64.efi"), get(5.4, FirstStage, "shimx64.efi"))
	loadsByHTTP := func(t float64) flow {
		return flows(httpTold(t), byHTTP(get(t+2, FirstStage, "/shimx64.efi")))
	}
	type boot struct {
		finding  Finding
		stage    Stage
		firmware string
		events   int
	}
	for _, tc := range []struct {
		situation string
		flow      flow
		rests     float64 // when the boot is reported meanwhile; 0: it is not
		want      []boot
	}{
		{situation: "Secure Boot refuses shim, and HTTP boot has no file",
			flow: flows(refused, flow{httpAsks(8), httpAsks(12), httpAsks(20)}),
			want: []boot{{finding: "secure-boot-refused", stage: Loaded, firmware: uefi, events: 8}}},
		{situation: "the message about Secure Boot stays for a minute", rests: 40,
			flow: flows(refused, flow{httpAsks(65)}),
			want: []boot{{finding: "secure-boot-refused", stage: Loaded, firmware: uefi, events: 1}}},
		{situation: "HTTP boot by hand, much later", rests: 40,
			flow: flows(refused, flow{httpAsks(200)}),
			want: []boot{{finding: "no-boot-file", stage: Heard, firmware: uefiHTTP, events: 1}}},
		{situation: "Secure Boot refuses shim by HTTP too", flow: flows(refused, loadsByHTTP(8)),
			want: []boot{{finding: "secure-boot-refused", stage: Loaded, firmware: uefi, events: 9}}},
		{situation: "PXE gets no file, and HTTP boot works",
			flow: flows(upTo4011(uefi, "shimx64.efi"), loadsByHTTP(20),
				byHTTP(get(24, SecondStage, "/grubx64.efi")), byHTTP(get(25, Menu, "/grub/grub.cfg"))),
			want: []boot{{finding: "in-menu", stage: InMenu, firmware: uefiHTTP, events: 9}}},
		{situation: "the PXE answer was lost, and HTTP boot has no file",
			flow: flows(upTo4011(uefi, "shimx64.efi"), flow{httpAsks(20), httpAsks(28)}),
			want: []boot{{finding: "file-not-requested", stage: Asked, firmware: uefi, events: 5}}},
		{situation: "HTTP boot first, and then PXE",
			flow: flows(flow{httpAsks(0), httpAsks(4)}, shift(refused, 10)),
			want: []boot{{finding: "secure-boot-refused", stage: Loaded, firmware: uefi, events: 7}}},
		{situation: "HTTP boot first, and PXE reaches the menu",
			flow: flows(httpTold(0), shift(grubMenu(), 10)),
			want: []boot{{finding: "in-menu", stage: InMenu, firmware: uefi, events: 15}}},
		{situation: "HTTP boot first, and neither has a file",
			flow: flow{httpAsks(0), because(dhcpEvent(5, uefi, Discover, Unanswered), "no boot file for uefi-x64")},
			want: []boot{{finding: "no-boot-file", stage: Heard, firmware: uefi, events: 2}}},
		{situation: "HTTP boot only", flow: loadsByHTTP(0),
			want: []boot{{finding: "secure-boot-refused", stage: Loaded, firmware: uefiHTTP, events: 4}}},
		{situation: "the boot order begins once more",
			flow: flows(refused, flow{httpAsks(8)}, shift(refused, 20)),
			want: []boot{{finding: "secure-boot-refused", stage: Loaded, firmware: uefi, events: 6},
				{finding: "secure-boot-refused", stage: Loaded, firmware: uefi, events: 5}}},
		{situation: "from the menu to HTTP boot", flow: flows(grubMenu(), flow{httpAsks(20)}),
			want: []boot{{finding: "restarted-from-menu", stage: InMenu, firmware: uefi, events: 12},
				{finding: "no-boot-file", stage: Heard, firmware: uefiHTTP, events: 1}}},
		{situation: "both at once", flow: flow{proxyOffer(0, uefi), httpAsks(0.1), proxyOffer(4, uefi), httpAsks(4.1)},
			want: []boot{{finding: "no-address", stage: Offered, firmware: uefi, events: 4}}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			trace := New(8, 64)
			for _, e := range tc.flow {
				if tc.rests > 0 && e.Time.After(at(tc.rests)) {
					if n := len(trace.Quiet(at(tc.rests), 8)); n != 1 {
						t.Fatalf("%d boots are reported first", n)
					}
					tc.rests = 0
				}
				trace.Add(e)
			}
			now := tc.flow[len(tc.flow)-1].Time.Add(QuietAfter)
			boots := trace.Quiet(now, 8)
			if len(boots) != len(tc.want) {
				t.Fatalf("%d boots, want %d", len(boots), len(tc.want))
			}
			for i, b := range boots {
				v := b.Clone().Verdict(now)
				got := boot{finding: v.Finding, stage: v.Stage, firmware: v.Firmware, events: len(b.Events)}
				if got != tc.want[i] || b.Firmware != v.Firmware {
					t.Errorf("boot %d: %+v, want %+v\n%s", i+1, got, tc.want[i], b.Steps())
				}
			}
			if err := trace.bounded(); err != nil {
				t.Error(err)
			}
		})
	}
}

// While HTTP boot is tried, the verdict already is that PXE has failed.
func TestVerdictDuringTheSecondAttempt(t *testing.T) {
	trace, b := New(8, 64), Boot{}
	for _, e := range flows(upTo4011(uefi, "shimx64.efi"), get(5.4, FirstStage, "shimx64.efi"), flow{httpAsks(8)}) {
		b, _ = trace.Add(e)
	}
	if v := b.Verdict(at(8)); v.Finding != "secure-boot-refused" || v.Running || v.File != "shimx64.efi" {
		t.Errorf("got %+v", v)
	}
}

// A counter of verdicts has each boot once, and a machine that came back once.
func TestCounts(t *testing.T) {
	refused := flows(upTo4011(uefi, "shimx64.efi"), get(5.4, FirstStage, "shimx64.efi"))
	for _, tc := range []struct {
		situation string
		flow      flow
		want      map[Finding]int
	}{
		{situation: "back at once: both boots have the verdict", flow: flows(toWDS(0), flow{proxyOffer(20, uefi)}),
			want: map[Finding]int{CameBack: 1}},
		{situation: "back after the hand-over was reported", flow: flows(toWDS(0), flow{proxyOffer(60, uefi)}),
			want: map[Finding]int{"handed-over": 1, CameBack: 1}},
		{situation: "twice back at once", flow: flows(toWDS(0), toWDS(20), flow{proxyOffer(40, uefi)}),
			want: map[Finding]int{CameBack: 2}},
		{situation: "back at once, and then to the menu and on",
			flow: flows(toWDS(0), shift(grubMenu(), 20), shift(get(14, Kernel, "linux"), 20),
				flow{dhcpEvent(50, "", "selecting", Sent)}),
			want: map[Finding]int{CameBack: 1, "system-runs": 1}},
		{situation: "HTTP boot after the boot was reported", flow: flows(refused, flow{httpAsks(60)}),
			want: map[Finding]int{"secure-boot-refused": 1}},
		{situation: "a machine that waits in its menu, twice", flow: flows(grubMenu(), get(90, Menu, "/grub/grub.cfg")),
			want: map[Finding]int{"in-menu": 1}},
		{situation: "a machine that waits in its menu, and goes on",
			flow: flows(grubMenu(), get(90, Kernel, "linux"), flow{dhcpEvent(110, "", "selecting", Sent)}),
			want: map[Finding]int{"in-menu": 1, "system-runs": 1}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			trace, got := New(8, 64), map[Finding]int{}
			i := 0
			for s := 0.0; s < 200; s++ {
				for ; i < len(tc.flow) && !tc.flow[i].Time.After(at(s)); i++ {
					trace.Add(tc.flow[i])
				}
				for _, b := range trace.Quiet(at(s), 8) {
					if v := b.Verdict(at(s)); b.Counts(v) {
						got[v.Finding]++
					}
				}
			}
			if len(got) != len(tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			for f, n := range tc.want {
				if got[f] != n {
					t.Errorf("got %v, want %v", got, tc.want)
				}
			}
		})
	}
}
