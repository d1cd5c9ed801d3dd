package dhcpbench

import (
	"fmt"
	"strings"
	"time"
)

// Section returns the table of results, each rate also as a fraction of the
// first row's, with what a reader must know to interpret it.
func Section(machine string, runs int, results []Result) string {
	var b strings.Builder
	b.WriteString("## DHCP\n\n")
	b.WriteString("| server | machines | exchanges/s at < 1% loss, perfdhcp | our load | pxed's is | p50 at 1,000/s | p99 at 1,000/s | CPU an exchange | a power cut leaves |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for i, r := range results {
		ratio := "–"
		if i > 0 && r.Own.PerSecond > 0 {
			ratio = fmt.Sprintf("%.1f×", results[0].Own.PerSecond/r.Own.PerSecond)
		}
		fmt.Fprintf(&b, "| %s | %s | %v | %v | %s | %s | %s | %d µs | %s |\n",
			r.Name, thousands(r.Clients), r.Perfdhcp, r.Own, ratio, milliseconds(r.P50), milliseconds(r.P99),
			r.CPU.Microseconds(), r.Durability)
	}
	fmt.Fprintf(&b, `
Measured on %s, shared with other
work. Each number is the median of %d runs. The load is in one network namespace,
the server in another. Every exchange is DISCOVER, OFFER, REQUEST, ACK by a relay
agent, for a machine chosen at random. The servers run one at a time, in turn.

- perfdhcp is Kea's, %d processes of it. An exchange costs it more processor time
  than it costs most servers, and both share the machine; so there is a load of
  our own as well, which costs a few µs. "pxed's is" compares by that one.
- No server looks whether an address is in use before it offers it.
- The rate is the highest that a search finds at which less than 1%% of the
  exchanges have no ACK within a second. A trial takes %v with perfdhcp and %v
  with our load; one that loses a little more is repeated once. "≥": the load
  could send no more, and nothing was lost.
- p50 and p99 are the server's part of an exchange: the time to the OFFER and
  that to the ACK, as perfdhcp saw them.
- CPU is the server's, user and system, at the highest rate of our load.
- dnsmasq walks the list of all leases for each packet, so that it gets fewer
  machines: about as many as it leases to by default.

Only the ratios say anything of another machine.
`, machine, runs, len(giaddrs), perfdhcpPeriod, ownPeriod)
	return b.String()
}

func (r Rate) String() string {
	if r.Generator {
		return "≥ " + thousands(int(r.PerSecond))
	}
	return thousands(int(r.PerSecond))
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
}

// thousands formats a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
