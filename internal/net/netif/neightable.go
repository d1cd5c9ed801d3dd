package netif

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// neighborDir holds the limits of the kernel's neighbor table, which all
// interfaces share (Linux, Documentation/networking/ip-sysctl.rst). It does not
// exist in a network namespace.
const neighborDir = "/proc/sys/net/ipv4/neigh/default"

// bounds are gc_thresh1 to gc_thresh3. Up to the first the kernel keeps all
// entries. From the second on it removes entries older than five seconds. The
// third is the maximum: above it the kernel cannot send to a machine that it
// does not know yet.
type bounds [3]int

// maxNeighbors limits the table for a very large network. That many entries
// take about 8 MB.
const maxNeighbors = 16384

// tableFor returns the limits that the table needs for a link with that
// network. Only addresses of the link become entries, so a stranger cannot make
// the table grow beyond that; machines behind a router need only the router's
// entry. Linux's default limits, 128, 512 and 1,024, are added for other
// interfaces.
func tableFor(network netip.Prefix) bounds {
	machines := maxNeighbors
	if bits := 32 - network.Bits(); network.IsValid() && bits < 15 {
		machines = min(1<<bits, maxNeighbors)
	}
	return bounds{machines + 128, machines + 512, machines + 1024}
}

// readBounds reads the current limits.
func readBounds(dir string) (b bounds, err error) {
	for i := range b {
		text, err := os.ReadFile(boundFile(dir, i))
		if err != nil {
			return b, err
		}
		if b[i], err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			return b, fmt.Errorf("%s: %w", boundFile(dir, i), err)
		}
	}
	return b, nil
}

func boundFile(dir string, i int) string {
	return filepath.Join(dir, fmt.Sprintf("gc_thresh%d", i+1))
}

// growTo raises limits and never lowers one. It writes the largest first, so
// that they are in order at any time.
func growTo(dir string, is, want bounds) error {
	for i := len(is) - 1; i >= 0; i-- {
		if is[i] >= want[i] {
			continue
		}
		if err := os.WriteFile(boundFile(dir, i), []byte(strconv.Itoa(want[i])), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fitTable makes the neighbor table large enough for the link's network, but
// only if the system runs nothing but the box. Elsewhere other programs share
// the table, and its limits are the administrator's decision. Best effort: the
// box serves without it.
func (k *Keeper) fitTable(dir string, mayChange bool, network netip.Prefix) {
	is, err := readBounds(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			k.Log.Warn("network: cannot read the size of the neighbor table", "err", err)
		}
		return
	}
	want := tableFor(network)
	switch {
	case mayChange && (is[0] < want[0] || is[1] < want[1] || is[2] < want[2]):
		if err := growTo(dir, is, want); err != nil {
			k.Log.Warn("network: cannot enlarge the neighbor table; if many machines boot at once, some get no answer",
				"network", network.Masked(), "err", err)
			return
		}
		k.Log.Info("network: neighbor table enlarged", "network", network.Masked(), "from", is, "to", want)
	case !mayChange && is[2] < want[2]-1024:
		k.Log.Warn("network: the kernel's neighbor table is smaller than the network; if many machines boot at once, some get no answer; raise net.ipv4.neigh.default.gc_thresh1, 2 and 3",
			"network", network.Masked(), "is", is, "needed", want)
	}
}
