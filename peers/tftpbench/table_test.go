package tftpbench

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/peers/fileserver"
	"github.com/pxebox/pxebox/peers/tftpload"
)

func TestTable(t *testing.T) {
	cases := []Case{
		{Name: "a", Clients: 50, BlockSize: 1468, Window: 16, Goal: 3.1},
		{Name: SingleCase, BlockSize: 1408, Window: 1, Goal: 1},
		{Name: "b", BlockSize: 1468, Window: 1, File: small},
	}
	got := Table([]fileserver.Server{{Name: "x"}, {Name: "y"}, {Name: "ours"}}, cases, Measured{
		Processors: 2,
		Idle:       []time.Duration{0, 3 * time.Millisecond, 0},
		Results: [][]Result{
			{{Rate: 323e6, CPU: 3 * time.Second, BlockSize: 1468, Window: 16},
				{Rate: 46.25e6, CPU: 7 * time.Second, BlockSize: 512, Window: 1},
				{Rate: 969e6, CPU: time.Second, Load: time.Second, BlockSize: 1468, Window: 16}},
			{{Rate: 44e6, CPU: 10 * time.Second, BlockSize: 1408, Window: 1},
				{Rate: 70.4e6, CPU: 20 * time.Second, BlockSize: 1408, Window: 1},
				{Rate: 140.8e6, CPU: 15 * time.Second, BlockSize: 1408, Window: 1}},
			{{Rate: 23700, BlockSize: 1468, Window: 1}, {Err: errors.New("no")},
				{Rate: 11850, BlockSize: 1468, Window: 1}},
		}})
	want := `| case | x | y | ours | ours ÷ best other | CPU, ours ÷ least other |
|---|--:|--:|--:|--:|--:|
| a, MB/s | 323; 3.00 | 46.2 (w 1) (b 512); 7.00 | 969; 1.00 | **3.00** | 0.33 |
| one client, window 1, MB/s | 44.0; 10.00 | 70.4; 20.00 | 141; 15.00 | **2.00** | 1.50 |
| the same, round trip of a block, µs | 32.0 | 20.0 | 10.0 | **0.50** |  |
| b, files/s | 23,700; 0.00 | fails | 11,850; 0.00 | **0.50** | – |
| CPU while idle | 0.0% | 0.3% | 0.0% | | |

Goals missed:

- a: 3.00 of the best other, and the goal is 3.10. The load itself takes 1.0 s a GB: a server that took no time would have 6.19.
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTally(t *testing.T) {
	var tl tally
	for _, bytes := range []int64{5e8, 1e8, 3e8, 9e8, 2e8} {
		tl.add(Case{}, tftpload.Report{Bytes: bytes, Elapsed: time.Second, BlockSize: 1408, Window: 1},
			spent{2 * time.Second, 4 * time.Second}, nil)
	}
	if r := tl.result(); r.Rate != 3e8 || r.CPU != 5*time.Second || r.Load != 10*time.Second || r.BlockSize != 1408 {
		t.Errorf("got %+v", r)
	}
	tl.add(Case{}, tftpload.Report{}, spent{}, errors.New("wrong content"))
	if r := tl.result(); r.Err == nil || !strings.Contains(r.Err.Error(), "wrong") {
		t.Errorf("got %+v", r)
	}
}

func TestGoal(t *testing.T) {
	for _, tc := range []struct {
		situation string
		rate      float64
		want      string
	}{
		{situation: "less", rate: 41.9e6,
			want: "  pxed has 0.84 of that: the goal of 0.97 is missed by this measure.\n"},
		{situation: "enough", rate: 49e6,
			want: "  pxed has 0.98 of that: the goal of 0.97 is reached by this measure.\n"},
		{situation: "not measured"},
	} {
		if got := ofGoal(tc.rate, 50); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.situation, got, tc.want)
		}
	}
}
