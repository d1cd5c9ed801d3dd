//go:build peers

package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/peers/proc"
	"github.com/pxebox/pxebox/peers/tftpload"
)

var runningTransfers = regexp.MustCompile(`(?m)^pxebox_transfers_running{protocol="tftp"} (\d+)$`)

// TestFiveHundredTransfers lets 500 machines fetch 50 files at the same time,
// each at a different position in its file: the buffers must fit a small box's
// memory.
func TestFiveHundredTransfers(t *testing.T) {
	const (
		machines, names = 500, 50
		size            = 2 << 20
		most            = 32 << 20 // bytes of memory above the idle level
	)
	s := newFileSite(t, cable)
	s.must(s.client.Run("ip", "route", "add", "local", crowd.String(), "dev", "lo"))
	var from []netip.Addr
	for a := crowd.Addr().Next(); crowd.Contains(a.Next()); a = a.Next() {
		from = append(from, a)
	}
	idle, err := proc.Resident(s.box.PID())
	s.must(err)

	ctx, cancel := context.WithTimeoutCause(t.Context(), 3*patience, errors.New("it takes too long"))
	defer cancel()
	name := func(i int) string { return fmt.Sprintf("image%d", i) }
	var contents [names]tftpload.Bytes
	for i := range contents { // before all loads: a slow disk would make them start one after the other
		contents[i] = tftpload.Random(uint64(i), size)
		s.must(os.WriteFile(filepath.Join(s.boot, name(i)), contents[i], 0o644))
	}
	loads, ctx := errgroup.WithContext(ctx)
	for i, content := range contents {
		loads.Go(func() error {
			r, err := tftpload.Load{
				Server: tftpPort, Name: name(i), Content: content, Clients: machines / names, BlockSize: 1468,
				Window: 16, In: s.client.Do,
				// No transfer is complete before all have started.
				Delay: 40 * time.Millisecond,
				From:  from[2*i : 2*i+2],
			}.Run(ctx)
			if err == nil && r.Files != machines/names {
				err = fmt.Errorf("%s came %d times", name(i), r.Files)
			}
			return err
		})
	}
	ended := make(chan error, 1)
	go func() { ended <- loads.Wait() }()
	var together int
	for over := false; !over; {
		var page bytes.Buffer
		s.must(s.run(t.Context(), &page, "curl", "--silent", "--show-error", "--fail",
			"http://"+boxAddr.String()+"/metrics"))
		m := runningTransfers.FindSubmatch(page.Bytes())
		if m == nil {
			t.Fatalf("no transfers in the metrics:\n%s", page.Bytes())
		}
		n, err := strconv.Atoi(string(m[1]))
		s.must(err)
		together = max(together, n)
		select {
		case err := <-ended:
			s.must(err)
			over = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	peak, err := proc.Peak(s.box.PID())
	s.must(err)
	t.Logf("%d transfers at one time; resident: %d KiB idle, %d KiB at most", together, idle>>10, peak>>10)
	if together != machines {
		t.Errorf("%d transfers ran at one time, and not %d", together, machines)
	}
	if peak > idle+most {
		t.Errorf("they grew pxed from %d to %d KiB", idle>>10, peak>>10)
	}
}
