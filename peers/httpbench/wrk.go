package httpbench

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// load is wrk's report of one run.
type load struct {
	requests float64 // per second
	bytes    float64 // per second, with headers
}

var perSecond = regexp.MustCompile(`(?m)^(Requests|Transfer)/sec:\s+([0-9.]+)([KMGT]?)B?$`)

// parse reads wrk's report. Any error that wrk counts is an error.
func parse(output string) (load, error) {
	for _, bad := range []string{"Socket errors", "Non-2xx"} {
		if i := strings.Index(output, bad); i >= 0 {
			line, _, _ := strings.Cut(output[i:], "\n")
			return load{}, fmt.Errorf("wrk: %s", line)
		}
	}
	var l load
	for _, m := range perSecond.FindAllStringSubmatch(output, -1) {
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return load{}, fmt.Errorf("wrk: %q: %w", m[0], err)
		}
		// wrk counts bytes in units of 1024.
		for unit := m[3]; unit != ""; unit = map[string]string{"T": "G", "G": "M", "M": "K"}[unit] {
			n *= 1024
		}
		if m[1] == "Requests" {
			l.requests = n
		} else {
			l.bytes = n
		}
	}
	if l.bytes == 0 { // a large file may not be complete yet
		return load{}, errors.New("wrk: nothing was transferred: " + output)
	}
	return l, nil
}
