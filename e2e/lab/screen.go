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

// ScreenshotMenu takes a picture of the client's menu. The menu's program says
// nothing when it is done drawing, so this takes the screen that is another than
// when the program asked for its menu, and stays the same for a second in which
// the client is silent, too.
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

// screen is the client's, as PNG.
func (l *Lab) screen(ctx context.Context, client *qemu.Machine) ([]byte, error) {
	shot := filepath.Join(l.scratch, "screen.png")
	if err := client.Screenshot(ctx, shot); err != nil {
		return nil, err
	}
	return os.ReadFile(shot)
}

// clientDatagrams is how many datagrams the client sent so far.
func (l *Lab) clientDatagrams() int {
	n := 0
	for _, d := range l.LAN.UDP() {
		if d.SrcMAC == ClientMAC {
			n++
		}
	}
	return n
}
