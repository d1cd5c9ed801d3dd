//go:build peers

package arp

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pxebox/pxebox/peers/netns"
)

// Linux answers the probes, at the other end of the wire.
func TestProbesOfManyAddressesAtATime(t *testing.T) {
	site, host, p := newLink(t)
	used := map[netip.Addr]bool{}
	for _, a := range []string{"10.77.0.9", "10.77.3.200", "10.77.7.200"} {
		used[netip.MustParseAddr(a)] = true
		if err := site.Run("ip", "addr", "add", a+"/16", "dev", netns.Bridge); err != nil {
			t.Fatal(err)
		}
	}
	found := run(t, p)
	// The interface goes down and up in between: the socket must survive
	// that.
	offAndOn(t, host)
	for round := 0; len(used) > 0; round++ {
		if round == 60 {
			t.Fatalf("not found: %v", used)
		}
		for i, a := 0, netip.MustParseAddr("10.77.0.1"); i < 2000; i, a = i+1, a.Next() {
			if err := p.Probe(a); err != nil {
				t.Fatal(err)
			}
		}
		// The first probes may be lost: the link has just come up.
		for next := time.After(time.Second); len(used) > 0 && next != nil; {
			select {
			case a := <-found:
				if a.As4()[3] != 9 && a.As4()[3] != 200 {
					t.Fatalf("%v is in use, it says", a)
				}
				delete(used, a)
			case <-next:
				next = nil
			}
		}
	}
}

// A packet socket reports to its next caller that the interface was down. The
// probe must be sent anyway.
func TestProbeAfterTheInterfaceWasDown(t *testing.T) {
	_, host, p := newLink(t)
	offAndOn(t, host)
	if err := p.Probe(netip.MustParseAddr("10.77.0.9")); err != nil {
		t.Fatal(err)
	}
}

// newLink makes a LAN with one host, and a prober on that host.
func newLink(t *testing.T) (*netns.LAN, *netns.Namespace, *Prober) {
	t.Helper()
	site, err := netns.NewLAN()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { site.Close() })
	host, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	if err := site.Plug(host, "eth0", ""); err != nil {
		t.Fatal(err)
	}
	var p *Prober
	err = host.Do(func() error {
		i, err := net.InterfaceByName("eth0")
		if err == nil {
			p, err = Open(i.Name, i.Index, i.HardwareAddr)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return site, host, p
}

// run returns what the prober finds.
func run(t *testing.T, p *Prober) <-chan netip.Addr {
	t.Helper()
	found := make(chan netip.Addr, 1<<16)
	var done sync.WaitGroup
	done.Go(func() {
		if err := p.Run(func(a netip.Addr, _ net.HardwareAddr) { found <- a }); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { p.Close(); done.Wait() })
	return found
}

func offAndOn(t *testing.T, host *netns.Namespace) {
	t.Helper()
	for _, state := range []string{"down", "up"} {
		if err := host.Run("ip", "link", "set", "eth0", state); err != nil {
			t.Fatal(err)
		}
	}
}
