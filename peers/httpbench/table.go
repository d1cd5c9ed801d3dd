package httpbench

import (
	"fmt"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/test/report"
)

// mostCPU is how much processor time ours may need, as a multiple of nginx's.
const mostCPU = 1.2

// Table returns the results on one number of cores in Markdown, and says which
// goals are missed. The first server is nginx, the last is ours.
func Table(names []string, cases []Case, results [][]Result) string {
	var b, missed strings.Builder
	ours := names[len(names)-1]
	fmt.Fprintf(&b, "| case | %s | %s ÷ nginx |\n|---|%s\n", strings.Join(names, " | "), ours,
		strings.Repeat("--:|", len(names)+1))
	row := func(name string, results []Result, figure func(Result) float64, format string) float64 {
		fmt.Fprintf(&b, "| %s |", name)
		for _, r := range results {
			fmt.Fprintf(&b, " "+format+" |", figure(r))
		}
		ratio := figure(results[len(results)-1]) / figure(results[0])
		fmt.Fprintf(&b, " **%.2f** |\n", ratio)
		return ratio
	}
	for i, c := range cases {
		divisor := 1e6
		if c.small {
			divisor = 1
		}
		row(c.Name, results[i], func(r Result) float64 { return r.Rate / divisor }, "%.0f")
		cpu := row("CPU, s a GB", results[i], func(r Result) float64 { return r.CPU.Seconds() }, "%.2f")
		row("CPU, µs a request", results[i], func(r Result) float64 {
			return float64(r.PerRequest) / float64(time.Microsecond)
		}, "%.1f")
		if cpu > mostCPU {
			fmt.Fprintf(&missed, "- %s: %.2f times nginx's CPU, and the goal is %.2f at most.\n", c.Name, cpu, mostCPU)
		}
	}
	if missed.Len() > 0 {
		b.WriteString("\nGoals missed:\n\n" + missed.String())
	}
	return b.String()
}

// Notes returns what a reader must know to interpret the tables.
func Notes(machine, congestion string, runs int, length time.Duration) string {
	return fmt.Sprintf(`
Measured on %s. Each number is %s
of %v by wrk, on two threads at most, over a separate veth pair for each
server; wrk may use all cores. nginx has a worker for each core, sendfile and
open_file_cache on, and no log. "net/http alone" is the least that serves a
folder: http.ServeContent on an open file, with the standard server's time-outs
and a limit on connections. The large file has 64 MiB. The file in memory is one
that pxed renders; nginx and net/http have the same bytes on disk and in memory.
What all serve is fetched and compared before. CPU is that of all the server's
processes.

All have the system's congestion control, %s; the appliance's kernels have bbr.
That paces what is sent by timers, which costs more the smaller the packets are:
without it (reno) nginx gains far more with small files than pxed does.
`, machine, report.Runs(runs), length, congestion)
}
