// Package watch says when to look at a directory's files again. It never looks
// into them: whoever asked does, and decides what has changed.
package watch

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Dir returns a channel that gets a hint at once, when anything in dir changes,
// and after each poll. A hint that nobody has taken yet stands for all that
// follow. The directory may come, go and be mounted over; file systems without
// inotify events are polled only. The channel lives as long as ctx.
func Dir(ctx context.Context, dir string, poll time.Duration) <-chan struct{} {
	hints := make(chan struct{}, 1)
	hint := func() {
		select {
		case hints <- struct{}{}:
		default:
		}
	}
	hint()
	go func() {
		tick := time.NewTicker(poll)
		defer tick.Stop()
		var events chan fsnotify.Event
		var errs chan error
		w, err := fsnotify.NewWatcher()
		if err == nil { // else the kernel is out of inotify instances: the poll remains
			defer w.Close()
			events, errs = w.Events, w.Errors
			w.Add(dir)
		}
		for {
			select {
			case <-ctx.Done():
				return
			case _, ok := <-events:
				if !ok {
					events = nil
				}
				hint()
			case _, ok := <-errs: // an overflow: events were lost
				if !ok {
					errs = nil
				}
				hint()
			case <-tick.C:
				if w != nil {
					// Adding a directory again costs one call and finds the
					// one that has taken its place; an error means that there
					// is none yet.
					w.Add(dir)
				}
				hint()
			}
		}
	}()
	return hints
}
