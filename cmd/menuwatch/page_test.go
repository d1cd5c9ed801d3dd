package main

import (
	"context"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// The page moves with its port in the settings, and ends where it was before it
// begins elsewhere.
func TestPageFollowsItsPort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ports, begun, ended := make(chan spec.Port), make(chan string), make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		followPort(ctx, "192.0.2.1:443", ports, time.Hour, func(ctx context.Context, address string) {
			begun <- address
			<-ctx.Done()
			ended <- address
		})
	}()
	before := ""
	for i, step := range []struct {
		port spec.Port
		want string
	}{{8443, "192.0.2.1:8443"}, {spec.PortOff, ""}, {0, "192.0.2.1:443"}, {9443, "192.0.2.1:9443"}} {
		ports <- step.port
		if i > 0 {
			if got := <-ended; got != before {
				t.Errorf("step %d: %q ended, want %q", i, got, before)
			}
		}
		if got := <-begun; got != step.want {
			t.Errorf("step %d: it is at %q, want %q", i, got, step.want)
		}
		ports <- step.port // the settings were changed, the port was not
		before = step.want
	}
	cancel()
	<-done
	select {
	case address := <-begun:
		t.Errorf("it began at %q again", address)
	default:
	}
}

// Settings that cannot be read do not keep the page away, which says what is
// wrong with them.
func TestPageWithoutSettings(t *testing.T) {
	begun := make(chan string)
	go followPort(t.Context(), ":443", nil, time.Millisecond, func(_ context.Context, address string) { begun <- address })
	if got := <-begun; got != ":443" {
		t.Errorf("it is at %q", got)
	}
}
