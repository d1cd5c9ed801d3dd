package boots

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

var start = time.Date(2026, 3, 2, 14, 3, 0, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

// machineNumber returns the MAC, the GUID and the address of one of many machines.
func machineNumber(n int) (ether.MAC, string, netip.Addr) {
	return ether.MAC{2, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)},
		fmt.Sprintf("10000000-0000-4000-8000-%012x", n),
		netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func dhcp(seconds float64, n int, what string) trace.Event {
	mac, guid, addr := machineNumber(n)
	return trace.Event{
		Time: at(seconds), Protocol: trace.DHCP, MAC: mac, GUID: guid, Addr: addr, Firmware: "uefi-x64",
		What: what, Outcome: trace.Sent, File: "shimx64.efi",
	}
}

func file(seconds float64, n int, name string, role trace.Role) trace.Event {
	_, _, addr := machineNumber(n)
	return trace.Event{
		Time: at(seconds), Protocol: trace.TFTP, Addr: addr, What: name, Outcome: trace.Sent, Role: role,
		Bytes: 1000, Took: 100 * time.Millisecond,
	}
}

func system(seconds float64, n int) trace.Event {
	e := dhcp(seconds, n, "selecting")
	e.Firmware, e.File, e.GUID = "", "", ""
	return e
}

// wholeBoot is a boot from the first offer to a running system.
func wholeBoot(seconds float64, n int) []trace.Event {
	menu := file(seconds+3, n, "grub/grub.cfg", trace.Menu)
	menu.Code = "K7QM"
	kernel := file(seconds+4, n, "debian/linux", trace.Kernel)
	kernel.Entry = "Debian"
	return []trace.Event{
		dhcp(seconds, n, "offer"), dhcp(seconds+0.1, n, "selecting"),
		file(seconds+1, n, "shimx64.efi", trace.FirstStage), file(seconds+2, n, "grubx64.efi", trace.SecondStage),
		menu, kernel, system(seconds+10, n),
	}
}

// connect begins a connection to a pxed that remembers nothing.
func connect(s *Store, started float64) {
	s.Record(tracestream.Record{Hello: &tracestream.Hello{Started: at(started)}}, at(started))
	s.Record(tracestream.Record{Alive: true}, at(started))
}

func feed(s *Store, events ...trace.Event) {
	for _, e := range events {
		s.Record(tracestream.Record{Event: &e}, e.Time)
	}
}

func all(*Boot, bool) bool { return true }

// listed describes the machines, the latest first.
func listed(s *Store) string {
	rows, _ := s.Machines(all, 0, 1000)
	var out []string
	for _, r := range rows {
		state := "good"
		switch {
		case r.Verdict.Running:
			state = "running"
		case r.DidNotBoot():
			state = "bad"
		}
		out = append(out, fmt.Sprintf("%v %v %s, boot 1 of %d", r.MAC, r.Verdict.Stage, state, r.Boots))
	}
	return strings.Join(out, "\n")
}

func TestStoreFollowsBoots(t *testing.T) {
	s := New(DefaultLimits)
	connect(s, -10)
	if st := s.State(); st.Heard || st.Machines != 0 {
		t.Errorf("before the first machine: %+v", st)
	}
	const one = "02:00:00:00:00:01 "
	for _, tc := range []struct {
		situation string
		events    []trace.Event
		tick      float64
		want      string
	}{
		{situation: "an offer", events: wholeBoot(0, 1)[:1], want: one + "offered running, boot 1 of 1"},
		{situation: "its menu", events: wholeBoot(0, 1)[1:5], tick: 3, want: one + "in-menu running, boot 1 of 1"},
		{situation: "its system", events: wholeBoot(0, 1)[5:], tick: 10, want: one + "transferred good, boot 1 of 1"},
		{situation: "quiet", tick: 60, want: one + "transferred good, boot 1 of 1"},
		{situation: "the next boot", events: []trace.Event{dhcp(100, 1, "offer")}, tick: 100,
			want: one + "offered running, boot 1 of 2"},
		{situation: "which gets no further", tick: 140, want: one + "offered bad, boot 1 of 2"},
	} {
		feed(s, tc.events...)
		s.Tick(at(tc.tick))
		if got := listed(s); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.situation, got, tc.want)
		}
	}
	rows, _ := s.Machines(all, 0, 1)
	m, ok := s.Machine(rows[0].Machine)
	if !ok || len(m.Boots) != 2 || len(m.MACs) != 1 || len(m.GUIDs) != 1 || len(m.Addrs) != 1 {
		t.Fatalf("the machine: %v %+v", ok, m)
	}
	d, ok := s.Boot(m.Boots[1].ID)
	if !ok || len(d.Events) != 7 || d.Code != "K7QM" || d.Bytes != 4000 || !d.Began.Equal(at(0)) || !d.Served {
		t.Errorf("its first boot: %v %+v", ok, d)
	}
	if got := d.Events[5]; got != wholeBoot(0, 1)[5] {
		t.Errorf("event %+v, want %+v", got, wholeBoot(0, 1)[5])
	}
	if st := s.State(); !st.Heard || st.Machines != 1 || st.Failed != 1 || st.Running != 0 {
		t.Errorf("in the end: %+v", st)
	}
	if _, ok := s.Boot("none"); ok {
		t.Error("a boot that was not")
	}
	if _, ok := s.Machine("none"); ok {
		t.Error("a machine that was not")
	}
}

// The events of a boot are there while it runs, and when it goes on after it
// counted as over.
func TestEventsOfABootThatGoesOn(t *testing.T) {
	s := New(DefaultLimits)
	connect(s, -10)
	events := wholeBoot(0, 1)
	events[6].Time = at(100) // its system starts after the boot was quiet
	for i, e := range events {
		if i == 6 {
			s.Tick(at(50))
		}
		feed(s, e)
		rows, _ := s.Machines(all, 0, 1)
		d, ok := s.Boot(rows[0].ID)
		if !ok || !slices.Equal(d.Events, events[:i+1]) || rows[0].Boots != 1 {
			t.Fatalf("after event %d: %v %d events of boot 1 of %d\n%+v", i, ok, len(d.Events), rows[0].Boots, d.Events)
		}
		if !d.Began.Equal(at(0)) || d.Bytes != int64(1000*max(0, min(i-1, 4))) {
			t.Errorf("after event %d: began %v, %d bytes", i, d.Began, d.Bytes)
		}
	}
	s.Tick(at(200))
	rows, _ := s.Machines(all, 0, 1)
	if d, _ := s.Boot(rows[0].ID); !slices.Equal(d.Events, events) || d.Bytes != 4000 {
		t.Errorf("in the end: %d bytes, %+v", d.Bytes, d.Events)
	}
}

// A boot that goes on after it has rested is judged by all that it did.
func TestVerdictOfABootThatGoesOn(t *testing.T) {
	s := New(DefaultLimits)
	connect(s, -10)
	boot := wholeBoot(0, 1)
	kernel := boot[5]
	kernel.Time = at(60)
	feed(s, boot[:5]...)
	s.Tick(at(40))
	feed(s, kernel)
	for _, now := range []float64{61, 62, 65} {
		s.Tick(at(now))
		if rows, _ := s.Machines(all, 0, 1); rows[0].Verdict.Finding != "started" {
			t.Errorf("after %v s: %+v", now, rows[0].Verdict)
		}
	}
}

