//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/qemu"
)

const (
	// daemonsBack is how long a hanging daemon may be away: three checks ten
	// seconds apart, and a fourth that it just missed.
	daemonsBack = 90 * time.Second
	// hourPasses is how long an hour of the box may take if its time leaps.
	hourPasses = 15 * time.Minute
	// watchdogBites is the time that the machine's watchdog waits for its first
	// program, plus the time of the boot.
	watchdogBites = time.Minute + boxBoots
)

// harm runs e2e/cmd/hang on the box, as gok run would.
func (u *updated) harm(flags ...string) {
	u.t.Helper()
	program := filepath.Join(u.t.TempDir(), "hang")
	build := exec.CommandContext(u.t.Context(), "go", "build", "-o", program, "./cmd/hang")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		u.t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(program)
	if err != nil {
		u.t.Fatal(err)
	}
	u.request(http.MethodPut, "uploadtemp/hang/hang", bytes.NewReader(b), nil)
	ask, err := json.Marshal(map[string]any{"Path": "/user/hang", "Diversion": "hang/hang", "Flags": flags})
	if err != nil {
		u.t.Fatal(err)
	}
	u.request(http.MethodPost, "divert", bytes.NewReader(ask), http.Header{"Content-Type": {"application/json"}})
}

// harmed is the output of e2e/cmd/hang after it has stopped or killed a
// program.
const harmed = `hang: %s, process \d+: <nil>`

// TestDaemonsComeBack kills pxed and menuwatch without a message, and then
// makes them hang. Both times they come back, and machines boot.
func TestDaemonsComeBack(t *testing.T) {
	u := newUpdated(t, "heal", "BIOS")
	for i, tt := range []struct {
		situation string
		flags     []string
		ended     bool // by the appliance
	}{
		{situation: "killed", flags: []string{"-kill"}},
		{situation: "hang", ended: true},
	} {
		t.Log(tt.situation)
		u.harm(append(tt.flags, "pxed", "menuwatch")...)
		for _, name := range []string{"pxed", "menuwatch"} {
			u.wait(boxBoots, harmed, name)
		}
		if tt.ended {
			u.wait(daemonsBack, `msg="daemon does not answer, so it is killed[^\n]*daemon=pxed`)
			u.wait(daemonsBack, `msg="daemon does not answer, so it is killed[^\n]*daemon=menuwatch`)
		}
		u.checkIntact()
		// By itself, pxed would keep serving the menu that it has.
		title := fmt.Sprintf("%s %d", lab.Title, i)
		if code, text := u.settings(http.MethodPut, lab.BoxPassword, titled(title)); code != http.StatusOK {
			t.Fatalf("%s: new settings get %d %s", tt.situation, code, text)
		}
		if err := u.WaitReady(u.within(boxBoots), lab.BoxAddr, title); err != nil {
			t.Fatal(err)
		}
		from := 0
		if u.client == nil {
			u.startClient(qemu.Debian13, lab.ClientConfig{})
		} else {
			from = u.bootedAgain()
		}
		u.site.wait(from, clientBoots, title)
	}
}

// TestPxedThatNeverAnswers uses a box whose pxed hangs at each start. Only a
// restart of the machine helps, and that comes at the end of its first hour.
func TestPxedThatNeverAnswers(t *testing.T) {
	u := newUpdated(t, "never-answers", "BIOS", func(p *lab.Power) { p.Leaps = true })
	u.harm("-always", "pxed")
	u.wait(boxBoots, harmed, "pxed")
	// The kernel counts seconds.
	u.wait(hourPasses, `\[ *36\d\d\.\d+\] [^\n]*the machine is restarted"[^\n]*daemon=pxed`)
	u.checkIntact()
}

// TestInitHangs uses a box whose first program hangs, the one that restarts all
// others when they end. The machine's watchdog resets it.
func TestInitHangs(t *testing.T) {
	u := newUpdated(t, "init-hangs", "BIOS", func(p *lab.Power) {
		p.More = []string{"-device", "i6300esb", "-action", "watchdog=reset"}
	})
	u.harm("-init")
	u.wait(boxBoots, harmed, "init")
	u.wait(watchdogBites, `Linux version`)
	u.checkIntact()
}
