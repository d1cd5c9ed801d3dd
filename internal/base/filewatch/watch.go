// Package filewatch says when to look at a directory's files again. It never looks
// into them: whoever asked does, and decides what has changed.
package filewatch

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// maxWatched bounds the directories that Tree has the kernel watch. They are
// shared with all programs of the same user (fs.inotify.max_user_watches).
const maxWatched = 4096

// Dir returns a channel that gets a hint at once, when anything in dir changes,
// and after each poll. A hint that nobody has taken yet stands for all that
// follow. The directory may come, go and be mounted over; file systems without
// inotify events are polled only. The channel lives as long as ctx.
func Dir(ctx context.Context, dir string, poll time.Duration) <-chan struct{} {
	return follow(ctx, dir, time.Tick(poll), alone)
}

func alone(w *fsnotify.Watcher, dir, name string) {
	if name == dir {
		w.Add(dir) // an error means that there is none yet
	}
}

// Tree is Dir for all directories below dir as well, but not for those behind
// symbolic links, which are polled only. So are the directories beyond
// maxWatched or the kernel's own limit; and one that was moved within the tree
// is until the next poll, because its watch ends with its old name.
func Tree(ctx context.Context, dir string, poll time.Duration) <-chan struct{} {
	return follow(ctx, dir, time.Tick(poll), withAllBelow)
}

func withAllBelow(w *fsnotify.Watcher, dir, name string) {
	if name == dir {
		name += "/." // the folder itself may well be a link
	}
	addTree(w, name)
}

// addTree watches a directory and those below it, each before it is read: what
// is made there meanwhile is either found or reported.
func addTree(w *fsnotify.Watcher, dir string) {
	watched := map[string]bool{}
	for _, name := range w.WatchList() {
		watched[name] = true
	}
	filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // gone already, or not to be read: the poll remains
		}
		name = filepath.Clean(name)
		if !watched[name] && len(watched) >= maxWatched || w.Add(name) != nil {
			return fs.SkipAll
		}
		watched[name] = true
		return nil
	})
}

// follow gives the hints, one at each tick too. add watches what has come by a
// name, dir's or one below; adding one again costs little, and finds what has
// taken its place.
func follow(ctx context.Context, dir string, tick <-chan time.Time, add func(w *fsnotify.Watcher, dir, name string)) <-chan struct{} {
	hints := make(chan struct{}, 1)
	hint := func() {
		select {
		case hints <- struct{}{}:
		default:
		}
	}
	hint()
	go func() {
		var events chan fsnotify.Event
		var errs chan error
		w, err := fsnotify.NewWatcher()
		if err == nil { // else the kernel is out of inotify instances: the poll remains
			defer w.Close()
			events, errs = w.Events, w.Errors
			add(w, dir, dir)
		}
		for {
			select {
			case <-ctx.Done():
				return
			case e, ok := <-events:
				if !ok {
					events = nil
				}
				if e.Has(fsnotify.Create) {
					add(w, dir, e.Name)
				}
				hint()
			case err, ok := <-errs:
				if !ok {
					errs = nil
				}
				if errors.Is(err, fsnotify.ErrEventOverflow) { // events were lost
					add(w, dir, dir)
				}
				hint()
			case <-tick:
				if w != nil {
					add(w, dir, dir)
				}
				hint()
			}
		}
	}()
	return hints
}
