// Package perfdhcp runs Kea's perfdhcp, which generates a load of four-way
// exchanges as a relay agent sends them, and reads its report. The package
// judges nothing.
package perfdhcp

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Load is the load that one process sends.
type Load struct {
	Rate    int           // exchanges to start per second
	Period  time.Duration // how long, in whole seconds
	Clients int           // number of hardware addresses, chosen at random
	Base    string        // the first of them
	From    netip.Addr    // the host's own address, used as giaddr
	Server  netip.Addr
	Times   bool // report the times of each exchange

	Wait time.Duration // for the last answers; 2 s if it is zero
}

// Command returns the command to run. It ends some time after the period.
func (l Load) Command() *exec.Cmd {
	args := []string{"-4",
		"-r", strconv.Itoa(l.Rate), "-p", strconv.Itoa(int(l.Period / time.Second)),
		"-R", strconv.Itoa(l.Clients), "-b", "mac=" + l.Base,
		"-W", strconv.FormatInt(cmp.Or(l.Wait, 2*time.Second).Microseconds(), 10),
		"-l", l.From.String()}
	if l.Times {
		args = append(args, "-x", "t")
	}
	return exec.Command("perfdhcp", append(args, l.Server.String())...)
}

// Report is the result of a load.
type Report struct {
	Discovers, Offers int
	Requests, Acks    int
	// How long each answer took, if Load.Times is set.
	OfferTimes, AckTimes []time.Duration
}

// Add adds up the reports of processes that ran at the same time.
func (r Report) Add(o Report) Report {
	return Report{
		r.Discovers + o.Discovers, r.Offers + o.Offers, r.Requests + o.Requests, r.Acks + o.Acks,
		append(r.OfferTimes, o.OfferTimes...), append(r.AckTimes, o.AckTimes...),
	}
}

// Loss returns the fraction of started exchanges that did not reach their ACK.
func (r Report) Loss() float64 {
	if r.Discovers == 0 {
		return 1
	}
	return 1 - float64(r.Acks)/float64(r.Discovers)
}

// Parse reads the report that perfdhcp prints at its end.
func Parse(output []byte) (Report, error) {
	var r Report
	// The counters of the section being read.
	var counts map[string]*int
	var times *[]time.Duration
	found := 0
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "***") {
			counts, times = nil, nil
			switch line {
			case "***Statistics for: DISCOVER-OFFER***":
				counts = map[string]*int{"sent packets": &r.Discovers, "received packets": &r.Offers}
			case "***Statistics for: REQUEST-ACK***":
				counts = map[string]*int{"sent packets": &r.Requests, "received packets": &r.Acks}
			case "***Timestamps for packets: DISCOVER-OFFER***":
				times = &r.OfferTimes
			case "***Timestamps for packets: REQUEST-ACK***":
				times = &r.AckTimes
			}
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		var err error
		switch {
		case counts[name] != nil:
			*counts[name], err = strconv.Atoi(value)
			found++
		case times != nil && name == "sent / received":
			var took time.Duration
			took, err = between(value)
			*times = append(*times, took)
		}
		if err != nil {
			return Report{}, fmt.Errorf("perfdhcp's report: %q: %w", line, err)
		}
	}
	if found != 4 {
		return Report{}, fmt.Errorf("this is no report of perfdhcp: %q", output)
	}
	return r, nil
}

// between reads two times in seconds, with a fraction, since the start.
func between(s string) (time.Duration, error) {
	sent, received, _ := strings.Cut(s, " / ")
	from, err := strconv.ParseFloat(sent, 64)
	if err != nil {
		return 0, err
	}
	to, err := strconv.ParseFloat(received, 64)
	return time.Duration(math.Round((to-from)*1e6)) * time.Microsecond, err
}
