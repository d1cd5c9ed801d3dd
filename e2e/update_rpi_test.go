//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/qemu"
)

const (
	piInstance = "pxebox-rpi"

	// The kernel's command line: to boot a root, or to boot a root that falls
	// back to the other. A root is identified by the distance of its partition
	// from the first.
	bootsRoot = `Kernel command line: [^\n]* root=\S+/PARTNROFF=%d init=/gokrazy/init `
	triesRoot = `Kernel command line: [^\n]* ubd0=\S+/PARTNROFF=%d root=\S+/PARTNROFF=%d init=/user/appliance `
)

func newUpdatedPi(t *testing.T, name string) *updated {
	t.Helper()
	p := &powered{site: newSite(t, name)}
	var err error
	if p.Power, err = p.PowerPi(piImage(t), diskSize, updatePerm()); err != nil {
		t.Fatal(err)
	}
	u := p.toUpdate(piInstance)
	u.boots(2)
	return u
}

func (u *updated) boots(root int) {
	u.t.Helper()
	u.wait(boxBoots, bootsRoot, root-1)
}

func (u *updated) tries(root int) {
	u.t.Helper()
	safe := 5 - root
	u.wait(boxBoots, triesRoot, root-1, safe-1)
}

// restarts waits until the box restarts by itself, and then lets its firmware
// read the disk. gok must not end before, unless it is nil.
func (u *updated) restarts(d time.Duration, gok <-chan error) {
	u.t.Helper()
	start, ctx := time.Now(), u.within(d)
	select {
	case <-u.box.Exited():
	case err := <-gok:
		u.t.Fatalf("it ended, and the box did not restart: %v", err)
	case <-ctx.Done():
		u.t.Fatalf("waiting for the box to restart: %v", context.Cause(ctx))
	}
	u.t.Logf("%v later: the box restarts", time.Since(start).Round(time.Second))
	u.on()
	u.read = 0
}

// checkServes is checkIntact, and boots a machine as far as its menu.
func (u *updated) checkServes() {
	u.t.Helper()
	u.checkIntact()
	client := u.startClient(qemu.Debian12, lab.ClientConfig{})
	u.waitMenu("This computer's own disk")
	client.Stop()
}

// checkEEPROM looks for files that would make a Pi 4 write its EEPROM again.
func (u *updated) checkEEPROM() {
	u.t.Helper()
	for _, name := range []string{"pieeprom.upd", "recovery.bin"} {
		if there, err := u.OnBootPartition(name); err != nil || there {
			u.t.Errorf("%s is on the boot partition after an update: %v, %v", name, there, err)
		}
	}
}

// TestUpdateRaspberryPiForthAndBack lets a box with the Raspberry Pi image read
// its kernel and its command line from the disk at each boot, as a Pi does. The
// machine is not a Pi.
func TestUpdateRaspberryPiForthAndBack(t *testing.T) {
	t.Parallel()
	u := newUpdatedPi(t, "update-rpi")
	for _, root := range []int{3, 2} {
		gok := make(chan error, 1)
		go func() { gok <- u.makeUpdate(u.within(updates + isKept)) }()
		u.restarts(updates, gok)
		u.tries(root)
		u.wait(isKept, keeps, root)
		if err := <-gok; err != nil {
			t.Fatal(err)
		}
		u.checkServes()
		u.checkEEPROM()
		// The kept root boots from now on, and is no longer a trial.
		u.Off()
		u.on()
		u.read = 0
		u.boots(root)
		u.checkIntact()
	}

	noise := make([]byte, 1<<20)
	rand.Read(noise)
	u.request(http.MethodPut, "update/root", bytes.NewReader(noise), nil)
	u.request(http.MethodPost, "update/switch", nil, nil)
	u.request(http.MethodPost, "reboot", nil, nil)
	u.restarts(updates, nil)
	u.tries(3)
	u.restarts(fallsBack, nil)
	u.boots(2)
	u.wait(boxBoots, wentFor, 2)
	u.checkServes()
}

func TestUpdateRaspberryPiFallsBack(t *testing.T) {
	t.Parallel() // it waits most of the time
	u := newUpdatedPi(t, "update-rpi-without-pxed")
	ctx, cancel := context.WithCancel(u.within(updates))
	gok := make(chan error, 1)
	go func() { gok <- u.gok(ctx, without("pxed")) }()
	u.restarts(updates, gok)
	u.tries(3)
	u.restarts(fallsBack, nil)
	// gok waits for a page that never came up.
	cancel()
	<-gok
	u.boots(2)
	u.wait(boxBoots, wentFor, 2)
	u.checkServes()
}
