package metrics

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

// scrape returns the samples, by name and labels.
func scrape(t *testing.T, m *Metrics) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	samples := map[string]string{}
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if line := lines.Text(); !strings.HasPrefix(line, "#") {
			i := strings.LastIndexByte(line, ' ')
			samples[line[:i]] = line[i+1:]
		}
	}
	return samples
}

func TestMetrics(t *testing.T) {
	m := New()
	m.Dropped(func() uint64 { return 3 })
	m.Running(trace.TFTP, func() int { return 7 })
	m.Running(trace.HTTP, func() int { return 8 })
	m.Leases(42)
	m.Generation("old")
	m.Generation("new")
	m.Unanswered(Trouble)
	m.Unanswered(Limited)
	m.Unanswered(Limited)

	m.Boot(trace.Verdict{Stage: trace.InMenu, Finding: "in-menu", Entry: "a name"})
	m.Boot(trace.Verdict{Stage: trace.InMenu, Finding: "in-menu", Entry: "another name"})
	m.Boot(trace.Verdict{Stage: trace.Loaded, Finding: "secure-boot-refused"})

	events := make(chan trace.Event)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Count(ctx, events) }()
	for _, e := range []trace.Event{
		{Protocol: trace.DHCP, What: "offer", Outcome: trace.Sent, Firmware: "bios",
			Addr: netip.MustParseAddr("192.0.2.10")},
		{Protocol: trace.DHCP, What: "offer", Outcome: trace.Sent},
		{Protocol: trace.DHCP, What: "renewal: not the address on record", Outcome: trace.Refused},
		{Protocol: trace.TFTP, What: "pxelinux.0", Outcome: trace.Begun},
		{Protocol: trace.TFTP, What: "pxelinux.0", Outcome: trace.Sent, Bytes: 1000, Took: 200 * time.Millisecond,
			Retransmits: 2},
		{Protocol: trace.TFTP, What: "linux", Outcome: trace.TimedOut, Bytes: 500, Took: 90 * time.Second,
			Retransmits: 6},
		{Protocol: trace.TFTP, What: "linux", Outcome: trace.NotFound},
		{Protocol: trace.HTTP, What: "linux", Outcome: trace.Sent, Bytes: 4000, Took: 3 * time.Second},
	} {
		events <- e
	}
	cancel()
	if err := <-done; err != context.Canceled {
		t.Errorf("Count ends with %v", err)
	}

	got := scrape(t, m)
	for name, want := range map[string]string{
		`pxebox_boots_total{finding="in-menu",stage="in-menu"}`:                                  "2",
		`pxebox_boots_total{finding="secure-boot-refused",stage="loaded"}`:                       "1",
		`pxebox_dhcp_answers_total{outcome="sent",step="offer"}`:                                 "2",
		`pxebox_dhcp_answers_total{outcome="refused",step="renewal: not the address on record"}`: "1",
		`pxebox_dhcp_silences_total{class="trouble"}`:                                            "1",
		`pxebox_dhcp_silences_total{class="limited"}`:                                            "2",
		`pxebox_transfers_total{outcome="sent",protocol="tftp"}`:                                 "1",
		// each transfer counts once
		`pxebox_transfers_total{outcome="begun",protocol="tftp"}`:     "",
		`pxebox_transfers_total{outcome="timed out",protocol="tftp"}`: "1",
		`pxebox_transfers_total{outcome="not found",protocol="tftp"}`: "1",
		`pxebox_transfer_bytes_total{protocol="tftp"}`:                "1500",
		`pxebox_retransmits_total{protocol="tftp"}`:                   "8",
		`pxebox_transfer_seconds_count{protocol="tftp"}`:              "1",
		`pxebox_transfer_seconds_bucket{protocol="tftp",le="0.1"}`:    "0",
		`pxebox_transfer_seconds_bucket{protocol="tftp",le="0.5"}`:    "1",
		`pxebox_transfer_seconds_sum{protocol="http"}`:                "3",
		`pxebox_transfers_running{protocol="tftp"}`:                   "7",
		`pxebox_transfers_running{protocol="http"}`:                   "8",
		`pxebox_leases`:                    "42",
		`pxebox_generation_info{id="new"}`: "1",
		`pxebox_generation_info{id="old"}`: "", // one generation at a time
		`pxebox_events_dropped_total`:      "3",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if got["process_resident_memory_bytes"] == "" {
		t.Error("the process's memory is not told")
	}
}

// A value that a client chooses, such as a name or an address, must not create
// time series.
func TestLabelsHoldNothingOfTheClient(t *testing.T) {
	m := New()
	send := func(what string, addr netip.Addr, mac ether.MAC) {
		for _, p := range []trace.Protocol{trace.TFTP, trace.HTTP} {
			for _, o := range []trace.Outcome{trace.Begun, trace.Sent, trace.NotFound, trace.Refused, trace.Aborted,
				trace.TimedOut, trace.Failed} {
				m.Event(trace.Event{Protocol: p, Outcome: o, What: what, Addr: addr, MAC: mac})
			}
		}
		m.Event(trace.Event{Protocol: trace.DHCP, Outcome: trace.Sent, What: "offer", Firmware: what,
			Addr: addr, MAC: mac})
	}
	send("one", netip.MustParseAddr("192.0.2.10"), ether.MAC{1})
	before := len(scrape(t, m))
	send("another", netip.MustParseAddr("192.0.2.11"), ether.MAC{2})
	if after := len(scrape(t, m)); after != before {
		t.Errorf("another client, and %d series are %d", before, after)
	}
}
