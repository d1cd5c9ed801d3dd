package httpbench

import (
	"math"
	"testing"
)

func TestParse(t *testing.T) {
	const head = "Running 1s test @ http://192.168.77.1/large\n  1 threads and 8 connections\n" +
		"  51 requests in 1.02s, 3.19GB read\n"
	for _, tc := range []struct {
		situation, output string
		requests, bytes   float64
		fails             bool
	}{
		{situation: "gigabytes", output: head + "Requests/sec:     50.12\nTransfer/sec:      3.13GB\n", requests: 50.12,
			bytes: 3.13 * (1 << 30)},
		{situation: "kilobytes", output: head + "Requests/sec:     5.00\nTransfer/sec:      21.50KB\n", requests: 5,
			bytes: 21.5 * (1 << 10)},
		{situation: "bytes", output: head + "Requests/sec:     5.00\nTransfer/sec:      500.00B\n",
			requests: 5, bytes: 500},
		{situation: "errors of sockets",
			output: head +
				"  Socket errors: connect 0, read 3, write 0, timeout 0\nRequests/sec:     5.00\n" +
				"Transfer/sec:      1.00MB\n", fails: true},
		{situation: "errors of the server",
			output: head + "  Non-2xx or 3xx responses: 12\nRequests/sec:     5.00\nTransfer/sec:      1.00MB\n",
			fails:  true},
		{situation: "nothing came", output: head + "Requests/sec:     0.00\nTransfer/sec:      0.00B\n", fails: true},
		{situation: "no report", output: "unable to connect\n", fails: true},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got, err := parse(tc.output)
			if (err != nil) != tc.fails || math.Abs(got.requests-tc.requests) > 0.01 ||
				math.Abs(got.bytes-tc.bytes) > 1 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}
