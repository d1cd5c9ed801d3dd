package netif

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestTableFor(t *testing.T) {
	for network, want := range map[string]bounds{
		"192.168.77.1/30": {132, 516, 1028},
		"192.168.77.1/24": {384, 768, 1280},
		"10.0.0.1/20":     {4224, 4608, 5120},
		"10.0.0.1/18":     {16512, 16896, 17408},
		"10.0.0.1/8":      {16512, 16896, 17408},
	} {
		if got := tableFor(netip.MustParsePrefix(network)); got != want {
			t.Errorf("%s: %v, want %v", network, got, want)
		}
	}
}

func TestFitTable(t *testing.T) {
	linux, large := bounds{128, 512, 1024}, bounds{20000, 40000, 80000}
	for situation, tc := range map[string]struct {
		mayChange bool
		network   string
		is, then  bounds
		logs      string
	}{
		"the box, a large network": {mayChange: true, network: "10.0.0.1/20", is: linux,
			then: bounds{4224, 4608, 5120}, logs: "table enlarged"},
		"the box, a usual network": {mayChange: true, network: "192.168.77.1/24", is: linux,
			then: bounds{384, 768, 1280}, logs: "table enlarged"},
		"the box, nothing to do": {mayChange: true, network: "10.0.0.1/20", is: large, then: large},
		"the box, one of them is larger": {mayChange: true, network: "10.0.0.1/20",
			is: bounds{128, 512, 80000}, then: bounds{4224, 4608, 80000}, logs: "table enlarged"},
		"another system, a large network": {mayChange: false, network: "10.0.0.1/20", is: linux, then: linux,
			logs: "raise net.ipv4.neigh"},
		"another system, a usual network": {mayChange: false, network: "192.168.77.1/24",
			is: linux, then: linux},
		"another system, whose table is large":      {mayChange: false, network: "10.0.0.1/20", is: large, then: large},
		"another system, the bounds are not needed": {mayChange: false, network: "10.0.0.1/22", is: linux, then: linux},
	} {
		t.Run(situation, func(t *testing.T) {
			dir, log := t.TempDir(), &bytes.Buffer{}
			for i, n := range tc.is {
				if err := os.WriteFile(boundFile(dir, i), []byte(strconv.Itoa(n)+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			k := &Keeper{Log: slog.New(slog.NewTextHandler(log, nil))}
			k.fitTable(dir, tc.mayChange, netip.MustParsePrefix(tc.network))
			if got, err := readBounds(dir); got != tc.then || err != nil {
				t.Errorf("then it is %v, %v; want %v", got, err, tc.then)
			}
			if said := log.String(); (said == "") != (tc.logs == "") || !strings.Contains(said, tc.logs) {
				t.Errorf("the log: %q, want %q", said, tc.logs)
			}
		})
	}
	t.Run("a network namespace has no bounds", func(t *testing.T) {
		log := &bytes.Buffer{}
		k := &Keeper{Log: slog.New(slog.NewTextHandler(log, nil))}
		k.fitTable(t.TempDir(), true, netip.MustParsePrefix("10.0.0.1/20"))
		if log.Len() > 0 {
			t.Errorf("the log: %s", log)
		}
	})
}