// Firmware that goes on to HTTP boot does not hide why its PXE boot failed.
func TestHTTPBootAfterPXE(t *testing.T) {
	s := New(DefaultLimits)
	connect(s, -10)
	feed(s, wholeBoot(0, 1)[:3]...)
	byHTTP := dhcp(60, 1, trace.Discover)
	byHTTP.Firmware, byHTTP.File, byHTTP.Outcome = "uefi-x64-http", "", trace.Unanswered
	byHTTP.Why = "no boot file for uefi-x64-http"
	for _, now := range []float64{12, 40} {
		s.Tick(at(now))
	}
	feed(s, byHTTP)
	for _, now := range []float64{61, 100, 400} {
		s.Tick(at(now))
		rows, _ := s.Machines(all, 0, 2)
		d, _ := s.Boot(rows[0].ID)
		if v := rows[0].Verdict; len(rows) != 1 || rows[0].Boots != 1 || v.Finding != "secure-boot-refused" ||
			rows[0].Firmware != "uefi-x64" || len(d.Events) != 4 || !rows[0].DidNotBoot() {
			t.Errorf("after %v s: %d events, %+v", now, len(d.Events), rows)
		}
	}
}

func TestTwoPortsAreOneMachine(t *testing.T) {
	s := New(DefaultLimits)
	connect(s, -10)
	feed(s, dhcp(0, 1, "offer"))
	s.Tick(at(40))
	other := dhcp(50, 2, "offer")
	_, other.GUID, _ = machineNumber(1)
	feed(s, other)
	rows, total := s.Machines(all, 0, 10)
	if total != 1 || rows[0].Boots != 2 {
		t.Fatalf("%d machines: %+v", total, rows)
	}
	m, _ := s.Machine(rows[0].Machine)
	if len(m.MACs) != 2 {
		t.Errorf("its ports: %v", m.MACs)
	}
	// A packet without a GUID is of the machine with that MAC.
	without := dhcp(100, 2, "offer")
	without.GUID = ""
	s.Tick(at(90))
	feed(s, without)
	if rows, total = s.Machines(all, 0, 10); total != 1 || rows[0].Boots != 3 {
		t.Errorf("%d machines: %+v", total, rows)
	}
}

// pxed repeats what it remembers at each connection. Nothing of it is there
// twice, and a new menuwatch finds the same boots.
func TestReplay(t *testing.T) {
	past := slices.Concat(wholeBoot(0, 1), wholeBoot(100, 1), wholeBoot(105, 2),
		[]trace.Event{dhcp(20, 3, "offer"), dhcp(120, 3, "offer")}) // two boots: it was quiet between them
	slices.SortStableFunc(past, func(a, b trace.Event) int { return a.Time.Compare(b.Time) })
	later := wholeBoot(200, 1)
	packet := tracestream.Packet{
		Time: at(100), From: netip.MustParseAddrPort("0.0.0.0:68"), To: netip.MustParseAddrPort("255.255.255.255:67"),
		Payload: []byte("discover"),
	}
	packet.MAC, _, _ = machineNumber(1)
	replay := func(s *Store, started float64, events []trace.Event) {
		s.Record(tracestream.Record{Hello: &tracestream.Hello{Started: at(started)}}, at(300))
		feed(s, events...)
		s.Record(tracestream.Record{Packet: &packet}, at(300))
		s.Record(tracestream.Record{Alive: true}, at(300))
	}
	ids := func(s *Store) (all []string) {
		rows, _ := s.Machines(func(*Boot, bool) bool { return true }, 0, 10)
		for _, r := range rows {
			m, _ := s.Machine(r.Machine)
			for _, b := range m.Boots {
				d, _ := s.Boot(b.ID)
				all = append(all, fmt.Sprintf("%s %s %d events %d packets", m.ID, b.ID, len(d.Events), len(d.Packets)))
			}
		}
		return all
	}
	s := New(DefaultLimits)
	replay(s, -10, past)
	before := ids(s)
	if len(before) != 5 || strings.Count(strings.Join(before, "\n"), " 1 packets") != 1 {
		t.Fatalf("the first time: %q", before)
	}
	replay(s, -10, past)
	if got := ids(s); !slices.Equal(got, before) {
		t.Errorf("the second time: %q, want %q", got, before)
	}
	again := New(DefaultLimits)
	replay(again, -10, past)
	if got := ids(again); !slices.Equal(got, before) {
		t.Errorf("after a restart of menuwatch: %q, want %q", got, before)
	}
	// What came while there was no connection is at the end of the replay.
	replay(s, -10, append(past, later...))
	if got := ids(s); len(got) != 6 {
		t.Errorf("with a boot meanwhile: %q", got)
	}
	// The next pxed remembers nothing of the one before; an event of it that looks
	// the same is another.
	s.Record(tracestream.Record{Hello: &tracestream.Hello{Started: at(400)}}, at(400))
	feed(s, wholeBoot(410, 2)...)
	s.Record(tracestream.Record{Alive: true}, at(420))
	if got := ids(s); len(got) != 7 {
		t.Errorf("after a restart of pxed: %q", got)
	}
}

