//go:build peers

package dhcpbench

import "testing"

// TestServersLease starts each server as the benchmark does. Each configuration
// must suit the versions in all Debian releases that we support.
func TestServersLease(t *testing.T) {
	for _, server := range Servers("../../build/bin") {
		t.Run(server.Name, func(t *testing.T) {
			l, err := newLab()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.close() })
			_, stop, err := server.start(t.Context(), l.server, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			if err := l.awaitLease(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
