package lab

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/pxebox/pxebox/e2e/handoff"
	"github.com/pxebox/pxebox/e2e/lan"
	"github.com/pxebox/pxebox/e2e/qemu"
)

// ScreenshotMenu takes a picture of the client's menu. The menu's program does
// not report when it has finished drawing. So ScreenshotMenu waits for a screen
// that differs from the one at the program's request for its menu, and that
// stays the same for a second in which the client also sends nothing.
func (l *Lab) ScreenshotMenu(ctx context.Context, client *qemu.Machine, path string) error {
	trail := l.Trail()
	_, err := l.LAN.WaitUDP(ctx, func(d lan.Datagram) bool {
		trail.See(d)
		return trail.Has(handoff.Menu)
	})
	if err != nil {
		return err
	}
	first, err := l.screen(ctx, client)
	if err != nil {
		return err
	}
	for before := first; ; {
		said := l.clientDatagrams()
		select {
		case <-time.After(time.Second):
		case <-client.Exited():
			return errors.New("the client has ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		now, err := l.screen(ctx, client)
		if err != nil {
			return err
		}
		if said == l.clientDatagrams() && bytes.Equal(before, now) && !bytes.Equal(first, now) {
			return os.WriteFile(path, now, 0o644)
		}
		before = now
	}
}

// screen returns the client's screen, as PNG.
func (l *Lab) screen(ctx context.Context, client *qemu.Machine) ([]byte, error) {
	shot := filepath.Join(l.scratch, "screen.png")
	if err := client.Screenshot(ctx, shot); err != nil {
		return nil, err
	}
	return os.ReadFile(shot)
}

// clientDatagrams returns how many datagrams the client has sent so far.
func (l *Lab) clientDatagrams() int {
	n := 0
	for _, d := range l.LAN.UDP() {
		if d.SrcMAC == ClientMAC {
			n++
		}
	}
	return n
}
