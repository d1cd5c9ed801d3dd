package tftpbench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/peers/fileserver"
)

// Table returns the results in Markdown. It compares the last server with the
// best of the others, and says which goals are missed.
func Table(servers []fileserver.Server, cases []Case, m Measured) string {
	var b, missed strings.Builder
	b.WriteString("| case |")
	for _, s := range servers {
		fmt.Fprintf(&b, " %s |", s.Name)
	}
	ours := servers[len(servers)-1].Name
	fmt.Fprintf(&b, " %s ÷ best other | CPU, %s ÷ least other |\n|---|%s\n", ours, ours,
		strings.Repeat("--:|", len(servers)+2))
	for i, c := range cases {
		unit, divisor := "MB/s", 1e6
		if c.File == small {
			unit, divisor = "files/s", 1
		}
		rate := ratio(m.Results[i], func(r Result) float64 { return r.Rate }, slices.Max)
		cpu := ratio(m.Results[i], func(r Result) float64 { return r.CPU.Seconds() }, slices.Min)
		row(&b, c.Name+", "+unit, m.Results[i], func(r Result) string {
			return fmt.Sprintf("%s%s; %.2f", number(r.Rate/divisor), lowered(c, r), r.CPU.Seconds())
		}, bold(rate), decimal(cpu))
		if c.Name == SingleCase {
			trip := func(r Result) float64 {
				if r.Rate == 0 {
					return 0
				}
				return float64(r.BlockSize) / r.Rate * 1e6
			}
			row(&b, "the same, round trip of a block, µs", m.Results[i], func(r Result) string { return number(trip(r)) },
				bold(ratio(m.Results[i], trip, slices.Min)), "")
		}
		if rate > 0 && rate < c.Goal {
			fmt.Fprintf(&missed, "- %s: %.2f of the best other, and the goal is %.2f.%s\n", c.Name, rate, c.Goal,
				most(c, m, m.Results[i], rate))
		}
	}
	b.WriteString("| CPU while idle |")
	for _, d := range m.Idle {
		fmt.Fprintf(&b, " %.1f%% |", 100*d.Seconds())
	}
	b.WriteString(" | |\n")
	if missed.Len() > 0 {
		b.WriteString("\nGoals missed:\n\n" + missed.String())
	}
	return b.String()
}

// most says what a server could reach that took no processor time: the load
// shares the processors with it. ratio is what our server, the last one, reaches.
func most(c Case, m Measured, results []Result, ratio float64) string {
	ours := results[len(results)-1]
	if ours.Load == 0 || c.Clients == 1 { // then the load spins
		return ""
	}
	bytes := ours.Rate
	if c.File == small {
		bytes *= smallSize
	}
	free := float64(m.Processors) / ours.Load.Seconds() * 1e9
	return fmt.Sprintf(" The load itself takes %.1f s a GB: a server that took no time would have %.2f.",
		ours.Load.Seconds(), ratio*free/bytes)
}

// row writes a line of cells.
func row(b *strings.Builder, name string, results []Result, cell func(Result) string, more ...string) {
	fmt.Fprintf(b, "| %s |", name)
	for _, r := range results {
		text := "fails"
		if r.Err == nil {
			text = cell(r)
		}
		fmt.Fprintf(b, " %s |", text)
	}
	for _, text := range more {
		fmt.Fprintf(b, " %s |", text)
	}
	b.WriteString("\n")
}

// ratio returns a figure of the last server divided by the best of the others';
// 0 if there is none to compare with.
func ratio(results []Result, figure func(Result) float64, best func([]float64) float64) float64 {
	var others []float64
	last := len(results) - 1
	for _, r := range results[:last] {
		if r.Err == nil && figure(r) > 0 {
			others = append(others, figure(r))
		}
	}
	if len(others) == 0 || results[last].Err != nil {
		return 0
	}
	return figure(results[last]) / best(others)
}

// bold formats a ratio that decides; decimal formats one that does not.
func bold(ratio float64) string {
	if ratio == 0 {
		return "–"
	}
	return "**" + decimal(ratio) + "**"
}

func decimal(ratio float64) string {
	if ratio == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", ratio)
}

// lowered describes what the server did not grant.
func lowered(c Case, r Result) string {
	s := ""
	if r.Window < c.Window {
		s += fmt.Sprintf(" (w %d)", r.Window)
	}
	if r.BlockSize < c.BlockSize {
		s += fmt.Sprintf(" (b %d)", r.BlockSize)
	}
	return s
}

// number formats a number with three digits, or more if there are more before
// the point.
func number(f float64) string {
	switch {
	case f < 10:
		return fmt.Sprintf("%.2f", f)
	case f < 100:
		return fmt.Sprintf("%.1f", f)
	case f < 10_000:
		return fmt.Sprintf("%.0f", f)
	}
	s := fmt.Sprintf("%.0f", f)
	return s[:len(s)-3] + "," + s[len(s)-3:]
}
