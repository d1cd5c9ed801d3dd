package slowdisk

import (
	"fmt"
	"strings"
	"time"

	"github.com/pxebox/pxebox/peers/pxeload"
)

// Section returns the results in Markdown, with what a reader must know to
// interpret them.
func Section(machine string, r Room, results []Result) string {
	var b strings.Builder
	b.WriteString("## A slow disk\n\n" +
		"| a flush takes | p50 to the ACK | p99 | worst | packets sent again | machines that gave up | " +
		"flushes a machine |\n|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, x := range results {
		repeats, gaveUp := 0, 0
		for _, l := range x.Leases {
			repeats += l.Repeats
			if !l.Addr.IsValid() {
				gaveUp++
			}
		}
		fmt.Fprintf(&b, "| %v | %s | %s | %s | %d | %d of %d | %.2f |\n", x.Flush,
			milliseconds(pxeload.Percentile(x.Leases, 0.5)), milliseconds(pxeload.Percentile(x.Leases, 0.99)),
			milliseconds(pxeload.Percentile(x.Leases, 1)), repeats, gaveUp, len(x.Leases), float64(x.Flushes)/float64(len(x.Leases)))
	}
	fmt.Fprintf(&b, `
Measured on %s. %d machines are switched on within %v; the time is from a
machine's DISCOVER to its ACK. They are the kinds of make bench-storm, and repeat
their packets after 4, 8, 16 and 32 s, as the PXE specification says. The leases
are on an ext4 file system on a disk of the tests of power cuts, whose flushes,
and writes that have to reach the medium, take the time in the first column. It
is connected by QEMU, FUSE and a loop device. A commit to the journal of leases is two
flushes: of the data, and of the file system's own journal, since the file grows.
`, machine, r.Machines, r.Within)
	return b.String()
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }
