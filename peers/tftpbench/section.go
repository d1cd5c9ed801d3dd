package tftpbench

import (
	"fmt"
	"time"

	"github.com/pxebox/pxebox/internal/test/report"
)

// DelayedCase is the case whose rate the round-trip time limits. goal is the
// fraction of that limit that pxed must reach.
const (
	DelayedCase = "one client, window 16, RTT 0.5 ms"
	goal        = 0.97
)

// Notes returns what a reader must know to interpret the tables. ours is pxed's
// rate in DelayedCase, in bytes per second, or zero if it was not measured.
func Notes(machine string, runs int, length, rtt time.Duration, ours float64) string {
	// One window of 16 blocks of 1468 bytes per round trip.
	most := func(rtt time.Duration) float64 { return 16 * 1468 / rtt.Seconds() / 1e6 }
	return fmt.Sprintf(`
Measured on %s. Each number is %s
of %v. Each server has two network namespaces with a veth pair between them, and
all take turns. The load has two threads and may use all cores. Every byte that
arrives is compared with the file's.

- The second number of a cell is the server's CPU seconds a GB, of all its
  processes. While idle it is that of %v in which no client asks, in parts of a
  core.
- "(w 1)", "(b 1468)": the window or block size that the server granted where it
  was less than asked for. tftpd-hpa, dnsmasq and pin/tftp of these versions do
  not know windowsize (RFC 7440).
- Round-trip time and loss are made at the clients' edge, by holding ACKs back
  and by dropping datagrams either way by a seeded chance: not every kernel has
  netem.
- A client that hears nothing for 250 ms repeats its last packet, as iPXE does.
- What a server sends as one segmented message (UDP_SEGMENT) arrives as one: the
  cable is virtual, nothing cuts it, and the load takes it so (UDP_GRO). A
  network card cuts it, most without the processor.
- For blksize 65464 pxed is told to grant it ([tftp] max_block), since by itself
  it grants what one packet holds. No other case asks for more than that.
- With a round-trip time of %.2g ms a window of 16 blocks gives %.1f MB/s at most.
%s  Between two windows a server sleeps, and its processor with it: a program that
  only sends back what wakes it has a round trip of %.3f ms on the same cable
  with the same delay, which gives %.1f MB/s.
%s- Where there is one client, the load does not sleep but looks for packets all
  the time: what it would take to wake it slows no server down.

Only the ratios say anything of another machine.
`, machine, report.Runs(runs), length, idle,
		milliseconds(delayed), most(delayed), ofGoal(ours, most(delayed)), milliseconds(rtt), most(rtt),
		ofGoal(ours, most(rtt)))
}

// ofGoal describes whether a rate reaches the goal. most is the maximum rate in
// MB/s.
func ofGoal(rate, most float64) string {
	if rate == 0 {
		return ""
	}
	part, verdict := rate/1e6/most, "reached"
	if part < goal {
		verdict = "missed"
	}
	return fmt.Sprintf("  pxed has %.2f of that: the goal of %.2f is %s by this measure.\n", part, goal, verdict)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }
