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

// neighborDir holds the bounds of the kernel's neighbor table, which all
// interfaces share (Linux, Documentation/networking/ip-sysctl.rst). A network
// namespace does not have them.
const neighborDir = "/proc/sys/net/ipv4/neigh/default"

// bounds are gc_thresh1 to 3: up to the first the kernel keeps all entries,
// from the second on it clears away what is five seconds old, and the third is
// the most that it takes. Above that it can send nothing to a machine that it
// does not know yet.
type bounds [3]int

// maxNeighbors bounds the table of a very large network. So many entries take
// some 8 MB.
const maxNeighbors = 16384

// tableFor is what the table needs for a link with the network. Only addresses
// of the link become entries, so a stranger cannot make it larger than that
// either; machines behind a router go by its entry. Linux's own bounds, 128,
// 512 and 1,024, come on top, for other interfaces.
func tableFor(network netip.Prefix) bounds {
	machines := maxNeighbors
	if bits := 32 - network.Bits(); network.IsValid() && bits < 15 {
		machines = min(1<<bits, maxNeighbors)
	}
	return bounds{machines + 128, machines + 512, machines + 1024}
}

// readBounds reads those that are in force.
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

// growTo raises bounds and lowers none. The largest goes first, so that they
// are in order at any time.
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

// fitTable makes the neighbor table large enough for the link's network where
// the system is the box's alone. Elsewhere other programs share the table, and
// its bounds are the administrator's to set. Best effort: the box serves
// without.
func (k *Keeper) fitTable(dir string, mayChange bool, network netip.Prefix) {
	is, err := readBounds(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			k.Log.Warn("network: the size of the neighbor table is not known", "err", err)
		}
		return
	}
	want := tableFor(network)
	switch {
	case mayChange && (is[0] < want[0] || is[1] < want[1] || is[2] < want[2]):
		if err := growTo(dir, is, want); err != nil {
			k.Log.Warn("network: the neighbor table cannot be made larger; with many machines at once some get no answer", "network", network.Masked(), "err", err)
			return
		}
		k.Log.Info("network: the neighbor table is larger now", "network", network.Masked(), "from", is, "to", want)
	case !mayChange && is[2] < want[2]-1024:
		k.Log.Warn("network: the kernel's neighbor table is smaller than the network; with many machines at once some get no answer; raise net.ipv4.neigh.default.gc_thresh1, 2 and 3",
			"network", network.Masked(), "is", is, "needed", want)
	}
}
