//go:build peers

package otherdhcp

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/test/journal"
	"github.com/pxebox/pxebox/peers/netns"
)

// inTime limits the wait for events that must happen.
const inTime = 20 * time.Second

// watch runs a Detector on a host of a LAN whose bridge is the site's router.
func watch(t *testing.T, before func(*netns.LAN)) (*netns.LAN, *Detector, *journal.Journal[Verdict]) {
	t.Helper()
	lan, err := netns.NewLAN()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lan.Close() })
	host, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	if err := lan.Plug(host, "eth0", ""); err != nil {
		t.Fatal(err)
	}
	if err := lan.Run("ip", "addr", "add", "192.168.77.9/24", "dev", netns.Bridge); err != nil {
		t.Fatal(err)
	}
	before(lan)
	var log journal.Journal[string]
	g := New(slog.New(slog.NewTextHandler(journal.Lines(&log), nil)))
	verdicts := &journal.Journal[Verdict]{}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		err := host.Do(func() error {
			i, err := net.InterfaceByName("eth0")
			if err != nil {
				return err
			}
			own := func(a netip.Addr) bool { return a == boxAddr }
			return g.Watch(ctx, i.Name, i.Index, i.HardwareAddr, own, verdicts.Add)
		})
		if ctx.Err() == nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		done.Wait()
		if t.Failed() {
			t.Logf("the guard's log:\n%s", strings.Join(log.From(0), "\n"))
		}
	})
	return lan, g, verdicts
}

func dnsmasq(t *testing.T, lan *netns.LAN) {
	t.Helper()
	if _, err := exec.LookPath("dnsmasq"); err != nil {
		t.Fatal("this test needs the program dnsmasq: make deps installs it")
	}
	cmd := exec.Command("dnsmasq", "--conf-file=/dev/null", "--keep-in-foreground", "--port=0", "--user=root",
		"--log-facility=-", "--leasefile-ro", "--pid-file="+filepath.Join(t.TempDir(), "pid"),
		"--interface="+netns.Bridge, "--bind-interfaces", "--dhcp-range=192.168.77.100,192.168.77.110,1h")
	var log journal.Journal[string]
	cmd.Stderr = journal.Lines(&log)
	if err := lan.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	ctx, cancel := context.WithTimeout(context.Background(), inTime)
	defer cancel()
	if _, _, err := log.Await(ctx, 0, func(l string) bool { return strings.Contains(l, "sockets bound") }); err != nil {
		t.Fatalf("dnsmasq does not start: %v: %q", err, log.From(0))
	}
}

func await(t *testing.T, verdicts *journal.Journal[Verdict], place int) (Verdict, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), inTime)
	defer cancel()
	v, next, err := verdicts.Await(ctx, place, func(Verdict) bool { return true })
	if err != nil {
		t.Fatalf("no verdict: %v", err)
	}
	return v, next
}

// dnsmasq with its default ping: the offer takes 3 s.
func TestDnsmasqIsThereBefore(t *testing.T) {
	_, _, verdicts := watch(t, func(l *netns.LAN) { dnsmasq(t, l) })
	if v, _ := await(t, verdicts, 0); v.Allowed || v.Foreign != rogue {
		t.Fatalf("%+v", v)
	}
}

func TestDnsmasqComesAndAClientChoosesIt(t *testing.T) {
	lan, g, verdicts := watch(t, func(*netns.LAN) {})
	v, next := await(t, verdicts, 0)
	if !v.Allowed {
		t.Fatalf("no one else is there: %+v", v)
	}
	dnsmasq(t, lan)
	g.Suspect(rogue)
	if v, _ := await(t, verdicts, next); v.Allowed || v.Foreign != rogue {
		t.Fatalf("%+v", v)
	}
}
