// Package filewatch says when to look at a directory's files again. It never
// reads them: the caller does, and decides what has changed.
package filewatch

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// maxWatched bounds the directories that Tree has the kernel watch. All
// programs of the same user share the kernel's watches
// (fs.inotify.max_user_watches).
const maxWatched = 4096

// Dir returns a channel that gets a hint at the start, whenever anything in dir
// changes, and after each poll. Hints do not queue up: one that was not
// received yet covers all that follow. The directory may appear, disappear and
// be mounted over. File systems without inotify events are only polled. The
// channel lives as long as ctx.
func Dir(ctx context.Context, dir string, poll time.Duration) <-chan struct{} {
	return follow(ctx, dir, time.Tick(poll), alone)
}

func alone(w *fsnotify.Watcher, dir, name string) {
	if name == dir {
		w.Add(dir) // an error means that dir does not exist yet
	}
}

// Tree is like Dir, but also watches all directories below dir. It only polls
// those behind symbolic links, and those beyond maxWatched or the kernel's
// limit. A directory that was moved within the tree is not watched until the
// next poll, because its watch ends with its old name.
func Tree(ctx context.Context, dir string, poll time.Duration) <-chan struct{} {
	return follow(ctx, dir, time.Tick(poll), withAllBelow)
}

func withAllBelow(w *fsnotify.Watcher, dir, name string) {
	if name == dir {
		name += "/." // the folder itself may be a link
	}
	addTree(w, name)
}

// addTree watches a directory and those below it. It watches each one before it
// reads it, so that what is created there meanwhile is either found or
// reported.
func addTree(w *fsnotify.Watcher, dir string) {
	watched := map[string]bool{}
	for _, name := range w.WatchList() {
		watched[name] = true
	}
	filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // already gone, or not readable: polling remains
		}
		name = filepath.Clean(name)
		if !watched[name] && len(watched) >= maxWatched || w.Add(name) != nil {
			return fs.SkipAll
		}
		watched[name] = true
		return nil
	})
}

// follow sends the hints, one at each tick too. add watches what has appeared
// under a name, dir's or one below. Adding a directory again is cheap, and
// finds what has replaced it.
func follow(
	ctx context.Context, dir string, tick <-chan time.Time, add func(w *fsnotify.Watcher, dir, name string),
) <-chan struct{} {
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
		if err == nil { // otherwise the kernel is out of inotify instances: polling remains
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
