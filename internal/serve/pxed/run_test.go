package pxed

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/netproblem"
	"github.com/pxebox/pxebox/internal/generation"
)

// logLines is a log, one line per element.
type logLines chan string

func (l logLines) Write(b []byte) (int, error) { l <- string(b); return len(b), nil }

// The reason why the box is off the network must be readable at the box itself,
// because its web page is unreachable then.
func TestNetworkErrorsGoToTheirOwnLog(t *testing.T) {
	dir := t.TempDir()
	g := generation.Default()
	g.Network.Interface = "eth9"
	if _, _, err := generation.Publish(filepath.Join(dir, "run"), g); err != nil {
		t.Fatal(err)
	}
	network := make(logLines, 64)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- Run(ctx, Options{
			RunDir: filepath.Join(dir, "run"), BootDir: filepath.Join(dir, "boot"), DataDir: dir,
			Log: slog.New(slog.DiscardHandler), NetworkLog: slog.New(slog.NewTextHandler(network, nil)),
		})
	}()
	if line := <-network; !strings.Contains(line, `no network interface \"eth9\"; there are: `) {
		t.Errorf("the first line is %s", line)
	}
	if why := netproblem.Read(filepath.Join(dir, "run")); !strings.HasPrefix(why, `no network interface "eth9"`) {
		t.Errorf("the console and the page get %q", why)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