// The log server gets each boot once, however often pxed repeats it.
func TestEnded(t *testing.T) {
	var ended []string
	s := New(DefaultLimits)
	s.Ended = func(b trace.Boot, v trace.Verdict) { ended = append(ended, fmt.Sprint(b.MAC, " ", v.Finding)) }
	connect := func(events ...trace.Event) {
		s.Record(tracestream.Record{Hello: &tracestream.Hello{Started: at(-10)}}, at(300))
		feed(s, events...)
		s.Record(tracestream.Record{Alive: true}, at(300))
	}
	connect(wholeBoot(0, 1)...)
	feed(s, wholeBoot(310, 2)...)
	s.Tick(at(330))
	if len(ended) != 0 {
		t.Errorf("before the machine is quiet: %q", ended)
	}
	s.Tick(at(400))
	connect(slices.Concat(wholeBoot(0, 1), wholeBoot(310, 2))...)
	s.Tick(at(500))
	mac, _, _ := machineNumber(2)
	if len(ended) != 1 || !strings.HasPrefix(ended[0], mac.String()+" ") {
		t.Errorf("got %q, want one boot of %v", ended, mac)
	}
}

func TestState(t *testing.T) {
	s := New(DefaultLimits)
	if s.Disconnected(at(0)) {
		t.Error("there was no connection to lose")
	}
	if st := s.State(); st.Connected || !st.Since.Equal(at(0)) {
		t.Errorf("before the first connection: %+v", st)
	}
	s.Disconnected(at(5))
	if st := s.State(); !st.Since.Equal(at(0)) {
		t.Errorf("down since %v", st.Since)
	}
	connect(s, 10)
	s.Record(tracestream.Record{Lost: 3}, at(11))
	s.Record(tracestream.Record{Lost: 4}, at(11))
	if st := s.State(); !st.Connected || !st.Since.IsZero() || st.Lost != 7 {
		t.Errorf("connected: %+v", st)
	}
	changed := s.Changed()
	if !s.Disconnected(at(20)) {
		t.Error("there was a connection")
	}
	select {
	case <-changed:
	default:
		t.Error("pages are not notified that pxed is down")
	}
	if st := s.State(); st.Connected || !st.Since.Equal(at(20)) {
		t.Errorf("down: %+v", st)
	}
}

// A page asks for what has changed since it was made. One that is too slow is
// told so; it never holds up the Store.
func TestSince(t *testing.T) {
	s := New(DefaultLimits)
	connect(s, -10)
	feed(s, dhcp(0, 1, "offer"), dhcp(0, 2, "offer"))
	version := s.Version()
	changed := s.Changed()
	if rows, now, ok := s.Since(version, 10); len(rows) != 0 || now != version || !ok {
		t.Errorf("nothing has changed: %v %d %v", rows, now, ok)
	}
	feed(s, dhcp(1, 1, "selecting"), dhcp(1.1, 3, "offer"), file(2, 1, "shimx64.efi", trace.FirstStage))
	select {
	case <-changed:
	default:
		t.Error("pages are not notified")
	}
	rows, now, ok := s.Since(version, 2)
	if !ok || len(rows) != 2 || rows[0].MAC[5] != 1 || rows[0].Verdict.Stage != trace.Loaded ||
		rows[1].MAC[5] != 3 || !rows[0].Latest {
		t.Errorf("two machines have changed: %v %+v", ok, rows)
	}
	if rows, _, ok := s.Since(version, 1); ok || rows != nil {
		t.Errorf("more than one has changed: %v %+v", ok, rows)
	}
	if rows, _, ok := s.Since(now, 0); !ok || rows != nil {
		t.Errorf("nothing since: %v %+v", ok, rows)
	}
	// A page of an earlier menuwatch.
	if _, _, ok := s.Since(version-1_000_000, 2); ok {
		t.Error("a page of an earlier menuwatch misses nothing")
	}
}

func TestVisible(t *testing.T) {
	for _, tc := range []struct{ situation, in, want string }{
		{situation: "a file's name", in: "grub/x86_64-efi/linux.mod", want: "grub/x86_64-efi/linux.mod"},
		{situation: "as Windows writes it", in: `boot\x64\wdsmgfw.efi`, want: `boot\x64\wdsmgfw.efi`},
		{situation: "umlauts", in: "Größe", want: "Größe"},
		{situation: "Chinese", in: "启动", want: "启动"},
		{situation: "markup stays as it is", in: `<script>alert("1")</script>`, want: `<script>alert("1")</script>`},
		{situation: "text from right to left", in: "a\u202egnp.exe", want: `a\u202egnp.exe`},
		{situation: "isolates and marks", in: "\u2066\u200f\u061c", want: `\u2066\u200f\u061c`},
		{situation: "spaces that look like others, and none", in: "a\u00a0b\u200bc\u3000d",
			want: `a\u00a0b\u200bc\u3000d`},
		{situation: "line breaks and tabs", in: "a\r\nSet-Cookie: x\tb", want: `a\x0d\nSet-Cookie: x\tb`},
		{situation: "NUL, escape, delete", in: "\x00\x1b[2J\x7f", want: `\x00\x1b[2J\x7f`},
		{situation: "C1 controls", in: "\u0085\u009b", want: `\u0085\u009b`},
		{situation: "not UTF-8", in: "a\xff\xfeb", want: `a\xff\xfeb`},
		{situation: "marks that pile up", in: "a\u0301\u0302", want: `a\u0301\u0302`},
		{situation: "tags", in: "\U000e0041", want: `\U000e0041`},
		{situation: "surrogates as bytes", in: "\xed\xa0\x80", want: `\xed\xa0\x80`},
		{situation: "too long", in: strings.Repeat("x", 300), want: strings.Repeat("x", maxName-3) + "…"},
		{situation: "as long as it may be", in: strings.Repeat("x", maxName), want: strings.Repeat("x", maxName)},
		{situation: "no half of a character", in: strings.Repeat("ä", maxName),
			want: strings.Repeat("ä", maxName/2-2) + "…"},
		{situation: "no half of an escape", in: strings.Repeat("\x00", maxName),
			want: strings.Repeat(`\x00`, maxName/4-1) + "…"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got := visible(tc.in, maxName)
			if got != tc.want || len(got) > maxName {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// All that a stranger can write is made visible.
func TestCleanCoversEveryText(t *testing.T) {
	const bad = "\u202e"
	e := clean(trace.Event{
		Protocol: trace.Protocol(bad), GUID: bad, Firmware: bad, What: bad, Outcome: trace.Outcome(bad),
		Why: bad, File: bad,
		Role: trace.Role(bad), Entry: bad, Code: bad,
	})
	if got := fmt.Sprintf("%+v", e); strings.Contains(got, bad) || strings.Count(got, `\u202e`) != 10 {
		t.Errorf("not all is visible: %q", got)
	}
}

// The token of a hand-over is in a file's name. No page shows it.
func TestTokensAreLeftOut(t *testing.T) {
	token := strings.Repeat("k", handoff.TokenLen)
	for _, menu := range []bool{false, true} {
		name := handoff.Name("wds", "52:54:00:12:34:56", token, menu)
		got := clean(trace.Event{What: "/" + name}).What
		if want := strings.Replace(name, token, "…", 1); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := clean(trace.Event{What: "handoff/wds"}).What; got != "handoff/wds" {
		t.Errorf("another file's name is now %s", got)
	}
}
