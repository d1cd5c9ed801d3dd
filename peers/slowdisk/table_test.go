package slowdisk

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/peers/pxeload"
)

func TestSection(t *testing.T) {
	ok := netip.MustParseAddr("10.77.1.1")
	var leases []pxeload.Lease
	for i := range 100 {
		leases = append(leases, pxeload.Lease{Addr: ok, Took: time.Duration(i+1) * time.Millisecond})
	}
	late := append([]pxeload.Lease{{Took: time.Minute, Repeats: 3}}, leases[1:]...)
	got := Section("2 cores", Room{Machines: 100, Within: 10 * time.Second}, []Result{
		{Leases: leases, Flushes: 150}, {Flush: 50 * time.Millisecond, Leases: late, Flushes: 25},
	})
	want := `| 0s | 51.0 ms | 99.0 ms | 100.0 ms | 0 | 0 of 100 | 1.50 |
| 50ms | 52.0 ms | 100.0 ms | 60000.0 ms | 3 | 1 of 100 | 0.25 |

Measured on 2 cores. 100 machines are switched on within 10s;`
	if _, rows, _ := strings.Cut(got, "|--:|\n"); !strings.HasPrefix(rows, want) {
		t.Errorf("got\n%s\nwant\n%s", rows, want)
	}
}
