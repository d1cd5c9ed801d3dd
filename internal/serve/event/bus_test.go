package event

import (
	"strconv"
	"sync"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

func TestBusTellsEverySubscriber(t *testing.T) {
	var b Bus
	b.Publish(trace.Event{What: "before anybody listens"})
	first := b.Subscribe()
	b.Publish(trace.Event{What: "one"})
	second := b.Subscribe()
	b.Publish(trace.Event{What: "two"})
	for _, want := range []string{"one", "two"} {
		if e := <-first; e.What != want {
			t.Errorf("the first subscriber hears %q, want %q", e.What, want)
		}
	}
	if e := <-second; e.What != "two" {
		t.Errorf("the second subscriber hears %q of what came after it", e.What)
	}
	if n := len(first) + len(second); n != 0 {
		t.Errorf("%d events too many", n)
	}
	if n := b.Dropped(); n != 0 {
		t.Errorf("%d dropped", n)
	}
}

// A subscriber that does not read delays neither the publisher nor the other
// subscribers.
func TestBusDoesNotWait(t *testing.T) {
	var b Bus
	deaf, heard := b.Subscribe(), b.Subscribe()
	for i := range queue + 3 {
		b.Publish(trace.Event{What: strconv.Itoa(i)})
		if e := <-heard; e.What != strconv.Itoa(i) {
			t.Fatalf("event %d is %q", i, e.What)
		}
	}
	if len(deaf) != queue || b.Dropped() != 3 {
		t.Errorf("%d wait and %d were dropped, want %d and 3", len(deaf), b.Dropped(), queue)
	}
	if e := <-deaf; e.What != "0" {
		t.Errorf("the oldest that waits is %q", e.What)
	}
}

func TestBusFromManyPublishers(t *testing.T) {
	const publishers, each = 8, 100
	var b Bus
	c := b.Subscribe()
	var all sync.WaitGroup
	for range publishers {
		all.Go(func() {
			for range each {
				b.Publish(trace.Event{})
			}
		})
	}
	all.Wait()
	if len(c) != publishers*each || b.Dropped() != 0 {
		t.Errorf("%d arrived, %d dropped; want %d and 0", len(c), b.Dropped(), publishers*each)
	}
}

func BenchmarkPublish(b *testing.B) {
	var bus Bus
	c := bus.Subscribe()
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish(trace.Event{What: "pxelinux.0"})
		<-c
	}
}
