//go:build e2e

package browser

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// mostProblems bounds what is kept: a page that fails in a loop is as wrong as
// one that fails a hundred times.
const mostProblems = 100

// watch collects what a page does wrong.
type watch struct {
	hosts map[string]bool

	mu       sync.Mutex
	problems []string
	requests map[network.RequestID]string // the URLs of the ones under way
}

func newWatch(hosts map[string]string) *watch {
	w := &watch{hosts: map[string]bool{}, requests: map[network.RequestID]string{}}
	for host := range hosts {
		w.hosts[host] = true
	}
	return w
}

// Problems returns what the pages did wrong since the last call, in order.
func (b *Browser) Problems() []string {
	b.watch.mu.Lock()
	defer b.watch.mu.Unlock()
	p := b.watch.problems
	b.watch.problems = nil
	return p
}

func (w *watch) problem(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(w.problems) < mostProblems {
		w.problems = append(w.problems, text)
	}
}

// event takes an event of the window. It must not wait for the browser.
func (b *Browser) event(ev any) {
	b.watch.mu.Lock()
	defer b.watch.mu.Unlock()
	if dialog := b.watch.see(ev); dialog {
		// The page stands still until someone closes it.
		go chromedp.Do(b.ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
			return err
		}))
	}
}

// see records what is wrong in an event, and reports whether a dialog opened.
func (w *watch) see(ev any) (dialog bool) {
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		bad := []runtime.ConsoleAPICalledType{
			runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert,
		}
		if slices.Contains(bad, ev.Type) {
			w.problem("console.%s: %s", ev.Type, arguments(ev.Args))
		}
	case *runtime.EventExceptionThrown:
		d := ev.ExceptionDetails
		w.problem("exception: %s %s", d.Text, arguments([]*runtime.RemoteObject{d.Exception}))
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError || ev.Entry.Level == log.EntryLevelWarning {
			w.problem("console, %s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		w.requests[ev.RequestID] = ev.Request.URL
		w.request(ev.Request.URL)
	case *network.EventWebSocketCreated:
		w.request(ev.URL)
	case *network.EventResponseReceived:
		if ev.Response.Status >= 400 {
			w.problem("answer: %d to %s", ev.Response.Status, ev.Response.URL)
		}
	case *network.EventLoadingFinished:
		delete(w.requests, ev.RequestID)
	case *network.EventLoadingFailed:
		// The browser cancels the streams of a page that it leaves.
		if !ev.Canceled {
			w.problem("request failed: %s: %s", w.requests[ev.RequestID], ev.ErrorText)
		}
		delete(w.requests, ev.RequestID)
	case *page.EventJavascriptDialogOpening:
		w.problem("dialog: %s: %s", ev.Type, ev.Message)
		return true
	case *page.EventWindowOpen:
		w.problem("window: %s", ev.URL)
	}
	return false
}

// request records a request to a host that is not one of the pages' own.
func (w *watch) request(raw string) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		w.problem("external request: %q", raw)
	case slices.Contains([]string{"data", "blob", "about"}, u.Scheme): // within the browser
	case !w.hosts[hostPort(u)]:
		w.problem("external request: %s", raw)
	}
}

// hostPort returns a URL's host with its port.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443"}[u.Scheme]
	}
	return u.Hostname() + ":" + port
}

// arguments formats what was passed to a function of the console.
func arguments(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		switch {
		case a == nil:
		case len(a.Value) > 0:
			words = append(words, string(a.Value))
		default:
			words = append(words, a.Description)
		}
	}
	return strings.Join(words, " ")
}
