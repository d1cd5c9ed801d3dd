package report

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseCores reads a list of numbers of cores, such as "1,2"; 0 means all.
func ParseCores(list string) ([]int, error) {
	var all []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 0 {
			return nil, fmt.Errorf("-cores %s: %q is not a number of cores; write for example 1,2", list, s)
		}
		all = append(all, n)
	}
	return all, nil
}

// OnCores names a number of cores, as the heading of a table.
func OnCores(n int) string {
	switch n {
	case 0:
		return "The servers have all cores"
	case 1:
		return "The servers are held to one core"
	}
	return fmt.Sprintf("The servers are held to %d cores", n)
}

// Runs says what each number of a table is, if that many runs were measured.
func Runs(n int) string {
	if n == 1 {
		return "of one run"
	}
	return fmt.Sprintf("the median of %d runs", n)
}
