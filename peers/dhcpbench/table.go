package dhcpbench

import (
	"fmt"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/test/report"
)

// Table returns the results on one number of cores, in Markdown.
func Table(results []Result) string {
	var b strings.Builder
	b.WriteString("| server | machines | exchanges/s at < 1% loss | pxed's is |")
	for _, pace := range Paces {
		fmt.Fprintf(&b, " p50, p99 at %s/s, ms |", thousands(pace))
	}
	fmt.Fprintf(&b, " CPU an exchange | CPU while idle | a power cut leaves |\n|---|%s---|\n",
		strings.Repeat("--:|", 5+len(Paces)))
	for i, r := range results {
		if r.Err != nil {
			fmt.Fprintf(&b, "| %s | %s | not measured: %v |%s %s |\n", r.Name, thousands(r.Clients), r.Err,
				strings.Repeat(" |", 3+len(Paces)), r.Durability)
			continue
		}
		ratio := "–"
		if i > 0 && r.Rate.PerSecond > 0 {
			ratio = fmt.Sprintf("%.1f×", results[0].Rate.PerSecond/r.Rate.PerSecond)
		}
		fmt.Fprintf(&b, "| %s | %s | %v | %s |", r.Name, thousands(r.Clients), r.Rate, ratio)
		for _, t := range r.Times {
			fmt.Fprintf(&b, " %v |", t)
		}
		fmt.Fprintf(&b, " %d µs | %s | %s |\n", r.CPU.Microseconds(), percent(r.Idle), r.Durability)
	}
	b.WriteString("\n" + goal(results))
	return b.String()
}

// goal compares pxed's slowest answers with those of the other server that has
// every ACK on disk.
func goal(results []Result) string {
	const last = len(Paces) - 1
	ours := results[0]
	for _, r := range results[1:] {
		if !strings.HasSuffix(r.Name, DurableKea) || r.Err != nil || ours.Err != nil {
			continue
		}
		verdict := "reached"
		if over := ours.Times[last].P99 - r.Times[last].P99; over > 0 {
			verdict = "missed by " + milliseconds(over) + " ms"
		}
		return fmt.Sprintf("p99 at %s/s: pxed %s ms, the durable Kea %s ms: the goal, no worse than that, is %s.\n",
			thousands(Paces[last]), milliseconds(ours.Times[last].P99), milliseconds(r.Times[last].P99), verdict)
	}
	return "There is no durable Kea to compare with: its row was not measured.\n"
}

// Notes returns what a reader must know to interpret the tables.
func Notes(machine string, runs int) string {
	return fmt.Sprintf(`
Measured on %s. Each number is %s.
The load is in one network namespace, the server in another, on an ext4 file
system that only it uses, on a loop device. Every exchange is DISCOVER, OFFER,
REQUEST, ACK by a relay agent, for a machine chosen at random. The servers run
one at a time, in turn. The load may use all cores.

- The rate is the highest that a search finds at which less than 1%% of the
  exchanges have no ACK within a second. A trial takes %v; one that loses a
  little more is repeated once. The load is ours: an exchange costs perfdhcp
  more processor time than it costs most servers, and both share the machine.
  "≥": the load could send no more, and nothing was lost.
- p50 and p99 are the server's part of an exchange, for %v: the time to the
  OFFER and that to the ACK, as Kea's perfdhcp saw them.
- CPU is the server's, user and system, at the highest rate, from /proc. While
  idle it is that of %v in which no client asks, in parts of a core.
- No server looks whether an address is in use before it offers it.
- dnsmasq walks the list of all leases for each packet, so that it gets fewer
  machines: about as many as it leases to by default.

Only the ratios say anything of another machine.
`, machine, report.Runs(runs), ownPeriod, timed, idle)
}

func (r Rate) String() string {
	if r.Generator {
		return "≥ " + thousands(int(r.PerSecond))
	}
	return thousands(int(r.PerSecond))
}

func (t Times) String() string {
	s := milliseconds(t.P50) + ", " + milliseconds(t.P99)
	if t.Loss >= maxLoss {
		s += fmt.Sprintf(" (%.1f%% lost)", 100*t.Loss)
	}
	return s
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }

// percent formats processor time per second as a part of a core.
func percent(d time.Duration) string {
	if d == 0 {
		return "0%"
	}
	return fmt.Sprintf("%.1f%%", 100*d.Seconds())
}

// thousands formats a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
