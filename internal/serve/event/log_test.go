package event

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	macA  = ether.MAC{0x52, 0x54, 0, 0, 0, 0xa}
	addrA = netip.MustParseAddr("192.0.2.10")
	addrB = netip.MustParseAddr("192.0.2.11")
)

// at returns a time, in seconds since the start of the test.
func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func answer(t float64, mac ether.MAC, addr netip.Addr, firmware, what string) trace.Event {
	return trace.Event{
		Time: at(t), Protocol: trace.DHCP, MAC: mac, Addr: addr, Firmware: firmware, What: what, Outcome: trace.Sent,
	}
}

func file(t float64, addr netip.Addr, name string) trace.Event {
	return trace.Event{
		Time: at(t), Protocol: trace.TFTP, Addr: addr, What: name, Outcome: trace.Sent,
		Bytes: 1000, Took: 100 * time.Millisecond,
	}
}

func missing(t float64, addr netip.Addr, name string) trace.Event {
	return trace.Event{Time: at(t), Protocol: trace.TFTP, Addr: addr, What: name, Outcome: trace.NotFound}
}

// invented returns one of many machines.
func invented(i int) (ether.MAC, netip.Addr) {
	return ether.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
}

// storm makes that many machines boot in step, and calls say with each event.
func storm(machines int, say func(trace.Event)) {
	for step := range 25 {
		for i := range machines {
			mac, addr := invented(i)
			if step == 0 {
				say(answer(0, mac, addr, "bios", "selecting"))
				continue
			}
			say(file(float64(step), addr, fmt.Sprint("file", step)))
		}
	}
}

func TestEveryBootOfAStormIsTold(t *testing.T) {
	const machines = 500
	tr := trace.New(maxMachines, maxEvents)
	storm(machines, func(e trace.Event) { tr.Add(e) })
	told := map[ether.MAC]bool{}
	for now := 24 + trace.QuietAfter.Seconds(); now < 200; now += lookAgain.Seconds() {
		boots := tr.Quiet(at(now), atOnce)
		if len(boots) > atOnce {
			t.Fatalf("%d are told at once", len(boots))
		}
		for _, b := range boots {
			if b.Firmware != "bios" || len(b.Events) != 25 || told[b.MAC] {
				t.Fatalf("%v: %q, %d events; told before: %v", b.MAC, b.Firmware, len(b.Events), told[b.MAC])
			}
			told[b.MAC] = true
		}
	}
	if len(told) != machines || told[ether.MAC{}] || tr.LeftOut() != 0 {
		t.Errorf("of %d machines %d are told", machines, len(told))
	}
}

func unknown(netip.Addr) ether.MAC { return ether.MAC{} }

func uncounted(trace.Verdict) {}

// The names that clients invent are data in one line of the log.
func TestLogBoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var bus Bus
		ctx, cancel := context.WithCancel(t.Context())
		events := bus.Subscribe()
		done := make(chan error)
		var verdicts []trace.Verdict
		ended := func(v trace.Verdict) { verdicts = append(verdicts, v) }
		go func() {
			done <- LogBoots(ctx, events, unknown, ended, slog.New(slog.NewTextHandler(&out, nil)))
		}()
		offer, name := answer(0, macA, addrA, "bios", "offer"), missing(0, addrA, "x\ny")
		offer.Time, name.Time = time.Now(), time.Now()
		name.Code = "K7QF"
		bus.Publish(offer)
		bus.Publish(name)
		time.Sleep(trace.QuietAfter + lookAgain) // the bubble's clock: no real time passes
		cancel()
		<-done
		const want = `level=INFO msg=boot mac=52:54:00:00:00:0a address=192.0.2.10 firmware=bios ` +
			`stage=loading finding=file-missing verdict="The machine asked for x�y, which the box does not have." ` +
			`code=K7QF steps="offer, x\ny not found" bytes=0 took=0s` + "\n"
		if got := out.String(); strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, want) {
			t.Errorf("got %q, want one line that ends with %q", got, want)
		}
		if len(verdicts) != 1 || verdicts[0].Finding != "file-missing" || verdicts[0].Stage != trace.Loading {
			t.Errorf("the verdicts are %+v", verdicts)
		}
	})
}

// A machine that comes back after a hand-over has two lines, and counts once.
func TestCameBackCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		events, done := make(chan trace.Event), make(chan error)
		var counted []trace.Finding
		ended := func(v trace.Verdict) { counted = append(counted, v.Finding) }
		go func() { done <- LogBoots(ctx, events, unknown, ended, slog.New(slog.NewTextHandler(&out, nil))) }()
		for _, what := range []string{"proxy offer", trace.HandedOver, "proxy offer"} {
			e := answer(0, macA, addrA, "uefi-x64", what)
			e.Time = time.Now()
			events <- e
			time.Sleep(10 * time.Second) // the bubble's clock
		}
		time.Sleep(trace.QuietAfter + lookAgain)
		cancel()
		<-done
		lines := strings.Count(out.String(), "finding="+string(trace.CameBack))
		if lines != 2 || len(counted) != 1 || counted[0] != trace.CameBack {
			t.Errorf("%d lines, and the counter has %q", lines, counted)
		}
	})
}

// All lines of a storm pass the limit that protects the log from floods. One
// line says when there are too many machines to trace.
func TestLogBootsOfAStorm(t *testing.T) {
	for _, tc := range []struct{ machines, lines, warnings int }{{machines: 200, lines: 200}, {machines: maxMachines +
		100, lines: maxMachines, warnings: 1}} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			ctx, cancel := context.WithCancel(t.Context())
			events, done := make(chan trace.Event), make(chan error)
			go func() {
				done <- LogBoots(ctx, events, unknown, uncounted,
					slog.New(loglimit.New(slog.NewTextHandler(&out, nil))))
			}()
			begun := time.Now()
			storm(tc.machines, func(e trace.Event) {
				e.Time = begun.Add(e.Time.Sub(start))
				time.Sleep(time.Until(e.Time)) // the bubble's clock
				events <- e
			})
			time.Sleep(trace.QuietAfter + maxMachines/atOnce*lookAgain)
			cancel()
			<-done
			boots, warnings := strings.Count(out.String(), "msg=boot mac="), strings.Count(out.String(), "level=WARN")
			if boots != tc.lines || warnings != tc.warnings {
				t.Errorf("of %d machines: %d lines and %d warnings, want %d and %d",
					tc.machines, boots, warnings, tc.lines, tc.warnings)
			}
		})
	}
}

// A flood of invented machines, and of requests with forged addresses, does not
// keep the boots of real machines out of the log. Each real machine gets at least
// one line in ten minutes.
func TestLogBootsInAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		events, done := make(chan trace.Event), make(chan error)
		whose := func(a netip.Addr) ether.MAC {
			if a == addrA {
				return macA
			}
			return ether.MAC{}
		}
		go func() {
			done <- LogBoots(ctx, events, whose, uncounted, slog.New(loglimit.New(slog.NewTextHandler(&out, nil))))
		}()
		n := 0
		flood := func(seconds int) {
			for range seconds * 100 {
				n++
				mac, addr := invented(n)
				offer, gone := answer(0, mac, netip.Addr{}, "bios", "proxy offer"), file(0, addr, "menu")
				gone.Outcome, gone.Bytes, gone.Took = trace.TimedOut, 0, 0
				offer.Time, gone.Time = time.Now(), time.Now()
				events <- offer
				events <- gone
				time.Sleep(time.Second / 100) // the bubble's clock
			}
		}
		flood(60)
		for range 5 { // the machine boots five times
			offer, menu := answer(0, macA, netip.Addr{}, "bios", "proxy offer"), file(0, addrA, "pxelinux.0")
			offer.Time, menu.Time = time.Now(), time.Now()
			events <- offer
			events <- menu
			flood(40)
		}
		cancel()
		<-done
		lines, real := strings.Count(out.String(), "msg=boot"), strings.Count(out.String(), "mac="+macA.String())
		if real < 1 || lines > 60 {
			t.Errorf("%d lines, %d of the machine:\n%s", lines, real, out.String())
		}
	})
}

func TestLately(t *testing.T) {
	l := lately{}
	for i, tc := range []struct {
		after float64
		addr  netip.Addr
		want  bool
	}{{after: 0, addr: addrA, want: true}, {after: 1, addr: addrA}, {after: 1, addr: addrB, want: true},
		{after: 599, addr: addrA}, {after: 600, addr: addrA, want: true}, {after: 601, addr: addrA}} {
		if got := l.first(at(tc.after), tc.addr); got != tc.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	for i := range 2 * maxLately {
		_, addr := invented(i)
		l.first(at(700), addr)
	}
	if len(l) > maxLately {
		t.Errorf("%d addresses", len(l))
	}
}
