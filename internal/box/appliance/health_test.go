package appliance

import (
	"errors"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/netproblem"
	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/box/selftest"
)

// A pxed that cannot use the interface of the settings does not hang, although
// the box has an address and nothing answers there. No update is kept then.
func TestPxedWithoutItsInterface(t *testing.T) {
	dir := t.TempDir()
	if err := netproblem.Write(dir, `no network interface "eth9"`); err != nil {
		t.Fatal(err)
	}
	err := askPxed(t.Context(), dir, "", pulse.Progress{})
	if !errors.Is(err, selftest.ErrNoAddress) || !strings.Contains(err.Error(), `no network interface "eth9"`) {
		t.Errorf("got %v", err)
	}
}
