package perfdhcp

import "testing"

// report is the output of Kea 2.2's perfdhcp, without repetitions of its
// figures.
const report = `Running: perfdhcp -4 -r 200 -p 3 -R 500 10.0.0.1
Scenario: basic.
***Rate statistics***
Rate: 171.127 4-way exchanges/second, expected rate: 200

***Malformed Packets***
Malformed packets: 0
***Statistics for: DISCOVER-OFFER***
sent packets: 599
received packets: 598
drops: 1
drops ratio: 0.166945 %

min delay: 0.093 ms

***Statistics for: REQUEST-ACK***
sent packets: 598
received packets: 590
drops: 8

***Timestamps for packets: DISCOVER-OFFER***
sent / received: 000000.000124 / 000000.000481
sent / received: 000000.400244 / 000000.400728

***Timestamps for packets: REQUEST-ACK***
sent / received: 000001.000704 / 000001.002616
`

func TestParse(t *testing.T) {
	got, err := Parse([]byte(report))
	if err != nil {
		t.Fatal(err)
	}
	if got.Discovers != 599 || got.Offers != 598 || got.Requests != 598 || got.Acks != 590 {
		t.Errorf("got %+v", got)
	}
	if loss := got.Loss(); loss < 0.0150 || loss > 0.0151 {
		t.Errorf("the loss is %v; 9 of 599 is 0.01502", loss)
	}
	if len(got.OfferTimes) != 2 || got.OfferTimes[0].Microseconds() != 357 || len(got.AckTimes) != 1 ||
		got.AckTimes[0].Microseconds() != 1912 {
		t.Errorf("got times %v and %v", got.OfferTimes, got.AckTimes)
	}
}

func TestParseRefusesWhatIsNoReport(t *testing.T) {
	for situation, output := range map[string]string{
		"empty":                   "",
		"an error":                "Error running perfdhcp: Failed to bind socket",
		"cut off in the middle":   report[:len(report)/2],
		"a figure that is no one": "***Statistics for: DISCOVER-OFFER***\nsent packets: many\n",
	} {
		if r, err := Parse([]byte(output)); err == nil {
			t.Errorf("%s: got %+v and no error", situation, r)
		}
	}
}
