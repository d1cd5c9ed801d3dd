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

// Linux answers the probes, at the other end of a wire.
func TestProbesOfManyAddressesAtATime(t *testing.T) {
	site, err := netns.NewLAN()
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	host, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if err := site.Plug(host, "eth0", ""); err != nil {
		t.Fatal(err)
	}
	used := map[netip.Addr]bool{}
	for _, a := range []string{"10.77.0.9", "10.77.3.200", "10.77.7.200"} {
		used[netip.MustParseAddr(a)] = true
		if err := site.Run("ip", "addr", "add", a+"/16", "dev", netns.Bridge); err != nil {
			t.Fatal(err)
		}
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
	found := make(chan netip.Addr, 16)
	var done sync.WaitGroup
	done.Go(func() {
		if err := p.Run(func(a netip.Addr, by net.HardwareAddr) { found <- a }); err != nil {
			t.Error(err)
		}
	})
	defer done.Wait()
	defer p.Close()

	// The interface goes off and on in between: the socket must outlive it.
	for _, state := range []string{"down", "up"} {
		if err := host.Run("ip", "link", "set", "eth0", state); err != nil {
			t.Fatal(err)
		}
	}
	a := netip.MustParseAddr("10.77.0.1")
	for range 2000 {
		if err := p.Probe(a); err != nil {
			t.Fatal(err)
		}
		a = a.Next()
	}
	for len(used) > 0 {
		select {
		case a := <-found:
			if !used[a] {
				t.Fatalf("%v is in use, it says", a)
			}
			delete(used, a)
		case <-time.After(10 * time.Second):
			t.Fatalf("not found: %v", used)
		}
	}
}
