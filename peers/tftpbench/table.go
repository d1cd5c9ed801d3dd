package tftpbench

import (
	"fmt"
	"strings"

	"github.com/pxebox/pxebox/peers/fileserver"
)

// Table returns the results in Markdown. It compares the last server with the
// best of the others. The CPU row belongs to the case cpuCase.
func Table(servers []fileserver.Server, cases []Case, results [][]Result, cpuCase string) string {
	var b strings.Builder
	b.WriteString("| case |")
	for _, s := range servers {
		fmt.Fprintf(&b, " %s |", s.Name)
	}
	ours := servers[len(servers)-1].Name
	fmt.Fprintf(&b, " %s ÷ best other |\n|---|%s\n", ours, strings.Repeat("--:|", len(servers)+1))
	for i, c := range cases {
		unit, divisor := "MB/s", 1e6
		if c.File == small {
			unit, divisor = "files/s", 1
		}
		row(&b, c.Name+", "+unit, results[i], func(r Result) (float64, string) {
			return r.Rate, number(r.Rate/divisor) + lowered(c, r)
		}, func(a, b float64) bool { return a > b })
		if c.Name == cpuCase {
			row(&b, "the same, CPU seconds a GB", results[i], func(r Result) (float64, string) {
				return r.CPU.Seconds(), fmt.Sprintf("%.2f", r.CPU.Seconds())
			}, func(a, b float64) bool { return a < b })
		}
	}
	return b.String()
}

// row writes a line of cells, and the ratio of the last to the best of the
// others.
func row(
	b *strings.Builder, name string, results []Result, cell func(Result) (float64, string),
	better func(a, b float64) bool,
) {
	fmt.Fprintf(b, "| %s |", name)
	best, last := 0.0, 0.0
	for i, r := range results {
		if r.Err != nil {
			b.WriteString(" fails |")
			continue
		}
		value, text := cell(r)
		fmt.Fprintf(b, " %s |", text)
		switch {
		case i == len(results)-1:
			last = value
		case best == 0 || better(value, best):
			best = value
		}
	}
	if best == 0 || last == 0 {
		b.WriteString(" – |\n")
		return
	}
	fmt.Fprintf(b, " **%.2f** |\n", last/best)
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
