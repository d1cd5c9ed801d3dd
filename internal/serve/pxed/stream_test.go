package pxed

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

// Readers of the stream that do not read, and a flood of events for them,
// neither stop the servers nor lose a reader that reads.
func TestServesUnderStreamLoad(t *testing.T) {
	dir, err := os.MkdirTemp("", "run") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := newBoxIn(t, dir, spec.ModeProxy)
	d.neighbours[first] = pc
	d.withPage("https://192.168.77.1")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = d.feed.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })

	connect := func() net.Conn {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			c, err := net.Dial("unix", filepath.Join(dir, tracestream.Socket))
			if err == nil {
				t.Cleanup(func() { c.Close() })
				return c
			}
			if time.Now().After(end) {
				t.Fatal(err)
			}
		}
	}
	for range 3 {
		connect() // and never reads
	}
	reader := tracestream.NewReader(connect())
	for {
		r, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		if r.Alive {
			break
		}
	}

	stop := make(chan struct{})
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			mac := ether.MAC{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}
			d.tell.bus.Publish(trace.Event{Time: t0, Protocol: trace.DHCP, MAC: mac, What: "offer",
				Outcome: trace.Sent})
			d.tell.tap.Packet(netip.AddrPort{}, netip.AddrPortFrom(self.Addr(), 67), mac, make([]byte, 548))
		}
	}()
	served := make(chan int)
	go func() {
		n := 0
		for ; n < 300; n++ {
			boot := rom{arch: iana.EFI_X86_64, addr: pcPort}
			offer, server := boot.boots(d, spec.ModeProxy, time.Now().Add(time.Duration(n)*time.Minute), byte(n))
			text, err := d.fetch(pcPort, "/grub/grub.cfg")
			if offer != "192.168.77.1" || server != "192.168.77.1 shimx64.efi" || err != nil ||
				!reFoot.MatchString(text) {
				t.Errorf("boot %d: %q, %q, %v", n, offer, server, err)
				break
			}
		}
		served <- n
	}()
	select {
	case n := <-served:
		if n != 300 {
			t.Errorf("%d boots", n)
		}
	case <-time.After(time.Minute):
		t.Error("the servers stand still")
	}
	close(stop)
	<-flooded
	for {
		d.tell.bus.Publish(trace.Event{What: "the last"}) // the queue may be full
		r, err := reader.Next()
		if err != nil {
			t.Fatalf("the reader that reads: %v", err)
		}
		if r.Event != nil && r.Event.What == "the last" {
			return
		}
	}
}

// The stream says which machine was sent a file by the kernel's table, even if
// no DHCP packet of it was seen.
func TestStreamKnowsTheHolder(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	d.neighbours[first] = pc
	if got := d.feed.Holder(first); got != pc {
		t.Errorf("got %v, want %v", got, pc)
	}
}
