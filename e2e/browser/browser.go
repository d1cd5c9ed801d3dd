//go:build e2e

package browser

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

const (
	// program is the name of Debian's browser.
	program = "chromium"
	// ends is how long the browser may take to close its windows. After that it
	// is killed.
	ends = 5 * time.Second
	// look is how often Wait evaluates its condition. A page that forbids eval
	// also forbids chromedp.Poll, which builds a function from text.
	look = 100 * time.Millisecond
)

// The viewports: a desktop's, and a phone's.
const (
	desktopWidth, desktopHeight = 1280, 800
	phoneWidth, phoneHeight     = 360, 740
)

// Config is what a browser may reach.
type Config struct {
	// Hosts are the hosts of the pages, each as "host:port", with the TCP
	// address that stands for it. Every other name and address fails to resolve.
	Hosts map[string]string
	// Pin is the key of the one certificate that is accepted, as credential.Pin
	// writes it. Without it, the browser accepts what the system trusts.
	Pin string
}

// Browser is a running browser with one window.
type Browser struct {
	ctx   context.Context // chromedp's
	close func()
	watch *watch
}

// Start starts a browser with an empty profile. The caller must call Close.
func Start(c Config) (*Browser, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%s is missing: run make browser-deps", program)
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options(path, c)...)
	b := &Browser{watch: newWatch(c.Hosts)}
	ctx, cancel := chromedp.NewContext(alloc, chromedp.WithListener(b.event))
	b.ctx = ctx
	b.close = sync.OnceFunc(func() {
		bounded, done := context.WithTimeout(ctx, ends)
		defer done()
		// It waits for the process to end, and kills it if it does not.
		if err := chromedp.Cancel(bounded); err != nil {
			cancel()
		}
		stop()
	})
	// The first call starts the process, whose life ends with this context.
	if err := chromedp.Do(ctx, Desktop()); err != nil {
		b.close()
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	return b, nil
}

// options returns the browser's command line. The allocator adds a folder for
// the profile, which it removes, and a pipe for its commands, so that the browser
// listens on no port. It kills the browser when this process ends.
func options(path string, c Config) []chromedp.ExecAllocatorOption {
	var rules []string
	for host, to := range c.Hosts {
		rules = append(rules, "MAP "+host+" "+to)
	}
	rules = append(rules, "MAP * ~NOTFOUND") // the first rule that matches counts
	o := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.Headless,
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		// Its sandbox does not work as root, and root runs the tests in CI. It
		// shows only pages of this project.
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-breakpad", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-features", "Translate,MediaRouter,OptimizationHints"),
		chromedp.Flag("password-store", "basic"),
		// Screenshots are the same everywhere.
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en-US"),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ", ")),
	}
	if hash := strings.TrimPrefix(c.Pin, "sha256//"); hash != "" {
		o = append(o, chromedp.Flag("ignore-certificate-errors-spki-list", hash))
	}
	return o
}

// Close ends the browser and all its processes, and removes its profile. A second
// call does nothing.
func (b *Browser) Close() { b.close() }

// PID returns the browser's process id.
func (b *Browser) PID() int { return chromedp.FromContext(b.ctx).Browser.Process().Pid }

// Do runs actions in the window until ctx ends.
func (b *Browser) Do(ctx context.Context, actions ...chromedp.Action[chromedp.Void]) error {
	_, err := Run(ctx, b, chromedp.Steps(actions...))
	return err
}

// Run runs an action in the browser's window until ctx ends.
func Run[T any](ctx context.Context, b *Browser, a chromedp.Action[T]) (T, error) {
	// chromedp finds the browser in its context, and the limit is in another.
	bounded, cancel := context.WithCancelCause(b.ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	defer stop()
	v, err := chromedp.Run(bounded, a)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return v, err
}

// Wait waits until a JavaScript expression is true. It survives that the page is
// replaced in the meantime.
func (b *Browser) Wait(ctx context.Context, expression string) error {
	for {
		is, err := Run(ctx, b, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && is {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", expression, errors.Join(context.Cause(ctx), err))
		case <-time.After(look):
		}
	}
}

// Desktop gives the window the size of a desktop's.
func Desktop() chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(desktopWidth, desktopHeight)
}

// Phone makes the window a phone's: its size, with touch.
func Phone() chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(phoneWidth, phoneHeight,
		chromedp.EmulatePortrait, chromedp.EmulateMobile, chromedp.EmulateTouch)
}

// ColorScheme makes the person prefer "dark" or "light".
func ColorScheme(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
